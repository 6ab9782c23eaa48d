"""Builders that the wrapper's tests share: a service that answers as told, a clock that only moves when told, and one
way to drive either client.

Names and secrets here are made up so that a search for them in any output finds them again.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import httpx2

from dynamics_portal import AsyncPortalClient, PortalClient, RetryPolicy, StaticCredentialProvider
from dynamics_portal._vocabulary import CAPITALS, SHY, WORDS

BASE_URL = "https://hlf.crm4.dynamics.com"
API = f"{BASE_URL}/api/data/v9.2/"
TENANT, CLIENT, SECRET = "tenant-0001", "client-0001", "s3cr3t-that-nobody-may-see"
TOKEN_PATH = f"/{TENANT}/oauth2/v2.0/token"
MENTOR = UUID("11111111-2222-3333-4444-555555555555")

Answer = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


class Clock:
    """Monotonic seconds that stand still; sleeping moves them and is written down."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Service:
    """Entra and Dataverse behind one transport: hands out tokens, and gives the answers that a test has lined up."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.token_answers: list[Answer] = []
        self.requests: list[httpx2.Request] = []
        self.token_requests: list[httpx2.Request] = []
        self.transport = httpx2.MockTransport(self.handle)

    def answer(self, *answers: Answer) -> None:
        """Line up answers to the next requests to Dataverse; the last one is repeated."""
        self.answers.extend(answers)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/oauth2/v2.0/token"):
            self.token_requests.append(request)
            return self._give(self.token_answers or [token(f"token-{len(self.token_requests)}")], request)
        self.requests.append(request)
        return self._give(self.answers, request)

    def _give(self, answers: list[Answer], request: httpx2.Request) -> httpx2.Response:
        assert answers, f"a request that no answer was lined up for: {request.method}"
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):  # a new one each time: a response is read once
            return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)

    @property
    def last(self) -> httpx2.Request:
        """The last request to Dataverse."""
        return self.requests[-1]

    def body(self) -> Any:
        """The JSON of the last request to Dataverse."""
        return json.loads(self.last.content)


def token(text: str = "token-1", **fields: Any) -> httpx2.Response:
    """Entra's answer."""
    return httpx2.Response(200, json={"token_type": "Bearer", "expires_in": 3599, "access_token": text, **fields})


def rows(*items: dict[str, Any], next_link: str | None = None) -> httpx2.Response:
    """A page."""
    link = {} if next_link is None else {"@odata.nextLink": next_link}
    return httpx2.Response(200, json={"value": list(items), **link})


def problem(status: int, code: str = "0x0", message: str = "", **headers: str) -> httpx2.Response:
    """An error as Dataverse words it. Header names with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, headers=named, json={"error": {"code": code, "message": message}})


def made(request: httpx2.Request) -> httpx2.Response:
    """A row was created: its address, as Dataverse gives it."""
    key = json.loads(request.content).get("contactid")
    return httpx2.Response(204, headers={"OData-EntityId": f"{API}contacts({key})"})


class CrowdedLock:
    """A token cache's lock that is taken by nobody before a number of threads want it."""

    def __init__(self, threads: int) -> None:
        self.waiting = threading.Barrier(threads)
        self.inner = threading.Lock()

    def __enter__(self) -> None:
        self.waiting.wait(10)
        self.inner.acquire()

    def __exit__(self, *exception: object) -> None:
        self.inner.release()


def in_threads(count: int, action: Callable[[], Any]) -> None:
    """Do something in several threads at a time, until all have done it."""
    threads = [threading.Thread(target=action) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


class Shell:
    """One of the two clients, driven without its difference: `shell(portal.contacts.get(…))` waits where it must."""

    def __init__(self, portal: Any) -> None:
        self.portal = portal
        self._runner = asyncio.Runner()

    def __call__(self, value: Any) -> Any:
        """The value: awaited, or iterated to a list, where it has to be."""
        if inspect.isawaitable(value):
            return self._runner.run(_awaited(value))
        if isinstance(value, AsyncIterator):
            return self._runner.run(_collected(value))
        return list(value) if isinstance(value, Iterator) else value

    def next(self, rows: Any) -> Any:
        """The next row of an iterator."""
        return self(rows.__anext__()) if hasattr(rows, "__anext__") else next(rows)

    def close(self) -> None:
        self(self.portal.aclose() if hasattr(self.portal, "aclose") else self.portal.close())
        self._runner.close()


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


async def _collected(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


Client = type[PortalClient] | type[AsyncPortalClient]


def make_portal(client: Client, service: Service, clock: Clock, **options: Any) -> Any:
    """A client of the given class on the service and the clock, without jitter."""
    asynchronous = issubclass(client, AsyncPortalClient)
    provider = options.pop(
        "credentials", StaticCredentialProvider(tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET)
    )
    keywords: dict[str, Any] = {
        "transport": service.transport,
        "clock": clock,
        "sleep": clock.async_sleep if asynchronous else clock.sleep,
        "retry": RetryPolicy(jitter=0),
        **options,
    }
    return client(keywords.pop("base_url", BASE_URL), provider, **keywords)


KNOWN = {word.lower() for word in WORDS | SHY | CAPITALS}
"""The words of a service's text that may be shown, as they are shown."""


def words_of(shown: str) -> set[str]:
    """What is shown of a text, without masks and signs."""
    return {chunk.strip(".,;:=()[]{}<>!?-*\u2026") for chunk in shown.split()} - {""}
