"""`dynamics-portal demo`, as `make demo` calls it: what it prints, and that it fails when what it tells is not so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer
from tests.conftest import PROJECT
from typer.testing import CliRunner, Result

from dynamics_portal_demo import cli
from dynamics_portal_demo.portal_side import Website

SPEC = PROJECT / "spec" / "hlf"


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(cli.demo)
    return CliRunner().invoke(app, list(arguments))


def test_the_demo_pauses_and_hides_exactly_the_mentors_whose_certification_expired() -> None:
    result = run("--spec", str(SPEC))
    assert result.exit_code == 0, result.output
    assert " files, the same as those installed" in result.output
    assert "page 3: 2 certifications" in result.output
    assert "10 mentors were paused and 10 hidden" in result.output
    assert "NOT_FOUND, status 404, code 0x80040217" in result.output
    assert "failed 1 time with 503" in result.output
    assert "exactly the expired mentors are paused" in result.output


def test_the_log_lines_are_shown_on_request_and_hold_no_ids_and_no_filter() -> None:
    result = run("--spec", str(SPEC), "--log")
    lines = [line for line in result.output.splitlines() if line.strip().startswith("log: ")]
    assert any(": 503 in " in line for line in lines)
    assert any("contacts(***)" in line for line in lines)
    assert any("$filter=***" in line for line in lines)
    assert not any("new_expires_on lt" in line or "example.org" in line for line in lines)


def test_a_website_that_does_not_obey_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Website.answer

    def deaf(website: Website, *arguments: object) -> object:
        shown = set(website.shown)
        answer = honest(website, *arguments)  # type: ignore[arg-type] # handed on as they came
        website.shown = shown
        return answer

    monkeypatch.setattr(Website, "answer", deaf)
    result = run("--spec", str(SPEC))
    assert result.exit_code == cli.FAILED
    assert "error: a paused mentor is still on the website" in result.output


def test_a_spec_that_has_moved_on_asks_for_a_new_client(tmp_path: Path) -> None:
    shutil.copytree(SPEC, tmp_path / "hlf")
    metadata = tmp_path / "hlf" / "metadata.xml"
    text = metadata.read_text("utf-8")
    column = '<Property Name="new_renewal_history"'
    metadata.write_text(text.replace(column, f'<Property Name="new_added" Type="Edm.String"/>{column}', 1), "utf-8")
    result = run("--spec", str(tmp_path / "hlf"))
    assert result.exit_code == cli.UNUSABLE_INPUT
    assert "run `make generate` first" in result.output


def test_a_missing_spec_folder_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = run("--spec", str(tmp_path / "nowhere"))
    assert result.exit_code == cli.UNUSABLE_INPUT
    assert [line for line in result.output.splitlines() if line] == [
        line for line in result.output.splitlines() if line.startswith("error: ")
    ]
