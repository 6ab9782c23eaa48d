"""A real PostgreSQL for a test run: a throw-away cluster with Supabase's roles and the stand-in for its Vault.

It decides how the cluster is started, so that several runs do not meet and nothing of it is left behind: it listens on
a socket in its own folder and on no port, and a shell that holds a pipe to the test run ends it and removes the folder
as soon as that pipe closes, even where the run was killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.conftest import PROJECT

FOLDER = Path(__file__).resolve().parent
MIGRATIONS = PROJECT / "supabase" / "migrations"
SUPERUSER = "supabase_admin"
_START_TIMEOUT = 60.0  # seconds: starting takes one, a machine that is busy may need longer
_STOP_TIMEOUT = 300.0  # seconds: each database is some 300 files, and a busy disk takes its time to remove them
_KEEPER = 'folder=$1; shift; "$@" & read -r _; kill -QUIT $!; wait $!; rm -rf "$folder"'
"""Runs a server until standard input ends; an immediate shutdown does for data that is thrown away."""


def binaries() -> Path:
    """The folder of PostgreSQL's programs; skips the test, saying why, where there is none."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip("needs PostgreSQL's server (initdb, postgres)")


def has_library(name: str) -> bool:
    """Whether a library for `shared_preload_libraries` is there, as far as can be told. Skips the test where there is
    no PostgreSQL."""
    config = binaries() / "pg_config"
    if not config.exists():
        return False
    found = subprocess.run([config, "--pkglibdir"], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip(), f"{name}.so").exists()


def _unprivileged() -> dict[str, Any]:
    """Whom to run as: PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


class Database:
    """A database of the cluster. `socket` is the folder that clients connect to."""

    def __init__(self, socket: Path, name: str) -> None:
        self.socket = socket
        self.name = name

    def connect(self, user: str = SUPERUSER) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of one's own, to be closed by whoever asked; a `with` block commits and closes."""
        return psycopg.connect(host=str(self.socket), dbname=self.name, user=user)

    def run(self, statement: str, parameters: tuple[Any, ...] | None = None, *, user: str = SUPERUSER) -> list[Any]:
        """Run statements in one transaction, and return the rows of the last one that has any."""
        with self.connect(user) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def as_role(self, role: str, statement: str, parameters: tuple[Any, ...] | None = None) -> list[Any]:
        """The rows of a statement that one of Supabase's roles runs, as PostgREST lets it."""
        with self.connect("authenticator") as connection:
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def migrate(self) -> None:
        """Apply the project's migrations as Supabase does: by `postgres`, who is no superuser."""
        for path in sorted(MIGRATIONS.glob("*.sql")):
            self.run(path.read_text("utf-8"), user="postgres")

    def set_secret(self, name: str, secret: str) -> None:
        """Put a secret into Vault, or change it there, in the way that Supabase documents."""
        with self.connect("postgres") as connection:
            found = connection.execute("select id from vault.secrets where name = %s", (name,)).fetchone()
            if found is None:
                connection.execute("select vault.create_secret(%s, %s)", (secret, name))
            else:
                connection.execute("select vault.update_secret(%s, %s)", (found[0], secret))


class Cluster:
    """A running PostgreSQL. Each database is a copy of one that was set up once."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._made = 0

    def prepare(self) -> None:
        """Set up what is the same on every Supabase project, and a project with the migrations applied."""
        new_project = Database(self._socket, "template1")
        for name in ("roles.sql", "vault.sql", "auth.sql"):
            new_project.run(FOLDER.joinpath(name).read_text("utf-8"))
        self._create("migrated", "template1").migrate()

    def database(self, *, migrated: bool = True) -> Database:
        """A database of one's own, like that of a Supabase project on which the migrations were applied, or not."""
        self._made += 1
        return self._create(f"project_{self._made}", "migrated" if migrated else "template1")

    def named(self, name: str) -> Database:
        """A database that was made before."""
        return Database(self._socket, name)

    def _create(self, name: str, template: str) -> Database:
        statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        with Database(self._socket, "postgres").connect() as connection:
            connection.autocommit = True
            connection.execute(statement)
            connection.execute(sql.SQL("grant all on database {} to postgres").format(sql.Identifier(name)))
        return Database(self._socket, name)


@contextmanager
def running_cluster(*settings: str) -> Iterator[Cluster]:
    """Runs a new PostgreSQL until the block is left. Skips the test where there is none on this machine. `settings` are
    lines of its configuration beside ours, such as libraries to be loaded at the start: `name=value`."""
    programs = binaries()
    identity = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="dynamics-portal-pg-"))  # short: a socket's path holds 107 characters
    if identity:
        shutil.chown(folder, identity["user"], identity["group"])
    data = folder / "data"
    initialise = [f"{programs}/initdb", "-D", f"{data}", "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--no-sync"]
    subprocess.run(initialise, cwd=folder, check=True, capture_output=True, **identity)
    options = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=50"]
    options += settings
    server = [f"{programs}/postgres", "-D", f"{data}", *(part for option in options for part in ("-c", option))]
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", _KEEPER, "keeper", f"{folder}", *server],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # an interrupt of the test run is not the server's; the pipe's end is
        **identity,
    )
    try:
        _wait_until_ready(keeper, Database(folder, "postgres"))
        cluster = Cluster(folder)
        cluster.prepare()
        yield cluster
    finally:
        keeper.communicate(timeout=_STOP_TIMEOUT)


def _wait_until_ready(keeper: subprocess.Popen[bytes], database: Database) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError):
            database.run("select 1")
            return
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(0.02)
            break
    raise RuntimeError("PostgreSQL did not start")
