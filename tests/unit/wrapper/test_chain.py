"""A chain of providers: the first that has credentials gives them."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import CLIENT, SECRET, TENANT, Clock, Service, Shell, make_portal, token

from dynamics_portal import (
    AsyncChainedCredentialProvider,
    AsyncDynamicsPortalClient,
    AuthFailureError,
    ChainedCredentialProvider,
    ClientCredentials,
    CredentialError,
    DynamicsPortalClient,
    EnvironmentCredentialProvider,
    StaticCredentialProvider,
)

FOUND = ClientCredentials(TENANT, CLIENT, SECRET)
EMPTY = EnvironmentCredentialProvider({})
STATIC = StaticCredentialProvider(tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET)


class Asked:
    """A provider that gives what it was made with, or raises it, and counts."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    def get_credentials(self) -> ClientCredentials:
        self.asked += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        found: ClientCredentials = self.answer
        return found

    def __repr__(self) -> str:
        return SECRET  # as anybody may write it


class AskedAsync(Asked):
    async def get_credentials(self) -> ClientCredentials:  # type: ignore[override] # the asynchronous kind
        return super().get_credentials()


@pytest.fixture(params=[ChainedCredentialProvider, AsyncChainedCredentialProvider], ids=["sync", "async"])
def chain(request: pytest.FixtureRequest) -> Any:
    return request.param


def ask(provider: Any) -> Any:
    async def awaited(value: Any) -> Any:
        return await value

    value = provider.get_credentials()
    return asyncio.run(awaited(value)) if inspect.isawaitable(value) else value


def test_the_first_that_has_credentials_gives_them(chain: Any) -> None:
    first, last = Asked(CredentialError("none here")), Asked(AssertionError("asked though one had some"))
    assert ask(chain(first, EMPTY, STATIC, last)) == FOUND
    assert (first.asked, last.asked) == (1, 0)


def test_each_call_asks_anew(chain: Any) -> None:
    first = Asked(CredentialError("none yet"))
    provider = chain(first, STATIC)
    ask(provider)
    first.answer = ClientCredentials("other", "other", "other")
    assert ask(provider).tenant_id == "other"


def test_where_none_has_any_each_says_why(chain: Any) -> None:
    with pytest.raises(CredentialError) as caught:
        ask(chain(Asked(CredentialError("Vault is empty")), EMPTY))
    assert str(caught.value) == (
        "no provider of the chain has credentials: Asked: Vault is empty; EnvironmentCredentialProvider: "
        "set DYNAMICS_TENANT_ID, DYNAMICS_CLIENT_ID, DYNAMICS_CLIENT_SECRET in the environment"
    )
    assert caught.value.__context__ is None


@pytest.mark.parametrize("error", [RuntimeError("broken"), ValueError("broken"), OSError("broken")])
def test_another_error_ends_the_search(error: Exception, chain: Any) -> None:
    last = Asked(FOUND)
    with pytest.raises(type(error)) as caught:
        ask(chain(Asked(error), last))
    assert caught.value is error
    assert last.asked == 0


def test_a_link_that_gives_no_credentials_ends_the_search(chain: Any) -> None:
    with pytest.raises(CredentialError, match=r"^Asked gave no credentials, but NoneType$"):
        ask(chain(Asked(None), STATIC))


def test_chains_may_be_links(chain: Any) -> None:
    assert ask(chain(chain(EMPTY), chain(STATIC))) == FOUND


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ((), "a chain needs at least one credential provider"),
        ((STATIC, "secret"), r"link 2 of the chain: expected a credential provider with get_credentials\(\), got str"),
        ((None,), "link 1 of the chain: expected .* got NoneType"),
    ],
)
def test_what_is_no_chain_is_refused_when_it_is_made(links: tuple[Any, ...], told: str, chain: Any) -> None:
    with pytest.raises(CredentialError, match=told):
        chain(*links)


def test_a_synchronous_chain_takes_no_asynchronous_link() -> None:
    with pytest.raises(CredentialError, match="link 2 of the chain: AskedAsync is asynchronous"):
        ChainedCredentialProvider(STATIC, AskedAsync(FOUND))  # type: ignore[arg-type] # as a user may write it


def test_an_asynchronous_chain_takes_both_kinds() -> None:
    asynchronous = AskedAsync(CredentialError("none here"))
    assert ask(AsyncChainedCredentialProvider(asynchronous, EMPTY, STATIC)) == FOUND
    assert asynchronous.asked == 1


async def test_a_synchronous_link_holds_up_no_task() -> None:
    """It waits for what only another task does, so it would wait forever if it ran on the loop."""
    released = threading.Event()

    class Waits:
        def get_credentials(self) -> ClientCredentials:
            assert released.wait(30)
            return FOUND

    asking = asyncio.create_task(AsyncChainedCredentialProvider(Waits()).get_credentials())
    await asyncio.sleep(0)
    released.set()
    assert await asking == FOUND


def test_a_chain_shows_the_kinds_of_its_links_only(chain: Any) -> None:
    assert repr(chain(Asked(FOUND), EMPTY)) == f"{chain.__name__}(Asked, EnvironmentCredentialProvider)"


@pytest.mark.parametrize(
    ("client", "chained"),
    [
        (DynamicsPortalClient, ChainedCredentialProvider),
        (AsyncDynamicsPortalClient, AsyncChainedCredentialProvider),
        (AsyncDynamicsPortalClient, ChainedCredentialProvider),
    ],
    ids=["sync", "async", "sync in async"],
)
def test_a_client_uses_a_chain(client: Any, chained: Any, service: Service, clock: Clock) -> None:
    service.token_answers = [token()]
    service.answer(httpx2.Response(200, json={}))
    shell = Shell(make_portal(client, service, clock, credentials=chained(EMPTY, STATIC)))
    shell(shell.portal.who_am_i())
    shell.close()
    assert f"client_id={CLIENT}".encode() in service.token_requests[0].content
    shell = Shell(make_portal(client, service, clock, credentials=chained(EMPTY)))
    with pytest.raises(AuthFailureError, match="no provider of the chain has credentials"):
        shell(shell.portal.who_am_i())
    shell.close()
