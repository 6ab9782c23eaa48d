"""A transport over the platform's own fetch, for Python in WebAssembly. The asynchronous shell. The
synchronous shell, `_sync`, is derived from this one.

What is asked of fetch and what its failures mean is decided in `_fetch`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2

from .._fetch import Fetching, async_check_waiting, async_settled, head_of, seconds_for
from .._frames import reticent_class


@reticent_class
class AsyncFetchTransport(httpx2.AsyncBaseTransport):
    """Carries requests by the platform's fetch, asynchronous: in Deno, Node and browsers, through Pyodide.

    It follows no redirect, sends no cookie, and takes whom the platform trusts. The read timeout is what an answer's
    head, and then each part of its body, may take; the other timeouts have no meaning to fetch.
    A failure counts as one to connect only where the platform says so; after any other the request may have run.
    It is what a client takes there of itself; give it to an `httpx2.AsyncClient` of one's own.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer's head; its body comes as it is read."""
        async_check_waiting()
        content = await request.aread()
        fetching = Fetching()
        begun = False
        try:
            fetching.limit(seconds_for(request))
            answer = await async_settled(fetching.start(request, content))
            status, headers = head_of(answer)
            begun = True
        except Exception as error:
            raise fetching.fault(error) from None
        finally:
            fetching.limit(None)
            if not begun:
                fetching.end()  # also where the task that waits was cancelled
        return httpx2.Response(status, headers=headers, stream=_AsyncBody(answer.body, fetching, request))


class _AsyncBody(httpx2.AsyncByteStream):
    """The body of an answer, in the parts in which it comes."""

    def __init__(self, body: Any, fetching: Fetching, request: httpx2.Request) -> None:
        self._body = body
        self._fetching = fetching
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if not self._body:  # null: such as the answer to a write
            return
        reader = self._body.getReader()
        while (part := await self._part(reader)) is not None:
            yield part

    async def _part(self, reader: Any) -> bytes | None:
        try:
            self._fetching.limit(seconds_for(self._request))
            step = await async_settled(reader.read())
            return None if step.done else step.value.to_bytes()
        except Exception as error:
            raise self._fetching.fault(error) from None
        finally:
            self._fetching.limit(None)

    async def aclose(self) -> None:
        self._fetching.end()
