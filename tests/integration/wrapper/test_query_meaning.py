"""Typed queries against an oracle: what a condition finds in the emulator is what Python says of the same rows.

The oracle shares no line with the client or the emulator: beside each condition stands the function that decides it.
Null is equal to null alone and unequal to everything else; every other comparison with it is false.
"""

from __future__ import annotations

import datetime as dt
import json
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.packages import Package, Packages, packages
from tests.unit.wrapper.support import Shell

from dynamics_portal import (
    AsyncPortalClient,
    InvalidRequestError,
    PortalClient,
    RetryPolicy,
    StaticCredentialProvider,
    count,
)
from dynamics_portal_emulator import Clock, Emulator, running_emulator
from dynamics_portal_generator.choices import ChoiceColumn, Option

__all__ = ["packages"]  # a fixture

Row: TypeAlias = dict[str, Any]
NOW = dt.datetime(2026, 6, 17, 13, 30, tzinfo=dt.UTC)  # a Wednesday
TODAY = NOW.date()

CSDL = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
<EntityType Name="sample"><Key><PropertyRef Name="sampleid"/></Key>
<Property Name="sampleid" Type="Edm.Guid"/><Property Name="name" Type="Edm.String"/>
<Property Name="note" Type="Edm.String"/><Property Name="size" Type="Edm.Int32"/>
<Property Name="other" Type="Edm.Int32"/><Property Name="big" Type="Edm.Int64"/>
<Property Name="price" Type="Edm.Decimal" Scale="Variable"/><Property Name="ratio" Type="Edm.Double"/>
<Property Name="active" Type="Edm.Boolean"/><Property Name="born" Type="Edm.Date"/>
<Property Name="seen" Type="Edm.DateTimeOffset"/><Property Name="left" Type="Edm.DateTimeOffset"/>
<Property Name="user" Type="Edm.Guid"/><Property Name="grade" Type="Edm.Int32"/>
<Property Name="colours" Type="Edm.String"/><Property Name="_parent_value" Type="Edm.Guid"/>
<NavigationProperty Name="Parent" Type="mscrm.sample" Partner="children">
<ReferentialConstraint Property="_parent_value" ReferencedProperty="sampleid"/></NavigationProperty>
<NavigationProperty Name="children" Type="Collection(mscrm.sample)" Partner="Parent"/>
</EntityType>
<EntityContainer Name="System"><EntitySet Name="samples" EntityType="mscrm.sample">
<NavigationPropertyBinding Path="Parent" Target="samples"/>
<NavigationPropertyBinding Path="children" Target="samples"/></EntitySet></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""
GRADES, COLOURS = (1, 2, 3), (10, 20, 200)
CHOICES = {
    ("sample", "grade"): ChoiceColumn("sample", "grade", "Grade", tuple(Option(n, f"G{n}") for n in GRADES)),
    ("sample", "colours"): ChoiceColumn(
        "sample", "colours", "Colour", tuple(Option(n, f"C{n}") for n in COLOURS), multi=True
    ),
}
ME = UUID("11111111-1111-1111-1111-111111111111")
"""Stands for the client's own user, whose id the emulator makes up."""
SOMEBODY = UUID("22222222-2222-2222-2222-222222222222")

WORDS = ["", "a", "A", "ab", "B'a", "b%", "%", "a_b", "_", "[a]", "Å", "å&+", "x;y", '"q"', "\\", "  ", "a" * 40]
MOMENTS = [
    NOW - dt.timedelta(days=days, hours=hours, microseconds=fraction)
    for days in (-40, -1, 0, 1, 6, 30, 400)
    for hours, fraction in ((0, 0), (14, 500000))
]
VALUES: dict[str, list[Any]] = {
    "name": WORDS,
    "note": WORDS,
    "size": [-3, 0, 1, 2, 2**31 - 1],
    "other": [-3, 0, 1, 2],
    "big": [-(2**62), 0, 2**40, 2**62],
    "price": [Decimal("-1.50"), Decimal(0), Decimal("0.0001"), Decimal("1.50"), Decimal("922337203685477.5807")],
    "ratio": [-0.5, 0.0, 0.1, 1e10],
    "active": [True, False],
    "born": [TODAY + dt.timedelta(days=days) for days in (-400, -31, -1, 0, 1, 31)],
    "seen": MOMENTS,
    "left": MOMENTS,
    "user": [ME, SOMEBODY],
    "grade": list(GRADES),
    "colours": [frozenset({10}), frozenset({20, 200}), frozenset({10, 20, 200})],
}
"""Column to the values that rows have and conditions ask for, so that they often meet."""
ASKED = {**VALUES, "user": [SOMEBODY]}


def stored(value: Any) -> Any:
    """A value as JSON."""
    if isinstance(value, frozenset):
        return ",".join(map(str, sorted(value)))
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, (UUID, dt.date)) else value


def make_rows(seed: int, number: int = 40) -> list[Row]:
    """Rows with values at random, a quarter of them null, each with a parent among those before it or with none."""
    chance = random.Random(seed)
    made: list[Row] = []
    for _ in range(number):
        row = {name: None if chance.random() < 0.25 else chance.choice(values) for name, values in VALUES.items()}
        row["sampleid"] = UUID(int=chance.getrandbits(128))
        row["Parent"] = chance.choice([None, *made])
        row["children"] = []
        if row["Parent"] is not None:
            row["Parent"]["children"].append(row)
        made.append(row)
    return made


ROWS = make_rows(5)


@dataclass(frozen=True)
class Case:
    """A condition as the client makes it of a namespace, and what Python says of a row.

    `final`: a query function without a counterpart is in it, so that the service cannot negate it.
    """

    make: Callable[[Any], Any]
    holds: Callable[[Row | None], bool]
    said: str
    final: bool = False

    def __repr__(self) -> str:
        return self.said


ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ORDERED = ("size", "big", "price", "ratio", "born", "seen")


def folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def value_of(row: Row | None, name: str) -> Any:
    return None if row is None else folded(row[name])


def compared(name: str, sign: str, value: Any) -> Case:
    wanted, said = folded(value), f"{name} {sign} {value!r}"
    if sign == "==":
        return Case(lambda c: getattr(c, name) == value, lambda row: value_of(row, name) == wanted, said)
    if sign == "!=":
        return Case(lambda c: getattr(c, name) != value, lambda row: value_of(row, name) != wanted, said)
    return Case(
        lambda c: ORDER[sign](getattr(c, name), value),
        lambda row: (found := value_of(row, name)) is not None and ORDER[sign](found, wanted),
        said,
    )


def listed(name: str, values: list[Any], inside: bool) -> Case:
    wanted = [folded(value) for value in values]
    method = "in_" if inside else "not_in"
    return Case(
        lambda c: getattr(getattr(c, name), method)(values),
        lambda row: (value_of(row, name) in wanted) is inside,
        f"{name}.{method}({values!r})",
    )


def ranged(name: str, low: Any, high: Any, inside: bool) -> Case:
    def within(row: Row | None) -> bool:
        found = value_of(row, name)
        return found is not None and low <= found <= high

    method = "between" if inside else "not_between"
    return Case(
        lambda c: getattr(getattr(c, name), method)(low, high), lambda row: within(row) is inside, f"{name}.{method}"
    )


def on_text(name: str, method: str, part: str) -> Case:
    tests: dict[str, Callable[[str, str], bool]] = {
        "contains": operator.contains,
        "startswith": str.startswith,
        "endswith": str.endswith,
    }
    return Case(
        lambda c: getattr(getattr(c, name), method)(part),
        lambda row: (found := value_of(row, name)) is not None and tests[method](found, part.casefold()),
        f"{name}.{method}({part!r})",
    )


def columns_compared(left: str, sign: str, right: str) -> Case:
    def holds(row: Row | None) -> bool:
        one, two = value_of(row, left), value_of(row, right)
        if sign in ("==", "!="):
            return (one == two) is (sign == "==")
        return one is not None and two is not None and ORDER[sign](one, two)

    signs = {**ORDER, "==": operator.eq, "!=": operator.ne}
    return Case(lambda c: signs[sign](getattr(c, left), getattr(c, right)), holds, f"{left} {sign} {right}")


def coloured(values: list[int], inside: bool) -> Case:
    method = "contain_values" if inside else "does_not_contain_values"
    return Case(
        lambda c: getattr(c.colours, method)(*values),
        lambda row: bool((value_of(row, "colours") or frozenset()) & set(values)) is inside,
        f"colours.{method}({values})",
    )


def day_of(row: Row | None, name: str) -> dt.date | None:
    found = value_of(row, name)
    return found.date() if isinstance(found, dt.datetime) else found


def dated(name: str, method: str, arguments: tuple[Any, ...], test: Callable[[dt.date], bool]) -> Case:
    return Case(
        lambda c: getattr(getattr(c, name), method)(*arguments),
        lambda row: (day := day_of(row, name)) is not None and test(day),
        f"{name}.{method}{arguments}",
        final=True,
    )


def calendar(name: str, day: dt.date) -> list[Case]:
    month = (TODAY.year, TODAY.month)
    return [
        dated(name, "on", (day,), lambda found: found == day),
        dated(name, "on_or_after", (day,), lambda found: found >= day),
        dated(name, "on_or_before", (day,), lambda found: found <= day),
        dated(name, "today", (), lambda found: found == TODAY),
        dated(name, "yesterday", (), lambda found: (TODAY - found).days == 1),
        dated(name, "tomorrow", (), lambda found: (found - TODAY).days == 1),
        dated(name, "this_month", (), lambda found: (found.year, found.month) == month),
        dated(name, "this_year", (), lambda found: found.year == TODAY.year),
        dated(name, "last_year", (), lambda found: found.year == TODAY.year - 1),
        dated(name, "next_month", (), lambda found: (found.year, found.month) == (2026, 7)),
        dated(name, "last_7_days", (), lambda found: 0 <= (TODAY - found).days <= 7),
        dated(name, "older_than_x_years", (1,), lambda found: found < TODAY.replace(year=TODAY.year - 1)),
    ]


def mine(equal: bool) -> Case:
    method = "equal_user_id" if equal else "not_equal_user_id"
    return Case(
        lambda c: getattr(c.user, method)(), lambda row: (value_of(row, "user") == ME) is equal, f"user.{method}()"
    )


def below(case: Case) -> Case:
    """The same of the parent's row; a row without one has no values there."""
    return Case(
        lambda c: case.make(c.parent.c), lambda row: case.holds(row and row["Parent"]), f"parent({case})", case.final
    )


def joined(left: Case, right: Case, both: bool) -> Case:
    final = left.final or right.final
    if both:
        said = f"({left} & {right})"
        return Case(
            lambda c: left.make(c) & right.make(c), lambda row: left.holds(row) and right.holds(row), said, final
        )
    said = f"({left} | {right})"
    return Case(lambda c: left.make(c) | right.make(c), lambda row: left.holds(row) or right.holds(row), said, final)


def negated(case: Case) -> Case:
    return Case(lambda c: ~case.make(c), lambda row: not case.holds(row), f"~{case}")


def quantified(case: Case | None, every: bool) -> Case:
    if case is None:
        return Case(lambda c: c.children.any(), lambda row: bool(row and row["children"]), "any()")
    test = all if every else any
    return Case(
        lambda c: (c.children.all if every else c.children.any)(case.make),
        lambda row: test(case.holds(child) for child in (row["children"] if row else [])),
        f"{test.__name__}({case})",
        case.final,
    )


def values(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(ASKED[name])


EQUAL = st.sampled_from(["==", "!="])
EITHER = st.booleans()
ordered = st.sampled_from(ORDERED)
signs = st.sampled_from(list(ORDER))
equality = st.sampled_from(list(VALUES)).flatmap(
    lambda name: st.builds(compared, st.just(name), EQUAL, values(name) | st.none())
)
order = ordered.flatmap(lambda name: st.builds(compared, st.just(name), signs, values(name)))
lists = st.sampled_from([name for name in VALUES if name != "colours"]).flatmap(
    lambda name: st.builds(listed, st.just(name), st.lists(values(name), min_size=1, max_size=4), EITHER)
)
ranges = ordered.flatmap(lambda name: st.builds(ranged, st.just(name), values(name), values(name), EITHER))
dates = st.tuples(st.sampled_from(["born", "seen"]), values("born")).flatmap(
    lambda pair: st.sampled_from(calendar(*pair))
)
text_part = st.sampled_from(["contains", "startswith", "endswith"])
within_row = st.one_of(
    st.builds(columns_compared, st.just("name"), EQUAL, st.just("note")),
    st.builds(columns_compared, st.just("size"), EQUAL | signs, st.just("other")),
    st.builds(columns_compared, st.just("seen"), EQUAL | signs, st.just("left")),
)
plain = st.one_of(
    equality,
    order,
    lists,
    ranges,
    dates,
    st.builds(on_text, st.just("name"), text_part, values("name")),
    st.builds(coloured, st.lists(st.sampled_from(COLOURS), min_size=1, max_size=2, unique=True), EITHER),
    st.builds(mine, EITHER),
)
"""Conditions on a row, or on the one that a lookup refers to."""
single = st.one_of(plain, plain.map(below), within_row)


def negatives(more: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return more.filter(lambda case: not case.final).map(negated)


inner = st.recursive(
    single,
    lambda more: st.one_of(st.builds(joined, more, more, st.booleans()), negatives(more)),
    max_leaves=3,
)
cases = st.recursive(
    st.one_of(single, st.builds(quantified, st.none() | inner, st.booleans())),
    lambda more: st.one_of(
        st.builds(joined, more, more, st.booleans()),
        negatives(more),
        st.builds(quantified, more.filter(lambda case: "parent(" not in case.said), st.booleans()),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def package(packages: Packages) -> Package:
    return packages.of_csdl("samples_api", CSDL, CHOICES)


@pytest.fixture(scope="module")
def organisation() -> Iterator[Emulator]:
    columns = {
        name: {
            "name": name.title(),
            "multi": name == "colours",
            "options": [{"value": n, "label": str(n)} for n in numbers],
        }
        for name, numbers in (("grade", GRADES), ("colours", COLOURS))
    }
    with running_emulator(CSDL, choices={"sample": columns}, clock=Clock(NOW.timestamp)) as running:
        running.seed("samples", [as_json(row, running.user_id) for row in ROWS])
        yield running


def as_json(row: Row, me: str) -> dict[str, Any]:
    document = {name: stored(value) for name, value in row.items() if name not in ("Parent", "children")}
    if row["user"] == ME:
        document["user"] = me
    document["_parent_value"] = row["Parent"] and str(row["Parent"]["sampleid"])
    return document


@pytest.fixture(scope="module", params=[PortalClient, AsyncPortalClient], ids=["sync", "async"])
def samples(request: pytest.FixtureRequest, package: Package, organisation: Emulator) -> Iterator[tuple[Shell, Any]]:
    provider = StaticCredentialProvider(
        tenant_id=organisation.tenant_id,
        client_id=organisation.client_id,
        client_secret=organisation.client_secret,
    )
    shell = Shell(
        request.param(
            organisation.base_url,
            provider,
            api=package.module(),
            authority=organisation.authority,
            ssl_context=organisation.ssl_context(),
            retry=RetryPolicy(max_attempts=1),
        )
    )
    yield shell, shell.portal.table("samples")
    shell.close()


def ids(found: Any) -> list[UUID]:
    return [row.sampleid for row in found]


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(case=cases)
def test_a_condition_means_in_the_service_what_it_means_in_python(samples: tuple[Shell, Any], case: Case) -> None:
    shell, table = samples
    found = ids(shell(table.list(filter=case.make(table.c), select=["sampleid"])))
    assert sorted(found) == sorted(row["sampleid"] for row in ROWS if case.holds(row))


def test_rows_come_in_the_order_asked_for(samples: tuple[Shell, Any]) -> None:
    shell, table = samples
    c = table.c
    found = shell(table.list(filter=c.size.is_not_null(), order_by=[c.size.desc(), c.sampleid], select=[c.size]))
    expected = sorted(
        (row for row in ROWS if row["size"] is not None), key=lambda row: (-row["size"], str(row["sampleid"]))
    )
    assert ids(found) == [row["sampleid"] for row in expected]


def test_an_expansion_brings_the_rows_it_says(samples: tuple[Shell, Any]) -> None:
    shell, table = samples
    c = table.c
    expansion = c.children.expand(
        select=lambda child: [child.size],
        filter=lambda child: child.size >= 0,
        order_by=lambda child: [child.size.desc(), child.sampleid],
        top=2,
    )
    for row in shell(table.list(expand=[expansion, c.parent.expand(select=["name"])], select=["sampleid"])):
        (origin,) = (item for item in ROWS if item["sampleid"] == row.sampleid)
        wanted = [child for child in origin["children"] if child["size"] is not None and child["size"] >= 0]
        wanted.sort(key=lambda child: (-child["size"], str(child["sampleid"])))
        assert ids(row.children) == [child["sampleid"] for child in wanted[:2]]
        assert (row.parent and row.parent.name) == (origin["Parent"] and origin["Parent"]["name"])


def test_groups_are_what_python_makes_of_the_same_rows(samples: tuple[Shell, Any], package: Package) -> None:
    shell, table = samples
    c = table.c
    grade = package.model("Grade")
    made = shell(
        table.aggregate(
            group_by=[c.grade],
            filter=c.name.is_not_null(),
            n=count(),
            total=c.price.sum(),
            largest=c.size.max(),
            youngest=c.born.max(),
            first=c.seen.min(),
        )
    )
    groups: dict[Any, list[Row]] = {}
    for row in ROWS:
        if row["name"] is not None:
            groups.setdefault(row["grade"], []).append(row)

    def some(found: list[Row], name: str, make: Callable[[Any], Any]) -> Any:
        given_ = [row[name] for row in found if row[name] is not None]
        return make(given_) if given_ else None

    expected = {
        None if key is None else grade(key): {
            "n": len(found),
            "total": some(found, "price", sum),
            "largest": some(found, "size", max),
            "youngest": some(found, "born", max),
            "first": some(found, "seen", min),
        }
        for key, found in groups.items()
    }
    assert {row.pop("grade"): row for row in made} == expected


def test_a_long_query_goes_through_a_batch_page_by_page(samples: tuple[Shell, Any], organisation: Emulator) -> None:
    shell, table = samples
    wanted = [row["sampleid"] for row in ROWS]
    condition = table.c.sampleid.in_([*wanted, *(uuid4() for _ in range(1000))])
    before = len(organisation.requests)
    found = shell(table.list(filter=condition, select=["sampleid"], page_size=15))
    assert sorted(ids(found)) == sorted(wanted)
    sent = organisation.requests[before:]
    assert [request.method for request in sent].count("POST") == 3
    with pytest.raises(InvalidRequestError, match="characters"):
        table.list(filter=table.c.sampleid.in_([uuid4() for _ in range(2000)]))


def test_a_query_is_taken_up_by_another_client(samples: tuple[Shell, Any]) -> None:
    shell, table = samples
    c = table.c
    found = table.list(filter=c.size.is_not_null(), order_by=[c.size], select=["sampleid"], page_size=4, count=True)
    taken = [shell.next(found) for _ in range(6)]
    assert found.total == sum(row["size"] is not None for row in ROWS)
    state = json.loads(json.dumps(found.state))
    rest = shell(table.resume(state))
    assert ids([*taken, *rest]) == ids(shell(table.list(filter=c.size.is_not_null(), order_by=[c.size])))
