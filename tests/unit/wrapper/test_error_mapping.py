"""Error mapping: every answer that is no success has a code, whatever it looks like."""

from __future__ import annotations

import gzip
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import shared_data
from tests.unit.wrapper.support import KNOWN, words_of

from dynamics_portal import DynamicsPortalClientException, ErrorCode
from dynamics_portal._dynamics_codes import CODES, name_of
from dynamics_portal._error_body import MAX_BODY, MAX_MESSAGE, normal_code
from dynamics_portal._error_mapping import read_error, request_id, retry_after
from dynamics_portal._failures import failure
from dynamics_portal._outcome import Answer
from dynamics_portal.redaction import redact_message

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
def test_of_a_recorded_answers_text_only_known_words_are_shown(entry: dict[str, Any]) -> None:
    error = failure(Answer(entry["status"] or 500, {}, body_of(entry)), "correlation-1")
    shown = redact_message(error.message)
    assert shown in str(error)
    assert words_of(shown) <= KNOWN


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
        (101, "", "", SERVER),
        (400, "80040217", "", NOT_FOUND),
        (400, " 0x80040217 ", "", NOT_FOUND),
        (400, 2147746327, "", NOT_FOUND),
        (400, "0x8004a110", "", FORBIDDEN),
        (400, "0x80040204", "", AUTH),
        (500, "0x8004f504", "", FORBIDDEN),
        (500, "0x80048d19", "", INVALID),
        (500, "0x80040265", "a plug-in's text", SERVER),
        (400, "0x80040265", "a plug-in's text", INVALID),
        (400, "0x80048d02", "a plug-in's text", NOT_FOUND),
        (400, "0x80048d04", "", LIMITED),
        (400, "0x80040216", "", INVALID),
        (400, "0x80044151", "", SERVER),
        (400, "0x80048306", "", FORBIDDEN),
        (405, "0x80040227", "", INVALID),
        (400, "9004010C", "", NOT_FOUND),
        (400, "90040120", "", FORBIDDEN),
        (400, "Internal_RecordNotFound", "", NOT_FOUND),
        (403, "0x80072322", "", FORBIDDEN),
        (404, "0x80060888", "", NOT_FOUND),
        (414, "", "", INVALID),
        (415, "0x80060888", "", INVALID),
        (505, "", "", SERVER),
        (429, "0x80040217", "", LIMITED),
        (500, "0x8006088a", "A failure occurred", SERVER),
    ],
)
def test_status_and_code_decide_together(status: int, code: Any, message: str, expected: ErrorCode) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    assert read_error(status, {}, body).code is expected


ENTITY = '{"error": {"code": "0x80040217", "message": "Æ"}}'
INNER = {"message": "m", "HResult": -2147220969}


@pytest.mark.parametrize(
    ("body", "dynamics_code", "message"),
    [
        (b"", None, ""),
        (b"null", None, ""),
        (b'"down"', None, "down"),
        (b"[1]", None, ""),
        (b"17", None, ""),
        (b'[{"error": {"code": "x", "message": "m"}}]', "x", "m"),
        (b'{"Message": "no such API"}', None, "no such API"),
        (b'{"Message": "", "ExceptionMessage": "m"}', None, "m"),
        (b'{"type": "about:blank", "title": "Not well", "detail": "m"}', None, "m"),
        (b'{"errors": [{"code": "x", "message": "m"}]}', "x", "m"),
        (b'{"error": {"code": "x", "message": {"lang": "nb", "value": "feil"}}}', "x", "feil"),
        (b'{"odata.error": {"code": "x", "message": {"lang": "nb", "value": "feil"}}}', "x", "feil"),
        (b'{"error": {"code": 7.5, "message": 7}}', None, ""),
        (b'{"error": {"code": 403, "message": "m"}}', "403", "m"),
        (b'{"error": null, "message": "m"}', None, "m"),
        (b'{"error": {"code": "0x80040217", "mess', "0x80040217", '{"error": {"code": "0x80040217", "mess'),
        (b'{"error": {"code": "0x80040217", "message": "No \\"x\\" her', "0x80040217", 'No "x" her'),
        (b'{"error": {"message": "the \\"code\\": \\"0x1\\" of", "code": "0x2", ', "0x2", 'the "code": "0x1" of'),
        (b'{"error": {"code": "0x80040217", "message": "cut in \\u00', "0x80040217", "cut in \\u00"),
        (b'--b\r\nHTTP/1.1 404\r\n\r\n{"error": {"code": "0x80040217", "message": "m"}}\r\n--b--', "0x80040217", "m"),
        (json.dumps({"error": {"code": "", "message": "m", "innererror": INNER}}).encode(), "0x80040217", "m"),
        (json.dumps({"error": {"code": "0x0", "innererror": {"innererror": INNER}}}).encode(), "0x80040217", ""),
        (json.dumps({"error": {"code": "0x80040265", "innererror": INNER}}).encode(), "0x80040265", ""),
        (
            b'<m:error xmlns:m="x"><m:code>0x80040217</m:code><m:message>borte &amp; vekk</m:message></m:error>',
            "0x80040217",
            "borte & vekk",
        ),
        (b"<s:Fault><faultstring>no</faultstring><ErrorCode>-2147220969</ErrorCode></s:Fault>", "0x80040217", "no"),
        (
            b"<!DOCTYPE html><html><head><title>502</title><script>var a = '<b>'</script></head>"
            b"<body><h1>Bad &amp; gateway</h1><style>p {}</style></body></html>",
            None,
            "502 Bad & gateway",
        ),
        (b"<html><script>without an end", None, ""),
        ("\ufeff".encode() + ENTITY.encode(), "0x80040217", "Æ"),
        (ENTITY.encode("utf-16"), "0x80040217", "Æ"),
        (ENTITY.encode("utf-16-le"), "0x80040217", "Æ"),
        (ENTITY.encode("utf-16-be"), "0x80040217", "Æ"),
        (ENTITY.encode("utf-32"), "0x80040217", "Æ"),
        (ENTITY.encode("latin-1"), "0x80040217", "Æ"),
        (ENTITY.replace("Æ", "\x00").encode() + b"\x00", "0x80040217", ""),
        (b'{"error": {"code": "0x1", "message": "\\ud800"}}', "0x1", "?"),
        (gzip.compress(ENTITY.encode(), mtime=0), None, ""),
        (b"\xff\xfe\x00", None, ""),
        (b"Service unavailable", None, "Service unavailable"),
        (b'{"error": {"code": "kari@example.org", "message": "m"}}', None, "m"),
    ],
)
def test_bodies_of_every_form_are_read(body: bytes, dynamics_code: str | None, message: str) -> None:
    facts = read_error(502, {}, body)
    assert (facts.code, facts.dynamics_code, facts.message) == (SERVER, dynamics_code, message)


@pytest.mark.parametrize(
    ("fields", "status", "code", "dynamics_code"),
    [
        ({"error_description": "AADSTS7000222: expired"}, 401, AUTH, "AADSTS7000222"),
        ({"error_description": "AADSTS700016: no such application"}, 400, AUTH, "AADSTS700016"),
        ({"error_description": "AADSTS90002: no such tenant"}, 400, AUTH, "AADSTS90002"),
        ({"error_codes": [53003]}, 400, AUTH, "AADSTS53003"),
        ({"error_codes": ["x"], "error_description": ""}, 400, AUTH, "invalid_client"),
        ({"error": "temporarily_unavailable", "error_description": "AADSTS90033"}, 400, SERVER, "AADSTS90033"),
        ({"error": "server_error", "error_description": ""}, 500, SERVER, "server_error"),
        ({"error_description": "AADSTS50196: a loop"}, 429, LIMITED, "AADSTS50196"),
        ({"error": "Kari Nordmann"}, 400, INVALID, None),
    ],
)
def test_entras_refusals_are_read(
    fields: dict[str, Any], status: int, code: ErrorCode, dynamics_code: str | None
) -> None:
    facts = read_error(status, {}, json.dumps({"error": "invalid_client", **fields}).encode())
    assert (facts.code, facts.dynamics_code) == (code, dynamics_code)


def test_oauths_own_word_is_kept_beside_entras_code() -> None:
    body = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    facts = read_error(401, {}, json.dumps(body).encode())
    assert (facts.dynamics_code, facts.oauth_error) == ("AADSTS7000215", "invalid_client")
    assert read_error(401, {}, b'{"error": "down"}').oauth_error is None


def test_the_table_of_codes_is_of_one_form() -> None:
    for code, (kind, name) in CODES.items():
        assert re.fullmatch(r"0x8[0-9a-f]{7}|9004[0-9a-f]{4}", code)
        assert name == "" or name.isidentifier()
        assert kind is None or isinstance(kind, ErrorCode)
    names = [name for _, name in CODES.values() if name]
    assert len(names) == len(set(names)) > 200


def test_a_code_has_microsofts_name() -> None:
    assert name_of("0X80040217") == "ObjectDoesNotExist"
    assert (name_of("0x80048d19"), name_of(None), name_of("0x1")) == (None, None, None)


def test_a_huge_message_is_cut() -> None:
    body = json.dumps({"error": {"code": "0x0", "message": "x" * 10_000_000}}).encode()
    assert len(read_error(500, {}, body).message) == MAX_MESSAGE


def test_of_a_huge_body_the_beginning_is_read() -> None:
    body = b'{"error": {"code": "0x80040217", "message": "m", "trace": "' + b"x" * (50 << 20)
    facts = read_error(400, {}, body)
    assert (facts.dynamics_code, facts.message) == ("0x80040217", "m")


@pytest.mark.parametrize(
    "unit",
    [
        "<script",
        "<style>",
        "<code",
        "<m:code>",
        "<",
        "&",
        "&#",
        '"',
        '"\\',
        '{"',
        '{"error"',
        '"code":',
        "[",
        "0x8",
        "\x00a",
        "'",
    ],
)
def test_no_body_takes_long(unit: str) -> None:
    body = ("<html>" + unit * MAX_BODY).encode()[:MAX_BODY]
    started = time.process_time()
    for head in (body, body[6:], b'{"error"' + body):
        str(failure(Answer(400, {}, head), "c"))
    assert (
        time.process_time() - started < 2
    )  # the slowest takes a tenth of this; a square of its length would take hours


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
