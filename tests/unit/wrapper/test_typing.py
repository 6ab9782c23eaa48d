"""Types: what both checkers take from a user's program, and what they refuse."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import PROJECT, node_command

import dynamics_portal

PROGRAMS = Path(__file__).parent / "programs"
ROOTS = [str(PROJECT / name) for name in ("wrapper", "generated_client")]
LINE = re.compile(r"(?:good|bad)\w*\.py:(\d+)(?::\d+)?(?: -)?:? error")


def mypy(program: Path, work: Path) -> str:
    """What mypy --strict says of a program, with no settings but its own."""
    config = work / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = true\ncache_dir = {work}\nmypy_path = {':'.join(ROOTS)}\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=work).stdout


def pyright(program: Path, work: Path) -> str:
    """What pyright says of it."""
    paths = ", ".join(f'"{root}"' for root in ROOTS)
    config = work / "pyrightconfig.json"
    config.write_text(f'{{"extraPaths": [{paths}], "include": ["{program.name}"]}}', encoding="utf-8")
    command = [*node_command("pyright", "index.js"), "--pythonpath", sys.executable, "-p", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=work).stdout


def check(checker: Callable[[Path, Path], str], name: str, work: Path) -> str:
    """What a checker says of one of the programs. They are kept as text, so that no other check stumbles over them."""
    return check_text(checker, name, (PROGRAMS / f"{name}.txt").read_text(encoding="utf-8"), work)


def check_text(checker: Callable[[Path, Path], str], name: str, text: str, work: Path) -> str:
    """What a checker says of a program's text."""
    program = work / name
    program.write_text(text, encoding="utf-8")
    return checker(program, work)


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
@pytest.mark.parametrize("name", ["good.py", "good_files.py", "good_names.py", "good_queries.py", "good_writes.py"])
def test_a_good_program_is_accepted(name: str, checker: Callable[[Path, Path], str], tmp_path: Path) -> None:
    said = check(checker, name, tmp_path)
    assert re.search(r"Success: no issues|^0 errors", said, re.MULTILINE), said


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_the_example_of_the_whole_api_is_accepted(checker: Callable[[Path, Path], str], tmp_path: Path) -> None:
    text = (PROJECT / "examples" / "whole_api.py").read_text(encoding="utf-8")
    said = check_text(checker, "whole_api.py", text, tmp_path)
    assert re.search(r"Success: no issues|^0 errors", said, re.MULTILINE), said


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
@pytest.mark.parametrize("name", ["bad.py", "bad_files.py", "bad_queries.py", "bad_whole_api.py", "bad_writes.py"])
def test_each_wrong_line_is_refused(name: str, checker: Callable[[Path, Path], str], tmp_path: Path) -> None:
    said = check(checker, name, tmp_path)
    lines = (PROGRAMS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, start=1) if line.endswith("# wrong")}
    assert {int(number) for number in LINE.findall(said)} == wrong, said


def test_every_public_name_is_in_a_program() -> None:
    """A public name is one that a checker has seen used: a new one has to be used in `good_names.py`, too."""
    program = (PROGRAMS / "good_names.py.txt").read_text(encoding="utf-8")
    used = program.replace(program[program.index("from dynamics_portal import (") : program.index("\n)\n")], "")
    assert [name for name in dynamics_portal.__all__ if not re.search(rf"\b{name}\b", used)] == []
