"""Connections of the client's own: each answer means what it means by way of httpx2, and no connection is used again
that may say something else than the answer to the next request."""

from __future__ import annotations

import asyncio
import gc
import gzip
import itertools
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import h11
import httpcore2
import httpx2
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.network import TIMEOUTS, URL, Line, Lines, Read, Way

from dynamics_portal._async.exchange import MAX_ERROR_BODY, AsyncExchange
from dynamics_portal._async.sockets import MAX_CONNECTIONS, AsyncSocketWire
from dynamics_portal._deadline import Deadline, Remaining
from dynamics_portal._http11 import address_of
from dynamics_portal._outcome import Answer, Fault, Outcome
from dynamics_portal._sync.exchange import Exchange
from dynamics_portal._sync.sockets import SocketWire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def way(request: pytest.FixtureRequest) -> Iterator[Callable[..., Way]]:
    """Makes a way over lines of the test's own."""
    ways: list[Way] = []

    def make(*lines: Line | Exception) -> Way:
        ways.append(Way(Lines(*lines), asynchronous=request.param))
        return ways[-1]

    yield make
    for made in ways:
        made.close()


def facts(outcome: Outcome) -> tuple[Any, ...]:
    if isinstance(outcome, Answer):
        return outcome.status, dict(outcome.headers), outcome.content
    return outcome.explanation, outcome.may_have_run, outcome.transient


def both(reads: list[Read], *, asynchronous: bool, **request: Any) -> list[tuple[Any, ...]]:
    """What comes of a request, and what was sent and whether the connection is used again, by either way."""
    found = []
    for own in (True, False):
        lines = [Line(reads), Line([OK])]
        way = Way(Lines(*lines), own=own, asynchronous=asynchronous)
        outcome = facts(way.send(**request))
        found.append((outcome, received(lines[0].sent), lines[0].open))
        way.close()
    return found


def received(sent: bytes) -> tuple[Any, ...]:
    """A request as a server reads it."""
    if not sent:
        return ()
    server = h11.Connection(h11.SERVER)
    server.receive_data(sent)
    head, content = server.next_event(), b""
    assert isinstance(head, h11.Request)
    while isinstance(event := server.next_event(), h11.Data):
        content += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert server.trailing_data == (b"", False)
    return head.method, head.target, sorted(head.headers), content


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(places)]


def deflated(body: bytes) -> bytes:
    plain = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return plain.compress(body) + plain.flush()


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "GZip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate ": deflated,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    "gzip, x-none": gzip.compress,
    ", ".join(["gzip"] * 6): bytes,
}


@st.composite
def answers(draw: st.DrawFn) -> list[Read]:
    """Answers as servers give them, whole or damaged, in any parts."""
    status = draw(st.sampled_from([200, 201, 204, 304, 400, 404, 412, 429, 500, 503, 302]))
    body = draw(st.one_of(st.just(b""), st.just(b'{"value":[]}'), st.binary(max_size=60), st.just(b"ab" * 3000)))
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    sent = ENCODINGS[encoding](body)
    lines = [f"HTTP/1.{draw(st.sampled_from('1110'))} {status} {draw(st.sampled_from(['OK', '', 'No']))}".encode()]
    lines += draw(st.lists(st.sampled_from(HEADERS), max_size=4))
    if encoding:
        lines.append(f"Content-Encoding: {encoding}".encode())
    framing = draw(st.sampled_from(["length", "chunked", "end", "wrong"]))
    if framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        pieces = [piece for piece in split(sent, draw(st.lists(st.integers(0, 500), max_size=3))) if piece]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    elif framing != "end":
        lines.append(f"Content-Length: {len(sent) + (draw(st.integers(-3, 3)) if framing == 'wrong' else 0)}".encode())
    data = b"\r\n".join(lines) + b"\r\n\r\n" + sent
    data = draw(st.sampled_from([b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n"])) + data
    damage = draw(st.sampled_from(["", "", "", "cut", "flip"]))
    if damage == "cut":
        data = data[: draw(st.integers(0, len(data)))]
    elif damage == "flip":
        place = draw(st.integers(0, len(data) - 1))
        data = data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]
    parts = [part for part in split(data, draw(st.lists(st.integers(0, 10_000), max_size=4))) if part]
    end = draw(st.sampled_from([None, httpcore2.ReadError(), httpcore2.ReadTimeout()]))
    return [*parts, *([end] if end else [])]


HEADERS = (
    b"Content-Type: application/json; odata.metadata=minimal",
    b"content-type: multipart/mixed; boundary=b",
    b"Set-Cookie: a=b",
    b"Set-Cookie: c=d",
    b'ETag:  W/"1" ',
    b"X-Empty:",
    b"X-Latin: \xe6",
    b"X-Utf: \xc3\xa6",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Content-Length: 7",
    b"Location: https://elsewhere.example/",
)


@given(answers(), st.booleans())
def test_an_answer_means_what_it_means_by_way_of_httpx2(reads: list[Read], asynchronous: bool) -> None:
    ours, theirs = both(reads, asynchronous=asynchronous)
    assert ours[:2] == theirs[:2]
    assert theirs[2] or not ours[2], "a connection is used again only where httpx2 would"


TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
ADDRESSES = st.builds(
    "https://{}{}/{}{}".format,
    st.sampled_from(
        ["hlf.crm4.dynamics.com", "HLF.example", "127.0.0.1", "[::1]", "xn--fiqs8s.example", "blåbær.example"]
    ),
    st.sampled_from(["", ":443", ":8443", ":80"]),
    st.one_of(TEXT, st.sampled_from(["a/../b", "./a", "contacts(1)", "a%2fb", "a%zz"])),
    st.one_of(st.just(""), TEXT.map("?{}".format), st.just("?$filter=a%20eq%20'b'&$top=1#part")),
)


@given(
    st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    st.sampled_from([None, b"", b"{}", b"\x00" * 70_000]),
    st.dictionaries(st.sampled_from(["Accept", "If-Match", "Prefer", "x-a"]), st.one_of(TEXT, st.just("a\r\nb: c"))),
    ADDRESSES,
    st.booleans(),
)
def test_a_request_is_what_httpx2_would_send(
    method: str, content: bytes | None, headers: dict[str, str], url: str, asynchronous: bool
) -> None:
    ours, theirs = both(
        [OK], asynchronous=asynchronous, method=method, url=url, headers=headers.items(), content=content
    )
    assert ours[:2] == theirs[:2]


@pytest.mark.parametrize(
    "url",
    ["https://hlf.example/a b", "https://hlf.example?x/y", "https://hlf.example/a#b", "https://u:p@hlf.example/a"],
)
def test_an_address_that_is_not_plain_is_read_as_httpx2_reads_it(url: str) -> None:
    parsed = httpx2.URL(url)
    origin, target = address_of(url)
    assert (origin.host, origin.port, target) == (parsed.host, 443, parsed.raw_path.decode())
    assert origin.name == "hlf.example"


@pytest.mark.parametrize(("url", "words"), [("ftp://x/y", "cannot reach such"), ("https:///y", "URL is not valid")])
def test_an_address_that_leads_nowhere_is_a_fault_before_anything_is_opened(
    url: str, words: str, way: Callable[..., Way]
) -> None:
    found = way()
    fault = found.send(url=url)
    assert isinstance(fault, Fault)
    assert words in fault.explanation
    assert (fault.may_have_run, fault.transient, found.lines.opened) == (False, False, [])


def test_a_connection_is_kept_and_used_again(way: Callable[..., Way]) -> None:
    line = Line([OK, OK, OK])
    found = way(line)
    assert [facts(found.send())[0] for _ in range(3)] == [200, 200, 200]
    assert found.lines.opened == [("hlf.crm4.dynamics.com", 443)]


def test_each_origin_has_connections_of_its_own(way: Callable[..., Way]) -> None:
    found = way(Line([OK, OK]), Line([OK]))
    for host in ("hlf.example", "login.example:8443", "hlf.example"):
        assert facts(found.send(url=f"https://{host}/a"))[0] == 200
    assert found.lines.opened == [("hlf.example", 443), ("login.example", 8443)]


def test_a_connection_that_the_server_has_ended_is_not_used(way: Callable[..., Way]) -> None:
    old, new = Line([OK]), Line([OK])
    found = way(old, new)
    found.send()
    old.readable = True
    assert facts(found.send())[0] == 200
    assert (old.open, new.open) == (False, True)


def test_a_connection_that_was_idle_for_too_long_is_not_used(
    way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Line([OK, OK]), Line([OK])
    found = way(old, new)
    now = 100.0
    for shell in ("_sync", "_async"):
        monkeypatch.setattr(f"dynamics_portal.{shell}.sockets.time.monotonic", lambda: now)
    found.send()
    now += 4.9
    found.send()
    now += 5.1
    found.send()
    assert (old.open, new.open) == (False, True)


@pytest.mark.parametrize(
    "last",
    [
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"\r\n",
        OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"),
        OK.replace(b"1.1", b"1.0"),
    ],
    ids=["another answer", "more", "close", "HTTP/1.0"],
)
def test_a_connection_that_says_more_or_says_good_bye_is_not_used_again(last: bytes, way: Callable[..., Way]) -> None:
    first = Line([last])
    found = way(first, Line([OK]))
    assert facts(found.send())[2] == b"{}"
    assert not first.open
    assert facts(found.send())[2] == b"{}"


def test_an_answer_that_is_not_read_to_its_end_ends_its_connection(way: Callable[..., Way]) -> None:
    line = Line([b"HTTP/1.1 500 No\r\nContent-Length: 9999999\r\n\r\n", *[b"x" * 60_000] * 100])
    outcome = way(line).send()
    assert isinstance(outcome, Answer)
    assert MAX_ERROR_BODY < len(outcome.content) < MAX_ERROR_BODY + 60_001
    assert not line.open


def test_an_answer_that_was_compressed_small_is_not_held_whole_where_it_is_an_error(way: Callable[..., Way]) -> None:
    bomb = gzip.compress(b"\x00" * (50 << 20))
    head = b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    outcome = way(Line([head + bomb])).send()
    assert isinstance(outcome, Answer)
    assert len(outcome.content) <= 2 << 20


@pytest.mark.parametrize(
    ("error", "may_have_run"),
    [
        (httpcore2.ConnectError(), False),
        (httpcore2.ConnectTimeout(), False),
        (UnicodeError("label too long"), False),
        (OSError(), True),
    ],
)
def test_a_connection_that_cannot_be_opened_leaves_no_trace(
    error: Exception, may_have_run: bool, way: Callable[..., Way]
) -> None:
    found = way(error, Line([OK]))
    fault = found.send()
    assert isinstance(fault, Fault)
    assert fault.may_have_run is may_have_run
    assert facts(found.send())[0] == 200


def test_a_server_that_answers_before_it_has_everything_is_heard(way: Callable[..., Way]) -> None:
    line = Line([b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"], write=httpcore2.WriteError())
    assert facts(way(line).send("POST", content=b"x"))[0] == 413


def test_a_request_that_could_not_be_sent_in_time_may_have_run(way: Callable[..., Way]) -> None:
    fault = way(Line([OK], write=httpcore2.WriteTimeout())).send("POST", content=b"x")
    assert isinstance(fault, Fault)
    assert (fault.explanation, fault.may_have_run) == ("timeout (WriteTimeout)", True)


def test_a_head_that_comes_byte_by_byte_does_not_outlast_a_deadline(way: Callable[..., Way]) -> None:
    slow = Line([bytes([byte]) for byte in OK])
    moments = itertools.count()
    deadline = Deadline(lambda: float(next(moments)), 10.0)  # each look at the clock takes a second
    made = way(slow, Line([OK]))
    outcome = made.send(timeouts=Remaining(deadline, TIMEOUTS))
    assert isinstance(outcome, Fault)
    assert (outcome.explanation, outcome.may_have_run) == ("timeout (ReadTimeout)", True)
    assert len(slow.reads) > len(OK) - 10
    assert not slow.open
    assert isinstance(made.send(), Answer)


def test_a_certificate_that_is_refused_is_told_from_other_failures(way: Callable[..., Way]) -> None:
    error = httpcore2.ConnectError()
    error.__cause__ = ssl.SSLCertVerificationError()
    fault = way(error).send()
    assert isinstance(fault, Fault)
    assert fault.explanation == "the server's certificate was not accepted"


def test_no_more_connections_are_opened_than_there_are_slots(
    way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    for shell in ("_sync", "_async"):
        monkeypatch.setattr(f"dynamics_portal.{shell}.sockets.MAX_CONNECTIONS", 1)
    found = way(Line([OK]), Line([OK]))
    wire = found.wire
    timeouts = {"pool": 0.001}
    first = found.run(wire.send("GET", URL, [], None, timeouts))
    with pytest.raises(httpcore2.PoolTimeout):
        found.run(wire.send("GET", URL, [], None, timeouts))
    found.run(first.aclose() if hasattr(first, "aclose") else first.close())
    assert facts(found.send())[0] == 200


def test_a_closed_wire_keeps_nothing_open(way: Callable[..., Way]) -> None:
    idle, busy = Line([OK]), Line([OK])
    found = way(busy, idle)
    reply = found.run(found.wire.send("GET", URL, [], None, {}))
    found.send(url="https://other.example/")
    found.run(found.wire.aclose() if hasattr(found.wire, "aclose") else found.wire.close())
    assert (idle.open, busy.open) == (False, True)
    while found.run(reply.part()) is not None:
        pass
    found.run(reply.aclose() if hasattr(reply, "aclose") else reply.close())
    assert not busy.open


def test_threads_share_connections_and_none_hears_what_another_one_was_told(path_server: tuple[str, Any]) -> None:
    origin, context = path_server
    wire = SocketWire(context)
    exchange = Exchange(wire, lambda: 0.0)
    wrong: list[str] = []

    def ask(thread: int) -> None:
        for number in range(25):
            wanted = f"{thread}-{number}"
            answer = exchange.send("GET", f"{origin}/{wanted}", [], None, TIMEOUTS, correlation_id="c", attempt=1)
            if not isinstance(answer, Answer) or answer.content.decode() != f"/{wanted}":
                wrong.append(wanted)

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    wire.close()
    assert wrong == []


def test_tasks_share_connections_and_those_that_are_cancelled_leave_nothing_to_the_others(
    path_server: tuple[str, Any],
) -> None:
    origin, context = path_server

    async def run() -> list[str]:
        wire = AsyncSocketWire(context)
        exchange = AsyncExchange(wire, lambda: 0.0)

        async def ask(wanted: str) -> str:
            answer = await exchange.send("GET", f"{origin}/{wanted}", [], None, TIMEOUTS, correlation_id="c", attempt=1)
            assert isinstance(answer, Answer), answer
            return "" if answer.content.decode() == f"/{wanted}" else wanted

        wrong: list[str] = []
        for turn in range(20):
            tasks = [asyncio.create_task(ask(f"{turn}-{number}")) for number in range(20)]
            for _ in range(turn):
                await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            wrong += [text for text in found if isinstance(text, str) and text]
            assert not [error for error in found if isinstance(error, Exception)]
        await wire.aclose()
        for _ in range(MAX_CONNECTIONS):
            await wire._slots.take(0.001)  # all of them were given back
        return wrong

    assert asyncio.run(run()) == []


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_connections_of_an_event_loop_that_is_over_are_not_used_on_the_next(path_server: tuple[str, Any]) -> None:
    """The loop that is over leaves its sockets unclosed, as the warnings say: nobody closed the wire on it."""
    origin, context = path_server
    wire = AsyncSocketWire(context)
    exchange = AsyncExchange(wire, lambda: 0.0)
    sent: Any = ("GET", f"{origin}/a", [], None, TIMEOUTS)
    answers = [asyncio.run(exchange.send(*sent, correlation_id="c", attempt=1)) for _ in range(3)]
    assert [facts(answer)[0] for answer in answers] == [200, 200, 200]
    asyncio.run(wire.aclose())
    gc.collect()


@pytest.fixture(scope="module")
def path_server() -> Iterator[tuple[str, Any]]:
    """A server over TLS that answers with the path it was asked for, and whom to trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.path)))
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that was cancelled has gone

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", trusting
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_what_takes_the_place_of_httpx2s_transports_takes_ours(
    way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[httpx2.Request] = []

    def handle(self: object, request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(203)

    async def handle_async(self: object, request: httpx2.Request) -> httpx2.Response:
        return handle(self, request)

    found = way(Line([OK]))
    with monkeypatch.context() as patched:
        patched.setattr(httpx2.HTTPTransport, "handle_request", handle)
        patched.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", handle_async)
        assert facts(found.send())[0] == 203
    assert facts(found.send())[0] == 200
    assert [str(request.url) for request in seen] == [URL]
