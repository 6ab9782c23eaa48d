"""From a spec folder to a document: which files are read, in which order, and what is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.packages import HLF

from dynamics_portal_generator.choices import ChoicesError
from dynamics_portal_generator.openapi import dump, load
from dynamics_portal_generator.pipeline import derive


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project's own spec."""
    return Path(shutil.copytree(HLF, tmp_path / "hlf"))


def test_choices_are_read_from_beside_the_metadata(folder: Path) -> None:
    with_choices = derive(folder / "metadata.xml").document["components"]["schemas"]
    (folder / "choices.json").unlink()
    without = derive(folder / "metadata.xml").document["components"]["schemas"]
    assert {name for name in with_choices if name.startswith("choice.")} >= {"choice.ContactMentorStatus"}
    assert not [name for name in without if name.startswith("choice.")]


def test_choices_may_stand_elsewhere(folder: Path) -> None:
    moved = (folder / "choices.json").rename(folder / "other.json")
    document = derive(folder / "metadata.xml", choices=moved).document
    assert "choice.ContactState" in document["components"]["schemas"]
    with pytest.raises(ChoicesError, match=r"choices\.json: cannot be read"):
        derive(folder / "metadata.xml", choices=folder / "choices.json")


def test_a_selection_drops_the_choices_of_what_it_drops_and_tells_it(folder: Path) -> None:
    (folder / "selection.yaml").write_text("tables: {new_chapter: [new_name]}\n", "utf-8")
    result = derive(folder / "metadata.xml", selection=folder / "selection.yaml")
    assert not [name for name in result.document["components"]["schemas"] if name.startswith("choice.")]
    assert any("contact" in note for note in result.notes)
    assert all("\n" not in note and len(note) <= 520 for note in result.notes)


def test_the_overlay_comes_last(folder: Path) -> None:
    schema = "Microsoft.Dynamics.CRM.new_certification"
    plain = derive(folder / "metadata.xml").document["components"]["schemas"][schema]
    laid = derive(folder / "metadata.xml", overlay=folder / "overlay.yaml").document["components"]["schemas"][schema]
    assert (plain["title"], laid["title"]) == ("NewCertification", "DynamicsCertificationRecord")


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_document_is_written_and_read_without_a_change(folder: Path, name: str) -> None:
    document = derive(folder / "metadata.xml").document
    text = dump(document, folder / name)
    (folder / name).write_text(text, "utf-8")
    assert load(folder / name) == document == json.loads(json.dumps(document))
    assert "&id" not in text
