"""QueryExpression: a query as an object, which BulkDelete takes.

It decides which rows one means, by making the tree of a filter of it ("QueryExpression Class", "ConditionOperator
Enum"). What the tree means is decided by `conditions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import DataverseError, Kind
from .filters import Call, Compared, Joined, Literal, Negated, Node, Path
from .operands import NUMBERS
from .schema import Schema, Table

_COMPARED = {
    "Equal": "eq",
    "NotEqual": "ne",
    "GreaterThan": "gt",
    "GreaterEqual": "ge",
    "LessThan": "lt",
    "LessEqual": "le",
    "On": "eq",
}
_TEXT = {"BeginsWith": "startswith", "EndsWith": "endswith", "Contains": "contains"}
_KNOWN = {"@odata.type", "EntityName", "ColumnSet", "Criteria", "Distinct", "NoLock", "PageInfo", "Orders", "TopCount"}


def table_of(schema: Schema, query: Mapping[str, Any]) -> Table:
    """The table that a query reads. DataverseError 400 where there is none, 501 for what the emulator does not do."""
    for name, value in query.items():
        if name not in _KNOWN and value not in (None, [], ""):
            raise Kind.UNSUPPORTED.error(what=f"a QueryExpression with {name}")
    table = schema.named(str(query.get("EntityName")))
    if table is None:
        problem = f"The entity with a name = '{query.get('EntityName')}' was not found in the MetadataCache."
        raise DataverseError(400, "0x80041102", problem)
    return table


def filter_of(table: Table, criteria: Any) -> Node | None:
    """The condition that a FilterExpression states; None where it states none. DataverseError as for `table_of`."""
    if criteria is None:
        return None
    if not isinstance(criteria, Mapping):
        raise Kind.BAD_PAYLOAD.error(table=table.name, problem="A FilterExpression must be an object.")
    nodes: list[Node] = [_condition(table, item) for item in criteria.get("Conditions") or ()]
    inner = (filter_of(table, item) for item in criteria.get("Filters") or ())
    nodes += [node for node in inner if node is not None]
    return Joined(criteria.get("FilterOperator") in ("Or", 1), tuple(nodes)) if nodes else None


def _condition(table: Table, condition: Any) -> Node:
    if not isinstance(condition, Mapping) or not isinstance(condition.get("AttributeName"), str):
        raise Kind.BAD_PAYLOAD.error(table=table.name, problem="A condition needs its AttributeName.")
    name = condition["AttributeName"]
    declared = table.properties.get(name) or table.properties.get(f"_{name}_value")
    if declared is None:
        problem = f"'{table.name}' entity doesn't contain attribute with Name = '{name}'."
        raise DataverseError(400, "0x80041103", problem)
    column, kind = Path((declared.name,)), table.schema.primitive(declared.type)
    operator = str(condition.get("Operator", "Equal"))
    values = [_constant(item, kind) for item in condition.get("Values") or ()]
    if operator in ("Null", "NotNull"):
        return Compared("eq" if operator == "Null" else "ne", column, Literal(None, "Edm.Null"))
    if operator in ("In", "NotIn") and values:
        one = Joined(True, tuple(Compared("eq", column, value) for value in values))
        return one if operator == "In" else Negated(one)
    if len(values) == 1 and operator in _COMPARED:
        return Compared(_COMPARED[operator], column, values[0])
    if len(values) == 1 and operator in _TEXT:
        return Call(_TEXT[operator], (column, values[0]), {})
    raise Kind.UNSUPPORTED.error(what=f"the condition operator {operator} with {len(values)} values")


def _constant(item: Any, kind: str) -> Literal:
    """A value, which the Web API wraps with its type: `{"Value": "1", "Type": "System.Int32"}`."""
    value = item.get("Value") if isinstance(item, Mapping) else item
    if isinstance(value, str):
        try:
            if kind in NUMBERS:
                value = Decimal(value)
            elif kind == "Edm.Boolean":
                value = {"true": True, "false": False}[value.lower()]
        except (InvalidOperation, KeyError):
            raise Kind.BAD_QUERY.error(problem=f"A value of a condition is no '{kind}'.") from None
    return Literal(value, kind)
