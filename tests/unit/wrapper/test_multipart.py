"""The bytes of a batch and of its answer, judged by the standard library's reader and by what Microsoft shows."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import shared_data

from dynamics_portal._multipart import ChangeSet, Part, PartAnswer, decode, encode, is_multipart

URL = "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts"

names = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-", min_size=1, max_size=8).map(
    lambda name: "X" + name
)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
requests = st.builds(
    Part,
    st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    st.just(URL),
    st.dictionaries(names, values, max_size=3).map(lambda headers: tuple(headers.items())),
    st.none() | st.binary(max_size=60) | st.sampled_from([b"--x\r\n", b"\r\n--batch_\r\n", b"\n", b'{"a":"\xc3\xa5"}']),
    st.sampled_from(["", "1", "mentor"]),
)
batches = st.lists(
    requests | st.builds(ChangeSet, st.lists(requests, min_size=1, max_size=3).map(tuple)), min_size=1, max_size=4
)


def read(content_type: str, body: bytes) -> list[Any]:
    """The parts of a multipart body, as the standard library reads it."""
    parser = BytesParser(policy=policy.compat32.clone(linesep="\r\n"))
    message = parser.parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert message.is_multipart()
    assert not message.defects
    return list(message.get_payload())


def same(part: Any, item: Part) -> None:
    assert part.get_content_type() == "application/http"
    assert (part.get("Content-ID") or "") == item.content_id
    line, _, rest = part.get_payload(decode=True).partition(b"\r\n")
    assert line == f"{item.method} {item.url} HTTP/1.1".encode()
    head, _, content = rest.partition(b"\r\n\r\n") if item.headers else (b"", b"", rest.removeprefix(b"\r\n"))
    assert head.decode().split("\r\n") == [f"{name}: {value}" for name, value in item.headers] or not item.headers
    assert content == (item.content or b"")


@given(items=batches)
def test_a_batch_reads_as_what_was_put_in(items: list[Part | ChangeSet]) -> None:
    content_type, body = encode(items)
    assert is_multipart(content_type)
    for part, item in zip(read(content_type, body), items, strict=True):
        if isinstance(item, Part):
            same(part, item)
            continue
        assert part.get_content_type() == "multipart/mixed"
        for inner, request in zip(part.get_payload(), item.parts, strict=True):
            same(inner, request)


def test_no_line_break_makes_two_requests_of_one() -> None:
    for part in (
        Part("GET", f"{URL}\r\nX: y"),
        Part("GET", URL, (("X", "y\nZ: a"),)),
        Part("GET", URL, content_id="1\r"),
    ):
        with pytest.raises(ValueError, match="line break") as caught:
            encode([part])
        assert "\n" not in str(caught.value)


answers = st.tuples(
    st.sampled_from([200, 204, 400, 503]),
    st.dictionaries(names.map(str.lower), values, max_size=3),
    st.binary(min_size=1, max_size=60).filter(bytes.strip),
)


@given(parts=st.lists(answers, max_size=4), ending=st.sampled_from([b"\r\n", b"\n"]), quote=st.booleans())
def test_an_answer_is_read_to_the_byte(
    parts: list[tuple[int, dict[str, str], bytes]], ending: bytes, quote: bool
) -> None:
    body = b""
    for number, (status, headers, content) in enumerate(parts):
        lines = ["--edge", "Content-Type: application/http", f"Content-ID: {number}", "", f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        body += ending.join(line.encode() for line in [*lines, "", ""]) + content + ending
    boundary = '"edge"' if quote else "edge"
    found = decode(f"multipart/mixed; boundary={boundary}", body + b"--edge--" + ending)
    assert len(found) == len(parts)
    for number, (item, (status, headers, content)) in enumerate(zip(found, parts, strict=True)):
        assert isinstance(item, PartAnswer)
        assert (item.answer.status, item.answer.headers, item.content_id) == (status, headers, str(number))
        assert item.answer.content == content


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("batch-nochangeset-response.http", [204, 204, 204, 200]),
        ("batch-changeset-response.http", [[204, 204, 204], 200]),
        ("batch-fail-first-response.http", [400]),
    ],
)
def test_the_answers_in_microsofts_documentation_are_read(name: str, shape: list[Any]) -> None:
    content = shared_data("exchanges", "ms-docs", name).read_bytes()
    body = content.partition(b"\r\n\r\n")[2]
    boundary = body.partition(b"\r\n")[0].removeprefix(b"--").decode()
    found = decode(f"multipart/mixed; boundary={boundary}", body)
    assert [
        [inner.answer.status for inner in item] if isinstance(item, list) else item.answer.status for item in found
    ] == shape


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed", b"--a--"),
        ("multipart/mixed; boundary=a", b""),
        ("multipart/mixed; boundary=a", b"--a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ("multipart/mixed; boundary=a", b"--a\r\n\r\nnothing\r\n--a--"),
        ("multipart/mixed; boundary=a", b"--a\r\nno header\r\n\r\nHTTP/1.1 200 OK\r\n\r\n--a--"),
        (
            "multipart/mixed; boundary=a",
            b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c"
            b"\r\n\r\n--c--\r\n--b--\r\n--a--",
        ),
    ],
)
def test_what_is_no_answer_to_a_batch_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"answer|headers"):
        decode(content_type, body)


@given(
    body=st.binary(max_size=200)
    | st.lists(st.sampled_from([b"--a", b"--", b"\r\n", b"\n", b"HTTP/1.1 200 OK", b": "])).map(b"".join)
)
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        found = decode("multipart/mixed; boundary=a", body)
    except ValueError:
        return
    assert isinstance(found, list)
