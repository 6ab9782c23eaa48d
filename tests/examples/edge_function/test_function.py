"""The edge function in Deno: what it does, whom it refuses, what it says of failures, and what it never says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx2
import jwt
import pytest
from examples.edge_function.here import JWT_SECRET, MENTOR, ORGANISATION, Function, access_token
from starlette.requests import Request
from starlette.responses import Response
from tests.examples.edge_function.conftest import REASON, SURNAME, sender
from tests.supabase.postgrest import Supabase

from dynamics_portal_demo.portal_side import Website
from dynamics_portal_emulator.emulator import Emulator

pytestmark = pytest.mark.slow  # the folder is built first, and several of them run in it

Send = Callable[..., httpx2.Response]


def problem(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["correlation_id"] == answer.headers["x-correlation-id"]
    return answer.status_code, document["code"]


def test_it_sets_a_mentors_visibility_with_credentials_from_vault(
    send: Send, dynamics: Emulator, supabase: Supabase, website: Website
) -> None:
    for visible in (False, True):
        answer = send(visible=visible)
        assert answer.status_code == 200
        told = answer.json()
        assert (told["mentor_id"], told["is_visible"], told["sync_status"]) == (str(MENTOR), visible, "synced")
        assert told["website_record_id"]
        assert told["synced_at"].endswith("+00:00")
        assert (MENTOR in website.shown) is visible
    assert {(call.function, call.role) for call in supabase.calls} == {("dynamics_portal_secrets", "service_role")}
    called = [
        json.loads(request.body) for request in dynamics.requests if request.path.endswith("SetWebsiteVisibility")
    ]
    assert called == [{"Visible": False, "Reason": REASON}, {"Visible": True, "Reason": REASON}]


def test_one_python_answers_many_requests_at_a_time(run: Callable[..., Function], supabase: Supabase) -> None:
    function = run()
    function.wait_for("python started")
    asked = len(supabase.calls)
    send = sender(function, supabase.url)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: send(headers={"x-correlation-id": f"call-{number}"}), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert {answer.headers["x-correlation-id"] for answer in answers} == {f"call-{number}" for number in range(20)}
    assert len(supabase.calls) == asked + 1  # one token for all of them
    assert sum(line["message"] == "python started" for line in function.lines) == 1


def test_a_correlation_id_is_passed_through_to_dynamics_the_answer_and_the_log(
    send: Send, dynamics: Emulator, function: Function
) -> None:
    assert send(headers={"x-correlation-id": "portal.7-a"}).headers["x-correlation-id"] == "portal.7-a"
    assert dynamics.requests[-1].headers["x-correlation-id"] == "portal.7-a"
    assert {line["correlation_id"] for line in function.lines} == {"portal.7-a"}
    made = send().headers["x-correlation-id"]
    assert UUID(made)
    assert dynamics.requests[-1].headers["x-correlation-id"] == made


ADMINISTRATOR = {"portal_role": "administrator", "organisation": ORGANISATION}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": None},
        {"iss": "https://other.supabase.co/auth/v1"},
        {"iss": None},
        {"aud": "anon"},
        {"nbf": 4_000_000_000},
        {"key": "another-secret-that-is-long-enough-to-sign"},
        {"algorithm": "HS512"},
    ],
    ids=str,
)
def test_a_token_that_is_not_good_is_refused(
    changes: dict[str, Any], send: Send, supabase: Supabase, dynamics: Emulator
) -> None:
    token = access_token(supabase.url, **changes)
    answer = send(headers={"authorization": f"Bearer {token}"})
    assert problem(answer) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert dynamics.requests == ()


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "Bearer ..", "NONE"])
def test_what_is_no_token_is_refused(given: str, send: Send, supabase: Supabase, dynamics: Emulator) -> None:
    if given == "NONE":
        claims = jwt.decode(access_token(supabase.url), options={"verify_signature": False})
        given = f"Bearer {jwt.encode(claims, '', 'none')}"
    assert problem(send(headers={"authorization": given})) == (401, "not_authenticated")
    assert dynamics.requests == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"app_metadata": {**ADMINISTRATOR, "portal_role": "coordinator"}},
        {"app_metadata": {**ADMINISTRATOR, "organisation": "another"}},
        {"app_metadata": {"portal_role": "administrator"}},
        {"app_metadata": None},
        {"app_metadata": "administrator"},
        {"app_metadata": None, "user_metadata": ADMINISTRATOR},  # which users write themselves
        {"role": "anon"},
        {"is_anonymous": True},
    ],
    ids=str,
)
def test_a_caller_who_is_no_administrator_of_the_organisation_may_not(
    changes: dict[str, Any], send: Send, supabase: Supabase, dynamics: Emulator
) -> None:
    answer = send(headers={"authorization": f"Bearer {access_token(supabase.url, **changes)}"})
    assert problem(answer) == (403, "not_permitted")
    assert dynamics.requests == ()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_not_allowed(method: str, send: Send) -> None:
    answer = send(method)
    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_another_type_is_not_understood(kind: str, send: Send) -> None:
    assert problem(send(headers={"content-type": kind})) == (415, "unsupported_type")


def test_a_type_with_a_character_set_is(send: Send) -> None:
    assert send(headers={"content-type": "Application/JSON; charset=utf-8"}).status_code == 200


def in_parts() -> Iterator[bytes]:
    yield from [b" " * 1000] * 10


@pytest.mark.parametrize("content", [b" " * 5000, in_parts], ids=["said", "unsaid"])
def test_a_body_that_is_too_large_is_not_read_to_its_end(content: Any, send: Send, dynamics: Emulator) -> None:
    assert problem(send(content=content if isinstance(content, bytes) else content())) == (413, "too_large")
    assert dynamics.requests == ()


@pytest.mark.parametrize("given", ["kari@example.org", "two words", "x" * 129, "90 12 34 56"])
def test_a_correlation_id_that_could_be_about_somebody_is_refused(given: str, send: Send, function: Function) -> None:
    answer = send(headers={"x-correlation-id": given})
    assert problem(answer) == (400, "bad_request")
    assert given not in f"{answer.text} {answer.headers} {function.lines}"


BODY = {"mentor_id": str(MENTOR), "visible": True, "reason": "x"}
BAD_BODIES = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "deep": b"[" * 2000 + b"]" * 2000,
    "not UTF-8": b'{"reason": "\xff"}',
    "twice": b'{"visible": true, ' + json.dumps(BODY).encode()[1:],
    **{f"null as {name}": json.dumps({**BODY, name: None}).encode() for name in BODY},
    "a field more": json.dumps({**BODY, "planted": "Kari"}).encode(),
    "a word for visible": json.dumps({**BODY, "visible": "true"}).encode(),
    "a number for visible": json.dumps({**BODY, "visible": 1}).encode(),
    "no UUID": json.dumps({**BODY, "mentor_id": "planted"}).encode(),
    "a path": json.dumps({**BODY, "mentor_id": f"{MENTOR})/planted("}).encode(),
    "braces": json.dumps({**BODY, "mentor_id": f"{{{MENTOR}}}"}).encode(),
    "no reason": json.dumps({**BODY, "reason": "  "}).encode(),
    "a long reason": json.dumps({**BODY, "reason": "planted" * 100}).encode(),
    "a line break": json.dumps({**BODY, "reason": "planted\nline"}).encode(),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_asks_for_nothing_is_told_why_without_its_values(
    name: str, send: Send, dynamics: Emulator, function: Function
) -> None:
    answer = send(content=BAD_BODIES[name])
    assert problem(answer) == (400, "bad_request")
    assert answer.json()["problems"] if name != "not UTF-8" else answer.json()["title"] == "The body has to be UTF-8"
    assert "planted" not in f"{answer.text} {function.lines}"
    assert dynamics.requests == ()


def test_everything_that_is_wrong_is_told_at_once(send: Send) -> None:
    told = send(content=b'{"mentor_id": 1, "reason": ""}').json()["problems"]
    assert [problem.partition(" ")[0] for problem in told] == ["visible", "mentor_id", "reason"]


def test_a_mentor_who_is_not_there_is_not_found(send: Send) -> None:
    answer = send(mentor_id=str(UUID(int=9)))
    assert problem(answer) == (404, "not_found")
    assert answer.json()["may_have_run"] is False


@pytest.mark.parametrize(
    ("status", "times", "expected"),
    [
        (400, 1, (422, "invalid_request")),
        (403, 1, (502, "forbidden")),
        (409, 1, (409, "conflict")),
        (429, 3, (503, "rate_limited")),
        (503, 3, (502, "server_error")),
    ],
)
def test_a_failure_of_dynamics_is_mapped_and_its_words_are_not_passed_on(
    status: int, times: int, expected: tuple[int, str], send: Send, dynamics: Emulator, function: Function
) -> None:
    body = {"error": {"code": "0x0", "message": f"planted words about {SURNAME}"}}
    dynamics.faults.add(status=status, times=times, method="POST", headers={"Retry-After": "1"}, body=body)
    answer = send()
    assert problem(answer) == expected
    assert dynamics.faults.pending == 0
    assert "planted" not in f"{answer.text} {function.lines}"
    if status == 429:
        assert answer.headers["retry-after"] == "1"


def test_a_dynamics_that_says_nothing_may_have_done_it(send: Send, dynamics: Emulator) -> None:
    dynamics.faults.drop_after_commit(times=3, method="POST", path="SetWebsiteVisibility")
    answer = send()
    assert problem(answer) == (504, "network_error")
    assert answer.json()["may_have_run"] is True


def test_a_failure_that_passes_is_not_noticed(send: Send, dynamics: Emulator) -> None:
    dynamics.faults.add(status=503, method="POST", headers={"Retry-After": "1"})
    assert send().status_code == 200


def test_a_redirect_takes_the_token_nowhere(send: Send, dynamics: Emulator, supabase: Supabase) -> None:
    taken: list[Request] = []

    def take(request: Request) -> Response:
        taken.append(request)
        return Response()

    supabase.answer = take
    elsewhere = f"{supabase.url}/rest/v1/rpc/elsewhere"
    dynamics.faults.add(status=307, method="POST", headers={"Location": elsewhere})
    try:
        assert send().status_code >= 400
    finally:
        supabase.reset()
    assert taken == []


def test_neither_secrets_nor_anything_about_a_person_is_logged(
    send: Send, function: Function, dynamics: Emulator, supabase: Supabase
) -> None:
    token = access_token(supabase.url)
    send(headers={"authorization": f"Bearer {token}"})
    send(mentor_id=str(UUID(int=9)))
    send(reason="")
    logged = json.dumps(function.lines)
    assert [line["level"] for line in function.lines].count("DEBUG") >= 4  # the client's own records are among them
    secrets = (dynamics.client_secret, supabase.service_role_key, JWT_SECRET, token, token.split(".")[2])
    for planted in (*secrets, REASON, SURNAME, str(MENTOR), "000000000000000000000000000a", "Bearer "):
        assert planted not in logged


def test_with_the_flag_off_requests_are_checked_and_nothing_is_sent(
    run: Callable[..., Function], supabase: Supabase, dynamics: Emulator
) -> None:
    asked = len(supabase.calls)
    function = run(DYNAMICS_PORTAL_ENABLED="false")
    send = sender(function, supabase.url)
    for _ in range(2):
        answer = send()
        assert answer.status_code == 202
        assert answer.json() == {"mentor_id": str(MENTOR), "is_visible": None, "sync_status": "switched_off"}
    assert problem(send(visible="no")) == (400, "bad_request")
    assert problem(send(headers={"authorization": ""})) == (401, "not_authenticated")
    assert (dynamics.requests, len(supabase.calls)) == ((), asked)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"DYNAMICS_BASE_URL": None}, "DYNAMICS_BASE_URL"),
        ({"DYNAMICS_BASE_URL": "http://planted.example"}, "https://"),
        ({"SUPABASE_SERVICE_ROLE_KEY": None}, "SUPABASE_SERVICE_ROLE_KEY"),
        ({"DYNAMICS_PORTAL_ENABLED": "flase"}, "DYNAMICS_PORTAL_ENABLED"),
    ],
    ids=str,
)
def test_a_setting_that_is_missing_is_named_in_the_log_and_not_to_the_caller(
    changes: dict[str, str | None], told: str, run: Callable[..., Function], supabase: Supabase
) -> None:
    function = run(**changes)
    answer = sender(function, supabase.url)()
    assert problem(answer) == (503, "not_started")
    assert told not in answer.text
    assert told in function.wait_for("python did not start")["message"]


@pytest.mark.parametrize("name", ["SUPABASE_URL", "ORGANISATION"])
def test_without_a_way_to_know_callers_it_does_not_start(name: str, run: Callable[..., Function]) -> None:
    with pytest.raises(RuntimeError, match=f"set {name}"):
        run(**{name: None})


def test_a_short_secret_for_tokens_is_no_secret(run: Callable[..., Function]) -> None:
    with pytest.raises(RuntimeError, match="HS256 needs 32"):
        run(JWT_SECRET="short")


def test_a_key_that_may_not_read_vault_is_a_failure_of_this_function_and_told_in_the_log(
    run: Callable[..., Function], supabase: Supabase, dynamics: Emulator
) -> None:
    function = run(SUPABASE_SERVICE_ROLE_KEY=supabase.keys["anon"])
    assert problem(sender(function, supabase.url)()) == (502, "auth_failure")
    assert "only the service role may" in function.wait_for("authentication failed")["message"]
    assert supabase.keys["anon"] not in json.dumps(function.lines)
    assert not [request for request in dynamics.requests if "token" in request.path]
