"""What is deployed: how large it is, what is not in it, and that its TypeScript holds."""

from __future__ import annotations

import gzip
import json
import resource
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from examples.edge_function.build import HERE, PROJECT, deno, node_modules
from tests.examples.edge_function.conftest import PLANTED

pytestmark = pytest.mark.slow  # as test_function


def test_it_stays_small(folder: Path) -> None:
    sizes = {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert sizes[Path("python.zip")] < 1_300_000
    assert sizes[Path("snapshot.bin.gz")] < 9_000_000
    assert sum(sizes.values()) < 24_000_000


def test_it_has_what_a_request_needs_of_the_wheels_and_nothing_else(folder: Path) -> None:
    with zipfile.ZipFile(folder / "python.zip") as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {
        "attr",
        "attrs",
        "dynamics_portal",
        "dynamics_portal_api",
        "httpx2",
        "httpx2_jsfetch",
        "idna",
        "set_visibility",
        "tenacity",
    }
    assert {Path(name).suffix for name in names if ".dist-info" not in name} == {".pyc"}
    assert not {"dynamics_portal/cli.pyc", "dynamics_portal/cassettes.pyc", "httpx2/_main.pyc"} & set(names)


def test_the_memory_that_is_kept_knows_neither_the_environment_nor_the_machine(folder: Path) -> None:
    memory = gzip.decompress((folder / "snapshot.bin.gz").read_bytes())
    assert b"set_visibility" in memory
    for planted in (PLANTED, str(PROJECT)):
        assert planted.encode() not in memory


def test_it_starts_within_the_time_that_an_edge_function_has(folder: Path, tmp_path: Path) -> None:
    """By the processor's time, which a busy machine does not lengthen much. Source: Supabase, "Limits"."""
    script = tmp_path / "start.ts"
    start = f'import {{ startPython }} from "file://{folder}/python.ts";\n'
    script.write_text(f'{start}await startPython({{ DYNAMICS_PORTAL_ENABLED: "false" }});\nDeno.exit(0);\n', "utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [deno(), "run", f"--config={folder}/deno.json", f"--allow-read={folder}", "--allow-env", script]
    subprocess.run(list(map(str, command)), capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.0  # seconds


def test_its_typescript_is_typed_formatted_and_without_lint(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(HERE / "function", tmp_path, dirs_exist_ok=True)
    settings = json.loads((tmp_path / "deno.json").read_text(encoding="utf-8"))
    settings |= {"imports": {name: f"npm:{name}" for name in settings["imports"]}, "nodeModulesDir": "manual"}
    settings["compilerOptions"] = {"lib": ["deno.window"], "skipLibCheck": True}
    (tmp_path / "deno.json").write_text(json.dumps(settings), encoding="utf-8")
    (tmp_path / "package.json").write_text('{"dependencies": {"jose": "*", "pyodide": "*"}}', encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(node_modules())
    scripts = sorted(path.name for path in tmp_path.glob("*.ts"))
    for command in (["check"], ["lint"], ["fmt", "--check"]):
        done = subprocess.run([deno(), *command, *scripts], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
