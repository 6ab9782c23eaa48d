# Derived from ../_async/fetch.py by tools/derive_sync.py; change that file, not this one.
"""A transport over the platform's own fetch, for Python in WebAssembly. The synchronous shell. It
is derived from the asynchronous one, `_async`.

What is asked of fetch and what its failures mean is decided in `_fetch`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2

from .._fetch import Fetching, head_of, seconds_for, sync_check_waiting, sync_settled
from .._frames import reticent_class


@reticent_class
class FetchTransport(httpx2.BaseTransport):
    """Carries requests by the platform's fetch: in Deno, Node and browsers, through Pyodide.

    It follows no redirect, sends no cookie, and takes whom the platform trusts. The read timeout is what an answer's
    head, and then each part of its body, may take; the other timeouts have no meaning to fetch.
    A failure counts as one to connect only where the platform says so; after any other the request may have run.
    It is what a client takes there of itself; give it to an `httpx2.Client` of one's own.
    """

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer's head; its body comes as it is read."""
        sync_check_waiting()
        content = request.read()
        fetching = Fetching()
        begun = False
        try:
            fetching.limit(seconds_for(request))
            answer = sync_settled(fetching.start(request, content))
            status, headers = head_of(answer)
            begun = True
        except Exception as error:
            raise fetching.fault(error) from None
        finally:
            fetching.limit(None)
            if not begun:
                fetching.end()  # also where the task that waits was cancelled
        return httpx2.Response(status, headers=headers, stream=_Body(answer.body, fetching, request))


class _Body(httpx2.SyncByteStream):
    """The body of an answer, in the parts in which it comes."""

    def __init__(self, body: Any, fetching: Fetching, request: httpx2.Request) -> None:
        self._body = body
        self._fetching = fetching
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        if not self._body:  # null: such as the answer to a write
            return
        reader = self._body.getReader()
        while (part := self._part(reader)) is not None:
            yield part

    def _part(self, reader: Any) -> bytes | None:
        try:
            self._fetching.limit(seconds_for(self._request))
            step = sync_settled(reader.read())
            return None if step.done else step.value.to_bytes()
        except Exception as error:
            raise self._fetching.fault(error) from None
        finally:
            self._fetching.limit(None)

    def close(self) -> None:
        self._fetching.end()
