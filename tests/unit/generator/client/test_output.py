"""Writing a package: only what changed, nothing of anybody else's, all or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.packages import tree

from dynamics_portal_generator.client import GenerationError
from dynamics_portal_generator.client.output import write_package
from dynamics_portal_generator.client.render import MARK


def files(**texts: str) -> list[tuple[str, str]]:
    return [("py.typed", ""), *((f"{name}.py", f"{MARK}\n{text}\n") for name, text in texts.items())]


def test_what_did_not_change_is_not_touched(tmp_path: Path) -> None:
    target = tmp_path / "p"
    first = write_package(files(a="A = 1", b="B = 1"), target)
    assert (first.written, first.removed, first.unchanged) == (("a.py", "b.py", "py.typed"), (), 0)
    for file in target.iterdir():
        os.utime(file, (1, 1))
    second = write_package(files(a="A = 1", b="B = 2"), target)
    assert (second.written, second.removed, second.unchanged) == (("b.py",), (), 2)
    assert {file.name for file in target.iterdir() if file.stat().st_mtime == 1} == {"a.py", "py.typed"}


def test_what_the_spec_no_longer_has_is_removed_with_the_folder_that_held_it(tmp_path: Path) -> None:
    target = tmp_path / "p"
    write_package([*files(a="A = 1"), ("old/b.py", f"{MARK}\n")], target)
    written = write_package(files(a="A = 1"), target)
    assert written.removed == ("old/b.py",)
    assert sorted(file.name for file in target.iterdir()) == ["a.py", "py.typed"]


def test_other_peoples_files_stay(tmp_path: Path) -> None:
    target = tmp_path / "p"
    write_package(files(a="A = 1"), target)
    (target / "mine.py").write_text("MINE = 1\n")
    (target / "notes.txt").write_text(f"{MARK}\n")
    write_package(files(b="B = 1"), target)
    assert sorted(tree(target)) == ["b.py", "mine.py", "notes.txt", "py.typed"]


def test_another_ones_file_of_the_same_name_ends_it_before_anything_is_written(tmp_path: Path) -> None:
    target = tmp_path / "p"
    target.mkdir()
    (target / "b.py").write_text("MINE = 1\n")
    with pytest.raises(GenerationError, match=r"b\.py was not generated"):
        write_package(files(a="A = 1", b="B = 1"), target)
    assert tree(target) == {"b.py": b"MINE = 1\n"}


def test_code_that_is_none_ends_it_before_anything_is_written(tmp_path: Path) -> None:
    target = tmp_path / "p"
    write_package(files(a="A = 1"), target)
    before = tree(target)
    with pytest.raises(GenerationError, match="cannot be formatted") as caught:
        write_package(files(a="A = 2", b="B = ("), target)
    assert tree(target) == before
    assert "\n" not in str(caught.value)


def test_a_write_that_fails_halfway_leaves_the_package_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "p"
    write_package(files(a="A = 1", b="B = 1", c="C = 1"), target)
    before = tree(tmp_path)
    write_bytes = Path.write_bytes
    calls: list[Path] = []

    def failing(self: Path, data: bytes) -> int:
        calls.append(self)
        if len(calls) == 2:
            raise OSError(28, "No space left on device", str(self))
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OSError, match="No space left"):
        write_package(files(a="A = 2", b="B = 2", d="D = 1"), target)
    monkeypatch.undo()
    assert tree(tmp_path) == before


def test_a_package_of_the_same_files_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("x", "y"):
        write_package(files(a="A   =  1", b="import os"), tmp_path / name)
    assert tree(tmp_path / "x") == tree(tmp_path / "y")
    assert tree(tmp_path / "x")["a.py"] == f"{MARK}\nA = 1\n".encode()
