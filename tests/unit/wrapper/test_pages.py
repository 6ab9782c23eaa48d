"""Pages: reading their rows from bytes, a stretch at a time, gives what reading them at once as dictionaries gives."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal import ServerError, _json, _pages
from dynamics_portal._changes import Changed, ChangeRequests, Removed
from dynamics_portal._outcome import Answer
from dynamics_portal._pages import split
from dynamics_portal._paging import Listing
from dynamics_portal._queries import ReadRequests
from dynamics_portal._settings import settings_from
from dynamics_portal_api.models import Contact

SETTINGS = settings_from("https://hlf.crm4.dynamics.com", {})
NEXT = "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts?page=2"
MODEL: Any = Contact
FAST: Any = Contact._reading


@pytest.fixture(autouse=True)
def from_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from bytes at once, and little at a time."""
    monkeypatch.setattr(_pages, "_STRETCH", 60)
    FAST().fast(1 << 20)


def listing(*, slow: bool = False, changes: bool = False, top: int | None = None) -> Listing:
    if changes:
        found = ChangeRequests(MODEL, SETTINGS).changes(None, None, None)
    else:
        found = ReadRequests(MODEL, SETTINGS).find(top=top)
    if slow:
        found._model = None  # pages are read at once, as those of aggregates are
    return found


def fed(content: bytes, **options: Any) -> Listing:
    found = listing(**options)
    call = found.next_call()
    assert call is not None
    found.feed(Answer(200, {}, content), call)
    return found


def page(rows: list[Any], **more: Any) -> bytes:
    return json.dumps(
        {"@odata.context": "c", "value": rows, **more}, separators=(",", ":"), ensure_ascii=False
    ).encode()


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"@odata.etag": f'W/"{number}"', "contactid": str(UUID(int=number)), **more}


TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(['},{"@odata.etag":', '"value":[{', "}]", '],"@odata.nextLink":"x"}'])
)
CHILDREN = st.lists(st.builds(row, st.integers(0, 9), new_text=TEXTS), max_size=4)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"@odata.etag": TEXTS, "contactid": st.sampled_from([str(UUID(int=7)), "wrong"])},
        optional={"firstname": TEXTS, "new_assignment_Mentor_contact": CHILDREN, "new_more": st.none() | CHILDREN},
    ),
    max_size=12,
)
MORE = st.fixed_dictionaries(
    {},
    optional={
        "@odata.nextLink": st.just(NEXT),
        "@odata.count": st.integers(0, 9),
        "@about": st.sampled_from(["}]", [{"a": 1}], [{"value": []}], {"value": [{"x": 1}]}]),
    },
)


def taken(content: bytes, *, slow: bool, top: int | None) -> list[Any]:
    """All that comes of a page: rows, errors in their place, and what the page says beside them."""
    try:
        found = fed(content, slow=slow, top=top)
    except ServerError as error:
        return [str(error.code)]
    result: list[Any] = []
    for _ in range(100):
        try:
            item = found.take()
        except ServerError as error:
            result.append(str(error.code))
            continue
        if item is None:
            call = found.next_call()
            return [*result, found.total, call and call.url, str(found.state())]
        result.append(item)
    return result


@given(rows=ROWS, more=MORE, top=st.none() | st.integers(1, 5), spaced=st.booleans())
def test_what_comes_of_a_page_does_not_depend_on_how_it_is_read(
    rows: list[Any], more: dict[str, Any], top: int | None, spaced: bool
) -> None:
    content = page(rows, **more)
    if spaced:
        content = json.dumps(json.loads(content)).encode()
    assert taken(content, slow=False, top=top) == taken(content, slow=True, top=top)


@given(rows=ROWS.filter(bool), taken=st.integers(0, 12), top=st.none() | st.integers(1, 12))
def test_a_state_in_the_middle_of_a_page_does_not_depend_on_how_it_is_read(
    rows: list[Any], taken: int, top: int | None
) -> None:
    for number, item in enumerate(rows):
        item["contactid"] = str(UUID(int=number))
    states, rest = [], []
    for slow in (False, True):
        found = fed(page(rows, **{"@odata.nextLink": NEXT}), slow=slow, top=top)
        for _ in range(taken):
            found.take()
        states.append(str(found.state()))
        rest.append(found.take_all())
        states.append(str(found.state()))
    assert states[:2] == states[2:]
    assert rest[0] == rest[1]


def test_rows_are_read_from_bytes_and_only_as_they_are_needed() -> None:
    content = page([row(number, firstname="Kåre") for number in range(50)], **{"@odata.nextLink": NEXT})
    found = split(content, MODEL)
    assert found is not None
    assert found.document == {"@odata.context": "c", "value": [], "@odata.nextLink": NEXT}
    sizes = []
    while not found.at_end:
        rows, are_objects = found.read()
        assert are_objects
        assert all(type(item) is Contact and item.firstname == "Kåre" for item in rows)
        sizes.append(len(rows))
    assert sum(sizes) == 50
    assert len(sizes) > 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        page([]),
        b'{"value":[{"a":1}]',
        b'{"value":[{"a":1}],"value":[]}',
        b'{"@a":{"value":[{"a":1}]},"value":[]}',
        b'{"value":[{"a":1}],"@odata.nextLink":"x","@a":[{"b":1}]}',
        b'{"value":[{"a":1}],"@odata.count":1e99999999999999999999}',
        b'{"value": [{"a": 1}]}',
    ],
)
def test_a_page_of_another_form_is_read_as_a_whole(content: bytes) -> None:
    assert split(content, MODEL) is None


def test_a_page_that_breaks_off_in_the_middle_gives_what_came_before_and_then_fails() -> None:
    broken = page([row(number) for number in range(9)], **{"@odata.nextLink": NEXT}).replace(b'W/\\"6\\"', b'W/"6"')
    found = fed(broken)
    items: list[Any] = []
    with pytest.raises(ServerError) as caught:
        items.extend(iter(found.take, None))  # those that came before it stay
    assert "W/" not in str(caught.value)
    assert [item.contactid.int for item in items] == list(range(len(items)))
    assert 0 < len(items) <= 6
    with pytest.raises(ServerError):
        found.take()  # and never the next page instead


def test_a_small_page_that_is_broken_is_none() -> None:
    with pytest.raises(ServerError):
        fed(page([row(1)]).replace(b'W/\\"1\\"', b'W/"1"'))


def test_a_row_that_was_changed_by_who_took_it_is_still_found_again() -> None:
    found = fed(page([row(1), row(2), row(3)], **{"@odata.nextLink": NEXT}))
    item: Any = found.take()
    item.contactid = None
    assert str(UUID(int=1)) in found.state()
    assert found.take().contactid == UUID(int=2)  # type: ignore[union-attr] # as above


def test_changes_and_removals_are_told_apart_in_bytes() -> None:
    gone = {"@odata.context": "#contacts/$deletedEntity", "id": str(UUID(int=2)), "reason": "deleted"}
    content = page([gone, row(1), row(3), gone, row(4)], **{"@odata.deltaLink": NEXT + "&$deltatoken=1"})
    for slow in (False, True):
        changes = fed(content, changes=True, slow=slow).take_all()
        assert [type(change) for change in changes] == [Removed, Changed, Changed, Removed, Changed]
        assert [change.row.contactid.int for change in changes if isinstance(change, Changed)] == [1, 3, 4]


def test_a_number_that_no_decimal_holds_is_no_json() -> None:
    with pytest.raises(ValueError, match="decimal"):
        _json.decode(b"1e99999999999999999999")
    assert _json.decode(b"1e9999") == Decimal("1e9999")
