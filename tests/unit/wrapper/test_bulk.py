"""Bulk: what is sent for many rows, a result for each, and how a run that ended early goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.parts import Asked, Said, asked, made, refused, said
from tests.unit.wrapper.support import API, SECRET, TENANT, Clock, Service, Shell, make_portal, problem

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AsyncPortalClient,
    BulkCheckpoint,
    BulkProgress,
    ErrorCode,
    ForbiddenError,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    StaticCredentialProvider,
)
from dynamics_portal._batch import Run
from dynamics_portal._bulk import BulkWork
from dynamics_portal._failures import failure
from dynamics_portal._outcome import Answer
from dynamics_portal._requests import TableRequests
from dynamics_portal._settings import settings_from
from dynamics_portal_api.models import Contact, ContactMentorStatus

MULTIPLE = f"{API}contacts/Microsoft.Dynamics.CRM."
LACKING = problem(405, "0x80040800")
NEW = f"{API}contacts({UUID(int=9)})"


class Table:
    """A service with one table, which takes bulk messages, or only batches. Names that begin with `bad` are refused."""

    def __init__(self, *, messages: bool = True) -> None:
        self.rows: dict[str, str] = {}
        self.messages = messages
        self.writes: list[str] = []
        self.sizes: list[int] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        url = str(request.url)
        if url.endswith("$batch"):
            parts = [item for item in asked(request) if isinstance(item, Asked)]
            self.sizes.append(len(parts))
            return said(*(self.part(part) for part in parts))
        verb = url.removeprefix(MULTIPLE)
        if not self.messages:
            return LACKING
        targets = json.loads(request.content)["Targets"]
        self.sizes.append(len(targets))
        assert {target["@odata.type"] for target in targets} == {"Microsoft.Dynamics.CRM.contact"}
        for target in targets:
            key = target["contactid"]
            if target.get("firstname", "").startswith("bad"):
                return problem(400, "0x80040203")
            if verb == "CreateMultiple" and key in self.rows:
                return problem(412, "0x80040237")
            if verb == "UpdateMultiple" and key not in self.rows:
                return problem(404, "0x80040217")
        for target in targets:
            self.put(target["contactid"], target.get("firstname", ""))
        ids = {"Ids": [target["contactid"] for target in targets]}
        return httpx2.Response(200, json=ids) if verb == "CreateMultiple" else httpx2.Response(204)

    def part(self, part: Asked) -> Said:
        path = part.url.removeprefix(API).partition("?")[0]
        key = path.removeprefix("contacts").strip("()")
        if part.method == "GET":
            return Said(200, {"contactid": key}) if key in self.rows else refused(404, "0x80040217")
        if part.method == "DELETE":
            return Said(204) if self.rows.pop(key, None) is not None else refused(404, "0x80040217")
        name = part.body.get("firstname", "")
        if name.startswith("bad"):
            return refused(400, "0x80040203")
        if part.method == "POST":
            key = part.body["contactid"]
            if key in self.rows:
                return refused(412, "0x80040237")
        elif part.headers.get("if-match") == "*" and key not in self.rows:
            return refused(404, "0x80040217")
        self.put(key, name)
        return made(f"{API}contacts({key})")

    def put(self, key: str, name: str) -> None:
        self.rows[key] = name
        self.writes.append(name)


@pytest.fixture
def table(service: Service) -> Table:
    table = Table()
    service.answer(table.handle)
    return table


def names(*numbers: int) -> list[dict[str, Any]]:
    return [{"firstname": str(number)} for number in numbers]


def keyed(*numbers: int) -> list[dict[str, Any]]:
    return [{"contactid": UUID(int=number), "firstname": str(number)} for number in numbers]


def outcomes(results: list[Any]) -> list[Any]:
    return [True if result.ok else type(result.error) for result in results]


def test_rows_are_created_by_messages_and_each_has_its_key(shell: Shell, service: Service, table: Table) -> None:
    results = shell(shell.portal.contacts.create_many(names(*range(7)), chunk_size=3))
    assert [(result.index, result.ok, result.row) for result in results] == [
        (number, True, {"firstname": str(number)}) for number in range(7)
    ]
    assert [table.rows[str(result.key)] for result in results] == [str(number) for number in range(7)]
    assert sorted(table.sizes) == [1, 3, 3]
    assert {str(request.url) for request in service.requests} == {f"{MULTIPLE}CreateMultiple", f"{API}$batch"}


def test_rows_of_the_generated_class_and_with_ids_of_their_own_are_taken(shell: Shell, table: Table) -> None:
    rows = [Contact(firstname="a"), Contact(contactid=UUID(int=5), firstname="b")]
    first, second = shell(shell.portal.contacts.create_many(rows))
    assert (table.rows[str(first.key)], second.key) == ("a", UUID(int=5))
    assert not rows[0].contactid, "the caller's row is left as it was"


@pytest.mark.parametrize("messages", [True, False])
@pytest.mark.parametrize("verb", ["update_many", "upsert_many"])
def test_rows_are_changed_by_their_keys(shell: Shell, table: Table, verb: str, messages: bool) -> None:
    table.messages = messages
    table.rows = {str(UUID(int=number)): "old" for number in range(3)}
    rows = [*keyed(0), Contact(contactid=UUID(int=1), firstname="1"), (UUID(int=2), {"firstname": "2"})]
    results = shell(getattr(shell.portal.contacts, verb)(rows))
    assert [(result.ok, result.key) for result in results] == [(True, UUID(int=number)) for number in range(3)]
    assert list(table.rows.values()) == ["0", "1", "2"]


def test_an_upsert_by_another_key_names_its_row_by_its_address(shell: Shell, service: Service) -> None:
    service.answer(httpx2.Response(204))
    key = {"_new_mentor_value": UUID(int=1), "new_type": 100000000}
    rows = [(key, {"new_issued_on": None}), (UUID(int=2), {})]
    results = shell(shell.portal.new_certifications.upsert_many(rows))
    assert [result.key for result in results] == [key, UUID(int=2)]
    first, second = service.body()["Targets"]
    assert first["@odata.id"] == f"new_certifications(_new_mentor_value={UUID(int=1)},new_type=100000000)"
    assert second["new_certificationid"] == str(UUID(int=2))


def test_rows_are_deleted_in_batches(shell: Shell, table: Table) -> None:
    table.rows = {str(UUID(int=number)): "x" for number in range(25)}
    keys = [UUID(int=number) for number in range(26)]
    results = shell(shell.portal.contacts.delete_many(keys))
    assert outcomes(results) == [True] * 25 + [NotFoundError]
    assert (table.rows, sorted(table.sizes)) == ({}, [6, 10, 10])


def test_a_table_that_lacks_the_message_is_written_in_batches_and_remembered(
    shell: Shell, service: Service, table: Table
) -> None:
    table.messages = False
    rows = names(*range(30))
    assert set(outcomes(shell(shell.portal.contacts.create_many(rows, concurrency=1)))) == {True}
    assert str(service.requests[0].url) == f"{MULTIPLE}CreateMultiple"
    service.requests.clear()
    portal = shell.portal.with_options(deadline=9)
    assert set(outcomes(shell(portal.contacts.create_many(rows, concurrency=1)))) == {True}
    assert {str(request.url) for request in service.requests} == {f"{API}$batch"}
    assert len(table.writes) == len(table.rows) == 60


def test_a_bad_row_fails_alone(shell: Shell, table: Table) -> None:
    rows = [{"firstname": name} for name in ("a", "bad", "b", "c", "bad")]
    results = shell(shell.portal.contacts.create_many(rows))
    assert outcomes(results) == [True, InvalidRequestError, True, True, InvalidRequestError]
    assert sorted(table.rows.values()) == ["a", "b", "c"]
    assert results[1].error.explanation == "operation 2 (create of contact)"


def test_a_row_that_cannot_be_sent_fails_alone(shell: Shell, table: Table) -> None:
    rows: list[Any] = [{"firstname": "a"}, {"firstnam": "x"}, 7, {"firstname": [1]}, {"firstname": "b"}]
    results = shell(shell.portal.contacts.create_many(rows))
    assert outcomes(results) == [True, InvalidRequestError, InvalidRequestError, InvalidRequestError, True]
    updates: list[Any] = [{"firstname": "no key"}, (1, 2, 3), 7, *keyed(1)]
    assert outcomes(shell(shell.portal.contacts.update_many(updates)))[:3] == [InvalidRequestError] * 3
    assert outcomes(shell(shell.portal.contacts.delete_many(["no id", None]))) == [InvalidRequestError] * 2


def test_what_may_not_be_written_is_not(make_shell: Callable[..., Shell], service: Service) -> None:
    shell = make_shell(writable={"contacts": ["lastname"]})
    assert outcomes(shell(shell.portal.contacts.create_many(names(1)))) == [InvalidRequestError]
    assert service.requests == []


def test_a_message_whose_answer_was_lost_makes_no_row_twice(shell: Shell, service: Service, table: Table) -> None:
    lost = iter([True])

    def handle(request: httpx2.Request) -> httpx2.Response:
        answer = table.handle(request)
        if next(lost, False):
            raise httpx2.ReadError("")
        return answer

    service.answers[:] = [handle]
    results = shell(shell.portal.contacts.create_many(names(1, 2, 3)))
    assert outcomes(results) == [True] * 3
    assert sorted(table.writes) == ["1", "2", "3"]


def test_a_row_that_was_there_before_is_a_duplicate(shell: Shell, table: Table) -> None:
    table.rows = {str(UUID(int=1)): "theirs"}
    results = shell(shell.portal.contacts.create_many(keyed(0, 1, 2)))
    assert [result.ok for result in results] == [True, False, True]
    assert results[1].error.dynamics_name is not None
    assert table.rows[str(UUID(int=1))] == "theirs"


def test_a_chunk_that_the_network_fails_fails_as_a_whole_and_the_others_go_on(
    shell: Shell, service: Service, table: Table
) -> None:
    service.answers[:] = [httpx2.ConnectError(""), table.handle]
    shell.portal = shell.portal.with_options(retry=RetryPolicy(max_attempts=1))
    results = shell(shell.portal.contacts.create_many(names(*range(4)), chunk_size=2, concurrency=1))
    assert outcomes(results) == [NetworkError, NetworkError, True, True]
    assert not results[0].error.may_have_run
    assert results[0].error is not results[1].error


def test_a_server_that_fails_at_a_message_is_given_the_rows_by_themselves(
    shell: Shell, service: Service, table: Table
) -> None:
    service.answers[:] = [
        problem(500, "0x80044151"),
        problem(500, "0x80044151"),
        problem(500, "0x80044151"),
        table.handle,
    ]
    assert outcomes(shell(shell.portal.contacts.create_many(names(1, 2, 3)))) == [True] * 3
    assert sorted(table.writes) == ["1", "2", "3"]


def test_a_table_whose_keys_the_service_chooses_takes_them_from_the_answer(
    shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Contact.__columns__["contactid"], "access", "read")
    ids = [str(uuid4()), str(uuid4())]
    service.answer(
        httpx2.Response(200, json={"Ids": ids}), httpx2.Response(200, json={"Ids": ids[:1]}), httpx2.ReadError("")
    )
    portal = shell.portal.with_options()
    assert [str(result.key) for result in shell(portal.contacts.create_many(names(1, 2)))] == ids
    assert outcomes(shell(portal.contacts.create_many(names(1, 2)))) == [ServerError] * 2
    lost = shell(portal.contacts.create_many(names(1, 2)))
    assert outcomes(lost) == [NetworkError] * 2
    assert (lost[0].error.may_have_run, len(service.requests)) == (True, 3)


def test_rows_are_taken_as_results_are(shell: Shell, table: Table) -> None:
    taken: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(10_000):
            taken.append(number)
            yield {"firstname": str(number)}

    results = shell.portal.contacts.create_many(rows(), chunk_size=5, concurrency=1)
    assert (taken, table.rows) == ([], {})
    shell.next(results)
    assert (len(taken), len(table.rows)) == (10, 5), "one chunk is at hand"
    for _ in range(4):
        shell.next(results)
    assert len(taken) == 10
    shell.next(results)
    assert len(taken) == 15


def test_an_asynchronous_iterable_is_taken_by_the_asynchronous_client(shell: Shell, table: Table) -> None:
    async def rows() -> AsyncIterator[dict[str, Any]]:
        for number in range(3):
            yield {"firstname": str(number)}

    asynchronous = isinstance(shell.portal, AsyncPortalClient)
    if asynchronous:
        assert outcomes(shell(shell.portal.contacts.create_many(rows()))) == [True] * 3
    else:
        with pytest.raises(InvalidRequestError, match="expected an iterable of rows, got async_generator"):
            shell.portal.contacts.create_many(rows())


def test_progress_is_told(shell: Shell, table: Table) -> None:
    told: list[BulkProgress] = []
    rows = [*names(*range(9)), {"firstname": "bad"}]
    options = {"chunk_size": 1, "concurrency": 1, "on_progress": told.append}
    shell(shell.portal.contacts.create_many(rows, **options))
    assert [progress[:5] for progress in told] == [(number, number == 10, 0, 1, 1) for number in range(1, 11)]


def test_a_run_that_ended_early_goes_on_and_makes_nothing_twice(shell: Shell, table: Table) -> None:
    rows = names(*range(20))
    first = shell.portal.contacts.create_many(rows, chunk_size=2, concurrency=1)
    for _ in range(3):
        shell.next(first)
    checkpoint = str(first.checkpoint)
    assert len(table.rows) == 4, "rows beyond the checkpoint have been written"
    rest = shell(shell.portal.contacts.create_many(rows, chunk_size=2, concurrency=1, resume_from=checkpoint))
    assert [(result.index, result.ok) for result in rest] == [(number, True) for number in range(3, 20)]
    assert sorted(table.writes, key=int) == [str(number) for number in range(20)]
    deleted = shell.portal.contacts.delete_many(list(table.rows), chunk_size=2, concurrency=1)
    keys = list(table.rows)
    shell.next(deleted)
    again = shell(shell.portal.contacts.delete_many(keys, resume_from=deleted.checkpoint))
    assert set(outcomes(again)) == {True}
    assert table.rows == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"chunk_size": 1001}, "chunk_size"),
        ({"chunk_size": -1}, "chunk_size"),
        ({"chunk_size": "9"}, "chunk_size"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 53}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"resume_from": "9"}, "resume_from"),
        ({"resume_from": 9}, "resume_from"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(shell: Shell, options: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        shell.portal.contacts.create_many([], **options)


@pytest.mark.parametrize("rows", ["text", {"firstname": "x"}, 7])
def test_what_is_no_iterable_of_rows_is_refused_at_once(shell: Shell, rows: Any) -> None:
    with pytest.raises(InvalidRequestError, match="expected an iterable of rows"):
        shell.portal.contacts.create_many(rows)


def test_no_rows_are_no_requests(shell: Shell, service: Service) -> None:
    assert shell(shell.portal.contacts.create_many([])) == []
    assert (service.requests, service.token_requests) == ([], [])


def test_what_the_rows_raise_is_raised_and_nothing_is_lost(shell: Shell, table: Table) -> None:
    class Rows:
        """Fails once, as a database might."""

        def __init__(self) -> None:
            self.numbers = iter(range(6))
            self.failed = False

        def __iter__(self) -> Rows:
            return self

        def __next__(self) -> dict[str, Any]:
            number = next(self.numbers)
            if number == 3 and not self.failed:
                self.failed, self.numbers = True, iter(range(3, 6))
                raise OSError("the cursor is gone")
            return {"firstname": str(number)}

    results = shell.portal.contacts.create_many(Rows())
    assert [shell.next(results).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="the cursor is gone"):
        shell.next(results)
    assert [(result.index, result.ok) for result in shell(results)] == [(3, True), (4, True), (5, True)]
    assert table.writes == [str(number) for number in range(6)]


def test_run_gives_those_that_failed(shell: Shell, table: Table) -> None:
    rows = [{"firstname": "a"}, {"firstname": "bad"}]
    assert [result.index for result in shell(shell.portal.contacts.create_many(rows).run())] == [1]


def test_a_client_that_does_nothing_keeps_each_row(client_class: Any) -> None:
    shell = Shell(client_class.no_op())
    results = shell(shell.portal.contacts.create_many(keyed(1, 2)))
    assert [result.key for result in results] == [UUID(int=1), UUID(int=2)]
    assert set(outcomes(shell(shell.portal.contacts.delete_many([UUID(int=1)])))) == {True}
    assert [write.method for write in shell.portal.recorded] == ["POST", "POST", "DELETE"]
    shell.close()


def test_no_representation_shows_a_value(shell: Shell, table: Table) -> None:
    rows = shell(shell.portal.contacts.create_many([{"firstname": "Kari"}, {"firstname": "bad Kari"}]))
    assert [repr(row) for row in rows] == ["<RowResult: 0, done>", "<RowResult: 1, InvalidRequestError>"]


def test_a_forbidden_table_is_told_for_each_row(shell: Shell, service: Service) -> None:
    service.answer(problem(403, "0x80040220"))
    assert outcomes(shell(shell.portal.contacts.create_many(names(1, 2)))) == [ForbiddenError] * 2


# Throttling, several identities, and ends.


def throttled(**headers: str) -> httpx2.Response:
    return problem(429, "0x80072322", **{"Retry_After": "20", **headers})


def test_a_throttled_request_is_sent_again_and_its_rows_have_not_failed(
    make_shell: Callable[..., Shell], service: Service, table: Table, clock: Clock
) -> None:
    service.answers[:] = [throttled(), throttled(), throttled(), throttled(), table.handle]
    shell = make_shell(retry=RetryPolicy(max_attempts=1))
    told: list[BulkProgress] = []
    results = shell(shell.portal.contacts.create_many(names(1, 2), concurrency=1, on_progress=told.append))
    assert [(result.ok, table.rows[str(result.key)]) for result in results] == [(True, "1"), (True, "2")]
    assert (sum(clock.slept), told[-1].throttled) == (80, 4)


def test_a_run_that_the_service_lets_nothing_through_for_too_long_says_so_and_goes_on_later(
    shell: Shell, service: Service, table: Table, clock: Clock
) -> None:
    service.answers[:] = [throttled(Retry_After="299")]
    run = shell.portal.contacts.create_many(names(*range(5)), chunk_size=2, concurrency=1)
    with pytest.raises(RateLimitedError) as caught:
        shell.next(run)
    assert caught.value.retry_after == 299
    assert 600 <= sum(clock.slept) <= 900
    assert run.checkpoint.endswith(":0")
    service.answers[:] = [table.handle]
    assert outcomes(shell(run)) == [True] * 5
    assert sorted(table.writes) == ["0", "1", "2", "3", "4"]


def test_a_run_that_is_not_to_wait_does_not(make_shell: Callable[..., Shell], service: Service, clock: Clock) -> None:
    service.answer(throttled())
    shell = make_shell(retry=RetryPolicy(max_retry_after=0))
    with pytest.raises(RateLimitedError):
        shell(shell.portal.contacts.create_many(names(1, 2)))
    assert clock.slept == []


def test_a_throttled_repetition_of_what_may_have_run_makes_nothing_twice(
    shell: Shell, service: Service, table: Table
) -> None:
    def lost(request: httpx2.Request) -> httpx2.Response:
        table.handle(request)
        raise httpx2.ReadError("")

    service.answers[:] = [lost, throttled(), table.handle]
    assert outcomes(shell(shell.portal.contacts.create_many(names(1, 2), concurrency=1))) == [True, True]
    assert sorted(table.writes) == ["1", "2"]


def test_what_the_service_says_is_left_is_told_of_progress(shell: Shell, service: Service, table: Table) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        answer = table.handle(request)
        answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] = "5999"
        answer.headers["x-ms-ratelimit-time-remaining-xrm-requests"] = "1,199.50"
        return answer

    service.answers[:] = [handle]
    told: list[BulkProgress] = []
    shell(shell.portal.contacts.create_many(names(1, 2), on_progress=told.append))
    assert (told[-1].requests_left, told[-1].seconds_left) == ("5999", "1,199.50")
    assert (told[-1].concurrency, told[-1].chunk_size) == (4, 100)


def test_requests_that_get_no_answer_become_smaller(shell: Shell, service: Service, table: Table) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if len(json.loads(request.content)["Targets"]) > 50:
            raise httpx2.ReadTimeout("")
        return table.handle(request)

    service.answers[:] = [handle]
    shell.portal = shell.portal.with_options(retry=RetryPolicy(max_attempts=1))
    results = shell(shell.portal.contacts.create_many(names(*range(400)), concurrency=1))
    failed = [result for result in results if not result.ok]
    assert [type(result.error) for result in failed] == [NetworkError] * len(failed)
    assert (len(failed), max(table.sizes)) == (200, 50), "the chunk that failed, and the one that was at hand"


class Users:
    """A service that knows application users by their tokens, and throttles one of them for good."""

    def __init__(self, table: Table, refused: str = "") -> None:
        self.table, self.refused = table, refused
        self.seen: list[str] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        user = request.headers["authorization"]
        self.seen.append(user)
        return throttled(Retry_After="250") if user == self.refused else self.table.handle(request)


def another(make_shell: Callable[..., Shell], **options: Any) -> Any:
    """Another application user's client."""
    credentials = StaticCredentialProvider(tenant_id=TENANT, client_id="client-0002", client_secret=SECRET)
    return make_shell(**{"credentials": credentials, **options}).portal


def test_rows_are_spread_over_application_users(
    make_shell: Callable[..., Shell], shell: Shell, service: Service, table: Table
) -> None:
    users = Users(table)
    service.answers[:] = [users.handle]
    other = another(make_shell)
    rows = names(*range(60))
    results = shell(shell.portal.contacts.create_many(rows, chunk_size=2, concurrency=1, through=[other.contacts]))
    assert [(result.index, result.ok) for result in results] == [(number, True) for number in range(60)]
    assert sorted(table.writes, key=int) == [str(number) for number in range(60)]
    assert set(users.seen) == {"Bearer token-1", "Bearer token-2"}


def test_a_throttled_application_user_leaves_the_rows_to_the_others(
    make_shell: Callable[..., Shell], shell: Shell, service: Service, table: Table
) -> None:
    users, other = Users(table, refused="Bearer token-1"), another(make_shell)
    service.answers[:] = [httpx2.Response(204)]
    for portal in (shell.portal, other):  # a token is fetched in two seconds, which waits of the other may not use up
        shell(portal.contacts.delete(UUID(int=1)))
    service.answers[:] = [users.handle]
    rows = names(*range(60))
    results = shell(shell.portal.contacts.create_many(rows, chunk_size=2, concurrency=1, through=[other.contacts]))
    assert outcomes(results) == [True] * 60
    assert "Bearer token-1" in users.seen
    assert len(table.writes) == 60


def test_a_wait_that_takes_no_time_ends_all_the_same(
    make_shell: Callable[..., Shell], service: Service, table: Table, clock: Clock
) -> None:
    service.answers[:] = [throttled(), throttled(), table.handle]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    shell = make_shell(sleep=slept.append)
    if isinstance(shell.portal, AsyncPortalClient):
        shell = make_shell(sleep=sleep)
    assert outcomes(shell(shell.portal.contacts.create_many(names(1), concurrency=1))) == [True]
    assert set(slept) == {20}, "the clock has stopped, as a test's may"


def test_one_application_user_is_not_two(
    make_shell: Callable[..., Shell], shell: Shell, service: Service, table: Table
) -> None:
    contacts, again = shell.portal.contacts, make_shell().portal.contacts
    for through in ([contacts], [again]):  # who the other one is is known once it has a token, some requests later
        with pytest.raises(InvalidRequestError, match="speak as the same application user"):
            shell(contacts.create_many(names(*range(1000)), chunk_size=2, concurrency=1, through=through))


def test_rows_go_through_the_same_table_of_the_same_organisation_only(
    make_shell: Callable[..., Shell], shell: Shell, service: Service, client_class: Any
) -> None:
    elsewhere = another(make_shell, base_url="https://other.crm4.dynamics.com").contacts
    for through in (another(make_shell).new_certifications, elsewhere, client_class.no_op().contacts, "contacts"):
        with pytest.raises(InvalidRequestError, match="through"):
            shell.portal.contacts.create_many(names(1), through=[through])
    assert service.requests == []


def test_an_end_that_was_asked_for_sends_nothing_more(shell: Shell, table: Table) -> None:
    run = shell.portal.contacts.create_many(names(*range(50)), chunk_size=2, concurrency=1)
    shell.next(run)
    shell(run.aclose() if hasattr(run, "aclose") else run.close())
    written = len(table.writes)
    assert shell.next(run).index == 1
    assert len(table.writes) == written == 2
    assert outcomes(shell(run)) == [True] * 48
    assert len(table.writes) == len(table.rows) == 50


def test_a_cancelled_task_is_not_waited_for_and_the_run_goes_on_without_a_row_made_twice(
    service: Service, table: Table, clock: Clock
) -> None:
    held: list[asyncio.Event] = []

    class Held(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = service.handle(request)
            if not request.url.path.endswith("/token") and len(held) < 4:
                held.append(asyncio.Event())
                await held[-1].wait()  # it has run, and is never answered
            return answer

    async def main() -> list[Any]:
        portal = make_portal(AsyncDynamicsPortalClient, service, clock, transport=Held())
        run = portal.contacts.create_many(names(*range(20)), chunk_size=2)
        task = asyncio.ensure_future(anext(run))
        while len(held) < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [
            other for other in asyncio.all_tasks() if other is not asyncio.current_task() and not other.cancelling()
        ] == []
        return [result async for result in run]

    assert outcomes(asyncio.run(main())) == [True] * 20
    assert sorted(table.writes, key=int) == [str(number) for number in range(20)]


# Jobs of the service's own.


def test_a_job_is_asked_for_with_its_conditions(shell: Shell, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"JobId": str(UUID(int=3))}))
    job = shell.portal.contacts.delete_where(
        ("new_mentor_status", "Equal", ContactMentorStatus.RESIGNED),
        ("_ownerid_value", "In", UUID(int=1), UUID(int=2)),
        ("new_website_visible", "Equal", False),
        ("new_certification_expiry", "LessThan", date(2026, 1, 1)),
        ("firstname", "Null"),
        job_name="resigned",
        start=datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    )
    assert shell(job) == UUID(int=3)
    body = service.body()
    (query,) = body["QuerySet"]
    assert (query["EntityName"], body["JobName"], body["StartDateTime"]) == (
        "contact",
        "resigned",
        "2026-01-01T00:00:00Z",
    )
    assert [(c["AttributeName"], c["Operator"], c["Values"]) for c in query["Criteria"]["Conditions"]] == [
        ("new_mentor_status", "Equal", [{"Value": "100000003", "Type": "System.Int32"}]),
        ("ownerid", "In", [{"Value": str(UUID(int=n)), "Type": "System.Guid"} for n in (1, 2)]),
        ("new_website_visible", "Equal", [{"Value": "false", "Type": "System.Boolean"}]),
        ("new_certification_expiry", "LessThan", [{"Value": "2026-01-01", "Type": "System.DateTime"}]),
        ("firstname", "Null", []),
    ]


@pytest.mark.parametrize(
    ("conditions", "options", "words"),
    [
        ([], {}, "expected a condition"),
        ([("firstnam", "Null")], {}, "did you mean 'firstname'"),
        ([("firstname", "Equal", 7)], {}, "Contact.firstname"),
        ([("firstname", "Equal", None)], {}, "operator Null"),
        ([("firstname", "eq 1")], {}, "operator by its name"),
        (["firstname"], {}, "conditions like"),
        ([("firstname", "Null")], {"job_name": " "}, "job_name"),
        ([("firstname", "Null")], {"start": datetime(2026, 1, 1)}, "time zone"),
    ],
)
def test_a_job_that_makes_no_sense_is_not_asked_for(
    shell: Shell, service: Service, conditions: Any, options: Any, words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        shell(shell.portal.contacts.delete_where(*conditions, **{"job_name": "x", **options}))
    assert service.requests == []


def test_a_job_whose_answer_was_lost_is_not_asked_for_again(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ReadError(""))
    with pytest.raises(NetworkError) as caught:
        shell(shell.portal.contacts.delete_where(("firstname", "Null"), job_name="x"))
    assert (caught.value.may_have_run, len(service.requests)) == (True, 1)


def test_a_client_that_does_nothing_keeps_the_job(client_class: Any) -> None:
    shell = Shell(client_class.no_op())
    assert shell(shell.portal.contacts.delete_where(("firstname", "Null"), job_name="x")) == UUID(int=0)
    assert [write.path for write in shell.portal.recorded] == ["BulkDelete"]
    shell.close()


# The engine alone, with what becomes of each request made up.

REQUESTS = TableRequests(Contact, settings_from("https://hlf.crm4.dynamics.com", {}))
FATES = st.lists(st.sampled_from(["good", "lost", "before", "drop", "429"]), max_size=40)


def carried_out(run: Run, table: Table, fates: Iterator[str]) -> None:
    """Send what a chunk wants to be sent, each request with its fate, tried no more than twice as a caller would."""
    while (call := run.next_call()) is not None:
        request = httpx2.Request(call.method, call.url, headers=list(call.headers), content=call.content)
        uncertain = False
        for attempt in range(2):
            fate = next(fates, "good")
            answer = table.handle(request) if fate in ("good", "lost") else None
            if fate == "good" and answer is not None:
                break
            uncertain = uncertain or fate in ("lost", "drop")
            if attempt or (not call.repeatable and uncertain):
                answer = None
                break
            answer = None
        if answer is None:
            run.fail(NetworkError(ErrorCode.NETWORK_ERROR, attempts=2, may_have_run=uncertain))
            continue
        if answer.is_success:
            got = Answer(answer.status_code, dict(answer.headers), answer.content)
            got.uncertain = uncertain
            run.feed(got, call)
        else:
            got = Answer(answer.status_code, dict(answer.headers), answer.content)
            run.fail(failure(got, call.correlation_id, attempts=2, uncertain=uncertain))


@given(
    st.lists(st.sampled_from(["a", "b", "bad"]), max_size=25),
    FATES,
    st.booleans(),
    st.integers(1, 7),
    st.integers(0, 30),
)
def test_whatever_becomes_of_requests_no_row_is_made_twice_and_none_is_lost(
    kinds: list[str], fates: list[str], messages: bool, chunk: int, stop: int
) -> None:
    table, fate = Table(messages=messages), iter(fates)
    rows = [{"firstname": f"{kind} {number}"} for number, kind in enumerate(kinds)]

    def one(resume_from: str | None) -> BulkWork:
        return BulkWork(REQUESTS, "create", set(), chunk_size=chunk, concurrency=1, resume_from=resume_from)

    results: list[Any] = []
    work, source = one(None), iter(rows)
    ended = False
    while not ended:
        while work.room and not ended:
            row = next(source, None)
            ended = row is None
            if row is not None:
                work.add(row)
        run = work.chunk().run
        if run is not None:
            carried_out(run, table, fate)
            work.settle(run)
        while (result := work.take()) is not None:
            results.append(result)
            if len(results) == stop:  # the process ends; another one goes on from its last checkpoint
                work = one(str(work.checkpoint))
                source, ended = iter(rows[work.skip :]), False
                break
    assert [result.index for result in results] == list(range(len(rows)))
    assert len(table.writes) == len(set(table.writes)), "a row was made twice"
    for result in results:
        written = table.writes.count(result.row["firstname"])
        if result.ok:
            assert written == 1
            assert table.rows[str(result.key)] == result.row["firstname"]
        else:
            assert written == 0 or result.error.may_have_run
        if kinds[result.index] == "bad":
            assert not result.ok


def test_a_checkpoint_is_text(shell: Shell) -> None:
    checkpoint = shell.portal.contacts.create_many([]).checkpoint
    assert isinstance(checkpoint, BulkCheckpoint)
    assert checkpoint.endswith(":0")
