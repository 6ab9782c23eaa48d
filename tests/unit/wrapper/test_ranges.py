"""Key ranges: together they hold each row once, whatever its value, and are as even as the values are."""

from __future__ import annotations

import datetime as dt
import pickle
import random
import re
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packages import Packages, packages
from tests.unit.generator.kinds import KIND_CHOICES, KINDS
from tests.unit.wrapper.support import Clock, Service, Shell, make_portal, problem, rows

from dynamics_portal import ForbiddenError, InvalidRequestError, PortalClient, ServerError
from dynamics_portal._even_ranges import EvenRanges
from dynamics_portal._ranges import KeyRange, borders, split

__all__ = ["packages"]

MOMENTS = st.datetimes(dt.datetime(1753, 1, 1), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))
SOME = [
    MOMENTS,
    st.dates(dt.date(1753, 1, 1)),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.decimals(Decimal("-1e12"), Decimal("1e12"), places=4),
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Values that a table had when it was asked for the lowest and the highest, and those that came later."""
    kind = draw(st.sampled_from(SOME))
    return draw(st.lists(st.none() | kind, max_size=20)), draw(st.lists(st.none() | kind, max_size=5))


@given(tables(), st.integers(1, 12))
def test_each_row_is_in_one_range_whatever_came_later(values: tuple[list[Any], list[Any]], parts: int) -> None:
    known = [value for value in values[0] if value is not None]
    ranges = split(borders(min(known, default=None), max(known, default=None), parts))
    assert 1 <= len(ranges) <= parts
    for value in (*values[0], *values[1]):
        assert sum(part.contains(value) for part in ranges) == 1


@given(st.integers(-100, 100), st.integers(12, 10_000), st.integers(1, 12))
def test_ranges_are_even(low: int, width: int, parts: int) -> None:
    ranges = split(borders(low, low + width - 1, parts))
    sizes = [sum(part.contains(value) for value in range(low, low + width)) for part in ranges]
    assert len(sizes) == parts
    assert max(sizes) - min(sizes) <= 2


def test_a_border_between_moments_is_a_whole_second() -> None:
    low, high = (dt.datetime(2026, 1, 1, 0, 0, second, 333_333, tzinfo=dt.UTC) for second in (0, 3))
    assert [border.isoformat() for border in borders(low, high, 3)] == [
        "2026-01-01T00:00:01+00:00",
        "2026-01-01T00:00:02+00:00",
    ]


def test_fewer_values_than_parts_give_fewer_ranges() -> None:
    assert split(borders(5, 6, 10)) == [KeyRange(None, 6, nulls=True), KeyRange(6, None, nulls=False)]
    assert split(borders(5, 5, 10)) == [KeyRange(None, None, nulls=True)]


# Evenly


def evenly(values: list[Any], parts: int, limit: int = 50_000) -> tuple[list[KeyRange], int]:
    """The ranges of a table with these values, whose pieces are counted up to a limit, and how often that was."""
    known = [value for value in values if value is not None]
    pieces, asked = EvenRanges(min(known, default=None), max(known, default=None), parts), 0
    while (piece := pieces.next()) is not None:
        rows = sum(piece.contains(value) for value in values)
        pieces.counted(rows if rows <= limit else None)
        asked += 1
    return pieces.ranges(), asked


@given(tables(), st.integers(2, 6), st.sampled_from([1, 5, 50_000]))
def test_each_row_is_in_one_even_range(values: tuple[list[Any], list[Any]], parts: int, limit: int) -> None:
    ranges, asked = evenly(values[0], parts, limit)
    assert 1 <= len(ranges) <= parts
    assert asked <= 16 * parts + 32 + 1
    for value in (*values[0], *values[1]):
        assert sum(part.contains(value) for part in ranges) == 1


@pytest.mark.parametrize("parts", [2, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_rows_that_came_in_one_night_are_parted_evenly(seed: int, parts: int) -> None:
    """Ten years, and nine rows of ten from one hour of them."""
    chance = random.Random(seed)
    years, night = 10 * 365 * 86_400, chance.randrange(9 * 365 * 86_400)
    values = [night + chance.randrange(3600) if number % 10 else chance.randrange(years) for number in range(1000)]
    wide = [sum(part.contains(value) for value in values) for part in split(borders(min(values), max(values), parts))]
    even = [sum(part.contains(value) for value in values) for part in evenly(values, parts)[0]]
    assert max(wide) > 0.9 * len(values)
    assert max(even) <= 1.8 * len(values) / parts
    assert len(even) == parts


def test_a_piece_with_more_rows_than_the_service_counts_is_halved(shell: Shell, portal: Any, service: Service) -> None:
    """The service is asked for fewer rows then, which is no failure."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        query = request.url.params
        if "$orderby" in query:
            return rows({"versionnumber": 0 if query["$orderby"].endswith("asc") else 99})
        piece = query["$apply"]
        low, high = (re.search(rf"versionnumber {word} (\d+)", piece) for word in ("ge", "lt"))
        found = [
            number
            for number in range(100)
            if (low is None or number >= int(low[1])) and (high is None or number < int(high[1]))
        ]
        if len(found) > 40:
            return problem(400, "0x8004E023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation.")
        return rows({"rows": len(found)})

    service.answer(answer)
    found = shell(portal.contacts.ranges(2, by="versionnumber", even=True, filter="statecode eq 0"))
    assert found == [
        "(versionnumber lt 50 or versionnumber eq null) and (statecode eq 0)",
        "(versionnumber ge 50) and (statecode eq 0)",
    ]
    assert service.requests[2].url.params["$apply"] == (
        "filter((versionnumber lt 50 or versionnumber eq null) and (statecode eq 0))/aggregate($count as rows)"
    )


def test_a_count_that_fails_is_a_failure(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(*ends("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"), problem(403))
    with pytest.raises(ForbiddenError):
        shell(portal.contacts.ranges(2, even=True))


# By a client


def ends(low: str | None, high: str | None) -> Any:
    """Answers to what is asked first: the row with the lowest value, and the one with the highest."""
    return [rows() if value is None else rows({"createdon": value}) for value in (low, high)]


def test_the_lowest_and_the_highest_value_are_asked_for(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(*ends("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"))
    found = shell(portal.contacts.ranges(2))
    assert [
        [request.url.params[name] for name in ("$filter", "$select", "$orderby", "$top")]
        for request in service.requests
    ] == [
        ["createdon ne null", "createdon", "createdon asc", "1"],
        ["createdon ne null", "createdon", "createdon desc", "1"],
    ]
    service.answers = [rows()]
    for part in found:
        shell(portal.contacts.list(filter=part))
    assert [request.url.params["$filter"] for request in service.requests[2:]] == [
        "createdon lt 2026-01-02T00:00:00Z or createdon eq null",
        "createdon ge 2026-01-02T00:00:00Z",
    ]


def test_a_filter_is_a_part_of_each_condition(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(*ends("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z") * 2)
    c = portal.contacts.c
    told = shell(portal.contacts.ranges(2, filter="firstname eq 'a' or firstname eq 'b'"))
    built = shell(portal.contacts.ranges(2, filter=(c.firstname == "a") | (c.firstname == "b")))
    assert told[1] == "(createdon ge 2026-01-02T00:00:00Z) and (firstname eq 'a' or firstname eq 'b')"
    service.answers = [rows()]
    shell(portal.contacts.list(filter=built[0]))
    assert service.last.url.params["$filter"] == (
        "(createdon lt 2026-01-02T00:00:00Z or createdon eq null) and (firstname eq 'a' or firstname eq 'b')"
    )
    asked = {request.url.params["$filter"] for request in service.requests[:4]}
    assert asked == {
        "(createdon ne null) and (firstname eq 'a' or firstname eq 'b')",
        "createdon ne null and (firstname eq 'a' or firstname eq 'b')",
    }


def test_one_part_asks_for_nothing_and_leaves_nothing_out(shell: Shell, portal: Any, service: Service) -> None:
    (whole,) = shell(portal.contacts.ranges(1))
    assert service.requests == []
    service.answer(rows())
    shell(portal.contacts.list(filter=whole))
    assert service.last.url.params["$filter"] == "createdon ne null or createdon eq null"


def test_an_empty_table_is_one_range(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(*ends(None, None))
    assert len(shell(portal.contacts.ranges(4))) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"parts": 2, "by": "contactid"}, "by: contactid is Edm.Guid"),
        ({"parts": 2, "by": "fullname"}, "by: fullname is Edm.String"),
        ({"parts": 2, "by": "statecode"}, "by: statecode is a choice"),
        ({"parts": 2, "by": "createdin"}, "no column 'createdin'; did you mean 'createdon'"),
        ({"parts": 0}, "parts must be at least 1"),
        ({"parts": 10_001}, "parts: expected a whole number from 1 to 10000"),
        ({"parts": "2"}, "parts: expected a whole number, got str"),
    ],
)
def test_what_cannot_be_cut_is_refused_before_anything_is_sent(
    shell: Shell, portal: Any, service: Service, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        shell(portal.contacts.ranges(**arguments))
    assert service.requests == []


def test_a_table_without_createdon_needs_a_column(packages: Packages, service: Service, clock: Clock) -> None:
    package = packages.of_csdl("kinds_api", KINDS, KIND_CHOICES)
    with make_portal(PortalClient, service, clock, api=package.module()) as portal:
        with pytest.raises(InvalidRequestError, match="by: thing has no column 'createdon'"):
            portal.things.ranges(2)
        service.answer(rows({"money": 1}), rows({"money": 9.5}))
        assert portal.things.ranges(2, by=portal.things.c.money, filter="yes eq true") == [
            "(money lt 6 or money eq null) and (yes eq true)",
            "(money ge 6) and (yes eq true)",
        ]


def test_a_value_that_is_none_is_the_services_fault(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(*ends("yesterday", "today"))
    with pytest.raises(ServerError) as caught:
        shell(portal.contacts.ranges(2))
    assert "yesterday" not in f"{caught.value!r} {caught.value}"


def test_conditions_travel_to_another_process(portal: Any, shell: Shell, service: Service) -> None:
    service.answer(*ends("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"))
    found = shell(portal.contacts.ranges(2))
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 # made here
    assert not any("2026" in repr(part) for part in found)
