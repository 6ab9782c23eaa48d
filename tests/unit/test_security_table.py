"""The threat table: each test that it names is there, and each of its rows names one."""

from __future__ import annotations

import re

from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| who", "| ---"))]


def missing_tests(page: str) -> list[str]:
    """The tests that a page names and that are not there."""
    return [
        f"{path}::{name}"
        for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
        if not (PROJECT / path).is_file()
        or not re.search(rf"^(?:async )?def {name}\(", (PROJECT / path).read_text(encoding="utf-8"), re.MULTILINE)
    ]


def test_every_test_that_is_named_exists() -> None:
    assert missing_tests(PAGE) == []


def test_every_row_says_who_what_and_which_test() -> None:
    assert len(ROWS) >= 20
    for row in ROWS:
        _, who, what, proof, _ = row.split(" | ") if row.endswith(" | ") else ["", *row.strip("| ").split(" | "), ""]
        assert len(who) > 10, row
        assert len(what) > 10, row
        assert re.fullmatch(r"`tests/[\w/]+\.py::test_\w+`(?: · `tests/[\w/]+\.py::test_\w+`)*", proof), row


def test_what_is_not_stopped_is_said() -> None:
    said = PAGE[PAGE.index("## What is not stopped") :]
    assert len(re.findall(r"^- \*\*", said, re.MULTILINE)) >= 5
