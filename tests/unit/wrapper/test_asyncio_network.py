"""Connections for tasks of asyncio, over loopback: what the event loop tells, as the rest of the client is told it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpcore2
import pytest
import trustme

from dynamics_portal._asyncio_network import HIGH_WATER, AsyncioNetwork
from dynamics_portal._network import AsyncSlots, async_network

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MUCH = 32 << 20  # bytes: more than the kernel keeps for a connection


@asynccontextmanager
async def connected(talk: Talk, **options: Any) -> AsyncIterator[Any]:
    """A connection to a server that does as told, and ends when the test does."""
    over = asyncio.Event()
    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        try:
            await talk(reader, writer)
            await over.wait()
        except ConnectionError:
            pass  # the client has gone, as in some tests it does
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    stream = await async_network().connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1], 5.0)
    try:
        yield stream
    finally:
        await stream.aclose()
        over.set()
        server.close()
        await asyncio.gather(*serving)


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"bye")
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def test_what_is_sent_arrives_and_what_is_answered_is_read() -> None:
    async def run() -> None:
        async with connected(echo) as stream:
            await stream.write(b"")
            await stream.write(b"hello", 5.0)
            assert [await stream.read(2, 5.0), await stream.read(100, 5.0)] == [b"he", b"llo"]

    asyncio.run(run())


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_told() -> None:
    async def run() -> None:
        async with connected(say_nothing) as stream:
            with pytest.raises(httpcore2.ReadTimeout):
                await stream.read(1, 0.01)
            assert not stream.get_extra_info("is_readable")

    asyncio.run(run())


def test_the_end_is_told_after_what_came_before_it() -> None:
    async def run() -> None:
        async with connected(end) as stream:
            await until(lambda: bool(stream.get_extra_info("is_readable")))
            assert [await stream.read(100, 5.0), await stream.read(100, 5.0)] == [b"bye", b""]
            assert stream.get_extra_info("is_readable")
            with pytest.raises(httpcore2.WriteError):
                await stream.write(b"x")

    asyncio.run(run())


def test_a_connection_that_broke_is_no_end() -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = writer.get_extra_info("socket")
        linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # the end is a reset
        writer.transport.abort()

    async def run() -> None:
        async with connected(broken) as stream:
            with pytest.raises(httpcore2.ReadError):
                await stream.read(1, 5.0)

    asyncio.run(run())


def test_a_server_that_takes_nothing_is_waited_for_no_longer_than_told() -> None:
    async def run() -> None:
        async with connected(say_nothing) as stream:
            with pytest.raises(httpcore2.WriteTimeout):
                await stream.write(bytes(MUCH), 0.05)

    asyncio.run(run())


def test_a_server_that_goes_while_it_is_written_to_is_told() -> None:
    async def go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async def run() -> None:
        async with connected(go) as stream:
            with pytest.raises(httpcore2.WriteError):
                await stream.write(bytes(MUCH), 5.0)

    asyncio.run(run())


def test_much_is_written_as_fast_as_it_is_taken() -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken = 0
        while taken < MUCH:
            taken += len(await reader.read(1 << 20))
        writer.write(b"all")

    async def run() -> None:
        async with connected(take) as stream:
            await stream.write(bytes(MUCH), 5.0)
            assert await stream.read(10, 5.0) == b"all"

    asyncio.run(run())


def test_no_more_is_kept_than_is_read_soon() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(MUCH))
        await writer.drain()

    async def run() -> None:
        async with connected(talk) as stream:
            await until(lambda: stream._kept > HIGH_WATER)
            for _ in range(100):
                await asyncio.sleep(0)  # more would come now
            assert HIGH_WATER < stream._kept < 2 * HIGH_WATER
            size = 0
            while size < MUCH:
                size += len(await stream.read(1 << 16, 5.0))
            assert size == MUCH

    asyncio.run(run())


def test_what_came_while_other_tasks_kept_the_loop_busy_is_seen() -> None:
    async def run() -> None:
        server = socket.create_server(("127.0.0.1", 0))  # whose other side needs no event loop
        stream: Any = await async_network().connect_tcp("127.0.0.1", server.getsockname()[1], 5.0)
        peer, _ = server.accept()
        assert not stream.get_extra_info("is_readable")
        peer.close()
        assert stream.get_extra_info("is_readable"), "the loop has not run since"
        await stream.aclose()
        assert stream.get_extra_info("is_readable")
        server.close()

    asyncio.run(run())


def test_a_port_where_nobody_listens_is_a_failure_to_connect() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        with pytest.raises(httpcore2.ConnectError):
            asyncio.run(AsyncioNetwork().connect_tcp("127.0.0.1", port, 5.0))


def test_connecting_takes_no_longer_than_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async def never(*arguments: Any, **keywords: Any) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
        await AsyncioNetwork().connect_tcp("127.0.0.1", 1, 0.01)

    with pytest.raises(httpcore2.ConnectTimeout):
        asyncio.run(run())


AUTHORITY = trustme.CA()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    return context


def test_what_is_encrypted_is_read_as_it_was_written() -> None:
    async def run() -> None:
        context = ssl.create_default_context()
        AUTHORITY.configure_trust(context)
        async with connected(echo, ssl=server_context()) as stream:
            encrypted = await stream.start_tls(context, "localhost", 5.0)
            assert not encrypted.get_extra_info("is_readable")
            await encrypted.write(b"hello", 5.0)
            assert await encrypted.read(100, 5.0) == b"hello"
            assert encrypted.get_extra_info("ssl_object").version().startswith("TLS")

    asyncio.run(run())


def test_a_certificate_that_is_not_trusted_is_told_as_the_cause() -> None:
    async def run() -> None:
        async with connected(echo, ssl=server_context()) as stream:
            with pytest.raises(httpcore2.ConnectError) as caught:
                await stream.start_tls(ssl.create_default_context(), "localhost", 5.0)
            assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)

    asyncio.run(run())


def test_a_server_that_does_not_answer_to_tls_is_waited_for_no_longer_than_told() -> None:
    async def run() -> None:
        async with connected(say_nothing) as stream:
            with pytest.raises(httpcore2.ConnectTimeout):
                await stream.start_tls(ssl.create_default_context(), "localhost", 0.05)

    asyncio.run(run())


def test_tasks_of_another_library_have_the_network_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    class Trio(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, host: str, port: int, *arguments: Any, **keywords: Any) -> Any:
            return host, port

    monkeypatch.setattr(httpcore2, "TrioBackend", Trio)
    connecting = async_network().connect_tcp("host", 1)
    with pytest.raises(StopIteration) as caught:  # no event loop of asyncio runs
        connecting.send(None)
    assert caught.value.value == ("host", 1)


def test_a_task_that_was_cancelled_while_it_waited_for_a_slot_takes_none() -> None:
    async def run() -> None:
        slots = AsyncSlots(1)
        await slots.take(None)
        waiting = asyncio.create_task(slots.take(5.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        slots.give()
        await slots.take(0.001)
        with pytest.raises(httpcore2.PoolTimeout):
            await slots.take(0.001)

    asyncio.run(run())
