"""Connections: one client for each process and place, made where it is used, since neither clients nor secrets travel.

Spark keeps its Python workers for further tasks, so a client that stays keeps its token and its open connections.
"""

from __future__ import annotations

import os
import ssl
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from .._seam import Package, RowModel
from .._sync.client import PortalClient
from ..errors import invalid
from ._options import Connection

_clients: Final[dict[tuple[int, Connection], PortalClient]] = {}


def client_of(connection: Connection) -> PortalClient:
    """This process's client. Raises `InvalidRequestError` that names what is missing or makes no sense."""
    key = os.getpid(), connection  # a worker that was forked off shares no connection with the one before
    found = _clients.get(key)
    if found is None:
        found = _clients[key] = _made(connection)
    return found


def model_of(connection: Connection, table: str) -> RowModel:
    """The row class of a table, without a client. Raises `InvalidRequestError` where the package has none."""
    model = Package(_package(connection).__name__).find_table(table)
    if model is None:
        raise invalid(f"option 'table': {connection.package} has no table {table!r}")
    return model


def _made(connection: Connection) -> PortalClient:
    options: dict[str, Any] = {}
    if connection.ca_file:
        try:
            options["ssl_context"] = ssl.create_default_context(cafile=connection.ca_file)
        except OSError as error:
            raise invalid(f"option 'ca_file': it cannot be read here: {type(error).__name__}") from None
    return PortalClient.from_environment(
        api=_package(connection),
        environ={**os.environ, **connection.variables},
        credentials=_provider(connection.credentials) if connection.credentials else None,
        **options,
    )


def _package(connection: Connection) -> ModuleType:
    try:
        return import_module(connection.package)
    except ImportError:
        raise invalid(
            f"option 'package': {connection.package!r} cannot be imported; install it on driver and executors"
        ) from None


def _provider(entry: str) -> Any:
    module, _, name = entry.partition(":")
    try:
        make = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise invalid(
            "option 'credentials': there is no such function; its module must be installed on driver and executors"
        ) from None  # without its name, which may be a secret that somebody took for one
    return make()
