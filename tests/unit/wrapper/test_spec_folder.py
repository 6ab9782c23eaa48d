"""The spec folder: what `choices.json` says, which names are kept, and when a folder is up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dynamics_portal._definitions import ChoiceDefinition, OptionDefinition, TableDefinition
from dynamics_portal._spec_folder import SpecFolder, choices_document, logical_names, selected_tables

LOW = OptionDefinition(1, "Low", {1033: "Low", 1044: "Lav"})
HIGH = OptionDefinition(2, "High")


def choice(column: str, name: str, *options: OptionDefinition, multi: bool = False) -> ChoiceDefinition:
    return ChoiceDefinition(column, name, multi, False, options or (LOW,))


def document(choices: Any, before: Any = None) -> Any:
    return json.loads(choices_document(choices, before or {}))


def test_choices_are_written_in_one_order_with_every_language() -> None:
    grade, topics = choice("grade", "acme_grade", LOW, HIGH), choice("topics", "acme_topics", multi=True)
    text = choices_document({"zebra": {}, "ant": {"topics": topics, "grade": grade}}, {})
    assert text == choices_document({"ant": {"grade": grade, "topics": topics}, "zebra": {}}, {})
    assert list(json.loads(text)) == ["ant", "zebra"]
    assert json.loads(text)["ant"]["grade"] == {
        "name": "acme_grade",
        "multi": False,
        "options": [
            {"value": 1, "label": "Low", "labels": {"1033": "Low", "1044": "Lav"}},
            {"value": 2, "label": "High", "labels": {}},
        ],
    }
    assert json.loads(text)["ant"]["topics"]["multi"] is True


def test_a_name_that_somebody_gave_is_kept() -> None:
    before = {"ant": {"grade": {"name": "Grade", "assumed": "as long as nobody tells"}, "other": 5}, "bee": 5}
    found = document(
        {"ant": {"grade": choice("grade", "acme_grade"), "other": choice("other", "x")}, "bee": {}}, before
    )
    assert found["ant"]["grade"]["name"] == "Grade"
    assert "assumed" not in found["ant"]["grade"]
    assert found["ant"]["other"]["name"] == "x"


def test_choices_that_only_share_a_name_are_called_after_their_columns() -> None:
    found = document(
        {
            "ant": {
                "a": choice("a", "acme_state", LOW),
                "b": choice("b", "Acme_State", HIGH),
                "c": choice("c", "same"),
            },
            "bee": {"c": choice("c", "same")},
        }
    )
    assert "name" not in found["ant"]["a"]
    assert "name" not in found["ant"]["b"]
    assert found["ant"]["c"]["name"] == found["bee"]["c"]["name"] == "same"


def folder(path: Path, version: str | None = "7") -> SpecFolder:
    made = SpecFolder(path / "spec")
    made.write(b"<edmx/>", {"ant": {}}, version)
    return made


def test_a_folder_is_of_a_version_if_it_is_whole(tmp_path: Path) -> None:
    made = folder(tmp_path)
    assert made.version([]) == "7"
    assert made.version(["ant"]) == "7"
    assert made.version(["bee"]) is None
    made.choices.unlink()
    assert made.version([]) is None


def test_a_folder_of_no_known_version_has_none(tmp_path: Path) -> None:
    folder(tmp_path)
    assert folder(tmp_path, None).version([]) is None
    assert sorted(path.name for path in (tmp_path / "spec").iterdir()) == ["choices.json", "metadata.xml"]


@pytest.mark.parametrize("text", ["[]", "{", "5"])
def test_choices_that_cannot_be_read_are_not_overwritten(text: str, tmp_path: Path) -> None:
    made = folder(tmp_path)
    made.choices.write_text(text)
    with pytest.raises(ValueError, match=r"no JSON object|Expecting"):
        made.write(b"new", {}, "8")
    assert made.metadata.read_bytes() == b"<edmx/>"


TABLES = [
    TableDefinition("ant", "Ant", "ants", "antid", "name", True),
    TableDefinition("bee", "Bee", "bees", "beeid", "name", True),
    TableDefinition("inner", "Inner", None, None, None, False),
]


def test_tables_are_selected_by_either_name_and_all_of_them_without_a_selection() -> None:
    assert logical_names(["bees", "ant", "bee"], TABLES) == ["ant", "bee"]
    assert logical_names([], TABLES) == ["ant", "bee"]


@pytest.mark.parametrize("name", ["antt", "inner"])
def test_a_table_that_the_organisation_lacks_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"the organisation has no table '{name}'"):
        logical_names([name], TABLES)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tables:\n  contact: [a]\n  on:\n", ["contact", "on"]),
        ("operations: [WhoAmI]\n", []),
        ("", []),
        ("tables:\n", []),
        ("- a\n", []),
    ],
)
def test_a_selection_tells_its_tables(text: str, names: list[str], tmp_path: Path) -> None:
    path = tmp_path / "selection.yaml"
    path.write_text(text)
    assert selected_tables(path) == names


def test_a_selection_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "selection.yaml"
    path.write_text("tables: [")
    with pytest.raises(ValueError, match=r"selection\.yaml is no YAML"):
        selected_tables(path)
