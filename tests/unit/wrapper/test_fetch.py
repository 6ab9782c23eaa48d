"""The transport over the platform's fetch, against a stand-in of the platform: what is asked, and what failures mean.

tests/examples/edge_function runs it on the platform itself, Pyodide in Deno.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import MENTOR, Client, Shell

from dynamics_portal import (
    AsyncFetchTransport,
    AsyncPortalClient,
    FetchTransport,
    InvalidRequestError,
    NetworkError,
    RetryPolicy,
    StaticCredentialProvider,
)
from dynamics_portal_api.operations import NewSetWebsiteVisibility


class JsException(Exception):
    """What a promise that is refused raises."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Promise:
    """A value of the platform's, which tasks await and threads wait for."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self.work()


class Bytes(bytes):
    """An array of the platform's."""

    def to_bytes(self) -> bytes:
        return bytes(self)


class Body:
    """A body in parts; the last may be an exception."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def getReader(self) -> Body:
        return self

    def read(self) -> Promise:
        def work() -> SimpleNamespace:
            part = self.parts.pop(0) if self.parts else None
            if isinstance(part, Exception):
                raise part
            return SimpleNamespace(done=part is None, value=part)

        return Promise(work)


class Platform:
    """What `js` and `pyodide.ffi` give. `answers` are taken in turn by fetch, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.aborted = 0
        self.limits: list[float] = []
        self.open_limits = 0
        self.can_wait = True

    def fetch(self, url: str, init: dict[str, Any]) -> Promise:
        self.asked.append((url, init))
        if "/token" in url:
            token = b'{"access_token": "t", "expires_in": 3599}'
            return Promise(lambda: answer(200, token))

        def work() -> Any:
            given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(given, Exception):
                raise given
            return given() if callable(given) else given

        return Promise(work)

    def set_timeout(self, function: Any, milliseconds: float) -> int:
        self.limits.append(milliseconds)
        self.open_limits += 1
        return self.open_limits

    def clear_timeout(self, timer: int) -> None:
        self.open_limits -= 1

    @property
    def last(self) -> dict[str, Any]:
        return self.asked[-1][1]

    def modules(self) -> dict[str, ModuleType]:
        platform = self

        class Abort:
            """A function of the platform's, which can be bound."""

            def __call__(self) -> None:
                platform.aborted += 1

            def bind(self, controller: object) -> Abort:
                return self

        js, ffi = ModuleType("js"), ModuleType("pyodide.ffi")
        vars(js).update(
            fetch=self.fetch,
            setTimeout=self.set_timeout,
            clearTimeout=self.clear_timeout,
            AbortController=SimpleNamespace(new=lambda: SimpleNamespace(abort=Abort(), signal="signal")),
            Object=SimpleNamespace(fromEntries=dict),
        )
        vars(ffi).update(
            JsException=JsException,
            to_js=lambda value, dict_converter: dict_converter(value.items()),
            can_run_sync=lambda: self.can_wait,
            run_sync=lambda promise: promise.work(),
        )
        return {"js": js, "pyodide": ModuleType("pyodide"), "pyodide.ffi": ffi}


def answer(status: int, *parts: Any, **headers: str) -> SimpleNamespace:
    return SimpleNamespace(
        status=status,
        headers=SimpleNamespace(entries=lambda: list(headers.items())),
        body=Body([part if isinstance(part, Exception) else Bytes(part) for part in parts]) if parts else None,
    )


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    made = Platform()
    for name, module in made.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


@pytest.fixture
def fetching(make_shell: Callable[..., Shell], client_class: Client, platform: Platform) -> Shell:
    transport = AsyncFetchTransport() if issubclass(client_class, AsyncPortalClient) else FetchTransport()
    return make_shell(transport=transport)


def test_a_request_says_that_no_redirect_is_followed_and_no_cookie_sent(fetching: Shell, platform: Platform) -> None:
    platform.answers = [answer(200, b'{"value": ', b'[{"lastname": "Nordmann"}]}')]
    (row,) = fetching(fetching.portal.contacts.list(select=["lastname"]))
    assert row.lastname == "Nordmann"
    assert len(platform.asked) == 2
    for _, init in platform.asked:
        assert (init["redirect"], init["credentials"], init["cache"]) == ("manual", "omit", "no-store")
    sent = dict(platform.last["headers"])
    assert sent["authorization"] == "Bearer t"
    assert not {"host", "content-length", "user-agent", "connection"} & set(sent)
    assert "body" not in platform.last
    assert platform.asked[0][1]["body"].startswith(b"grant_type=client_credentials")


def test_a_redirect_is_an_answer_and_goes_nowhere(fetching: Shell, platform: Platform) -> None:
    platform.answers = [answer(307, location="https://elsewhere.example")]
    with pytest.raises(Exception, match="307"):
        fetching(fetching.portal.contacts.create({"lastname": "Hansen"}))
    assert len(platform.asked) == 2


def test_a_redirect_that_a_browser_hides_is_no_answer(fetching: Shell, platform: Platform) -> None:
    platform.answers = [answer(0)]
    with pytest.raises(NetworkError):
        fetching(fetching.portal.who_am_i())


def test_an_answer_without_a_body_is_one(fetching: Shell, platform: Platform) -> None:
    platform.answers = [answer(204)]
    fetching(fetching.portal.contacts.update(MENTOR, {"lastname": "Hansen"}))
    assert platform.last["method"] == "PATCH"
    assert platform.last["body"] == b'{"lastname":"Hansen"}'


def test_headers_about_a_body_that_fetch_has_decompressed_are_left_out(fetching: Shell, platform: Platform) -> None:
    headers = {"content-encoding": "gzip", "content-length": "999"}
    platform.answers = [answer(200, b'{"value": []}', **headers)]
    assert fetching(fetching.portal.contacts.list()) == []


LOST = JsException("TypeError", "error sending request for url (https://x/contacts?$filter=secret): connection closed")
UNREACHED = JsException("TypeError", "error sending request for url (https://x): client error (Connect): refused")


@pytest.mark.parametrize(("failure", "times"), [(LOST, 1), (UNREACHED, 3), (JsException("AbortError", ""), 1)])
def test_a_write_is_repeated_only_where_it_never_left(
    failure: JsException, times: int, fetching: Shell, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = NewSetWebsiteVisibility.__operation__._replace(idempotent=False)
    monkeypatch.setattr(NewSetWebsiteVisibility, "__operation__", once)
    platform.answers = [failure]
    with pytest.raises(NetworkError) as caught:
        fetching(fetching.portal.new_set_website_visibility(MENTOR, visible=True))
    assert (caught.value.attempts, caught.value.may_have_run) == (times, times == 1)
    assert len(platform.asked) == 1 + times
    assert "secret" not in f"{caught.value} {caught.value.message} {caught.value.__cause__} {caught.value.__context__}"


def test_a_body_that_breaks_off_is_no_answer(fetching: Shell, platform: Platform) -> None:
    platform.answers = [lambda: answer(200, b'{"value": [', JsException("TypeError", "body"))]
    with pytest.raises(NetworkError) as caught:
        fetching(fetching.portal.contacts.list())
    assert caught.value.attempts == 3


def test_each_step_is_limited_by_the_read_timeout_and_what_has_ended_by_none(
    fetching: Shell, platform: Platform
) -> None:
    platform.answers = [answer(200, b'{"value": []}')]
    fetching(fetching.portal.with_options(timeout=7).contacts.list())
    assert platform.limits[-3:] == [7000, 7000, 7000]  # the head, a part, the end
    assert platform.open_limits == 0


def test_whatever_is_left_of_an_answer_is_given_up(fetching: Shell, platform: Platform) -> None:
    platform.answers = [answer(500, *[b"x" * 1_000_000] * 3)]
    with pytest.raises(Exception, match="500"):
        fetching(fetching.portal.with_options(retry=RetryPolicy(max_attempts=1)).who_am_i())
    assert platform.answers[0].body.parts != []
    assert platform.aborted == 2


async def test_a_call_that_is_cancelled_ends_its_request(platform: Platform) -> None:
    never: asyncio.Future[Any] = asyncio.Future()
    vars(sys.modules["js"])["fetch"] = lambda url, init: never
    request = httpx2.Request("GET", "https://x.crm4.dynamics.com/")
    task = asyncio.create_task(AsyncFetchTransport().handle_async_request(request))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert platform.aborted == 1


def test_where_threads_cannot_wait_nothing_is_sent(platform: Platform) -> None:
    platform.can_wait = False
    with pytest.raises(InvalidRequestError, match="JavaScript Promise Integration"):
        FetchTransport().handle_request(httpx2.Request("POST", "https://x.crm4.dynamics.com/"))
    assert platform.asked == []


def test_it_is_the_default_where_there_are_no_sockets(
    client_class: Client, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("_async", "_sync"):
        monkeypatch.setattr(f"dynamics_portal.{folder}.wires.HAS_FETCH", True)
    make: Any = client_class
    provider = StaticCredentialProvider(tenant_id="t", client_id="c", client_secret="s")
    platform.answers = [answer(200, b'{"value": []}')]
    shell = Shell(make("https://x.crm4.dynamics.com", provider))
    assert shell(shell.portal.contacts.list()) == []
    shell.close()
    with pytest.raises(InvalidRequestError, match="ssl_context"):
        make("https://x.crm4.dynamics.com", provider, ssl_context=object())
