"""Writes a package: formatted, only what changed, without what the spec no longer has, all or nothing.

The text is formatted by the pinned ruff in a folder of its own; the output is touched only when that has succeeded, so
that a failure leaves it as it was. Files without the generator's mark are somebody else's: they are never overwritten
or removed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped] # ruff ships no types

from .plan import GenerationError
from .render import MARK

# ruff's own defaults, so that the code passes wherever it is checked without a configuration
_RUFF = ("--isolated", "--no-cache", "--quiet", "--target-version", "py311")
_FIX = ("check", "--fix", "--exit-zero", "--select", "F401,I,TC005", "--ignore-noqa")
_FORMAT = ("format",)


@dataclass(frozen=True, slots=True)
class Written:
    """What happened to the output, by path inside the package."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int


def write_package(files: Iterable[tuple[str, str]], target: Path) -> Written:
    """Write a package's files into `target`, its own folder. Raises `GenerationError` with the output as it was."""
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-") as name:
        staging = Path(name)
        for path, text in files:
            file = staging / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        _format(staging)
        return _transfer(staging, target)


def _format(folder: Path) -> None:
    ruff = find_ruff_bin()
    for command, *options in (_FIX, _FORMAT):
        result = subprocess.run(  # noqa: S603 # our own pinned tool, on a folder of ours
            [ruff, command, *_RUFF, *options, str(folder)], capture_output=True, text=True, check=False
        )
        if result.returncode:
            detail = " ".join((result.stderr or result.stdout).replace(str(folder), "").split())[:400]
            raise GenerationError(f"the generated code cannot be formatted: {detail}")


def _transfer(staging: Path, target: Path) -> Written:
    new = {file.relative_to(staging).as_posix(): file.read_bytes() for file in staging.rglob("*") if file.is_file()}
    old = {
        file.relative_to(target).as_posix(): file.read_bytes()
        for file in (target.rglob("*") if target.is_dir() else ())
        if file.is_file() and file.suffix in (".py", ".typed")
    }
    mark = MARK.encode()
    foreign = [path for path in new if path in old and old[path] and not old[path].startswith(mark)]
    if foreign:
        raise GenerationError(f"{target / sorted(foreign)[0]} was not generated; choose another folder or remove it")
    changed = sorted(path for path, content in new.items() if old.get(path) != content)
    stale = sorted(path for path, content in old.items() if path not in new and content.startswith(mark))
    try:
        for path in changed:  # beside their places first: what is likely to fail fails before anything is replaced
            _beside(target / path).parent.mkdir(parents=True, exist_ok=True)
            _beside(target / path).write_bytes(new[path])
        for path in changed:
            _beside(target / path).replace(target / path)
        for path in stale:
            (target / path).unlink()
    except OSError:
        _restore(target, changed, stale, old)
        raise
    for path in stale:
        _prune((target / path).parent, target)
    return Written(tuple(changed), tuple(stale), len(new) - len(changed))


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.new")


def _restore(target: Path, changed: list[str], stale: list[str], old: Mapping[str, bytes]) -> None:
    """Put back what a failed transfer had changed by then."""
    for path in (*changed, *stale):
        file = target / path
        _beside(file).unlink(missing_ok=True)
        if path not in old:
            file.unlink(missing_ok=True)
        elif not file.is_file() or file.read_bytes() != old[path]:
            file.write_bytes(old[path])
        _prune(file.parent, target.parent)


def _prune(folder: Path, above: Path) -> None:
    """Remove a folder that became empty (but for what Python keeps of files that are gone), and those above it."""
    while folder != above and folder.is_dir() and all(item.name == "__pycache__" for item in folder.iterdir()):
        shutil.rmtree(folder)
        folder = folder.parent
