"""The fixtures, in a test run of somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.emulator.conftest import HLF
from tests.unit.emulator.documents import SHOP

_TEST = """
import pytest

def test_named_by_the_ini_option(dynamics_emulator):
    assert dynamics_emulator.base_url.startswith("https://127.0.0.1:")
    assert dynamics_emulator.schema.set_table("contacts") is not None

@pytest.mark.dynamics_metadata({shop!r})
def test_named_by_the_marker(dynamics_emulator):
    assert dynamics_emulator.schema.set_table("lines") is not None

def test_started_by_the_factory(dynamics_emulator_factory):
    first = dynamics_emulator_factory(open({shop!r}, "rb").read(), data={{"lines": [{{"Order": "a", "Position": 1}}]}})
    second = dynamics_emulator_factory(open({shop!r}, "rb").read())
    assert (len(first.rows("lines")), len(second.rows("lines"))) == (1, 0)
"""


def run(folder: Path, ini: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(ini)
    plugin = ["-p", "dynamics_portal_emulator.pytest_plugin"]
    arguments = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(folder), *plugin, str(folder)]
    disabled = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        arguments, capture_output=True, text=True, timeout=120, check=False, cwd=folder, env=os.environ | disabled
    )


def test_the_fixtures_serve_the_document_that_is_named(tmp_path: Path) -> None:
    shop = tmp_path / "shop.xml"
    shop.write_bytes(SHOP)
    (tmp_path / "test_it.py").write_text(_TEST.format(shop=str(shop)))

    ended = run(tmp_path, f"[pytest]\ndynamics_metadata = {HLF}\naddopts = --strict-markers\n")
    assert ended.returncode == 0, ended.stdout
    assert "3 passed" in ended.stdout


def test_a_document_that_is_not_named_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(dynamics_emulator): ...\n")

    ended = run(tmp_path, "[pytest]\n")
    assert ended.returncode != 0
    assert "name a $metadata document" in ended.stdout
