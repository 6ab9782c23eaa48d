"""The client itself in Pyodide, in Node and in Deno: every module of it, both clients, and calls over real fetch.

It fails where the core comes to import what WebAssembly lacks. `test_contract.py` has the same point without Node.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from examples.edge_function.build import CACHE, deno
from tests.conftest import node_command

from dynamics_portal_emulator.emulator import Emulator

pytestmark = pytest.mark.slow  # as test_function

HOST = """
const { loadPyodide } = await import("file://" + %(pyodide)s + "/pyodide.mjs");
const { readFileSync } = await import("node:fs");
const python = await loadPyodide({ indexURL: %(pyodide)s });
python.unpackArchive(new Uint8Array(readFileSync(%(modules)s)), "zip", { extractDir: "/lib/python3.14/site-packages" });
await python.runPythonAsync(%(program)s);
(globalThis.Deno ?? process).exit(0);
"""

OTHERS = r"dynamics_portal\.(_http11|_network|_asyncio_network|_a?sync\.sockets|_arrow.*|spark.*)"
"""Modules that are imported where there are sockets, or extras."""

IMPORTS = """
import importlib, pkgutil, re, sys
import dynamics_portal, dynamics_portal_api
before = set(sys.modules)
found = [found.name for found in pkgutil.walk_packages(dynamics_portal.__path__, "dynamics_portal.")]
names = [name for name in found if not re.fullmatch({others!r}, name)]
for name in names:
    importlib.import_module(name)
for name in dynamics_portal.__all__:
    getattr(dynamics_portal, name)
tops = {name.partition(".")[0] for name in sys.modules}
print(len(names) > 60, sorted(tops & {"anyio", "cryptography", "httpcore2", "jwt", "lxml", "pydantic", "supabase"}))

async_portal = dynamics_portal.AsyncDynamicsPortalClient.no_op()
portal = dynamics_portal.DynamicsPortalClient.no_op()
print([row async for row in async_portal.contacts.list()], list(portal.contacts.list()))
await async_portal.contacts.create({"lastname": "Hansen"})
portal.contacts.create({"lastname": "Hansen"})
print(len(async_portal.recorded), len(portal.recorded))
"""

CALLS = """
from dynamics_portal import (
    AsyncDynamicsPortalClient, DynamicsPortalClient, NotFoundError, StaticCredentialProvider
)

given = StaticCredentialProvider(tenant_id={tenant_id!r}, client_id={client_id!r}, client_secret={client_secret!r})

async def of_tasks():
    async with AsyncDynamicsPortalClient({base_url!r}, given, authority={authority!r}, deadline=30) as portal:
        new = await portal.contacts.create({{"lastname": "Hansen"}})
        await portal.contacts.update(new, {{"firstname": "Kåre"}})  # 204: an answer without a body
        names = [row.firstname async for row in portal.contacts.list(filter="lastname eq 'Hansen'")]
        await portal.contacts.delete(new)
        try:
            await portal.contacts.get(new)
        except NotFoundError as error:
            return names, error.status_code

def of_threads():
    with DynamicsPortalClient({base_url!r}, given, authority={authority!r}, deadline=30) as portal:
        new = portal.contacts.create({{"lastname": "Hansen"}})
        portal.contacts.update(new, {{"firstname": "Kåre"}})
        names = [row.firstname for row in portal.contacts.list(filter="lastname eq 'Hansen'")]
        portal.contacts.delete(new)
        try:
            portal.contacts.get(new)
        except NotFoundError as error:
            return names, error.status_code

print(await of_tasks(), of_threads())
"""


def hosted(folder: Path, tmp_path: Path, program: str) -> Path:
    """A script that runs a program in Pyodide, with the modules as they are in the wheels."""
    facts = {"pyodide": folder / "vendor" / "pyodide", "modules": CACHE / "modules.zip", "program": program}
    script = tmp_path / "host.mjs"
    script.write_text(HOST % {name: json.dumps(str(value)) for name, value in facts.items()}, encoding="utf-8")
    return script


def test_every_module_of_the_core_is_imported_and_both_clients_work(folder: Path, tmp_path: Path) -> None:
    node, _ = node_command("pyodide", "pyodide.mjs")
    script = hosted(folder, tmp_path, IMPORTS.replace("{others!r}", repr(OTHERS)))
    done = subprocess.run([node, str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == "True []\n[] []\n1 1\n", done.stderr


def test_both_clients_read_and_write_over_fetch(folder: Path, tmp_path: Path, dynamics: Emulator) -> None:
    names = ("base_url", "authority", "tenant_id", "client_id", "client_secret")
    script = hosted(folder, tmp_path, CALLS.format(**{name: getattr(dynamics, name) for name in names}))
    command = [deno(), "run", "--no-config", "--allow-all", f"--cert={dynamics.ca_file}", script]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.stdout == "(['Kåre'], 404) (['Kåre'], 404)\n", done.stderr
