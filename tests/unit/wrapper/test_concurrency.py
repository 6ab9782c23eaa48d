"""Waiting and locking where anyio is not: in a browser or an edge function, asyncio does it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import MENTOR, Clock, Service, Shell, make_portal, problem

from dynamics_portal import AsyncDynamicsPortalClient, NetworkError, RetryPolicy
from dynamics_portal._concurrency import async_sleep, async_within


@pytest.fixture
def no_anyio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anyio", None)


def patient(service: Service, clock: Clock) -> Any:
    """A client that waits in real time, though for none."""
    return make_portal(
        AsyncDynamicsPortalClient, service, clock, sleep=async_sleep, retry=RetryPolicy(initial_delay=0, jitter=0)
    )


@pytest.mark.usefixtures("no_anyio")
def test_a_call_does_without_anyio(service: Service, clock: Clock) -> None:
    service.answer(problem(503), httpx2.Response(200, json={"UserId": str(MENTOR)}))
    shell = Shell(patient(service, clock))
    assert shell(shell.portal.who_am_i()).user_id == MENTOR
    shell.close()


@pytest.mark.usefixtures("no_anyio")
def test_a_fetch_that_hangs_is_cut_off_without_anyio(
    service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dynamics_portal._async.tokens.FETCH_LIMIT", 0.01)

    async def hang(request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    shell = Shell(make_portal(AsyncDynamicsPortalClient, service, clock, transport=httpx2.MockTransport(hang)))
    with pytest.raises(NetworkError, match="no token within"):
        shell(shell.portal.who_am_i())
    shell.close()


def test_with_anyio_it_is_the_same(service: Service, clock: Clock) -> None:
    service.answer(problem(503), httpx2.Response(200, json={"UserId": str(MENTOR)}))
    shell = Shell(patient(service, clock))
    assert shell(shell.portal.who_am_i()).user_id == MENTOR
    shell.close()


async def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [KeyError(), TimeoutError()])
async def test_what_is_raised_inside_a_limit_comes_out(error: Exception) -> None:
    with pytest.raises(type(error)):
        await async_within(60, fail, error)
