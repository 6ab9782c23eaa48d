"""Addresses: the service's root from what the user gives, and the rules that every address keeps to.

HTTPS always, on this machine too, but for Supabase there: its own tools serve it over HTTP. No credentials, query or
fragment. The texts of the errors never hold the address.

Source: Dataverse Web API, "Compose HTTP requests and handle errors" (the parts of the URL).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

API_PATH: Final = "/api/data/v9.2"
"""Where the Web API is found below an organisation's address that names no version."""

PUBLIC_AUTHORITY: Final = "https://login.microsoftonline.com"
"""Entra in the public cloud; national clouds have others."""

_VERSIONED: Final = re.compile(r"/api/data/v\d{1,2}\.\d{1,2}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")


class ServiceRoot(NamedTuple):
    """The address of an organisation's Web API."""

    origin: str
    """`https://org.crm4.dynamics.com`"""
    url: str
    """The same with the path of the Web API, and a slash at the end."""

    @property
    def default_scope(self) -> str:
        """The scope of a token for everything that the application may do in this organisation."""
        return f"{self.origin}/.default"

    def follow(self, link: str, current: str, what: str = "the service's link to the next page") -> str:
        """A link from an answer as an absolute address. Raises `ValueError` where it leads to another origin."""
        target = urljoin(current, link)
        try:
            parts = _checked(target, "the link", query=True)
        except ValueError:
            raise ValueError(f"{what} is no usable address") from None
        if _origin(parts) != self.origin:
            raise ValueError(f"{what} leads to another origin")
        return target


def service_root(base_url: str) -> ServiceRoot:
    """The root for a base URL with or without the path of the Web API.

    Raises `ValueError` where it is not HTTPS, or is more than an organisation's address.
    """
    parts = _checked(base_url, "the base URL")
    path = parts.path.rstrip("/")
    if path and not _VERSIONED.fullmatch(path):
        raise ValueError(f"the base URL has a path: give the organisation's address alone, or with {API_PATH}")
    origin = _origin(parts)
    return ServiceRoot(origin, f"{origin}{path or API_PATH}/")


def authority_root(authority: str) -> str:
    """An authority without the slash at its end. Raises `ValueError` where it is not HTTPS."""
    parts = _checked(authority, "the authority")
    return _origin(parts) + parts.path.rstrip("/")


def supabase_root(url: str) -> str:
    """A Supabase project's address without a slash at its end.

    Raises `ValueError` where it is more than that, or not HTTPS, unless it leads to this machine: `supabase start`
    serves a project on http://127.0.0.1:54321, and what goes there crosses no network.
    """
    parts = _checked(url, "the Supabase URL", loopback_http=True)
    if parts.path.strip("/"):
        raise ValueError("the Supabase URL has a path: give the project's address alone")
    return _origin(parts)


def _checked(address: str, what: str, *, query: bool = False, loopback_http: bool = False) -> SplitResult:
    if not isinstance(address, str):
        raise ValueError(f"{what} must be text that starts with https://")
    if _UNPRINTABLE.search(address):
        raise ValueError(f"{what} holds a space or another character that an address cannot have")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{what} is not an address") from None
    if parts.scheme != "https" and not (loopback_http and parts.scheme == "http" and host in _LOOPBACK):
        raise ValueError(f"{what} must start with https://")
    if not host or port == 0 or "\\" in address:
        raise ValueError(f"{what} names no host")
    if "@" in parts.netloc:
        raise ValueError(f"{what} must not hold a user name or a password")
    if not query and ("?" in address or "#" in address):
        raise ValueError(f"{what} must not have a query or a fragment")
    return parts


def _origin(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")
