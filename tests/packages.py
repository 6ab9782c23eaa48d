"""Packages generated for tests: built once a session, importable by name, and judged by the checkers that users have.

A package of a test is generated into one folder that is on `sys.path`; its name says what it was made of.
"""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.conftest import PROJECT

from dynamics_portal_generator.choices import ChoiceColumn
from dynamics_portal_generator.client import generate
from dynamics_portal_generator.csdl import read_metadata
from dynamics_portal_generator.openapi import to_openapi
from dynamics_portal_generator.pipeline import derive

HLF = PROJECT / "spec" / "hlf"
SHARED_DOCUMENTS = (
    "northwind-v4.xml",
    "trippin.xml",
    "oasis-ExampleService.xml",
    "oasis-csdl-16.1.xml",
    "oasis-annotations.xml",
)
"""The small real documents in `../shared/data/metadata`."""
DYNAMICS = "dynamics-crm4-v9.1.xml"
"""The large one: a whole organisation."""
SOURCES = os.pathsep.join(str(PROJECT / name) for name in ("generator", "wrapper", "generated_client", "emulator"))


@dataclass(frozen=True)
class Package:
    """A generated package."""

    folder: Path
    name: str
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return self.folder / self.name

    def module(self, name: str = "") -> ModuleType:
        """The package, or one of its modules."""
        return importlib.import_module(f"{self.name}.{name}" if name else self.name)

    def model(self, name: str) -> Any:
        return getattr(self.module("models"), name)

    def operation(self, name: str) -> Any:
        return getattr(self.module("operations"), name)

    def modules(self) -> list[str]:
        """The dotted name of every module of the package."""
        files = sorted(self.path.rglob("*.py"))
        return [
            ".".join(file.relative_to(self.folder).with_suffix("").parts).removesuffix(".__init__") for file in files
        ]

    def source(self, path: str) -> str:
        return (self.path / path).read_text("utf-8")


class Packages:
    """Generates packages, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[str, Package] = {}

    def of_document(self, name: str, document: dict[str, Any]) -> Package:
        """The package of an OpenAPI document."""
        if name not in self._made:
            _, notes = generate(document, name, self.folder)
            importlib.invalidate_caches()
            self._made[name] = Package(self.folder, name, notes)
        return self._made[name]

    def of_csdl(
        self, name: str, content: bytes, choices: Mapping[tuple[str, str], ChoiceColumn] | None = None
    ) -> Package:
        """The package of a `$metadata` document."""
        if name not in self._made:
            mapped = to_openapi(read_metadata(content), choices or {})
            made = self.of_document(name, mapped.document)
            self._made[name] = Package(made.folder, name, (*mapped.notes, *made.notes))
        return self._made[name]

    def of_file(self, name: str, path: Path) -> Package:
        """The package of a `$metadata` file."""
        if name not in self._made:
            self.of_document(name, derive(path).document)
        return self._made[name]

    def of_hlf(self) -> Package:
        """The package of the project's own contract, generated anew."""
        document = derive(HLF / "metadata.xml", selection=HLF / "selection.yaml", overlay=HLF / "overlay.yaml").document
        return self.of_document("hlf_again", document)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packages]:
    """The generated packages of this session."""
    folder = tmp_path_factory.mktemp("packages")
    sys.path.insert(0, str(folder))
    yield Packages(folder)
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy learnt of the standard library in this session; one run after another may use it."""
    return tmp_path_factory.mktemp("mypy")


def package_name(document: str) -> str:
    """A package name for a document's file name."""
    return "of_" + "".join(character if character.isalnum() else "_" for character in Path(document).stem.lower())


def mypy(cache: Path, folder: Path, *arguments: str) -> list[str]:
    """Complaints of `mypy --strict`, without a configuration, on what the arguments name."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(cache), "--no-pretty"]
    command += ["--no-error-summary", "--hide-error-context", *arguments]
    found = run(command, folder)
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.splitlines()


def run(command: list[str], folder: Path, *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder whose packages it can import, as well as the project's."""
    path = os.pathsep.join((str(folder), SOURCES))
    environment = {**os.environ, "PYTHONPATH": path, "MYPYPATH": path, "NO_COLOR": "1", "COLUMNS": "1000"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=timeout
    )


def python(folder: Path, program: str) -> str:
    """What a program prints in a fresh interpreter."""
    result = run([sys.executable, "-c", program], folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by path, with its bytes; empty for a folder that does not exist."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
