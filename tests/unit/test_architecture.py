"""Who may know whom, as docs/decisions.md and pyproject.toml say: the import contracts, and what they cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
WRAPPER = PROJECT / "wrapper" / "dynamics_portal"
GENERATED = PROJECT / "generated_client" / "dynamics_portal_api"
EXTRAS = (
    "supabase",
    "jwt",
    "cryptography",
    "httpx",
    "opentelemetry",
    "msgspec",
    "typer",
    "rich",
    "lxml",
    "yaml",
    "starlette",
    "sqlalchemy",
    "vcr",
    "pyarrow",
    "pyspark",
)
"""What a service that only calls Dynamics need not have installed."""


def imports_at_import_time(tree: ast.AST) -> Iterator[str]:
    """Top-level names of the packages that a module imports when it is imported itself."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
        else:
            yield from imports_at_import_time(node)


def foreign_imports(root: Path) -> dict[str, set[str]]:
    """Packages from elsewhere to the modules under `root` that import them at import time."""
    found: dict[str, set[str]] = {}
    for file in sorted(root.rglob("*.py")):
        for name in imports_at_import_time(ast.parse(file.read_text("utf-8"))):
            if name not in sys.stdlib_module_names and name != root.name:
                found.setdefault(name, set()).add(file.relative_to(root).as_posix())
    return found


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter of its own: what it imports and configures stays there."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_import_contracts_hold() -> None:
    done = run("import sys\nfrom importlinter.cli import lint_imports\nsys.exit(lint_imports(no_cache=True))")
    assert done.returncode == 0, done.stdout + done.stderr


SOCKETS = {"_asyncio_network.py", "_http11.py", "_network.py", "_async/sockets.py", "_sync/sockets.py"}
"""What is loaded where a client makes connections of its own."""


def test_the_wrapper_needs_its_core_dependencies_only() -> None:
    found = foreign_imports(WRAPPER)
    assert found.pop("dynamics_portal_api", set()) <= {"_seam.py"}
    commands = found.pop("typer", set()) | found.pop("rich", set())
    assert commands <= {"cli.py"}, "typer and rich are for the command line"
    network = set().union(*(found.pop(name, set()) for name in ("anyio", "h11", "httpcore2")))
    assert network <= SOCKETS, "a platform without sockets has none of them"
    spark, arrow = found.pop("pyspark", set()), found.pop("pyarrow", set())
    assert all(file.startswith("spark/") for file in spark), "Spark has a package of its own"
    assert all(file.startswith(("spark/", "_arrow")) for file in arrow), "Arrow's modules are imported when it is used"
    assert set(found) <= {"attrs", "httpx2", "tenacity", "typing_extensions"}, found


def test_the_generated_client_needs_attrs_and_httpx2_only() -> None:
    found = foreign_imports(GENERATED)
    assert set(found) <= {"attrs", "httpx2"}, {name: sorted(files)[:3] for name, files in found.items()}


def test_nothing_of_ours_imports_httpx() -> None:
    stand_in = PROJECT / "tests" / "unit" / "wrapper" / "test_vault_asked.py"  # it answers in place of Supabase
    for root in (*PROJECT.glob("*/dynamics_portal*"), PROJECT / "tests"):
        for file in root.rglob("*.py"):
            names = set(imports_at_import_time(ast.parse(file.read_text("utf-8"))))
            assert "httpx" not in names or file == stand_in, file


def loads_without(packages: tuple[str, ...], statement: str) -> subprocess.CompletedProcess[str]:
    """Run a statement in an interpreter of its own in which some packages cannot be imported."""
    return run(f"import sys\nfor name in {packages!r}: sys.modules[name] = None\n{statement}")


def test_the_wrapper_can_be_imported_where_no_extra_is_installed() -> None:
    done = loads_without(
        EXTRAS, "import dynamics_portal as package\nfor name in package.__all__: getattr(package, name)"
    )
    assert done.returncode == 0, done.stderr


def test_the_pytest_plugin_can_be_loaded_where_no_extra_is_installed() -> None:
    """Its entry point is read by every run of pytest in an environment that has the distribution."""
    done = loads_without((*EXTRAS, "uvicorn", "trustme"), "import dynamics_portal_emulator.pytest_plugin")
    assert done.returncode == 0, done.stderr


def test_where_spark_is_not_installed_the_extra_is_named() -> None:
    done = loads_without(("pyspark",), "import dynamics_portal.spark")
    assert "ImportError: pyspark is missing: install the extra, dynamics-portal[spark]" in done.stderr
