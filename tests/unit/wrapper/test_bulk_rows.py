"""Rows of a bulk run: what is made of one at speed is what is made of it as usual."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import RFC_4122, UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal import _json
from dynamics_portal._bulk_rows import MAX_PLACE, BulkRows, Entry, RunIds, Verb
from dynamics_portal._outcome import Answer
from dynamics_portal._requests import TableRequests
from dynamics_portal._settings import settings_from
from dynamics_portal_api.models import Contact, ContactMentorStatus

BASE = "https://hlf.crm4.dynamics.com"
RUN = UUID(int=77)
KEYS = st.sampled_from([UUID(int=1), str(UUID(int=2)), None, "no id", {"contactid": UUID(int=3)}])
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "firstname": st.text(max_size=9) | st.none() | st.just(7),
    "new_mentor_status": st.sampled_from([*ContactMentorStatus, 5, None]),
    "new_pause_start_date": st.dates() | st.none(),
    "new_website_visible": st.booleans() | st.none(),
    "fullname": st.none(),
    "ownerid@odata.bind": st.just(f"/systemusers({UUID(int=4)})"),
}
USUALLY = ("firstname", "new_mentor_status", "new_pause_start_date", "new_website_visible")


@pytest.fixture(autouse=True, scope="module", params=["straight through", "by column"])
def at_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Code is made for the first row of its kind, and for whatever number of kinds; or for columns alone."""
    from dynamics_portal_api._runtime import writing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_SIGHTS", 1 if request.param == "straight through" else 10**9)
        patch.setattr(writing, "_SHAPES", 10**9)
        patch.setattr(Contact, "_written_by", writing._Codes(), raising=False)
        yield


def bulk_rows(verb: Verb, *, usual: bool = False, **options: Any) -> BulkRows:
    rows = BulkRows(TableRequests(Contact, settings_from(BASE, options)), verb, RUN)
    if usual:
        rows._plain = None
    return rows


def told(entry: Entry) -> Any:
    """What there is to tell of an entry: its failure, or what is sent for it, in a message and by itself."""
    if entry.error is not None:
        return type(entry.error), str(entry.error)
    target, key, step = _json.decode(entry.target), entry.key, entry.step
    call = step.call
    exists = None if step.exists is None else step.exists().url
    read = step.read(Answer(204, {"odata-entityid": f"{BASE}/api/data/v9.2/contacts({UUID(int=8)})"}, b""))
    parts = (call.method, call.url, call.headers, call.repeatable, _json.decode(call.content or b"null"))
    return target, key, parts, exists, read, step.pending.label


@st.composite
def rows(draw: st.DrawFn) -> Any:
    names = draw(
        st.lists(st.sampled_from(USUALLY), unique=True) | st.lists(st.sampled_from(sorted(COLUMNS)), unique=True)
    )
    values = {name: draw(COLUMNS[name]) for name in names}
    if draw(st.booleans()):
        values["contactid"] = draw(KEYS)
    kind = draw(st.sampled_from(["mapping", "row", "pair", "pair of a row", "typed"]))
    if kind.endswith("row"):
        bind = values.pop("ownerid@odata.bind", None)
        row = Contact(**values)
        if bind is not None:
            row.additional_properties["ownerid@odata.bind"] = bind
        return (draw(KEYS), row) if kind.startswith("pair") else row
    if kind == "typed":
        return {"@odata.type": "#Microsoft.Dynamics.CRM.contact", **values}
    return (draw(KEYS), values) if kind == "pair" else values


@pytest.mark.parametrize("verb", ["create", "update", "upsert"])
@given(row=rows(), writable=st.sampled_from([None, {"contacts": ["firstname", "ownerid"]}, {"contacts": []}]))
def test_a_row_made_at_speed_is_as_one_made_as_usual(verb: Verb, row: Any, writable: Any) -> None:
    place = 3
    assert told(bulk_rows(verb, writable=writable).entry(place, row)) == told(
        bulk_rows(verb, usual=True, writable=writable).entry(place, row)
    )


@pytest.mark.parametrize(
    ("verb", "row"),
    [
        ("create", {"firstname": "a", "new_pause_start_date": date(2026, 1, 1)}),
        ("create", {"firstname": "a", "contactid": UUID(int=1)}),
        ("create", {"firstname": "a", "contactid": str(UUID(int=1))}),
        ("create", Contact(firstname="a")),
        ("create", {"firstname": "a", "ownerid@odata.bind": f"/systemusers({UUID(int=4)})"}),
        ("update", {"firstname": "a", "contactid": UUID(int=1)}),
        ("update", Contact.from_dict({"@odata.etag": "W/1", "contactid": str(UUID(int=1)), "fullname": "a b"})),
        ("update", (UUID(int=1), {"firstname": None})),
        ("upsert", (UUID(int=1), Contact(firstname="a"))),
        ("upsert", {"firstname": "a", "contactid": UUID(int=1)}),
    ],
)
def test_nothing_but_the_target_is_made_of_a_plain_row(verb: Verb, row: Any) -> None:
    entry = bulk_rows(verb).entry(0, row)
    assert (entry._step, entry.error) == (None, None)
    assert told(entry) == told(bulk_rows(verb, usual=True).entry(0, row))


def test_a_row_is_encoded_when_it_is_taken() -> None:
    rows, row = bulk_rows("create"), {"firstname": "a"}
    first = rows.entry(0, row)
    row["firstname"] = "b"
    assert _json.decode(first.target)["firstname"] == "a"


def test_what_becomes_of_its_own_request_becomes_of_the_row() -> None:
    entry = bulk_rows("create").entry(0, {"firstname": "a"})
    assert entry.key == RunIds(RUN).made(0)
    entry.step.pending.settle(UUID(int=5))
    assert (entry.key, entry.error) == (UUID(int=5), None)
    entry.step.pending.fail(failure := bulk_rows("create").entry(0, 7).error or pytest.fail("a number is no row"))
    assert entry.error is failure


@given(run_id=st.uuids(), place=st.integers(0, MAX_PLACE))
def test_ids_of_new_rows_are_those_of_rfc_9562(run_id: UUID, place: int) -> None:
    ids = RunIds(run_id)
    made = ids.made(place)
    assert (made.variant, made.version, made.int & MAX_PLACE) == (RFC_4122, 8, place)
    assert ids.text(place).decode() == str(made)
    assert pickle.loads(pickle.dumps(made)) == made == UUID(str(made))  # noqa: S301 # our own


@given(run_id=st.uuids(), places=st.sets(st.integers(0, MAX_PLACE), min_size=2))
def test_ids_of_new_rows_rise_as_sql_server_sorts_them(run_id: UUID, places: set[int]) -> None:
    def sort_key(row_id: UUID) -> tuple[bytes, ...]:
        parts = row_id.bytes
        return parts[10:], parts[8:10], parts[6:8], parts[4:6], parts[:4]

    in_order = [RunIds(run_id).made(place) for place in sorted(places)]
    assert in_order == sorted(in_order, key=sort_key)


def test_runs_and_places_have_ids_of_their_own() -> None:
    ids = {RunIds(run).made(place) for run in (uuid4(), uuid4()) for place in range(1000)}
    assert len(ids) == 2000
