"""Made-up values of whatever a generated package declares: columns, parameters, results, whole rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum, Flag
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from tests.packages import Package

LETTERS = "abcXYZ æøå'\"&%+#/?=;,()[]{}<>\\@$:.-_0123456789\N{SNOWMAN}"
TEXT = st.text(LETTERS, max_size=12)
MOMENT = st.datetimes(dt.datetime(1753, 1, 1), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))

PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "Edm.String": TEXT,
    "Edm.Guid": st.uuids(),
    "Edm.Boolean": st.booleans(),
    "Edm.Byte": st.integers(0, 255),
    "Edm.SByte": st.integers(-128, 127),
    "Edm.Int16": st.integers(-(2**15), 2**15 - 1),
    "Edm.Int32": st.integers(-(2**31), 2**31 - 1),
    "Edm.Int64": st.integers(-(2**63), 2**63 - 1),
    "Edm.Decimal": st.decimals(Decimal("-1e9"), Decimal("1e9"), places=4),
    "Edm.Double": st.floats(allow_nan=False, allow_infinity=False),
    "Edm.Single": st.sampled_from([0.0, 0.5, -1.25, 1024.0]),
    "Edm.Date": st.dates(dt.date(1753, 1, 1), dt.date(9999, 12, 30)),
    "Edm.DateTimeOffset": MOMENT.map(lambda moment: moment.replace(microsecond=0)),
    "Edm.TimeOfDay": st.times().map(lambda time: time.replace(microsecond=0)),
    "Edm.Duration": st.integers(0, 10**6).map(lambda seconds: dt.timedelta(seconds=seconds)),
    "Edm.Binary": st.binary(max_size=12),
}


def some(examples: int) -> settings:
    """The same examples in every run, whatever it takes to make them."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # to shrink what fails would take many calls
    )


def one_value(package: Package, column: Any, depth: int = 2) -> st.SearchStrategy[Any]:
    """Values of a column, a parameter or a result, lists included. Objects are nested no deeper than `depth` allows."""
    if column.collection and column.model and depth <= 0:
        return st.just([])
    item = _item(package, column, depth)
    return st.lists(item, max_size=3) if column.collection else item


def _item(package: Package, column: Any, depth: int) -> st.SearchStrategy[Any]:
    if not column.model:
        return PRIMITIVES.get(column.item_type, TEXT)
    cls = package.model(column.model)
    if not issubclass(cls, Enum):
        return objects(package, cls, depth - 1)
    members = st.sampled_from(list(cls))
    if issubclass(cls, Flag):
        return st.lists(members, min_size=1, max_size=3).map(lambda found: _joined(cls, found))
    return members


def _joined(cls: Any, members: list[Any]) -> Any:
    joined = cls(0)
    for member in members:
        joined |= member
    return joined or members[0]


def objects(package: Package, cls: Any, depth: int) -> st.SearchStrategy[Any]:
    """Rows, and objects of complex types, with some of what they declare and all that is required."""
    if getattr(cls, "navigation", None) is not None and cls.__table__ is None:  # any table's row: a contact's, say
        cls = package.model(package.module("registry").TABLES["contacts"])
    columns = [column for column in cls.__columns__.values() if not column.file]
    if hasattr(cls, "table"):
        key = set(cls.table().key)
        wanted = [column for column in columns if column.name in key]
        optional = [column for column in columns if column.access == "read-write" and not column.model][:6]
    else:
        wanted = [column for column in columns if column.required or not column.nullable]
        optional = [column for column in columns if not column.model or depth > 0][:8]
    required = {column.attribute.lstrip("_"): one_value(package, column, depth) for column in wanted}
    others = {column.attribute.lstrip("_"): one_value(package, column, depth) for column in optional}
    return st.fixed_dictionaries(
        required, optional={name: others[name] for name in others if name not in required}
    ).map(lambda values: cls(**values))
