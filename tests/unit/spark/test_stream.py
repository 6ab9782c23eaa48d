"""Streams of changes: steps, their places, and what a step that is repeated gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dynamics_portal import ChangeTokenExpiredError
from dynamics_portal_emulator.emulator import Emulator

pytest.importorskip("pyspark", reason="needs the extra spark")

from tests.unit.spark.support import Sources, rows_of

from dynamics_portal.spark import _connection as connections


def step(stream: Any, start: dict[str, str]) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """The rows of a step, and its end."""
    batches, end = stream.read(start)
    return rows_of(batches), end


@pytest.fixture
def follow(source: Sources) -> Callable[..., Any]:
    def make(**options: str) -> Any:
        followed = source(changes="true", select="firstname", **options)
        return followed.simpleStreamReader(followed.schema())

    return make


def test_a_step_has_some_pages_of_changes(follow: Callable[..., Any], emulator: Emulator) -> None:
    emulator.seed("contacts", [{"firstname": str(number)} for number in range(25)])
    stream = follow(page_size="10", pages="2")
    first, middle = step(stream, stream.initialOffset())
    rest, end = step(stream, middle)
    assert (len(first), len(rest)) == (20, 5)
    assert {row[2] for row in first} == {"upsert"}
    assert step(stream, end) == ([], end)
    assert rows_of(stream.readBetweenOffsets(stream.initialOffset(), middle)) == first


def test_a_step_that_is_repeated_loses_no_row_whatever_has_changed(
    follow: Callable[..., Any], emulator: Emulator, source: Sources
) -> None:
    keys = emulator.seed("contacts", [{"firstname": str(number)} for number in range(30)])
    stream = follow(page_size="10", pages="1")
    start = stream.initialOffset()
    _, middle = step(stream, start)
    portal = connections.client_of(stream._connection)
    portal.table("contacts").delete(keys[0])
    portal.table("contacts").update(keys[1], {"firstname": "new"})
    again = {row[0] for row in rows_of(stream.readBetweenOffsets(start, middle))}
    later: set[str] = set()
    while True:
        rows, end = step(stream, middle)
        later |= {row[0] for row in rows}
        if end == middle:
            break
        middle = end
    assert again | later >= set(keys[1:])


def test_rows_that_are_gone_are_told_by_their_key(follow: Callable[..., Any], emulator: Emulator) -> None:
    key, other = emulator.seed("contacts", [{"firstname": "gone"}, {"firstname": "kept"}])
    stream = follow()
    _, token = step(stream, stream.initialOffset())
    portal = connections.client_of(stream._connection)
    portal.table("contacts").delete(key)
    portal.table("contacts").update(other, {"firstname": "changed"})
    rows, _ = step(stream, token)
    assert sorted(rows, key=str) == sorted([(key, None, "delete"), (other, "changed", "upsert")], key=str)


def test_with_available_now_a_stream_ends_at_the_first_token(follow: Callable[..., Any], emulator: Emulator) -> None:
    emulator.seed("contacts", [{"firstname": str(number)} for number in range(25)])
    stream = follow(page_size="10", pages="1")
    stream.prepareForTriggerAvailableNow()
    found, place = [], stream.initialOffset()
    for _ in range(3):
        rows, place = step(stream, place)
        found += rows
    assert len(found) == 25
    emulator.seed("contacts", [{"firstname": "late"}])
    assert step(stream, place) == ([], place)


def test_a_token_without_changes_is_exchanged_once_a_day(
    follow: Callable[..., Any], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = follow()
    _, place = step(stream, stream.initialOffset())
    assert step(stream, place) == ([], place)
    monkeypatch.setattr("dynamics_portal.spark._stream._today", lambda: "2099-01-01")
    emulator.clock.advance(1)
    rows, later = step(stream, place)
    assert rows == []
    assert later["since"] != place["since"]


def test_a_stream_whose_token_is_forgotten_says_so(follow: Callable[..., Any], emulator: Emulator) -> None:
    stream = follow()
    _, place = step(stream, stream.initialOffset())
    emulator.clock.advance(60 * 60 * 24 * 8)
    emulator.expire_tokens()
    with pytest.raises(ChangeTokenExpiredError):
        step(follow(url=emulator.base_url), place)


def test_a_stream_begins_at_a_token_that_it_is_given(follow: Callable[..., Any], emulator: Emulator) -> None:
    emulator.seed("contacts", [{"firstname": "old"}])
    stream = follow()
    _, place = step(stream, stream.initialOffset())
    emulator.seed("contacts", [{"firstname": "new"}])
    since = follow(changes_since=place["since"])
    assert [row[1] for row in step(since, since.initialOffset())[0]] == ["new"]
