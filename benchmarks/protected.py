"""A service in virtual time that enforces Dataverse's limits and keeps which rows were written, and no more of them.

The limits are those of the emulator (`dynamics_portal_emulator.protection`): per user and web server, requests and
seconds of execution in a sliding window, and requests at a time. What a request costs is modelled: some seconds for
itself and some for each row, give or take, and the way there and back. Requests fail at random where that is asked for:
before they ran or after, with an answer or without. What has reached the service runs, whether or not somebody waits.

It takes CreateMultiple, and `$batch` of creates and of reads by key.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from array import array
from dataclasses import dataclass, field
from typing import Any

import httpx2

from dynamics_portal_emulator.protection import COOKIE, Protection, Servers, cookie_of, refusal_body

BASE_URL = "https://limits.crm4.dynamics.com"
API = f"{BASE_URL}/api/data/v9.2/"
_ROW = re.compile(
    rb'"contactid":"([0-9a-f-]{36})","firstname":"(\d+)"|"firstname":"(\d+)","contactid":"([0-9a-f-]{36})"'
)
_PART = re.compile(rb"\r\n(POST|GET) \S*?contacts(?:\(([0-9a-f-]{36})\))?\S* HTTP/1\.1\r\n")
_DUPLICATE = ("0x80040237", "Cannot insert duplicate key.")


@dataclass(frozen=True)
class Model:
    """What a service is like. Times in seconds. `failing`: the share of requests that fail."""

    servers: int = 2
    base: float = 0.05
    per_row: float = 0.02
    spread: float = 0.15
    way: float = 0.03
    failing: float = 0.0
    dop_hint: int = 4
    protection: Protection = field(default_factory=Protection)

    def rows_per_hour(self, users: int, *, servers: int | None = None, most: int = 1000) -> float:
        """What the limits allow for requests of so many rows at the most: the least of what each of the three does."""
        limits, seconds = self.protection, self.base + self.per_row * most
        each = min(
            limits.requests / limits.window,
            limits.seconds / limits.window / seconds,
            limits.concurrent / (seconds + self.way),
        )
        return 3600 * each * most * (servers or self.servers) * users


class _Ids:
    """A set of ids in a flat table: half of each, which tells a million of them apart."""

    def __init__(self, most: int) -> None:
        self._mask = (1 << (2 * most).bit_length()) - 1
        self._slots = array("Q", bytes(8 * (self._mask + 1)))

    def add(self, key: bytes) -> bool:
        """Put an id in. Whether it was not there."""
        half, place = self._find(key)
        if self._slots[place]:
            return False
        self._slots[place] = half
        return True

    def __contains__(self, key: bytes) -> bool:
        return bool(self._slots[self._find(key)[1]])

    def _find(self, key: bytes) -> tuple[int, int]:
        half = int(key[:8] + key[28:], 16) or 1  # none is where nothing is
        place = (half * 0x9E3779B97F4A7C15) >> 20 & self._mask
        while self._slots[place] not in (0, half):
            place = (place + 1) & self._mask
        return half, place


class Service(httpx2.AsyncBaseTransport):
    """The service, as a transport. `rows`: how many there will be; they are numbered by `firstname`."""

    def __init__(self, model: Model, rows: int, seed: int = 1) -> None:
        self.model = model
        self._chance = random.Random(seed)
        self._users: dict[str, Servers] = {}
        self._ids = _Ids(rows)
        self._written = bytearray(rows)
        self._running: set[asyncio.Task[httpx2.Response]] = set()
        self.requests = self.throttled = self.failed = 0
        self.by_server = [0] * model.servers

    @property
    def lost(self) -> int:
        """Rows that were never written."""
        return self._written.count(0)

    @property
    def doubled(self) -> int:
        """Rows that were written more than once."""
        return len(self._written) - self._written.count(0) - self._written.count(1)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, once the request has come, been carried out, and its answer gone back."""
        content = await request.aread()
        await asyncio.sleep(self.model.way / 2)
        task = asyncio.get_running_loop().create_task(self._handle(request, content))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        answer = await asyncio.shield(task)
        await asyncio.sleep(self.model.way / 2)
        kind = answer.extensions.get("failing")
        if kind == "timeout":  # it ran, and the client waits in vain
            await asyncio.sleep(request.extensions["timeout"]["read"])
            raise httpx2.ReadTimeout("")
        if kind == "lost":
            raise httpx2.ReadError("")
        return answer

    async def _handle(self, request: httpx2.Request, content: bytes) -> httpx2.Response:
        self.requests += 1
        loop, model = asyncio.get_running_loop(), self.model
        user = request.headers["authorization"]
        servers = self._users.setdefault(user, Servers(loop.time))
        server = servers.choose(model.servers, request.headers.get("cookie", ""))
        headers = {"x-ms-dop-hint": str(model.dop_hint), "set-cookie": f"{COOKIE}={cookie_of(server)}; path=/"}
        refusal = servers.admit(server, model.protection)
        if refusal is not None:
            self.throttled += 1
            headers["retry-after"] = str(refusal.retry_after)
            return httpx2.Response(429, headers=headers, json=refusal_body(refusal.limit, model.protection))
        self.by_server[server] += 1
        if self._chance.random() < model.failing:
            return await self._fail(servers, server, request, content)
        answer = await self._execute(servers, server, request, content)
        answer.headers.update({**headers, **servers.headers(server)})
        return answer

    async def _execute(self, servers: Servers, server: int, request: httpx2.Request, content: bytes) -> httpx2.Response:
        """The answer, once the execution has taken its time."""
        rows, spread = self._work(content), self.model.spread
        seconds = (self.model.base + self.model.per_row * rows) * self._chance.uniform(1 - spread, 1 + spread)
        await asyncio.sleep(seconds)
        answer = self._batch(content) if request.url.path.endswith("$batch") else self._message(content)
        servers.spend(server, seconds)
        servers.leave(server)
        return answer

    def _work(self, content: bytes) -> float:
        """How many rows' worth of time a request takes: a row that is refused, or looked for, a tenth of one."""
        keys = [one or other for one, _, _, other in _ROW.findall(content)]
        new = sum(key not in self._ids for key in keys)
        if new < len(keys) and content.startswith(b'{"Targets"'):
            return 0.1
        return new + 0.1 * (len(keys) - new + content.count(b"\r\nGET "))

    async def _fail(self, servers: Servers, server: int, request: httpx2.Request, content: bytes) -> httpx2.Response:
        self.failed += 1
        kind = self._chance.choice(("timeout", "lost", "lost before", "unavailable"))
        if kind in ("timeout", "lost"):
            answer = await self._execute(servers, server, request, content)
            answer.extensions["failing"] = kind
            return answer
        servers.leave(server)
        if kind == "lost before":
            return httpx2.Response(200, extensions={"failing": "lost"})
        return httpx2.Response(503, json={"error": {"code": "0x80040265", "message": "Unavailable"}})

    def _write(self, key: bytes, number: bytes) -> bool:
        """Make a row. Whether its id was free."""
        if not self._ids.add(key):
            return False
        place = int(number)
        self._written[place] = min(self._written[place] + 1, 255)
        return True

    def _message(self, content: bytes) -> httpx2.Response:
        rows = [(one or other, number or its) for one, number, its, other in _ROW.findall(content)]
        if len(rows) != content.count(b'"@odata.type"'):
            return _refused(400, "0x80048d19", "Not understood.")
        if any(key in self._ids for key, _ in rows):
            return _refused(412, *_DUPLICATE)
        for key, number in rows:
            self._write(key, number)
        return httpx2.Response(200, json={"Ids": [key.decode() for key, _ in rows]})

    def _batch(self, content: bytes) -> httpx2.Response:
        parts = list(_PART.finditer(content))
        ends = [part.start() for part in parts[1:]] + [len(content)]
        answers = []
        for part, end in zip(parts, ends, strict=True):
            if part[1] == b"GET":
                answers.append(_inner(200 if part[2] in self._ids else 404))
                continue
            found = _ROW.search(content, part.end(), end)
            assert found is not None
            key = found[1] or found[4]
            if self._write(key, found[2] or found[3]):
                answers.append(_inner(204, f"OData-EntityId: {API}contacts({key.decode()})\r\n"))
            else:
                answers.append(_inner(412))
        body = "".join(f"--b\r\n{answer}\r\n" for answer in answers) + "--b--\r\n"
        return httpx2.Response(200, headers={"content-type": "multipart/mixed; boundary=b"}, content=body.encode())


def _refused(status: int, code: str, message: str) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"code": code, "message": message}})


def _inner(status: int, headers: str = "") -> str:
    bodies: dict[int, Any] = {
        200: {"contactid": "00000000-0000-0000-0000-000000000000"},
        404: {"error": {"code": "0x80040217", "message": "Does Not Exist"}},
        412: {"error": {"code": _DUPLICATE[0], "message": _DUPLICATE[1]}},
    }
    body = json.dumps(bodies[status]) if status in bodies else ""
    return (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"HTTP/1.1 {status} X\r\n{headers}Content-Type: application/json\r\n\r\n{body}\r\n"
    )
