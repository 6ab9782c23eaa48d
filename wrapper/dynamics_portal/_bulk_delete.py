"""Bulk deletion: the job that removes whatever rows meet some conditions, by the service itself. No I/O.

It decides how conditions are written as a QueryExpression. At least one is needed: a job without any would remove all.

Source: Dataverse, "Delete data in bulk"; Dataverse Web API, "BulkDelete Action", "ConditionOperator Enum".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from . import _json
from ._call import JSON_BODY, Call
from ._checked import checking_input
from ._failures import decoded
from ._outcome import Answer
from ._partition import PartitionRequests
from ._query import nearest
from ._requests import TableRequests

_TYPES: Final = {
    "Edm.Boolean": "System.Boolean",
    "Edm.Date": "System.DateTime",
    "Edm.DateTimeOffset": "System.DateTime",
    "Edm.Decimal": "System.Decimal",
    "Edm.Double": "System.Double",
    "Edm.Guid": "System.Guid",
    "Edm.Int32": "System.Int32",
    "Edm.Int64": "System.Int64",
}
_NO_JOB: Final = _json.encode({"JobId": str(UUID(int=0))})


@checking_input
def bulk_delete(requests: TableRequests, conditions: Any, name: Any, start: datetime | None) -> Call:
    """The call that makes the job. It is repeated only where it provably did not run."""
    settings, table = requests.settings, requests.model.table()
    settings.writable.check_delete(requests.model)
    if isinstance(requests, PartitionRequests):
        raise ValueError("delete_where knows no partition: ask the table, or use delete_many")
    if not conditions:
        raise ValueError("delete_where: expected a condition: without any, all rows would be deleted")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("job_name: expected a name for the job, which administrators see")
    if start is not None and (not isinstance(start, datetime) or start.tzinfo is None):
        raise ValueError("start: expected a datetime with a time zone")
    moment = (start or datetime.now(UTC)).astimezone(UTC)
    criteria = {
        "FilterOperator": "And",
        "Conditions": [_condition(requests, condition) for condition in conditions],
    }
    body = {
        "QuerySet": [{"EntityName": table.name, "Criteria": criteria}],
        "JobName": name,
        "SendEmailNotification": False,
        "ToRecipients": [],
        "CCRecipients": [],
        "RecurrencePattern": "",
        "StartDateTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return Call(
        "POST",
        f"{settings.root.url}BulkDelete",
        settings.new_correlation_id(),
        headers=(JSON_BODY,),
        content=_json.encode(body),
        repeatable=False,
        empty=_NO_JOB,
    )


def job_of(answer: Answer, call: Call) -> UUID:
    """The id of the job that an answer tells."""
    return decoded(lambda: UUID(_json.decode_object(answer.content)["JobId"]), answer.status, call.correlation_id)


def _condition(requests: TableRequests, condition: Any) -> dict[str, Any]:
    """A condition: a column, an operator of ConditionOperator, and its values."""
    if not isinstance(condition, tuple) or len(condition) < 2 or not all(isinstance(i, str) for i in condition[:2]):
        raise TypeError("delete_where: expected conditions like ('statecode', 'Equal', 1)")
    name, operator, *values = condition
    columns = requests.model.__columns__
    if name not in columns:
        raise ValueError(f"{requests.model.__name__} has no column {name!r}{nearest(name, columns)}")
    if not operator.isalpha():
        raise ValueError("delete_where: expected an operator by its name: Equal, LessThan, Null")
    logical = name[1:].removesuffix("_value") if name.startswith("_") and name.endswith("_value") else name
    kind = _TYPES.get(columns[name].type, "System.String")
    encoded = [requests.model._encode_value(name, value) for value in values]
    written = [{"Value": _text(value), "Type": kind} for value in encoded]
    return {"AttributeName": logical, "Operator": operator, "Values": written}


def _text(value: Any) -> str:
    if value is None:
        raise ValueError("delete_where: None is no value: use the operator Null or NotNull")
    return str(value).lower() if isinstance(value, bool) else str(value)
