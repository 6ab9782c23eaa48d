"""Injected parts: what a client is given in place of its own transport, clock, sleep and trust, and the scope of its
tokens. Whether they can work is found when the client is made, not in the middle of its first call. No I/O.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from .errors import invalid


def check_injected(options: Mapping[str, Any], handle: str) -> None:
    """Raise an invalid request that names the keyword which cannot work. `None` is the default of each.

    `handle`: the method of a transport that the client calls.
    """
    transport, context, scope = options.get("transport"), options.get("ssl_context"), options.get("scope")
    if transport is not None and (isinstance(transport, type) or not callable(getattr(transport, handle, None))):
        raise invalid(f"transport: expected one of httpx2's, with {handle}(), got {_kind(transport)}")
    for name in ("clock", "sleep"):
        value = options.get(name)
        if value is not None and not callable(value):
            raise invalid(f"{name}: expected a function, got {_kind(value)}")
    sleep = options.get("sleep")
    if handle == "handle_request" and inspect.iscoroutinefunction(sleep):
        raise invalid(f"sleep: {sleep.__name__} is asynchronous, which needs an asynchronous client")
    if context is not None and not hasattr(context, "wrap_bio"):  # by shape: `ssl` is not there on every platform
        raise invalid(f"ssl_context: expected an ssl.SSLContext, got {_kind(context)}")
    if scope is not None and not (isinstance(scope, str) and scope.isascii() and scope.isprintable()):
        raise invalid("scope: expected text of printable ASCII characters, like https://org.crm4.dynamics.com/.default")


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
