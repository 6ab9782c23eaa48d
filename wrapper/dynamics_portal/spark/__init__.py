"""Dataverse as a data source of Apache Spark: `register(spark)`, then `spark.read.format("dataverse")`. Extra `spark`.

    from dynamics_portal.spark import register

    register(spark)
    contacts = spark.read.format("dataverse").options(table="contacts", partitions=8).load()
    expired = contacts.where("new_certification_expiry < current_date()")
    hidden = expired.selectExpr("contactid", "false as new_website_visible")
    hidden.write.format("dataverse").mode("append").options(table="contacts", operation="update").save()

Reading: a task for each range of keys, columns as `select` or the schema says, conditions sent along where the service
means by them what Spark does. A stream reads what has changed. Writing: bulk requests with a result for each row, and
new rows that a repeated task makes once. The modules beneath say how: `_options` what can be said, `_connection` where
credentials come from, `_columns` the types, `_filters` the conditions, `_reading`, `_stream` and `_writing` the rest.

Source: Apache Spark, "Python Data Source API".
"""

try:
    from ._source import DataverseSource, register
    from ._writing import RowsFailedError
except ModuleNotFoundError as error:
    missing = (error.name or "").partition(".")[0]
    if missing not in ("pyspark", "pyarrow"):
        raise
    raise ImportError(f"{missing} is missing: install the extra, dynamics-portal[spark]") from None

__all__ = ["DataverseSource", "RowsFailedError", "register"]
