"""Bulk: what is sent for many rows, a result for each, and how a run that ended early goes on."""

from __future__ import annotations

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
from tests.unit.wrapper.support import API, Service, Shell, problem

from dynamics_portal import (
    AsyncPortalClient,
    BulkCheckpoint,
    BulkProgress,
    ErrorCode,
    ForbiddenError,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    RetryPolicy,
    ServerError,
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
        while not work.is_filled and not ended:
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
