"""`dynamics-portal fetch` from a live service: what it writes generates the package that the spec folder's files do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from tests.integration.wrapper.conftest import SPEC
from tests.packages import tree
from typer.testing import CliRunner, Result

from dynamics_portal.cli import fetch
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_generator.client import generate
from dynamics_portal_generator.pipeline import derive


@pytest.fixture(name="run")
def run_fixture(emulator: Emulator) -> Any:
    """Runs `fetch` against the emulator, with arguments of one's own."""
    environment = {
        "DYNAMICS_BASE_URL": emulator.base_url,
        "DYNAMICS_AUTHORITY": emulator.authority,
        "DYNAMICS_TENANT_ID": emulator.tenant_id,
        "DYNAMICS_CLIENT_ID": emulator.client_id,
        "DYNAMICS_CLIENT_SECRET": emulator.client_secret,
        "DYNAMICS_PORTAL_ENABLED": "",
        "DYNAMICS_SCOPE": "",
        "SUPABASE_URL": "",
    }

    def run(*arguments: object) -> Result:
        app = typer.Typer()
        app.command()(fetch)
        options = ["--ca-file", str(emulator.ca_file), *map(str, arguments)]
        return CliRunner().invoke(app, options, env=environment)

    return run


def package(folder: Path, target: Path) -> dict[str, bytes]:
    """The package that a folder's metadata and choices give, with HLF's selection and overlay."""
    contract = derive(folder / "metadata.xml", selection=SPEC / "selection.yaml", overlay=SPEC / "overlay.yaml")
    generate(contract.document, "fetched", target)
    return tree(target / "fetched")


def test_what_is_fetched_generates_the_same_package(run: Any, tmp_path: Path) -> None:
    result = run("-o", tmp_path / "spec")
    assert result.exit_code == 0, result.output
    assert "12 choices of 5 tables" in result.stdout
    assert package(tmp_path / "spec", tmp_path / "new") == package(SPEC, tmp_path / "old")


def test_a_selection_narrows_the_choices(run: Any, emulator: Emulator, tmp_path: Path) -> None:
    selection = tmp_path / "selection.yaml"
    selection.write_text("tables:\n  new_chapters:\n  contact: [statecode]\n")
    result = run("-o", tmp_path / "spec", "--selection", selection)
    assert result.exit_code == 0, result.output
    assert "5 choices of 2 tables" in result.stdout
    assert sum(request.path.endswith("$batch") for request in emulator.requests) == 1


def test_a_table_that_the_organisation_lacks_ends_with_2_and_writes_nothing(run: Any, tmp_path: Path) -> None:
    selection = tmp_path / "selection.yaml"
    selection.write_text("tables:\n  contakt:\n")
    result = run("-o", tmp_path / "spec", "--selection", selection)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "the organisation has no table 'contakt'; did you mean 'contact" in result.stderr
    assert not (tmp_path / "spec").exists()
