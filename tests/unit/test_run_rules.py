"""The rules that tests/conftest.py makes of a run: when a skip is a failure, and where a test may connect to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TESTS = {
    "test_skip.py": "import pytest\n\ndef test_it():\n    pytest.skip('a thing is absent')\n",
    "test_module_skip.py": "import pytest\npytest.skip('another is absent', allow_module_level=True)\n",
    "test_credentials.py": "import pytest\n\n@pytest.mark.credentials\ndef test_it():\n    pass\n",
    "test_outside.py": "import socket\n\ndef test_it():\n    socket.create_connection(('192.0.2.1', 80), timeout=1)\n",
}
CREDENTIALS = ("DYNAMICS_BASE_URL", "DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET")


def run(folder: Path, **environment: str) -> str:
    """Run all of `TESTS` under the project's conftest and return what pytest prints."""
    (folder / "conftest.py").write_text(CONFTEST.read_text("utf-8"), "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = credentials\n")
    for name, test in TESTS.items():
        (folder / name).write_text(test, "utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DYNAMICS_", "COV_"))}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rA",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            str(folder),
        ],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout


@pytest.fixture(scope="module")
def with_credentials(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(tmp_path_factory.mktemp("credentials"), **dict.fromkeys(CREDENTIALS, "x"))


@pytest.fixture(scope="module")
def where_all_is_required(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(tmp_path_factory.mktemp("required"), DYNAMICS_PORTAL_REQUIRE_ALL="1")


def test_what_is_absent_skips_a_test_with_the_reason(with_credentials: str) -> None:
    assert "a thing is absent" in with_credentials
    assert "another is absent" in with_credentials
    assert "2 skipped" in with_credentials


def test_a_skip_fails_where_every_part_is_required(where_all_is_required: str) -> None:
    assert "nothing may be skipped, but: Skipped: a thing is absent" in where_all_is_required
    assert "nothing may be skipped, but: Skipped: another is absent" in where_all_is_required


def test_missing_credentials_never_fail_a_run(where_all_is_required: str, with_credentials: str) -> None:
    assert "1 skipped" in where_all_is_required
    assert "needs credentials for a real organisation: set DYNAMICS_BASE_URL" in where_all_is_required
    assert "PASSED test_credentials.py::test_it" in with_credentials


def test_a_test_reaches_no_further_than_this_machine(with_credentials: str) -> None:
    assert "a test tried to reach 192.0.2.1:80; tests stay on loopback" in with_credentials
