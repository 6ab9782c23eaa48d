"""Error mapping: every answer that is no success has a code, whatever it looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import shared_data

from dynamics_portal import DynamicsPortalClientException, ErrorCode
from dynamics_portal._error_mapping import MAX_MESSAGE, normal_code, read_error, request_id, retry_after
from dynamics_portal._failures import failure
from dynamics_portal._outcome import Answer

AUTH, FORBIDDEN, NOT_FOUND, INVALID, CONFLICT, LIMITED, SERVER = (
    ErrorCode.AUTH_FAILURE,
    ErrorCode.FORBIDDEN,
    ErrorCode.NOT_FOUND,
    ErrorCode.INVALID_REQUEST,
    ErrorCode.CONFLICT,
    ErrorCode.RATE_LIMITED,
    ErrorCode.SERVER_ERROR,
)

BY_STATUS = {401: AUTH, 403: FORBIDDEN, 404: NOT_FOUND, 405: INVALID, 412: CONFLICT, 415: INVALID, 429: LIMITED}
"""What a status means that is not a general one."""
RECORDED = {
    (400, "interaction_required"): AUTH,
    (400, "AADSTS50079"): AUTH,
    (None, "0x80072325"): SERVER,  # the quota of a trial is used up: nothing that the caller did
    (None, "900400ff"): INVALID,
    (None, "internal_recordnotfound"): NOT_FOUND,
    (304, None): INVALID,
}
"""What is expected of recorded answers beside that: a general status and the code that decides."""


def recorded() -> list[dict[str, Any]]:
    try:
        return list(json.loads(shared_data("errors.json").read_text(encoding="utf-8")))
    except pytest.skip.Exception:
        return []


def body_of(entry: dict[str, Any]) -> bytes:
    return b"" if entry["body"] is None else json.dumps(entry["body"]).encode()


def test_the_recorded_answers_are_there() -> None:
    shared_data("errors.json")
    assert len(recorded()) >= 65


@pytest.mark.parametrize("entry", recorded(), ids=lambda entry: f"{entry['status']}-{str(entry['body'])[:50]}")
def test_every_recorded_answer_has_the_right_code(entry: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in entry["headers"].items()}
    facts = read_error(entry["status"], headers, body_of(entry))
    status, code = entry["status"], facts.dynamics_code
    expected = BY_STATUS.get(status) or RECORDED.get((status, code.lower() if code else code))
    expected = expected or RECORDED.get((status, code)) or (SERVER if status == 500 else INVALID)
    assert facts.code is expected
    error = entry["body"].get("error") if isinstance(entry["body"], dict) else None
    if isinstance(error, dict):
        assert facts.message == error["message"][:MAX_MESSAGE]
        assert facts.dynamics_code == normal_code(error["code"])


@pytest.mark.parametrize("entry", recorded(), ids=lambda entry: f"{entry['status']}-{str(entry['body'])[:50]}")
def test_no_recorded_answers_text_is_shown(entry: dict[str, Any]) -> None:
    error = failure(Answer(entry["status"] or 500, {}, body_of(entry)), "correlation-1")
    for start in range(0, len(error.message) - 16, 16):
        assert error.message[start : start + 16] not in str(error) + repr(error)


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (400, "0x80040237", "", CONFLICT),
        (500, "0x80040333", "", CONFLICT),
        (400, "0X80040217", "", NOT_FOUND),
        (400, "0x8006088A", "", NOT_FOUND),
        (400, "0x80060888", "Resource not found for the segment 'x'.", NOT_FOUND),
        (400, "0x80060888", "Skip Clause is not supported in CRM", INVALID),
        (404, "BadRequest_ResourceNotFound", "", NOT_FOUND),
        (404, "0x80060891", "", NOT_FOUND),
        (412, "0x80060882", "", CONFLICT),
        (403, "0x80072560", "", FORBIDDEN),
        (401, "0x80072560", "", AUTH),
        (400, "0x80040220", "", FORBIDDEN),
        (429, "0x80071151", "", LIMITED),
        (400, "0x80072322", "", LIMITED),
        (500, "0x0", "", SERVER),
        (500, "", "", SERVER),
        (500, None, "Resource not found for the segment", SERVER),
        (400, -2147220969, "", NOT_FOUND),
        (400, "-2147220969", "", NOT_FOUND),
        (503, "0x80040217", "", SERVER),
        (409, "", "", CONFLICT),
        (410, "", "", NOT_FOUND),
        (413, "", "", INVALID),
        (408, "", "", ErrorCode.NETWORK_ERROR),
        (302, "", "", INVALID),
        (501, "", "", SERVER),
        (599, "", "", SERVER),
    ],
)
def test_status_and_code_decide_together(status: int, code: Any, message: str, expected: ErrorCode) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    assert read_error(status, {}, body).code is expected


@pytest.mark.parametrize(
    ("body", "dynamics_code", "message"),
    [
        (b"", None, ""),
        (b"null", None, ""),
        (b'"down"', None, "down"),
        (b"[1]", None, ""),
        (b'{"Message": "no such API"}', None, "no such API"),
        (b'{"error": {"code": "x", "message": {"lang": "nb", "value": "feil"}}}', "x", "feil"),
        (b'{"error": {"code": 7.5, "message": 7}}', None, ""),
        (b'{"error": null, "message": "m"}', None, "m"),
        (b'{"error": {"code": "0x80040217", "mess', None, '{"error": {"code": "0x80040217", "mess'),
        (
            b'<m:error xmlns:m="x"><m:code>0x80040217</m:code><m:message>borte</m:message></m:error>',
            "0x80040217",
            "borte",
        ),
        (b"<html><body>502 Bad Gateway</body></html>", None, "<html><body>502 Bad Gateway</body></html>"),
        ("\ufeff".encode() + b'{"error": {"code": "0x1", "message": "m"}}', "0x1", "m"),
        (b"\xff\xfe\x00", None, "\ufffd\ufffd"),
        (b'{"error": {"code": "kari@example.org", "message": "m"}}', None, "m"),
    ],
)
def test_bodies_of_every_form_are_read(body: bytes, dynamics_code: str | None, message: str) -> None:
    facts = read_error(502, {}, body)
    assert (facts.code, facts.dynamics_code, facts.message) == (SERVER, dynamics_code, message)


def test_a_huge_message_is_cut() -> None:
    body = json.dumps({"error": {"code": "0x0", "message": "x" * 10_000_000}}).encode()
    assert len(read_error(500, {}, body).message) == MAX_MESSAGE


def test_json_nested_without_end_is_text() -> None:
    assert read_error(500, {}, b"[" * 200_000).code is SERVER


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error", "code", "message", "value"]), inner),
)


@given(
    st.none() | st.integers(300, 599),
    st.dictionaries(st.sampled_from(["retry-after", "req_id", "x-ms-service-request-id", "date"]), st.text()),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
)
def test_no_answer_can_break_the_mapping(status: int | None, headers: dict[str, str], body: bytes) -> None:
    facts = read_error(status, headers, body)
    assert isinstance(facts.code, ErrorCode)
    assert facts.retry_after is None or facts.retry_after >= 0
    error = failure(Answer(status or 500, headers, body), "c")
    assert isinstance(error, DynamicsPortalClientException)
    assert str(error)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ms-service-request-id": "a-1"}, "a-1"),
        ({"req_id": "b-2"}, "b-2"),
        ({"x-ms-service-request-id": "a-1,a-1", "req_id": "b-2"}, "a-1"),
        ({"x-ms-service-request-id": "a-1, b-2"}, "a-1,b-2"),
        ({"x-ms-service-request-id": "<script>"}, None),
        ({}, None),
    ],
)
def test_the_request_id_may_be_two(headers: dict[str, str], expected: str | None) -> None:
    assert request_id(headers) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("5", 5.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2015 00:00:30 GMT", 0.0),
        ("Thu, 99 Jan 2026 00:00:30 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, expected: float | None) -> None:
    assert retry_after({"retry-after": text, "date": "Thu, 01 Jan 2026 00:00:00 GMT"}) == expected


def test_a_date_without_the_servers_own_goes_by_the_wall_clock() -> None:
    assert retry_after({"retry-after": "Thu, 01 Jan 2015 00:00:30 GMT"}) == 0.0


@pytest.mark.parametrize("code", [None, True, 1.5, {}, "", "two words", "x" * 65])
def test_what_is_no_code_is_none(code: Any) -> None:
    assert normal_code(code) is None
