"""Conditions: what is sent of Spark's, and what is left to Spark. Spark's meaning is told by a function of our own."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packages import Packages, packages
from tests.unit.generator.kinds import KIND_CHOICES, KINDS

from dynamics_portal import DynamicsPortalClient, StaticCredentialProvider
from dynamics_portal_api.models import Contact
from dynamics_portal_emulator.server import running_emulator

pytest.importorskip("pyspark", reason="needs the extra spark")

from pyspark.sql.datasource import (
    EqualNullSafe,
    EqualTo,
    Filter,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNotNull,
    IsNull,
    LessThan,
    LessThanOrEqual,
    Not,
    StringContains,
    StringEndsWith,
    StringStartsWith,
)

from dynamics_portal.spark._filters import pushed

__all__ = ["packages"]

ID = UUID(int=7)
SPEC = Path(__file__).resolve().parents[3] / "spec" / "hlf"


def sent(*filters: Filter) -> tuple[str | None, list[Filter]]:
    """The text for `$filter`, and what is left to Spark."""
    condition, left = pushed(Contact, filters)
    return (None if condition is None else condition._filter_(Contact)), left


def on(kind: type[Filter], column: str, *value: Any) -> Filter:
    return kind((column,), *value)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (on(EqualTo, "contactid", str(ID)), f"contactid eq {ID}"),
        (on(EqualTo, "new_mentor_status", 100000001), "new_mentor_status eq 100000001"),
        (on(EqualTo, "new_website_visible", True), "new_website_visible eq true"),
        (on(EqualNullSafe, "new_website_visible", None), "new_website_visible eq null"),
        (on(GreaterThan, "versionnumber", 4), "versionnumber gt 4"),
        (
            on(LessThanOrEqual, "new_certification_expiry", dt.date(2026, 1, 2)),
            "new_certification_expiry le 2026-01-02",
        ),
        (on(IsNull, "firstname"), "firstname eq null"),
        (Not(on(EqualTo, "statecode", 1)), "not (statecode eq 1) and statecode ne null"),
        (Not(on(EqualNullSafe, "statecode", 1)), "not (statecode eq 1) or statecode eq null"),
        (Not(on(IsNull, "statecode")), "statecode ne null"),
        (
            on(In, "statecode", (0, 1, None)),
            'Microsoft.Dynamics.CRM.In(PropertyName=\'statecode\',PropertyValues=["0","1"])',
        ),
        (
            on(In, "new_certification_expiry", (dt.date(2026, 1, 2), dt.date(2026, 1, 3))),
            "new_certification_expiry eq 2026-01-02 or new_certification_expiry eq 2026-01-03",
        ),
    ],
    ids=str,
)
def test_what_means_the_same_to_both_is_the_services_alone(item: Filter, text: str) -> None:
    assert sent(item) == (text, [])


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (on(EqualTo, "firstname", "Kari"), "firstname eq 'Kari'"),
        (on(EqualTo, "contactid", str(ID).upper().replace("-", "")), f"contactid eq {ID}"),
        (on(IsNotNull, "firstname"), "firstname ne null"),
        (
            on(LessThan, "createdon", dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC)),
            "createdon lt 2026-01-02T03:04:06Z",
        ),
        (on(LessThan, "createdon", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)), "createdon lt 2026-01-02T00:00:00Z"),
        (
            on(EqualTo, "createdon", dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
            "createdon ge 2026-01-01T23:00:00Z and createdon lt 2026-01-01T23:00:01Z",
        ),
    ],
    ids=str,
)
def test_what_may_find_too_much_is_judged_again_by_spark(item: Filter, text: str) -> None:
    assert sent(item) == (text, [item])


@pytest.mark.parametrize(
    "item",
    [
        on(StringStartsWith, "lastname", "Ha"),  # Haakon, by a Norwegian collation, does not
        on(StringEndsWith, "lastname", "a"),
        on(StringContains, "lastname", "a"),
        on(LessThan, "lastname", "b"),
        Not(on(EqualTo, "lastname", "HANSEN")),
        Not(on(In, "statecode", (0, None))),
        Not(on(LessThan, "versionnumber", 4)),
        on(EqualTo, "lastname", ""),
        on(EqualTo, "lastname", " "),
        on(LessThan, "contactid", str(ID)),
        on(EqualTo, "contactid", "none of these"),
        on(GreaterThan, "statecode", 0),
        on(In, "statecode", (None,)),
        on(In, "createdon", (dt.datetime(2026, 1, 2, tzinfo=dt.UTC),)),
        on(EqualTo, "createdon", dt.datetime(2026, 1, 2)),
        on(LessThanOrEqual, "createdon", dt.datetime.max.replace(tzinfo=dt.UTC)),
        on(EqualTo, "versionnumber", True),
        on(EqualTo, "not_a_column", 1),
        EqualTo(("contactid", "part"), 1),
        on(In, "lastname", tuple("x" * 100 + str(number) for number in range(100))),
    ],
    ids=str,
)
def test_what_may_find_too_little_is_not_sent(item: Filter) -> None:
    assert sent(item) == (None, [item])


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (on(GreaterThan, "money", Decimal("1.2500")), "money gt 1.2500"),
        (on(EqualTo, "money", Decimal("1.25001")), None),
        (on(EqualTo, "money", 1), None),
        (on(In, "money", (Decimal(1),)), None),
        (on(EqualTo, "real", 0.5), None),
        (on(IsNull, "real"), "real eq null"),
        (on(IsNotNull, "tags"), "tags ne null"),
        (on(EqualTo, "tags", [10]), None),
        (on(EqualTo, "hour", "12:00:00"), None),
        (on(EqualTo, "home", "{}"), None),
        (on(EqualTo, "status", -1), "status eq -1"),
    ],
    ids=str,
)
def test_other_kinds_of_columns(packages: Packages, item: Filter, text: str | None) -> None:
    thing = packages.of_csdl("spark_filters_api", KINDS, KIND_CHOICES).model("Thing")
    condition, _ = pushed(thing, [item])
    assert (None if condition is None else condition._filter_(thing)) == text


def test_conditions_that_grow_too_long_together_are_left_to_spark() -> None:
    items = [on(EqualTo, "lastname", f"{number}" * 1500) for number in range(1, 9)]
    text, left = sent(*items)
    assert text is not None
    assert 5000 < len(text) < 9000
    assert left == items  # text is judged again anyhow


def test_conditions_are_joined() -> None:
    items = [on(EqualTo, "statecode", 0), Not(on(EqualNullSafe, "statuscode", 2))]
    assert sent(*items) == ("statecode eq 0 and (not (statuscode eq 2) or statuscode eq null)", [])


# What Spark means, told apart from what the service does.

VALUES: dict[str, list[Any]] = {
    "firstname": ["anna", "Anna", "ANNA", "bo", "Åse", "aase"],
    "new_certification_expiry": [dt.date(2026, 1, day) for day in range(1, 5)],
    "new_mentor_status": [100000000, 100000001, 100000002],
    "new_website_visible": [True, False],
}


@st.composite
def conditions(draw: st.DrawFn) -> Filter:
    """Any condition of Spark's on one of these columns."""
    column = draw(st.sampled_from(sorted(VALUES)))
    values = st.sampled_from(VALUES[column])
    kind = draw(st.sampled_from([*ORDERS, EqualNullSafe, In, IsNull, IsNotNull]))
    if kind in (IsNull, IsNotNull):
        item = on(kind, column)
    elif kind is In:
        item = on(In, column, tuple(draw(st.lists(st.none() | values, min_size=1, max_size=3))))
    else:
        item = on(kind, column, draw(st.none() | values if kind is EqualNullSafe else values))
    return Not(item) if draw(st.booleans()) else item


ORDERS: dict[type[Filter], Callable[[Any, Any], bool]] = {
    EqualTo: lambda one, other: one == other,
    LessThan: lambda one, other: one < other,
    LessThanOrEqual: lambda one, other: one <= other,
    GreaterThan: lambda one, other: one > other,
    GreaterThanOrEqual: lambda one, other: one >= other,
}


def meant(item: Filter, row: Any) -> bool | None:
    """What Spark makes of a condition: true, false, or null. Source: Spark SQL, "NULL Semantics"."""
    if isinstance(item, Not):
        inner = meant(item.child, row)
        return None if inner is None else not inner
    value = getattr(row, item.attribute[0])
    if isinstance(item, IsNull | IsNotNull):
        return (value is None) is isinstance(item, IsNull)
    if isinstance(item, EqualNullSafe):
        return bool(value == item.value)
    if value is None:
        return None
    if isinstance(item, In):
        return True if value in item.value else None if None in item.value else False
    return ORDERS[type(item)](value, item.value)


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    """The table of an emulator with rows of all kinds."""
    chance = random.Random(0)
    rows = [{name: plain(chance.choice([None, *values])) for name, values in VALUES.items()} for _ in range(120)]
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json", data={"contacts": rows}) as emulator:
        provider = StaticCredentialProvider(
            tenant_id=emulator.tenant_id, client_id=emulator.client_id, client_secret=emulator.client_secret
        )
        with DynamicsPortalClient(
            emulator.base_url, provider, authority=emulator.authority, ssl_context=emulator.ssl_context()
        ) as portal:
            yield portal.contacts


@pytest.fixture(scope="module")
def rows(table: Any) -> list[Any]:
    return list(table.list(select=[*VALUES, "contactid"]))


@given(items=st.lists(conditions(), min_size=1, max_size=3))
def test_what_is_sent_and_what_is_left_find_what_spark_means(items: list[Filter], table: Any, rows: list[Any]) -> None:
    condition, left = pushed(Contact, items)
    found = rows if condition is None else list(table.list(filter=condition, select=[*VALUES, "contactid"]))
    kept = {row.contactid for row in found if all(meant(item, row) for item in left)}
    assert kept == {row.contactid for row in rows if all(meant(item, row) for item in items)}
