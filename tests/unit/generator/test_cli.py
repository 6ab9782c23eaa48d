"""The command line: exit codes, one line for what is unusable, and an output that bad input never touches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.packages import HLF, tree
from typer.testing import CliRunner, Result

from dynamics_portal_generator.cli import app
from dynamics_portal_generator.client.render import MARK

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project's own spec, with an output of an earlier run beside it."""
    shutil.copytree(HLF, tmp_path / "hlf")
    old = tmp_path / "out" / "acme"
    old.mkdir(parents=True)
    (old / "__init__.py").write_text(f"{MARK}\n")
    (old / "handmade.py").write_text("KEEP = True\n")
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(folder)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


GENERATE = ("generate", "--package", "acme", "-o", "out")
METADATA = ("--metadata", "hlf/metadata.xml")


def write(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(text, "utf-8")

    return change


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), "utf-8")

    return change


def nothing(folder: Path) -> None:
    """Leave the spec as it is."""


BAD = [
    ("not XML", replace("hlf/metadata.xml", "</edmx:Edmx>", "<"), METADATA, "metadata.xml:"),
    ("empty", write("hlf/metadata.xml", ""), METADATA, "metadata.xml"),
    ("not CSDL", write("hlf/metadata.xml", "<html/>"), METADATA, "metadata.xml:1"),
    (
        "an entity",
        write("hlf/metadata.xml", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        METADATA,
        "metadata.xml",
    ),
    ("missing type", replace("hlf/metadata.xml", 'Edm.Date"', 'mscrm.nothing"'), METADATA, "nothing"),
    ("missing file", nothing, ("--metadata", "none.xml"), "none.xml"),
    ("a folder", nothing, ("--metadata", "hlf"), "hlf"),
    (
        "missing table",
        write("s.yaml", "tables:\n  contakt:\n"),
        (*METADATA, "--selection", "s.yaml"),
        "s.yaml:2: ",
    ),
    (
        "missing column",
        write("s.yaml", "tables:\n  contact: [firstname, lastnam]\n"),
        (*METADATA, "--selection", "s.yaml"),
        "'lastname'",
    ),
    (
        "missing operation",
        write("s.yaml", "operations: [WhoAmY]\n"),
        (*METADATA, "--selection", "s.yaml"),
        "'WhoAmI'",
    ),
    ("selection is no YAML", write("s.yaml", "tables: ["), (*METADATA, "--selection", "s.yaml"), "s.yaml"),
    (
        "an overlay target without a match",
        write(
            "o.yaml",
            "overlay: 1.0.0\ninfo: {title: x, version: '1'}\nactions:\n- target: $.paths['/nothing']\n  remove: true\n",
        ),
        (*METADATA, "--overlay", "o.yaml"),
        "o.yaml:",
    ),
    ("bad choices", write("hlf/choices.json", "{}}"), METADATA, "choices.json"),
    ("neither metadata nor spec", nothing, (), "either --metadata or --spec"),
    ("both metadata and spec", nothing, (*METADATA, "--spec", "hlf/openapi.yaml"), "either --metadata or --spec"),
    (
        "a selection with a spec",
        nothing,
        ("--spec", "hlf/openapi.yaml", "--selection", "hlf/selection.yaml"),
        "--metadata",
    ),
    ("a spec that is no YAML", write("hlf/openapi.yaml", "a: [\n"), ("--spec", "hlf/openapi.yaml"), "openapi.yaml:2"),
    ("a spec that is no OpenAPI", write("hlf/openapi.yaml", "a: 1"), ("--spec", "hlf/openapi.yaml"), "'openapi'"),
    ("a missing spec", nothing, ("--spec", "none.yaml"), "none.yaml"),
    (
        "a spec that refers to nothing",
        replace("hlf/openapi.yaml", "schemas/choice.ContactState", "schemas/choice.None"),
        ("--spec", "hlf/openapi.yaml"),
        "choice.None",
    ),
    ("a package that is no name", nothing, (*METADATA, "--package", "a-b"), "'a-b'"),
    ("a package that is a keyword", nothing, (*METADATA, "--package", "class"), "'class'"),
    ("an output in a file", nothing, (*METADATA, "-o", "hlf/metadata.xml"), "metadata.xml"),
]


@pytest.mark.parametrize(("change", "options", "told"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_told_in_one_line_and_leaves_the_output_as_it_was(
    folder: Path, run: Run, change: Callable[[Path], None], options: tuple[str, ...], told: str
) -> None:
    change(folder)
    before = tree(folder)
    result = run(*GENERATE, *options)
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert line.startswith("error: ")
    assert told in line
    assert result.stdout == ""
    assert tree(folder) == before


def test_openapi_refuses_the_same_and_writes_nothing(folder: Path, run: Run) -> None:
    (folder / "hlf" / "metadata.xml").write_text("<a>", "utf-8")
    before = tree(folder)
    result = run("openapi", *METADATA, "-o", "new/openapi.yaml")
    assert (result.exit_code, tree(folder)) == (2, before)
    assert result.stderr.startswith("error: ")


def test_another_ones_file_is_never_overwritten(folder: Path, run: Run) -> None:
    (folder / "out" / "acme" / "registry.py").write_text("MINE = 1\n")
    before = tree(folder / "out")
    result = run(*GENERATE, *METADATA)
    assert result.exit_code == 2
    assert "registry.py was not generated" in result.stderr
    assert tree(folder / "out") == before


def test_generate_says_what_it_wrote_and_what_it_cost(folder: Path, run: Run) -> None:
    result = run(*GENERATE, *METADATA, "--selection", "hlf/selection.yaml", "--overlay", "hlf/overlay.yaml")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert "files written, 0 removed, 0 unchanged, in " in last
    assert " MB at the most" in last
    assert (folder / "out" / "acme" / "handmade.py").read_text() == "KEEP = True\n"


def test_openapi_writes_yaml_or_json_and_nothing_the_second_time(folder: Path, run: Run) -> None:
    for name in ("new/a.yaml", "new/a.json"):
        assert "written" in run("openapi", *METADATA, "-o", name).stderr
        before = (folder / name).stat().st_mtime_ns
        assert "unchanged" in run("openapi", *METADATA, "-o", name).stderr
        assert (folder / name).stat().st_mtime_ns == before
    assert json.loads((folder / "new" / "a.json").read_text("utf-8"))["openapi"] == "3.1.0"
    assert sorted(file.name for file in (folder / "new").iterdir()) == ["a.json", "a.yaml"]


def test_the_document_says_the_same_as_the_metadata_that_it_was_made_of(folder: Path, run: Run) -> None:
    run("openapi", *METADATA, "-o", "a.yaml")
    run("generate", "--package", "one", "-o", "x", *METADATA)
    run("generate", "--package", "one", "-o", "y", "--spec", "a.yaml")
    assert tree(folder / "x") == tree(folder / "y") != {}


def test_an_overlay_can_be_laid_on_a_document(folder: Path, run: Run) -> None:
    run("openapi", *METADATA, "-o", "a.yaml")
    run("generate", "--package", "one", "-o", "x", "--spec", "a.yaml", "--overlay", "hlf/overlay.yaml")
    assert "class DynamicsCertificationRecord(" in (folder / "x/one/models/dynamics_certification_record.py").read_text(
        "utf-8"
    )


def test_diff_says_whether_callers_break(folder: Path, run: Run) -> None:
    shutil.copytree(folder / "hlf", folder / "new")
    old, new = folder / "hlf/metadata.xml", folder / "new/metadata.xml"
    text = old.read_text("utf-8")
    added = '<Property Name="mobilephone"'
    cases = [
        (text, 0, "no changes"),
        (text.replace(added, f'<Property Name="nickname" Type="Edm.String"/>{added}', 1), 0, "nickname"),
        (
            text.replace('Name="new_pause_reason" Type="Edm.String"', 'Name="new_pause_reason" Type="Edm.Int32"'),
            1,
            "new_p",
        ),
    ]
    for content, code, told in cases:
        new.write_text(content, "utf-8")
        result = run("diff", old, new)
        assert (result.exit_code, result.stderr) == (code, "")
        assert told.lower() in result.stdout.lower()
        as_json = run("diff", old, new, "--format", "json")
        assert as_json.exit_code == code
        assert (told in as_json.stdout) == bool(told in result.stdout) or told == "no changes"
        json.loads(as_json.stdout)
    new.write_text("<a>", "utf-8")
    result = run("diff", old, new)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
