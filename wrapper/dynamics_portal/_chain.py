"""A chain of credential providers: what may be a link of it, and what is said where none of them has credentials."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from .credentials import AnyCredentials, AsyncCredentialProvider, CredentialError, CredentialProvider

Link = CredentialProvider
"""What a chain is made of."""

AsyncLink = CredentialProvider | AsyncCredentialProvider
"""What an asynchronous chain is made of."""


def check_links(providers: Sequence[object], *, can_wait: bool) -> None:
    """Raise `CredentialError` for a chain without links, or with one that is no provider for this kind of client."""
    if not providers:
        raise CredentialError("a chain needs at least one credential provider")
    for number, provider in enumerate(providers, 1):
        ask = getattr(provider, "get_credentials", None)
        if not callable(ask):
            raise CredentialError(
                f"link {number} of the chain: expected a credential provider with get_credentials(), "
                f"got {type(provider).__name__}"
            )
        if inspect.iscoroutinefunction(ask) and not can_wait:
            raise CredentialError(
                f"link {number} of the chain: {type(provider).__name__} is asynchronous, which takes "
                "AsyncChainedCredentialProvider and an asynchronous client"
            )


def given_by(provider: object, found: object) -> AnyCredentials:
    """What a link gave. Raises `CredentialError` where that is no credentials: such a link is broken, not empty."""
    if not isinstance(found, AnyCredentials):
        raise CredentialError(f"{type(provider).__name__} gave no credentials, but {type(found).__name__}")
    return found


def told_by(provider: object, error: CredentialError) -> str:
    """What a link said, and which it was."""
    return f"{type(provider).__name__}: {error}"


def none_had_any(told: Sequence[str]) -> CredentialError:
    """The error where each link failed, with what each of them said."""
    return CredentialError(f"no provider of the chain has credentials: {'; '.join(told)}")
