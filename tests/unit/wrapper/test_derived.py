"""The synchronous shell is what the asynchronous one says, and the version is the distribution's."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dynamics_portal

PROJECT = Path(__file__).resolve().parents[3]


def test_the_synchronous_shell_is_derived_from_the_asynchronous_one() -> None:
    pytest.importorskip("unasync", reason="needs unasync, which derives one from the other")
    command = [sys.executable, str(PROJECT / "tools" / "derive_sync.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_each_derived_file_says_so() -> None:
    for path in (PROJECT / "wrapper" / "dynamics_portal" / "_sync").glob("*.py"):
        assert path.read_text(encoding="utf-8").startswith(f"# Derived from ../_async/{path.name}")


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert dynamics_portal.__version__ == project["version"]


def test_every_public_name_is_there() -> None:
    for name in dynamics_portal.__all__:
        assert getattr(dynamics_portal, name) is not None
    assert set(dynamics_portal.__all__) <= set(dir(dynamics_portal))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dynamics_portal.nothing  # type: ignore[attr-defined] # that is the point
