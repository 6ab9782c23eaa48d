"""Reading `selection.yaml`: its shape, and what is wrong with it in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynamics_portal_generator.selection import Selection, SelectionError, Wanted, WantedTable, load_selection


def load(tmp_path: Path, text: str) -> Selection:
    path = tmp_path / "selection.yaml"
    path.write_text(text, encoding="utf-8")
    return load_selection(path)


def test_tables_columns_and_operations_are_read_with_their_lines(tmp_path: Path) -> None:
    selection = load(tmp_path, "tables:\n  contact: [firstname]\n  account:\n  task: []\noperations:\n  - WhoAmI\n")
    assert selection.tables == {
        "contact": WantedTable("contact", 2, (Wanted("firstname", 2),)),
        "account": WantedTable("account", 3),
        "task": WantedTable("task", 4),
    }
    assert selection.operations == {"WhoAmI": Wanted("WhoAmI", 6)}
    assert not selection.is_empty


@pytest.mark.parametrize("text", ["", "# nothing\n", "tables:\noperations:\n", "tables: {}\noperations: []\n", "~"])
def test_an_empty_file_selects_everything(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).is_empty


def test_names_are_taken_as_they_stand(tmp_path: Path) -> None:
    selection = load(tmp_path, "tables:\n  on: [yes, 1, 2020-01-01]\n")
    assert [column.name for column in selection.tables["on"].columns] == ["yes", "1", "2020-01-01"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tables:\n  a:\ntable:\n  b:\n", "3: unknown key 'table'; expected tables and operations"),
        ("- contact\n", "1: the selection must be a mapping"),
        ("tables:\n  - contact\n", "2: tables must be a mapping"),
        ("tables:\n  contact: firstname\n", "2: the columns of 'contact' must be a list of names"),
        ("tables:\n  contact:\n    - [a]\n", "3: the columns of 'contact' may hold names only"),
        ("operations:\n  WhoAmI:\n", "2: operations must be a list of names"),
        ("tables:\n  a:\n  a:\n", "3: 'a' is given twice in tables"),
        ("tables:\n  a: [x,\n   x]\n", "3: 'x' is given twice in the columns of 'a'"),
        ("tables:\n  a: [x\n", "3: is not YAML: "),
        ("tables: &t\n  a: *t\n", "1: the columns of 'a' must be a list of names"),
    ],
)
def test_a_selection_of_another_shape_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SelectionError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'selection.yaml'}:{message}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match=r"selection\.yaml: cannot be read: No such file or directory$"):
        load_selection(tmp_path / "selection.yaml")
    (tmp_path / "selection.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SelectionError, match=r"selection\.yaml: is not UTF-8 text$"):
        load_selection(tmp_path / "selection.yaml")
