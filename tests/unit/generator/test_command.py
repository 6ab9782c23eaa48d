"""The entry point: what it says where the extras of the command are not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.conftest import PROJECT
from tests.packages import python, run

HIDE = "import sys; sys.modules[{module!r}] = None; from dynamics_portal_generator.command import main; main()"


@pytest.mark.parametrize("module", ["typer", "yaml"])
def test_a_missing_extra_is_one_line_and_exit_code_2(module: str) -> None:
    command = [sys.executable, "-c", HIDE.format(module=module)]
    result: subprocess.CompletedProcess[str] = run([*command, "openapi", "--help"], PROJECT)
    assert result.returncode == 2
    assert result.stderr == f"error: the command needs the module {module}; install dynamics-portal[generator,cli]\n"


def test_with_the_extras_the_command_runs() -> None:
    program = "import sys; sys.argv = ['x', '--help']; from dynamics_portal_generator.command import main; main()"
    assert "generate" in python(PROJECT, program)
