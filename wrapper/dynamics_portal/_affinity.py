"""Affinity: the cookie by which the service's web servers tie a client to one of them. No I/O.

By default a client sends no cookie, so that its requests are spread over all web servers, each of which has limits of
its own. One that keeps the affinity cookie finds on its web server what that has cached. It is kept in memory, for the
service alone; no other cookie is ever kept.

Source: Dataverse, "Send parallel requests" (Server affinity), "Service protection API limits".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_COOKIE: Final = re.compile(r"(?:^|,\s*)(ARRAffinity(?:SameSite)?)=([0-9A-Za-z._-]{1,256})(?=\s*[;,]|\s*$)")


class Affinity:
    """What the service at a URL has said last of the web server that it wants requests to go to."""

    __slots__ = ("_cookies", "_root")

    def __init__(self, root: str) -> None:
        self._root = root
        self._cookies: dict[str, str] = {}

    def header(self, url: str) -> tuple[tuple[str, str], ...]:
        """What a request to a URL says of it."""
        if not self._cookies or not url.startswith(self._root):
            return ()
        return (("Cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())),)

    def learn(self, url: str, sent: tuple[tuple[str, str], ...], headers: Mapping[str, str]) -> None:
        """Take note of what an answer says; its headers are by names in lower case, of one name joined by commas.

        `sent`: what the request said. Where that is no longer what is known, the first answer has decided already.
        """
        said = headers.get("set-cookie")
        if said is not None and url.startswith(self._root) and sent == self.header(url):
            self._cookies.update(_COOKIE.findall(said))

    def __repr__(self) -> str:
        return "<Affinity>"
