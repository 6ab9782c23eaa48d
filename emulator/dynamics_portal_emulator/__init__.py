"""A Dataverse on loopback, built from a `$metadata` document: for tests, demonstrations and the tests of users.

    with running_emulator(Path("metadata.xml"), data={"contacts": [{"firstname": "Kari"}]}) as emulator:
        httpx2.Client(base_url=emulator.base_url, verify=emulator.ssl_context())

Names are imported when they are first used: pytest loads the plugin of this package in every run, also where the extra
`emulator` is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import LoggedRequest
    from .choices import Choices
    from .clock import Clock
    from .effects import Effect
    from .emulator import Emulator, load_emulator
    from .errors import DataverseError
    from .faults import Fault, Faults
    from .protection import Protection
    from .server import running_emulator
    from .settings import Settings

__all__ = [
    "Choices",
    "Clock",
    "DataverseError",
    "Effect",
    "Emulator",
    "Fault",
    "Faults",
    "LoggedRequest",
    "Protection",
    "Settings",
    "load_emulator",
    "running_emulator",
]

_HOMES = {
    "Choices": "choices",
    "Clock": "clock",
    "DataverseError": "errors",
    "Effect": "effects",
    "Emulator": "emulator",
    "Fault": "faults",
    "Faults": "faults",
    "LoggedRequest": "app",
    "Protection": "protection",
    "Settings": "settings",
    "load_emulator": "emulator",
    "running_emulator": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
