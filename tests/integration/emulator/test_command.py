"""The command `dynamics-portal emulator`, as a process."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.emulator.conftest import HLF

Start = Callable[..., "subprocess.Popen[str]"]
_RUN = "import typer; from dynamics_portal_emulator.cli import emulator; typer.run(emulator)"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", _RUN, *(str(argument) for argument in arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"NO_COLOR": "1"}
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_line_serves_and_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"contacts": [{"lastname": "Nordmann"}]}))
    arguments = ("--metadata", HLF, "--choices", HLF.with_name("choices.json"), "--data", data)
    named = ("--ca-file", tmp_path / "ca.pem", "--client-id", "me", "--client-secret", "s3cret", "--tenant-id", "here")
    with subprocess.Popen(command(*arguments, *named), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        assert ready.keys() == {"base_url", "authority", "ca_file", "tenant_id", "client_id", "client_secret"}
        assert (ready["client_id"], ready["client_secret"], ready["tenant_id"]) == ("me", "s3cret", "here")
        with httpx2.Client(verify=ssl.create_default_context(cafile=ready["ca_file"])) as client:
            form = {
                "grant_type": "client_credentials",
                "client_id": "me",
                "client_secret": "s3cret",
                "scope": f"{ready['base_url']}/.default",
            }
            token = client.post(f"{ready['authority']}/here/oauth2/v2.0/token", data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            rows = client.get(f"{ready['base_url']}/api/data/v9.2/contacts?$select=lastname", headers=headers).json()
        assert [row["lastname"] for row in rows["value"]] == ["Nordmann"]
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert process.stdout.read() == ""


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data", "{", "not JSON"),
        ("data", "[]", "expected an object of tables"),
        ("data", '{"contacts": [1]}', "expected an object of tables"),
        ("data", '{"nothing": []}', "no table named 'nothing'"),
        ("data", '{"contacts": [{"nothing": 1}]}', "'nothing' does not exist"),
        ("choices", "[]", "choices: expected an object"),
        ("choices", '{"contact": {"x": {"options": [{"label": "A"}]}}}', "contact.x needs options"),
        ("metadata", "<a", ""),
        ("metadata", "<a/>", ""),
    ],
)
def test_unusable_input_is_one_line_and_exit_2(tmp_path: Path, name: str, content: str, words: str) -> None:
    file = tmp_path / f"{name}.input"
    file.write_text(content)
    arguments = {"metadata": HLF, name: file}
    ended = run(*(part for key, value in arguments.items() for part in (f"--{key}", value)))

    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("dynamics-portal emulator: ")
    assert words in line


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    ended = run("--metadata", tmp_path / "missing.xml")

    assert ended.returncode == 2
    assert "missing.xml" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
