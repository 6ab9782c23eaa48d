"""Moving rows into a service with limits, in virtual time: by the client, and by a fixed pool of workers.

The pool is the usual advice: so many workers, each with its requests of 100 rows one after another, each of which waits
as long as `Retry-After` says and sends the same again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from benchmarks.protected import API, BASE_URL, Model, Service
from benchmarks.virtual import run_virtually
from dynamics_portal import AsyncDynamicsPortalClient, RetryPolicy
from dynamics_portal_api.models import ContactWrite

LONGEST = 4 * 3600.0  # seconds that a pool is given
FAR: int = 4_000_000_000  # seconds since 1970: no token expires


@dataclass(frozen=True)
class Token:
    """A token of a user's."""

    token: str
    expires_on: int = FAR


class Credential:
    """What brings a user's tokens."""

    def __init__(self, user: int) -> None:
        self._token = Token(f"head.user{user}.tail")

    async def get_token(self, scope: str, /) -> Token:
        """The token."""
        return self._token


@dataclass(frozen=True)
class Moved:
    """How a move went. `share`: of the rows per hour that the limits allow."""

    rows_per_hour: float
    share: float
    requests: int
    throttled: int
    failed_rows: int
    lost: int
    doubled: int
    cpu: float


def rows(count: int, first: int = 0) -> Iterator[ContactWrite]:
    """Rows, numbered."""
    return ({"firstname": str(number)} for number in range(first, count))


def portal(service: Service, user: int, **options: Any) -> AsyncDynamicsPortalClient:
    """A client of an application user, whose time is the event loop's."""
    clock = asyncio.get_running_loop().time
    client: AsyncDynamicsPortalClient = AsyncDynamicsPortalClient(
        BASE_URL,
        Credential(user),
        transport=service,
        clock=clock,
        retry=RetryPolicy(random=random.Random(user).random),
        **options,
    )
    return client


async def by_client(service: Service, count: int, *, users: int = 1, kill_at: int | None = None, **options: Any) -> int:
    """Create rows; gives how many failed. `kill_at`: end like a process that is killed at so many results, once, and go
    on from the checkpoint in another one."""
    its = {name: options.pop(name) for name in ("affinity", "timeout") if name in options}
    clients = [portal(service, user, **its) for user in range(users)]
    tables = [client.contacts for client in clients]
    run = tables[0].create_many(rows(count), through=tables[1:], **options)
    failed = done = 0
    async for result in run:
        done += 1
        failed += not result.ok
        if done == kill_at:
            checkpoint = str(run.checkpoint)
            await run.aclose()
            return failed + await _go_on(service, count, checkpoint, users, **options)
    return failed


async def _go_on(service: Service, count: int, checkpoint: str, users: int, **options: Any) -> int:
    tables = [portal(service, user).contacts for user in range(users)]
    run = tables[0].create_many(rows(count), through=tables[1:], resume_from=checkpoint, **options)
    return len(await run.run())


async def by_pool(service: Service, count: int, *, workers: int) -> int:
    """Create rows by a fixed pool, for no longer than `LONGEST`: it may happen that it gets nowhere."""
    chunks = iter(range(0, count, 100))

    async def work() -> None:
        for first in chunks:
            targets = ",".join(
                f'{{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"{number:08x}-0000-0000-0000-{number:012x}","firstname":"{number}"}}'
                for number in range(first, min(first + 100, count))
            )
            headers = {"authorization": "Bearer pool"}
            content = f'{{"Targets":[{targets}]}}'.encode()
            url = f"{API}contacts/Microsoft.Dynamics.CRM.CreateMultiple"
            while True:
                request = httpx2.Request("POST", url, headers=headers, content=content)
                answer = await service.handle_async_request(request)
                if answer.status_code != 429:
                    break
                await asyncio.sleep(float(answer.headers["retry-after"]))

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    _, late = await asyncio.wait(tasks, timeout=LONGEST)
    for task in late:
        task.cancel()
    return service.lost


def move(count: int, model: Model, *, workers: int | None = None, users: int = 1, **options: Any) -> Moved:
    """Move so many rows, by the client or by a pool of `workers`."""
    service = Service(model, count)
    begun = time.process_time()
    if workers is None:
        failed, seconds = run_virtually(by_client(service, count, users=users, **options))
    else:
        failed, seconds = run_virtually(by_pool(service, count, workers=workers))
    rate = 3600 * (count - service.lost) / seconds
    return Moved(
        rate,
        rate / model.rows_per_hour(users),
        service.requests,
        service.throttled,
        failed,
        service.lost,
        service.doubled,
        time.process_time() - begun,
    )
