"""Changes: what they hold, how pages and tokens are followed, and which texts are taken as tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import API, MENTOR, Service, Shell, problem

from dynamics_portal import (
    Changed,
    ChangeTokenExpiredError,
    InvalidRequestError,
    NetworkError,
    Removed,
    RetryPolicy,
    ServerError,
    _json,
)
from dynamics_portal._base_url import service_root
from dynamics_portal._changes import ChangeRequests
from dynamics_portal._outcome import Answer
from dynamics_portal._settings import settings_from
from dynamics_portal_api.models import Contact

VERSION = "919042%2108%2F22%2F2017%2008%3A10%3A44"
TOKEN = f"{API}contacts?$deltatoken={VERSION}"
CONTEXT = f"{API}$metadata#contacts/$deletedEntity"
GONE = {"@odata.context": CONTEXT, "id": str(MENTOR), "reason": "deleted"}
KARI = {"contactid": str(UUID(int=1)), "firstname": "Kari"}


def page(*items: Any, next_link: str = "", delta_link: str | None = TOKEN) -> httpx2.Response:
    link = {"@odata.nextLink": next_link} if next_link else {"@odata.deltaLink": delta_link} if delta_link else {}
    return httpx2.Response(200, json={"value": list(items), **link})


def seen(changes: list[Any]) -> list[Any]:
    return [change.row.contactid if isinstance(change, Changed) else (change.id, change.reason) for change in changes]


def test_all_rows_come_first_and_then_a_token(shell: Shell, service: Service) -> None:
    service.answer(page(KARI, next_link=f"{API}contacts?$skiptoken=x"), page(KARI))
    changes = shell.portal.contacts.changes(select=["firstname"], page_size=1)
    assert seen(shell(changes)) == [UUID(int=1)] * 2
    assert changes.token == TOKEN
    assert [str(request.url) for request in service.requests] == [
        f"{API}contacts?$select=firstname",
        f"{API}contacts?$skiptoken=x",
    ]
    assert {request.headers["prefer"] for request in service.requests} == {"odata.track-changes,odata.maxpagesize=1"}


def test_with_a_token_changed_and_removed_rows_come(shell: Shell, service: Service) -> None:
    service.answer(page(KARI, GONE))
    changes = shell.portal.contacts.changes(since=TOKEN, select=["firstname"])
    changed, removed = shell(changes)
    assert str(service.last.url) == f"{API}contacts?$select=firstname&$deltatoken={VERSION}"
    match changed, removed:
        case Changed(row), Removed(key, reason):
            assert (row.firstname, key, reason) == ("Kari", MENTOR, "deleted")
        case _:
            pytest.fail("neither a changed row nor a removed one")
    assert str(MENTOR) not in repr(removed)
    assert "Kari" not in repr(changed)


def test_a_token_keeps_what_the_service_says_but_for_the_columns(shell: Shell, service: Service) -> None:
    service.answer(page(delta_link=f"contacts?%24select=firstname&$count=true&x=1&$deltatoken={VERSION}"))
    changes = shell.portal.contacts.changes()
    assert shell(changes) == []
    assert changes.token == f"{API}contacts?x=1&$deltatoken={VERSION}"


def test_a_token_comes_after_the_last_change(shell: Shell, service: Service) -> None:
    service.answer(page(KARI, KARI))
    changes = shell.portal.contacts.changes()
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="take them all first"):
            _ = changes.token
        shell.next(changes)
    assert changes.token == TOKEN


def test_a_page_that_fails_is_tried_again_and_nothing_is_lost_or_repeated(shell: Shell, service: Service) -> None:
    link = f"{API}contacts?$skiptoken=x"
    portal = shell.portal.with_options(retry=RetryPolicy(max_attempts=1))
    service.answer(page(KARI, next_link=link), httpx2.ReadError(""), page(GONE))
    changes = portal.contacts.changes(since=TOKEN)
    taken = [shell.next(changes)]
    with pytest.raises(NetworkError):
        shell.next(changes)
    taken.append(shell.next(changes))
    assert seen(taken) == [UUID(int=1), (MENTOR, "deleted")]


def test_a_state_goes_on_in_another_process(shell: Shell, service: Service) -> None:
    link = f"{API}contacts?$skiptoken=x"
    service.answer(page(KARI, next_link=link), page(GONE))
    changes = shell.portal.contacts.changes(page_size=1)
    shell.next(changes)
    rest = shell.portal.contacts.changes(since=str(changes.state))
    assert seen(shell(rest)) == [(MENTOR, "deleted")]
    assert (str(service.last.url), service.last.headers["prefer"]) == (link, "odata.track-changes,odata.maxpagesize=1")
    assert rest.token == TOKEN
    with pytest.raises(InvalidRequestError, match="without select"):
        shell.portal.contacts.changes(since=str(changes.state), select=["firstname"])
    with pytest.raises(InvalidRequestError, match="one of changes goes to `changes`"):
        shell.portal.contacts.resume(changes.state)
    with pytest.raises(InvalidRequestError, match="one of rows to `resume`"):
        shell.portal.contacts.changes(since=str(shell.portal.contacts.list().state))


def test_an_expired_token_is_an_error_of_its_own(shell: Shell, service: Service) -> None:
    service.answer(problem(400, "0x80044352", "Version stamp associated with the client has expired."))
    with pytest.raises(ChangeTokenExpiredError) as caught:
        shell(shell.portal.contacts.changes(since=TOKEN))
    assert caught.value.dynamics_name == "ExpiredVersionStamp"


def test_a_service_that_gives_no_token_tracks_no_changes(shell: Shell, service: Service) -> None:
    service.answer(page(KARI, delta_link=None))
    with pytest.raises(InvalidRequestError, match="changes of contact are not tracked"):
        shell(shell.portal.contacts.changes())


@pytest.mark.parametrize("link", ["https://elsewhere.example/contacts?$deltatoken=1", "http://x:x", 7])
def test_a_link_that_leads_elsewhere_is_the_servers_fault(shell: Shell, service: Service, link: Any) -> None:
    service.answer(page(KARI, delta_link=link) if link != 7 else page(KARI, delta_link="https://[x"))
    with pytest.raises(ServerError):
        shell(shell.portal.contacts.changes())


@pytest.mark.parametrize(
    "since",
    [
        "",
        "919042",
        "{}",
        f"{API}accounts?$deltatoken=1",
        "https://other.crm4.dynamics.com/api/data/v9.2/contacts?$deltatoken=1",
        f"{API}contacts",
        f"{TOKEN}\r\nX: y",
        7,
    ],
)
def test_what_is_no_token_of_the_table_is_refused_before_anything_is_sent(
    shell: Shell, service: Service, since: Any
) -> None:
    for ask in (shell.portal.contacts.changes, shell.portal.contacts.count_changes):
        with pytest.raises(InvalidRequestError) as caught:
            shell(ask(since=since))
        assert "other.crm4" not in str(caught.value)
    assert service.requests == []


def test_changes_are_counted(shell: Shell, service: Service) -> None:
    service.answer(httpx2.Response(200, content=b"\xef\xbb\xbf7"))
    assert shell(shell.portal.contacts.count_changes(TOKEN)) == 7
    assert str(service.last.url) == f"{API}contacts/$count?$deltatoken={VERSION}"


def test_a_client_that_does_nothing_knows_no_changes(client_class: Any) -> None:
    shell = Shell(client_class.no_op())
    changes = shell.portal.contacts.changes()
    assert shell(changes) == []
    again = shell.portal.contacts.changes(since=changes.token)
    assert shell(again) == []
    assert shell.portal.recorded == ()
    shell.close()


REQUESTS = ChangeRequests(Contact, settings_from("https://hlf.crm4.dynamics.com", {}))


@given(st.lists(st.lists(st.booleans(), max_size=4), min_size=1, max_size=5), st.integers(0, 20))
def test_a_state_taken_anywhere_between_pages_loses_and_repeats_nothing(pages: list[list[bool]], cut: int) -> None:
    """The engine alone: pages of changed and removed rows, left and taken up again at the start of a page."""
    ids = iter(range(100))
    items = [[_item(next(ids), removed=removed) for removed in rows] for rows in pages]
    listing, taken = REQUESTS.changes(None, None, None), []
    for number, rows in enumerate(items):
        if number == cut % len(items):
            listing = REQUESTS.changes(listing.state(), None, None)
        call = listing.next_call()
        assert call is not None
        last = number == len(items) - 1
        link = {"@odata.deltaLink": TOKEN} if last else {"@odata.nextLink": f"{API}contacts?$skiptoken={number}"}
        listing.feed(_answer({"value": rows, **link}), call)
        taken += listing.take_all()
    assert [change.id if isinstance(change, Removed) else change.row.contactid for change in taken] == [
        UUID(int=n) for n in range(sum(map(len, pages)))
    ]
    assert listing.next_call() is None
    assert listing.token == TOKEN  # type: ignore[attr-defined] # of a listing of changes


def _item(number: int, *, removed: bool) -> dict[str, Any]:
    key = str(UUID(int=number))
    return {**GONE, "id": key} if removed else {"contactid": key}


def _answer(document: dict[str, Any]) -> Any:
    return Answer(200, {}, _json.encode(document))


def test_tokens_are_texts_that_begin_with_the_tables_address() -> None:
    assert TOKEN.startswith(service_root("https://hlf.crm4.dynamics.com").url)
