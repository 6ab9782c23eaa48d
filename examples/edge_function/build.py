"""Puts the edge function's folder together: what is deployed, and what runs here.

    python -m examples.edge_function.build [FOLDER]

The folder has all that the function loads: the TypeScript of `function/`, jose and Pyodide from npm, and what
`prepare.ts` makes of this project's wheel, the wheels of `requirements.txt` and `set_visibility`. Nothing is downloaded
when the function starts. npm's packages come from `$DYNAMICS_PORTAL_NODE_MODULES`, or `.cache/node_modules`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
CACHE = PROJECT / ".cache" / "edge_function"
FOLDER = CACHE / "set-visibility"
NPM = "npm install --no-save --prefix .cache deno@2.9 pyodide@314 jose@6"

_WHEEL_PACKAGES = ("dynamics_portal", "dynamics_portal_api")  # of this project's; the generator and the rest stay here
_LEFT_OUT = (  # what runs on a developer's machine only
    "dynamics_portal/_scrub/",
    "dynamics_portal/cassettes.py",
    "dynamics_portal/cli.py",
    "httpx2/_main.py",
)
_PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip")
_NONE = {"abi": "none", "implementation": "cp", "platform": "any", "python-version": "3.14"}
"""The Python of Pyodide 314, and wheels that run anywhere."""


class MissingError(Exception):
    """A part that npm has to bring is not there. The words say how to get it."""


def node_modules() -> Path:
    """The folder of npm's packages."""
    return Path(os.environ.get("DYNAMICS_PORTAL_NODE_MODULES") or PROJECT / ".cache" / "node_modules")


def deno() -> Path:
    """Deno's program. Raises `MissingError`."""
    found = next(iter(sorted(node_modules().glob("@deno/*/deno"))), None) or shutil.which("deno")
    if found is None:
        raise MissingError(f"needs Deno: {NPM}")
    return Path(found)


def npm_package(name: str, part: str = "") -> Path:
    """The folder of a package of npm's. Raises `MissingError`."""
    path = node_modules() / name / part
    if not path.exists():
        raise MissingError(f"needs the npm package {name}: {NPM}")
    return path


def build(folder: Path = FOLDER) -> Path:
    """Put the folder together anew. Raises `MissingError`, or `CalledProcessError` where a step fails."""
    program, pyodide, jose = deno(), npm_package("pyodide"), npm_package("jose", "dist/webapi")
    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "function", folder)
    shutil.copytree(jose, folder / "vendor" / "jose")
    (folder / "vendor" / "pyodide").mkdir()
    for pattern in _PYODIDE:
        for path in pyodide.glob(pattern):
            shutil.copy(path, folder / "vendor" / "pyodide")
    modules = CACHE / "modules.zip"
    with zipfile.ZipFile(modules, "w") as archive:
        for name, content in _modules():
            archive.writestr(name, content)
    run(
        [program, "run", "--no-config", "--allow-read", "--allow-write", "--allow-env", HERE / "prepare.ts"],
        [folder / "vendor" / "pyodide", modules, folder],
    )
    return folder


def wheels() -> list[Path]:
    """This project's wheel, built anew, and those of `requirements.txt`, downloaded once and held to their hashes."""
    wanted = HERE / "requirements.txt"
    own, others = CACHE / "own", CACHE / "wheels" / hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]
    shutil.rmtree(own, ignore_errors=True)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(pip, ["wheel", "--no-deps", "--wheel-dir", own, PROJECT])
    chosen = [part for name, value in _NONE.items() for part in (f"--{name}", value)]
    options: list[str | Path] = [
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--find-links",
        others,
        *chosen,
    ]
    run(pip, ["download", *options, "--dest", others, "--requirement", wanted])
    return [*own.glob("*.whl"), *others.glob("*.whl")]


def _modules() -> Iterator[tuple[str, bytes]]:
    """Every module that the function has, by its path."""
    for path in sorted((HERE / "set_visibility").glob("*.py")):
        yield f"set_visibility/{path.name}", path.read_bytes()
    for wheel in wheels():
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if _is_needed(name, own=wheel.name.startswith("dynamics_portal")):
                    yield name, archive.read(name)


def _is_needed(name: str, *, own: bool) -> bool:
    top = name.partition("/")[0]
    if top.endswith(".dist-info"):
        return name.endswith("/METADATA")  # httpx2 looks up its own version
    return not (
        top.endswith(".data")
        or name.endswith((".pyi", "py.typed"))
        or (own and top not in _WHEEL_PACKAGES)
        or name.startswith(_LEFT_OUT)
    )


def run(command: Sequence[str | Path], arguments: Sequence[str | Path]) -> None:
    """Run a step. Raises `CalledProcessError`; what it said is on standard error."""
    subprocess.run([str(part) for part in (*command, *arguments)], check=True)  # noqa: S603 # our own commands


if __name__ == "__main__":
    print(build(*map(Path, sys.argv[1:2])))
