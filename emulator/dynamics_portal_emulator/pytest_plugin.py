"""Fixtures for pytest: a Dataverse on loopback for a test.

    @pytest.mark.dynamics_metadata("spec/metadata.xml")
    def test_it(dynamics_emulator): ...

The document is named by that marker, or once for all tests by the ini option `dynamics_metadata`; a relative path
starts at the folder of pytest's configuration. A `choices.json` beside the document is read, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .emulator import Emulator

_INI = "dynamics_metadata"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the ini option."""
    parser.addini(_INI, "the $metadata document that the fixture dynamics_emulator serves", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker."""
    config.addinivalue_line(
        "markers", f"{_INI}(path): the $metadata document that the fixture dynamics_emulator serves"
    )


@pytest.fixture
def dynamics_emulator_factory() -> Iterator[Callable[..., Emulator]]:
    """A function that starts an emulator, called as `running_emulator`; it stops with the test."""
    try:
        from .server import running_emulator  # here, so that a test run without it does not pay for the import
    except ModuleNotFoundError as error:
        raise pytest.UsageError(f"{error}: install the extra, dynamics-portal[emulator]") from None

    with ExitStack() as stack:

        def start(*arguments: Any, **keywords: Any) -> Emulator:
            return stack.enter_context(running_emulator(*arguments, **keywords))

        yield start


@pytest.fixture
def dynamics_emulator(request: pytest.FixtureRequest, dynamics_emulator_factory: Callable[..., Emulator]) -> Emulator:
    """An emulator of the document that the marker or the ini option names, without rows."""
    marker = request.node.get_closest_marker(_INI)
    named = marker.args[0] if marker and marker.args else request.config.getini(_INI)
    if not named:
        raise pytest.UsageError(
            f"name a $metadata document: @pytest.mark.{_INI}(path), or {_INI} = path in the ini file"
        )
    path = request.config.rootpath / Path(named)
    choices = path.with_name("choices.json")
    return dynamics_emulator_factory(path, choices=choices if choices.is_file() else None)
