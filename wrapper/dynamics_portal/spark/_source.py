"""The data source: what Spark asks for its schema, its reader, its stream and its writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceWriter, SimpleDataSourceStreamReader
from pyspark.sql.types import StructType

from ..errors import invalid
from ._columns import check_schema, schema_of
from ._connection import model_of
from ._options import Connection, ReadOptions, connection_from, read_options, write_options
from ._reading import FilteringTableReader, TableReader
from ._rows import RowShape
from ._stream import ChangeStream
from ._writing import BulkWriter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PUSHDOWN = "spark.sql.python.filterPushdown.enabled"


class DataverseSource(DataSource):
    """Spark's `format("dataverse")`. `register(spark)` makes a session know it.

    Options of all: `table` (needed): a table of the package, by its entity set name or its logical name. `package`: the
    generated package, by its import name; HLF's by default. `url`, `authority`, `scope`: in place of the environment
    variables `DYNAMICS_BASE_URL`, `DYNAMICS_AUTHORITY` and `DYNAMICS_SCOPE`. `ca_file`: certificates to trust.
    `credentials`: `module:function`, a function without arguments that gives a credential provider; by default the
    environment of driver and executors does, as for `from_environment()`. An option that looks like a secret is
    refused, for Spark shows options.

    Reading: `select`: columns, divided by commas; all by default. A schema that is given says the same. `partitions`:
    how many tasks (1), cut by `partition_by`, a number, date or moment (`createdon`), at even distances, or with
    `even`, `true`, so that each has about as many rows. `page_size`: rows a page (5,000). `pushdown`: `false` sends no
    conditions along, where the session does not let it.

    Streams need `changes`: `true`. `select`, `page_size`; `changes_since`: a token to begin at; `pages`: how many a
    step (20). Rows have `_change_type`, too: `upsert`, or `delete` with the key alone.

    Writing, in mode `append`: `operation`: `create` (default), `update`, `upsert` or `delete`. `key`: columns of an
    alternate key, by which rows are found. `nulls`: `skip` or `write`: what a null stands for, by default nothing for
    new rows and an empty value for others. `run_id`: with the same one, another job that writes the same rows in the
    same parts makes none of them twice; by default each write has its own. A new row whose id is there already counts
    as made, as one to delete that is not there counts as deleted: an earlier attempt may have done it.
    `results`: a folder for failed rows as Parquet. `on_error`: `fail` (default): the job fails after all rows were
    tried; `report`: `results` alone tells. `concurrency`, `chunk_size`: as for `create_many`, of each task.
    """

    @classmethod
    def name(cls) -> str:
        """What `format` calls it."""
        return "dataverse"

    def schema(self) -> StructType:
        """The columns of the table, or those of `select`."""
        connection, options, changes = self._read()
        return schema_of(model_of(connection, options.table), options.select, changes=changes)

    def reader(self, schema: StructType) -> DataSourceReader:
        """Reads a table; with conditions sent along, unless `pushdown` is false."""
        connection, options, changes = self._read()
        if changes:
            raise invalid("option 'changes': changes are a stream: spark.readStream, with trigger(availableNow=True)")
        check_schema(model_of(connection, options.table), schema, changes=False)
        return (FilteringTableReader if options.pushdown else TableReader)(connection, options, schema)

    def simpleStreamReader(self, schema: StructType) -> SimpleDataSourceStreamReader:
        """Reads what has changed."""
        connection, options, changes = self._read()
        if not changes:
            raise invalid("option 'changes': a stream is of changes; say so with 'true'")
        check_schema(model_of(connection, options.table), schema, changes=True)
        return ChangeStream(connection, options, schema)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """Writes rows. What does not fit the table is found here, before any task begins."""
        options = write_options(self.options)
        connection = connection_from(self.options)
        if overwrite:
            raise invalid("mode 'overwrite' would have to delete the table's rows first; write with 'append'")
        return BulkWriter(connection, options, RowShape(connection, options, schema))

    def _read(self) -> tuple[Connection, ReadOptions, bool]:
        options = read_options(self.options)
        return connection_from(self.options), options, options.changes


def register(spark: SparkSession) -> None:
    """Make a session know `format("dataverse")`, and let it send conditions along, which Spark does not by default.

    The setting holds for the session, and for other Python data sources that send conditions, too.
    """
    spark.conf.set(PUSHDOWN, "true")
    spark.dataSource.register(DataverseSource)
