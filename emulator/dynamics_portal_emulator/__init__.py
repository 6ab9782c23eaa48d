"""A Dataverse on loopback, built from a `$metadata` document: for tests, demonstrations and the tests of users.

with running_emulator(Path("metadata.xml"), data={"contacts": [{"firstname": "Kari"}]}) as emulator:
    httpx2.Client(base_url=emulator.base_url, verify=emulator.ssl_context())
"""

from .app import LoggedRequest
from .choices import Choices
from .clock import Clock
from .emulator import Emulator, load_emulator
from .errors import DataverseError
from .faults import Fault, Faults
from .server import running_emulator

__all__ = [
    "Choices",
    "Clock",
    "DataverseError",
    "Emulator",
    "Fault",
    "Faults",
    "LoggedRequest",
    "load_emulator",
    "running_emulator",
]
