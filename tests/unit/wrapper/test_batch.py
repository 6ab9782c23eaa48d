"""Batches: what goes into a request, what each operation is given back, and what a lost answer means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.unit.wrapper.parts import Asked, Said, asked, made, refused, said
from tests.unit.wrapper.support import API, MENTOR, SECRET, Service, Shell, problem

from dynamics_portal import (
    AsyncPortalClient,
    DuplicateError,
    DynamicsPortalClientException,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    NotRunError,
    RetryPolicy,
    ServerError,
)
from dynamics_portal_api.models import Contact
from dynamics_portal_api.operations import NewSetWebsiteVisibility, WhoAmI

DUPLICATE = refused(412, "0x80040237")
GONE = refused(404, "0x80040217")
DONE = Said(204)
LOST = httpx2.ReadError("")


def run(shell: Shell, fill: Callable[[Any], Any], **options: Any) -> Any:
    """What filling a batch gives, once it has run."""
    batch = shell.portal.batch(**options)
    if not isinstance(shell.portal, AsyncPortalClient):
        with batch:
            return fill(batch)

    async def block() -> Any:
        async with batch:
            return fill(batch)

    return shell(block())


def failing(shell: Shell, fill: Callable[[Any], Any]) -> tuple[list[Any], DynamicsPortalClientException]:
    """What filling a batch gives, and what leaving it raises."""
    kept: list[Any] = []
    with pytest.raises(DynamicsPortalClientException) as caught:
        run(shell, lambda batch: kept.extend(fill(batch)))
    return kept, caught.value


def states(pending: Any) -> list[str]:
    return [item.state for item in pending]


def singles(request: httpx2.Request) -> list[Asked]:
    return [item for item in asked(request) if isinstance(item, Asked)]


def test_operations_go_in_one_request_and_each_gets_its_own_result(shell: Shell, service: Service) -> None:
    user = {"UserId": str(MENTOR), "BusinessUnitId": str(MENTOR), "OrganizationId": str(MENTOR)}
    row = {"contactid": str(MENTOR), "firstname": "Kari"}
    service.answer(said(made(f"{API}contacts({MENTOR})"), DONE, Said(200, row), Said(200, user), Said(200, 7)))
    results = run(
        shell,
        lambda batch: [
            batch.contacts.create({"contactid": MENTOR, "firstname": "Kari"}),
            batch.contacts.update(MENTOR, {"firstname": "Kari"}, if_match='W/"1"'),
            batch.table(Contact).get(MENTOR, select=["firstname"]),
            batch.execute(WhoAmI()),
            batch.table("contact").count(),
        ],
    )
    create, update, get, who, count = (pending.result() for pending in results)
    assert (create, update, get.firstname, who.user_id, count) == (MENTOR, None, "Kari", MENTOR, 7)
    assert (service.last.method, str(service.last.url), len(service.requests)) == ("POST", f"{API}$batch", 1)
    sent = singles(service.last)
    assert [(item.method, item.url.removeprefix(API)) for item in sent] == [
        ("POST", "contacts"),
        ("PATCH", f"contacts({MENTOR})"),
        ("GET", f"contacts({MENTOR})?$select=firstname"),
        ("GET", "WhoAmI()"),
        ("GET", "contacts/$count"),
    ]
    assert sent[1].headers["if-match"] == 'W/"1"'
    assert {item.headers["odata-version"] for item in sent} == {"4.0"}
    assert not any("authorization" in item.headers for item in sent)


def test_a_list_gives_its_first_page_and_where_the_rest_is(shell: Shell, service: Service) -> None:
    link = f"{API}contacts?$skiptoken=2"
    page = {"value": [{"contactid": str(MENTOR)}], "@odata.nextLink": link}
    service.answer(said(Said(200, page), Said(200, {"value": []})), httpx2.Response(200, json={"value": []}))
    first, empty = run(shell, lambda batch: [batch.contacts.list(page_size=1), batch.contacts.list()])
    assert [row.contactid for row in first.result()] == [MENTOR]
    assert (list(empty.result()), empty.result().rest) == ([], None)
    assert shell(shell.portal.contacts.resume(first.result().rest)) == []
    assert str(service.last.url) == link
    assert singles(service.requests[0])[0].headers["prefer"] == "odata.maxpagesize=1"


def test_a_query_that_is_too_long_for_a_line_is_no_batch_in_a_batch(shell: Shell, service: Service) -> None:
    service.answer(said(Said(200, {"value": []})))
    text = "x" * 40_000
    (found,) = run(shell, lambda batch: [batch.contacts.list(filter=f"firstname eq '{text}'")])
    assert list(found.result()) == []
    assert text in singles(service.last)[0].url


def test_what_comes_after_a_failure_does_not_run_and_the_block_raises(shell: Shell, service: Service) -> None:
    service.answer(said(DONE, GONE, status=404))
    pending, error = failing(shell, lambda batch: [batch.contacts.delete(UUID(int=n)) for n in range(3)])
    assert states(pending) == ["done", "failed", "not_run"]
    assert isinstance(error, NotFoundError)
    assert (error.explanation, error.may_have_run) == ("operation 2 (delete of contact)", False)
    with pytest.raises(NotRunError, match=r"operation 3 .* not run, for operation 2 .* failed") as caught:
        pending[2].result()
    assert caught.value.__cause__ is error
    assert not caught.value.may_have_run


def test_with_continue_on_error_all_run_and_only_results_raise(shell: Shell, service: Service) -> None:
    service.answer(said(DONE, GONE, DONE))
    pending = run(shell, lambda b: [b.contacts.delete(UUID(int=n)) for n in range(3)], continue_on_error=True)
    assert states(pending) == ["done", "failed", "done"]
    assert service.last.headers["prefer"] == "odata.continue-on-error"
    with pytest.raises(NotFoundError):
        pending[1].result()


def test_a_change_set_refers_to_the_rows_that_it_makes(shell: Shell, service: Service) -> None:
    def fill(batch: Any) -> list[Any]:
        with batch.change_set() as changes:
            mentor = changes.contacts.create({"firstname": "Kari"})
            bound = {"new_type": 100000000, "new_Mentor@odata.bind": mentor.reference}
            return [
                mentor,
                changes.new_certifications.create(bound),
                changes.contacts.update(mentor, {"lastname": "N"}),
            ]

    service.answer(said([made("x", "1"), made("y", "2"), Said(204, content_id="3")]))
    mentor, certification, update = run(shell, fill)
    (sent,) = asked(service.last)
    assert isinstance(sent, list)
    assert [item.content_id for item in sent] == ["1", "2", "3"]
    assert sent[1].body["new_Mentor@odata.bind"] == "$1"
    assert (sent[2].method, sent[2].url) == ("PATCH", f"{API}$1")
    assert (str(mentor.result()), update.result()) == (sent[0].body["contactid"], None)
    assert str(certification.result()) == sent[1].body["new_certificationid"]


def test_results_of_a_change_set_are_matched_by_their_ids(shell: Shell, service: Service) -> None:
    def fill(batch: Any) -> list[Any]:
        with batch.change_set() as changes:
            return [changes.contacts.upsert({"contactid": UUID(int=n)}, {"firstname": "K"}) for n in (1, 2)]

    service.answer(said([made(f"{API}contacts({UUID(int=n)})", str(n)) for n in (2, 1)]))
    assert [pending.result() for pending in run(shell, fill)] == [UUID(int=1), UUID(int=2)]


def in_a_set(batch: Any) -> list[Any]:
    with batch.change_set() as changes:
        return [changes.contacts.delete(UUID(int=n)) for n in range(3)]


def test_a_failed_change_set_names_the_operation_and_the_others_were_rolled_back(
    shell: Shell, service: Service
) -> None:
    service.answer(said(refused(403, "0x80040220", content_id="2"), status=403))
    pending, error = failing(shell, in_a_set)
    assert states(pending) == ["not_run", "failed", "not_run"]
    assert (error.code, error.explanation, error.status_code) == ("forbidden", "operation 2 (delete of contact)", 403)
    for number in (0, 2):
        with pytest.raises(NotRunError, match="rolled back, for operation 2") as caught:
            pending[number].result()
        assert caught.value.__cause__ is error


@pytest.mark.parametrize("answer", [said(GONE, status=404), said([GONE])], ids=["plain", "within a set"])
def test_a_failed_change_set_that_does_not_say_which_operation_failed_fails_all(
    shell: Shell, service: Service, answer: httpx2.Response
) -> None:
    service.answer(answer)
    pending, error = failing(shell, in_a_set)
    assert states(pending) == ["not_run"] * 3
    assert isinstance(error, NotFoundError)
    assert error.explanation == "an operation of a change set"


def test_leaving_the_block_by_an_exception_sends_nothing(shell: Shell, service: Service) -> None:
    kept: list[Any] = []

    def fill(batch: Any) -> None:
        kept.append(batch.contacts.delete(MENTOR))
        raise KeyError("x")

    with pytest.raises(KeyError):
        run(shell, fill)
    assert (states(kept), service.requests, service.token_requests) == (["abandoned"], [], [])
    with pytest.raises(InvalidRequestError, match="was not sent"):
        kept[0].result()


def test_a_change_set_that_is_left_by_an_exception_is_dropped(shell: Shell, service: Service) -> None:
    def fill(batch: Any) -> list[Any]:
        kept = [batch.contacts.delete(MENTOR)]
        try:
            with batch.change_set() as changes:
                kept.append(changes.contacts.delete(MENTOR))
                raise KeyError
        except KeyError:
            return kept

    service.answer(said(DONE))
    assert states(run(shell, fill)) == ["done", "abandoned"]
    assert len(asked(service.last)) == 1


def test_an_empty_batch_sends_nothing(shell: Shell, service: Service) -> None:
    def fill(batch: Any) -> None:
        with batch.change_set():
            pass

    run(shell, fill)
    assert (service.requests, service.token_requests) == ([], [])


def answered(request: httpx2.Request) -> httpx2.Response:
    """A service that does what it is asked."""
    return said(*([DONE] * len(item) if isinstance(item, list) else DONE for item in asked(request)))


def test_more_than_a_thousand_operations_are_divided_between_change_sets(shell: Shell, service: Service) -> None:
    def fill(batch: Any) -> list[Any]:
        pending = [batch.contacts.delete(UUID(int=n)) for n in range(990)]
        with batch.change_set() as changes:
            pending += [changes.contacts.delete(UUID(int=n)) for n in range(20)]
        return [*pending, *(batch.contacts.delete(UUID(int=n)) for n in range(995))]

    service.answer(answered)
    assert set(states(run(shell, fill))) == {"done"}
    assert [[len(i) if isinstance(i, list) else 1 for i in asked(r)] for r in service.requests] == [
        [1] * 990,
        [20] + [1] * 980,
        [1] * 15,
    ]


def test_operations_are_divided_by_their_size(shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamics_portal._batch.MAX_BYTES", 10_000)
    service.answer(answered)
    pending = run(shell, lambda b: [b.contacts.update(MENTOR, {"new_pause_reason": "x" * 4000}) for _ in range(5)])
    assert set(states(pending)) == {"done"}
    assert [len(asked(request)) for request in service.requests] == [2, 2, 1]


def test_a_request_that_fails_as_a_whole_ends_the_batch(shell: Shell, service: Service) -> None:
    service.answer(answered, problem(403, "0x80040220"))
    kept: list[Any] = []
    run(
        shell,
        lambda batch: kept.extend(batch.contacts.delete(UUID(int=n)) for n in range(2001)),
        continue_on_error=True,
    )
    assert [kept[n].state for n in (0, 999, 1000, 1999, 2000)] == ["done", "done", "failed", "failed", "not_run"]
    assert len(service.requests) == 2


def test_a_change_set_that_is_too_large_is_refused_as_it_is_made(
    shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def many(batch: Any) -> None:
        with batch.change_set() as changes:
            for _ in range(1001):
                changes.contacts.delete(MENTOR)

    def large(batch: Any) -> None:
        with batch.change_set() as changes:
            for _ in range(5):
                changes.contacts.update(MENTOR, {"new_pause_reason": "x" * 400_000})

    with pytest.raises(InvalidRequestError, match="1000 operations"):
        run(shell, many)
    monkeypatch.setattr("dynamics_portal._recorder.MAX_SET_BYTES", 1 << 20)
    with pytest.raises(InvalidRequestError, match="1 MiB"):
        run(shell, large)
    assert service.requests == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda b: b.contacts.delete(b.contacts.create({})), "in its own change set only|referred to"),
        (lambda b: b.contacts.create({}).reference, "only a row that is created in a change set"),
        (lambda b: b.contacts.create({"firstnam": "x"}), "did you mean 'firstname'"),
        (lambda b: b.contacts.create({"ownerid@odata.bind": "$1"}), "does not create before it"),
        (lambda b: b.change_set().contacts.delete(MENTOR), "within its block"),
        (lambda b: b.contacts.delete(MENTOR).result(), "has not run yet"),
        (lambda b: b.__enter__() if hasattr(b, "__enter__") else b._begin(), "used once"),
    ],
)
def test_mistakes_are_told_at_their_line(
    shell: Shell, service: Service, wrong: Callable[[Any], Any], words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        run(shell, wrong)
    assert service.requests == []


def test_a_change_set_refuses_what_is_not_of_it(shell: Shell, service: Service) -> None:
    def fill(batch: Any) -> None:
        with batch.change_set() as first:
            other = first.contacts.create({})
        with batch.change_set() as changes:
            with pytest.raises(InvalidRequestError, match="function"):
                changes.execute(WhoAmI())
            with pytest.raises(InvalidRequestError, match="own change set only"):
                changes.contacts.update(other, {"firstname": "x"})
            with pytest.raises(InvalidRequestError, match="does not create before it"):
                changes.contacts.create({"ownerid@odata.bind": other.reference})
            assert not hasattr(changes.contacts, "get")
        with pytest.raises(AttributeError, match="no table 'contacs'; did you mean 'contacts'"):
            _ = batch.contacs
        raise KeyError

    with pytest.raises(KeyError):
        run(shell, fill)


def test_a_batch_outside_of_its_block_takes_nothing(shell: Shell) -> None:
    with pytest.raises(InvalidRequestError, match="within its block"):
        shell.portal.batch().contacts.delete(MENTOR)


def test_the_list_of_writable_columns_holds_in_batches(make_shell: Callable[..., Shell], service: Service) -> None:
    shell = make_shell(writable={"contacts": ["firstname"]})
    with pytest.raises(InvalidRequestError, match="lastname is not in the client's list"):
        run(shell, lambda batch: batch.contacts.create({"lastname": "N"}))
    assert service.requests == []


def test_a_closed_client_sends_no_batch(shell: Shell, service: Service) -> None:
    def fill(batch: Any) -> list[Any]:
        pending = [batch.contacts.delete(MENTOR)]
        shell.portal._caller.close()
        return pending

    pending, error = failing(shell, fill)
    assert (states(pending), service.requests) == (["failed"], [])
    assert "closed" in str(error)


def test_a_client_that_does_nothing_keeps_each_write(client_class: Any) -> None:
    shell = Shell(client_class.no_op())
    created, page, found = run(
        shell,
        lambda b: [b.contacts.create({"contactid": MENTOR}), b.contacts.list(count=True), b.contacts.delete(MENTOR)],
    )
    assert (created.result(), list(page.result()), found.result()) == (MENTOR, [], None)
    assert [(write.method, write.body) for write in shell.portal.recorded] == [
        ("POST", {"contactid": str(MENTOR)}),
        ("DELETE", None),
    ]
    shell.close()


# What a lost answer means.


def test_a_batch_whose_parts_may_all_be_repeated_is_repeated(shell: Shell, service: Service) -> None:
    service.answer(LOST, said(DONE, DONE))
    pending = run(shell, lambda b: [b.contacts.update(MENTOR, {"firstname": "K"}), b.contacts.upsert(MENTOR, {})])
    assert (states(pending), len(service.requests)) == (["done", "done"], 2)


def test_a_batch_with_a_part_that_must_not_be_repeated_is_not(
    shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = NewSetWebsiteVisibility.__operation__._replace(idempotent=False)
    monkeypatch.setattr(NewSetWebsiteVisibility, "__operation__", once)

    def fill(batch: Any) -> list[Any]:
        action = NewSetWebsiteVisibility(MENTOR, visible=True)
        return [batch.contacts.delete(MENTOR), batch.execute(action)]

    service.answer(LOST, said(DONE, DONE))
    pending, error = failing(shell, fill)
    assert (states(pending), len(service.requests), error.may_have_run) == (["failed", "failed"], 1, True)
    service.answers[:] = [httpx2.ConnectError(""), problem(429, retry_after="1"), said(DONE, Said(200, {}))]
    assert states(run(shell, fill))[0] == "done"  # it provably did not run before


def test_a_row_that_a_lost_attempt_has_made_counts_and_what_it_kept_from_running_is_sent(
    shell: Shell, service: Service
) -> None:
    service.answer(
        LOST, said(DUPLICATE, status=412), said(Said(200, {})), said(DUPLICATE, status=412), said(Said(200, {}))
    )
    first, second = run(shell, lambda batch: [batch.contacts.create({"firstname": name}) for name in ("a", "b")])
    lost, again, look, rest, last = map(singles, service.requests)
    assert [item.body["contactid"] for item in lost] == [str(first.result()), str(second.result())]
    assert [item.content for item in again] == [item.content for item in lost]
    assert [(item.method, item.url) for item in look] == [("GET", f"{API}contacts({first.result()})?$select=contactid")]
    assert [item.content for item in rest] == [lost[1].content]
    assert len(last) == 1


def test_a_clash_with_somebody_elses_row_is_an_error_also_after_a_lost_attempt(shell: Shell, service: Service) -> None:
    service.answer(LOST, said(DUPLICATE, status=412), said(GONE))
    pending, error = failing(shell, lambda batch: [batch.contacts.create({}), batch.contacts.create({})])
    assert states(pending) == ["failed", "not_run"]
    assert isinstance(error, DuplicateError)
    assert error.may_have_run
    with pytest.raises(NotRunError) as caught:
        pending[1].result()
    assert caught.value.may_have_run, "the lost attempt may have made the second row"


def test_without_a_lost_attempt_a_clash_is_an_error_at_once(shell: Shell, service: Service) -> None:
    service.answer(said(DUPLICATE, status=412))
    failing(shell, lambda batch: [batch.contacts.create({})])
    assert len(service.requests) == 1


def test_a_row_that_a_lost_attempt_has_deleted_counts_as_deleted(shell: Shell, service: Service) -> None:
    service.answer(LOST, said(GONE, DONE), said(GONE))
    pending = run(shell, lambda b: [b.contacts.delete(MENTOR), b.contacts.delete(MENTOR)], continue_on_error=True)
    assert states(pending) == ["done", "done"]


def mixed_set(batch: Any) -> list[Any]:
    with batch.change_set() as changes:
        made = changes.contacts.create({})
        return [made, changes.contacts.delete(MENTOR), changes.contacts.update(made, {"firstname": "K"})]


def test_a_change_set_that_a_lost_attempt_has_run_counts_where_all_of_it_is_there(
    shell: Shell, service: Service
) -> None:
    service.answer(LOST, said(refused(412, "0x80040237", content_id="1"), status=412), said(Said(200, {}), GONE))
    made, deleted, updated = run(shell, mixed_set)
    (sent,) = asked(service.requests[0])
    assert isinstance(sent, list)
    assert (str(made.result()), deleted.result(), updated.result()) == (sent[0].body["contactid"], None, None)


def test_a_change_set_of_which_something_is_missing_has_failed(shell: Shell, service: Service) -> None:
    answer = refused(412, "0x80040237", content_id="1")
    service.answer(LOST, said(answer, status=412), said(Said(200, {}), Said(200, {})))
    pending, error = failing(shell, mixed_set)
    assert (states(pending), error.may_have_run) == (["failed", "not_run", "not_run"], True)


def test_a_look_that_fails_leaves_open_what_has_run(shell: Shell, service: Service) -> None:
    service.answer(LOST, said(DUPLICATE, status=412), problem(503))
    pending, error = failing(shell, lambda batch: [batch.contacts.create({}), batch.contacts.create({})])
    assert (states(pending), error.may_have_run) == (["failed", "not_run"], True)


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, json={}),
        httpx2.Response(200, headers={"Content-Type": "multipart/mixed; boundary=x"}, content=b"--x\r\n"),
        httpx2.Response(200, headers={"Content-Type": "multipart/mixed"}, content=b""),
        said(),
        said([DONE]),
        said(Said(200)),
    ],
    ids=["json", "cut off", "no boundary", "no part", "a set", "no row"],
)
def test_an_answer_that_makes_no_sense_is_the_servers_fault(
    shell: Shell, service: Service, answer: httpx2.Response
) -> None:
    service.answer(answer)
    pending, error = failing(shell, lambda batch: [batch.contacts.get(MENTOR)])
    assert (states(pending), type(error), error.may_have_run) == (["failed"], ServerError, True)


def test_an_answer_that_lacks_parts_fails_those(shell: Shell, service: Service) -> None:
    service.answer(said(DONE))
    pending, error = failing(shell, lambda b: [b.contacts.delete(UUID(int=n)) for n in range(2)])
    assert states(pending) == ["done", "failed"]
    assert isinstance(error, ServerError)
    assert error.may_have_run


def test_a_failed_batch_of_megabytes_is_read_to_its_end(shell: Shell, service: Service) -> None:
    rows = {"value": [{"contactid": str(UUID(int=n)), "firstname": "x" * 1000} for n in range(2000)]}
    service.answer(said(Said(200, rows), GONE, status=404))
    pending, _ = failing(shell, lambda b: [b.contacts.list(), b.contacts.delete(MENTOR)])
    assert len(pending[0].result()) == 2000


def test_no_error_of_a_part_shows_what_the_request_proved_itself_with(shell: Shell, service: Service) -> None:
    service.token_answers.append(
        httpx2.Response(200, json={"token_type": "Bearer", "expires_in": 99, "access_token": SECRET})
    )
    service.answer(said(refused(400, "0x80040203", f"said Bearer {SECRET}"), status=400))
    _, error = failing(shell, lambda batch: [batch.contacts.delete(MENTOR)])
    assert SECRET not in error.message + str(error)


def test_one_record_is_logged_for_the_call(shell: Shell, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.answer(said(DONE, DONE))
    with caplog.at_level("DEBUG", "dynamics_portal"):
        run(shell, lambda b: [b.contacts.delete(MENTOR), b.contacts.update(MENTOR, {"firstname": "Kari"})])
    calls = [record.getMessage() for record in caplog.records if record.getMessage().startswith("call ")]
    assert len(calls) == 1
    assert "/$batch" in calls[0]
    assert not any(str(MENTOR) in record.getMessage() or "Kari" in record.getMessage() for record in caplog.records)


def test_all_requests_of_a_batch_carry_one_correlation_id(make_shell: Callable[..., Shell], service: Service) -> None:
    ids = iter(["first", "second"])
    shell = make_shell(correlation_id=lambda: next(ids), retry=RetryPolicy(max_attempts=1))
    service.answer(answered)
    run(shell, lambda batch: [batch.contacts.delete(UUID(int=n)) for n in range(1001)])
    assert {request.headers["x-correlation-id"] for request in service.requests} == {"first"}


def test_what_options_add_is_on_each_part(shell: Shell, service: Service) -> None:
    service.answer(said(DONE, Said(200, {"value": []})))
    shell.portal = shell.portal.with_options(act_as_user=MENTOR)
    run(shell, lambda b: [b.contacts.delete(MENTOR), b.contacts.list(filter=f"firstname eq '{'x' * 40_000}'")])
    assert [item.headers["mscrmcallerid"] for item in singles(service.last)] == [str(MENTOR)] * 2


def test_representations_show_no_key(shell: Shell) -> None:
    batch = shell.portal.batch()
    batch._begin()
    pending = batch.contacts.delete(MENTOR)
    shown = f"{pending!r} {batch!r} {batch.contacts!r} {batch.change_set()!r}"
    assert str(MENTOR) not in shown
    assert "operation 1 (delete of contact), waiting" in shown


def test_a_network_that_is_down_fails_all(shell: Shell, service: Service) -> None:
    service.answer(httpx2.ConnectError(""))
    pending, error = failing(shell, lambda b: [b.contacts.delete(MENTOR), b.contacts.count()])
    assert states(pending) == ["failed", "failed"]
    assert isinstance(error, NetworkError)
    assert (error.attempts, error.may_have_run) == (3, False)
