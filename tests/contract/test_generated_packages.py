"""Whole packages, made of real documents: they import, pass the checkers that users have, and refuse what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped] # ruff ships no types
from tests.conftest import PROJECT, node_command, shared_data
from tests.packages import DYNAMICS, SHARED_DOCUMENTS, Package, Packages, mypy, package_name, python, run, tree

ALL = ("hlf", *SHARED_DOCUMENTS)
LIMIT = 300  # megabytes
PATIENCE = 60  # seconds: 20 on two idle cores; a busy machine gets three times that


@pytest.fixture(scope="module", params=ALL)
def package(request: pytest.FixtureRequest, packages: Packages) -> Package:
    name: str = request.param
    return packages.of_hlf() if name == "hlf" else packages.of_file(package_name(name), shared_data("metadata", name))


@pytest.fixture(scope="module")
def dynamics(packages: Packages) -> tuple[Package, str]:
    """The package of a whole organisation, made by the command line in a process of its own, and what it told."""
    document = shared_data("metadata", DYNAMICS)
    program = "from dynamics_portal_generator.cli import main; main()"
    arguments = ["generate", "--metadata", str(document), "--package", "of_dynamics", "-o", str(packages.folder)]
    result = run([sys.executable, "-c", program, *arguments], packages.folder)
    assert result.returncode == 0, result.stderr
    return Package(packages.folder, "of_dynamics"), result.stderr


def tables(package: Package, count: int) -> Iterator[tuple[str, str, str, str]]:
    """Some tables spread over a package: attribute of a client, class, its first text column, that one's attribute."""
    registry = package.module("registry")
    found = []
    for attribute, entity_set in sorted(registry.ATTRIBUTES.items()):
        model = package.model(registry.TABLES[entity_set])
        text = next((c for c in model.__columns__.values() if c.type == "Edm.String" and not c.model), None)
        if text is not None and text.access == "read-write" and not text.attribute.startswith("_"):
            found.append((attribute, model.__name__, text.name, text.attribute))
    return iter(found[:: max(1, len(found) // count)][:count])


def typed_program(package: Package, count: int = 20) -> str:
    """A program that uses tables by their attributes, classes and columns, right in every line."""
    lines = [
        "from __future__ import annotations",
        "from typing import Any",
        f"from {package.name} import Portal, models",
        f"from {package.name}._runtime import Row",
        "from dynamics_portal import columns",
        "class Table[R: Row[Any, Any]]: ..." if sys.version_info >= (3, 12) else "",
        "def take_text(value: object) -> None: ...",
    ]
    for attribute, model, column, python_name in tables(package, count):
        lines += [
            f"{attribute}_row = models.{model}({python_name}='x')",
            f"take_text({attribute}_row.{python_name})",
            f"{attribute}_write: models.{model}Write = {{{column!r}: 'x'}}",
            f"{attribute}_column: models.{model}Column = {column!r}",
            f"{attribute}_etag: str | None = {attribute}_row.etag",
            f"{attribute}_said = ~columns(models.{model}).{python_name}.contains('x')",
        ]
    return "\n".join(line for line in lines if line) + "\n"


def wrong_lines(package: Package, count: int = 20) -> list[str]:
    """Lines with a wrong column, type or name in each; `models` is the package's, `columns` the wrapper's."""
    lines: list[str] = []
    for name in sorted(set(package.module("registry").TABLES.values()))[:count]:
        lines += [
            f"models.{name}(nothing='x')",
            f"models.{name}().nothing",
            f"columns(models.{name}).nothing",
            f"a: models.{name}Write = {{'nothing': 'x'}}",
            f"b: models.{name}Column = 'nothing'",
        ]
        for column in package.model(name).__columns__.values():
            if column.model and column.access != "read":  # a choice, an enumeration, an object: none is a bare text
                lines += [f"models.{name}({column.attribute}='x')", f"c: models.{name}Write = {{{column.name!r}: 'x'}}"]
    for _, name, column_name, attribute in tables(package, count):
        lines += [
            f"models.{name}({attribute}=1)",
            f"columns(models.{name}).{attribute}.contains(1)",
            f"columns(models.{name}).{attribute} < 1",
            f"d: models.{name}Write = {{{column_name!r}: 1}}",
            f"e: int = models.{name}().{attribute}",
        ]
    return lines


def test_every_module_imports_and_holds_what_it_declares(package: Package) -> None:
    names = [package.module(name.partition(".")[2]).__name__ for name in package.modules()]
    assert names == package.modules()
    registry = package.module("registry")
    for class_name in {*registry.TABLES.values(), *registry.TYPES.values()}:
        model = package.model(class_name)
        assert model.__name__ == class_name
        assert model._codecs().keys() == model.__columns__.keys()
    for class_name in registry.OPERATIONS.values():
        assert package.operation(class_name).__operation__.name


def test_mypy_in_its_strictest_form_finds_nothing(package: Package, mypy_cache: Path) -> None:
    assert mypy(mypy_cache, package.folder, "-p", package.name) == []


def test_ruff_finds_nothing_to_say_or_to_change(package: Package) -> None:
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [find_ruff_bin(), *command, "--isolated", "--no-cache", str(package.path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (result.returncode, result.stdout[-500:]) == (0, result.stdout[-500:])


def test_every_file_says_that_it_was_generated(package: Package) -> None:
    for path, content in tree(package.path).items():
        assert content.startswith(b"# Generated by dynamics-portal.") or path == "py.typed"


def test_a_program_that_uses_the_tables_is_accepted_and_wrong_lines_are_not(package: Package, mypy_cache: Path) -> None:
    assert_checked(package, mypy_cache, 20)


def assert_checked(package: Package, mypy_cache: Path, count: int) -> None:
    right = package.folder / f"right_{package.name}.py"
    right.write_text(typed_program(package, count), "utf-8")
    assert mypy(mypy_cache, package.folder, right.name) == []
    wrong = wrong_lines(package, count)
    assert len(wrong) >= 4
    # one class body a line, so that no line's names meet another's
    text = f"from {package.name} import models; from dynamics_portal import columns\n" + "".join(
        f"class C{number}: {line}\n" for number, line in enumerate(wrong)
    )
    (package.folder / f"wrong_{package.name}.py").write_text(text, "utf-8")
    told = mypy(mypy_cache, package.folder, f"wrong_{package.name}.py")
    lines = {int(match[1]) for line in told if (match := re.search(r":(\d+): error:", line))}
    missed = [wrong[number - 2] for number in range(2, len(wrong) + 2) if number not in lines]
    assert missed == []


def test_pyright_accepts_the_package_of_the_contract(packages: Packages, tmp_path: Path) -> None:
    package = packages.of_hlf()
    settings = {"typeCheckingMode": "standard", "include": [str(package.path)], "extraPaths": [str(package.folder)]}
    config = tmp_path / "pyrightconfig.json"
    config.write_text(json.dumps(settings))
    command = [*node_command("pyright", "index.js"), "--pythonpath", sys.executable, "-p", str(config)]
    result = run(command, tmp_path)
    assert "0 errors" in result.stdout, result.stdout[-2000:]


def test_the_checked_in_package_is_what_the_spec_gives(packages: Packages) -> None:
    assert tree(packages.of_hlf().path) == tree(PROJECT / "generated_client" / "dynamics_portal_api")


@pytest.mark.parametrize("name", ["northwind-v4.xml"])
def test_importing_one_table_imports_no_other(packages: Packages, name: str) -> None:
    package = packages.of_file(package_name(name), shared_data("metadata", name))
    program = (
        f"import sys; from {package.name}.models import Order; Order.from_dict({{'OrderID': 1}})\n"
        f"print(*sorted(m for m in sys.modules if m.startswith('{package.name}.models.')))\n"
        "print(*{'attrs', 'httpx2', 'msgspec'} & set(sys.modules))"
    )
    modules, heavy = python(package.folder, program).splitlines()
    assert modules.split() == [f"{package.name}.models.order"]
    assert heavy == ""


# A whole organisation


def test_a_whole_organisation_is_generated_within_the_time_and_memory_it_may_take(
    dynamics: tuple[Package, str],
) -> None:
    told = re.search(r"in ([\d.]+) s, (\d+) MB at the most", dynamics[1])
    assert told is not None, dynamics[1]
    assert float(told[1]) <= PATIENCE
    assert int(told[2]) <= LIMIT


def test_a_whole_organisation_tells_whatever_had_to_be_renamed_or_left_out(dynamics: tuple[Package, str]) -> None:
    notes = [line for line in dynamics[1].splitlines() if line.startswith("note: ")]
    assert any("Solution is called Solution_2" in note and "solution takes Solution" in note for note in notes)
    assert any("92 navigation property bindings lead to the entity set 'owners'" in note for note in notes)
    assert any("unbound operations have no import" in note for note in notes)


def test_a_whole_organisation_imports_and_decodes(dynamics: tuple[Package, str]) -> None:
    package = dynamics[0]
    program = f"""
import importlib
from {package.name} import models, operations, registry
for name in registry.TYPES.values():
    model = getattr(models, name)
    model._codecs()
    model.from_dict(dict.fromkeys(model.__columns__))
for name in registry.OPERATIONS.values():
    getattr(operations, name)._codecs()
print(len(registry.TABLES), len(registry.OPERATIONS))
"""
    tables_, operations = map(int, python(package.folder, program).split())
    assert tables_ == 269
    assert operations > 250


@pytest.mark.slow
def test_a_whole_organisation_passes_mypy_and_so_does_a_program_that_uses_twenty_of_its_tables(
    dynamics: tuple[Package, str], mypy_cache: Path
) -> None:
    assert mypy(mypy_cache, dynamics[0].folder, "-p", dynamics[0].name) == []
    assert_checked(dynamics[0], mypy_cache, 20)


def test_importing_one_table_of_many_imports_no_other(dynamics: tuple[Package, str]) -> None:
    name = dynamics[0].name
    program = (
        f"import sys; from {name}.models import Account\n"
        f"print(*sorted(m for m in sys.modules if m.startswith('{name}.')))"
    )
    loaded = python(dynamics[0].folder, program).split()
    assert [module for module in loaded if f"{name}._runtime" not in module] == [
        f"{name}.models",
        f"{name}.models.account",
    ]
