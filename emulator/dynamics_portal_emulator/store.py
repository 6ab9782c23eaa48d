"""Rows in SQLite, through SQLAlchemy Core.

It decides how a row is kept: one SQL table per family of entity types, made when first used, with the row's number,
key, type, version and its columns as one JSON document. A document rather than SQL columns, because SQLite's names
ignore case where Dataverse's do not, open types have columns nobody declared, and 269 tables of up to 350 columns
would have to be made before the first answer. Which rows are wanted is said by `conditions` and `query`.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import StaticPool

from .exact import ExactAverage, ExactSum
from .patterns import matches

FIRST_VERSION = 1_000_000  # row versions look like an organisation's that has been in use
CHUNK = 500  # values in one IN list, below SQLite's least limit on bound parameters


@dataclass(frozen=True)
class Row:
    """A stored row. `number` is its place in the order of creation, `version` what its ETag shows."""

    number: int
    key: str
    type: str
    version: int
    document: dict[str, Any]

    @property
    def etag(self) -> str:
        """The weak ETag."""
        return f'W/"{self.version}"'


class KeyTakenError(Exception):
    """A row with that key exists."""


class Store:
    """All rows and links. Safe to use from several threads: one transaction runs at a time.

    `path` names a database file; without one the rows live in memory and go with the store.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.engine = sa.create_engine(
            f"sqlite+pysqlite:///{path}" if path else "sqlite+pysqlite://",
            poolclass=StaticPool,
            hide_parameters=True,  # rows hold personal data, and errors are logged
            connect_args={"check_same_thread": False},
        )
        sa.event.listen(self.engine, "connect", _prepare)
        sa.event.listen(self.engine, "begin", _begin)
        self._lock = threading.RLock()
        self._connection: sa.Connection | None = None
        self._committed: list[Callable[[], None]] = []
        self._metadata = sa.MetaData()
        self._families: dict[str, sa.Table] = {}
        self._made: set[str] = set()
        self._indexed: set[tuple[str, str]] = set()
        self.links = sa.Table(
            "links",
            self._metadata,
            sa.Column("relation", sa.Text, primary_key=True),
            sa.Column("source", sa.Text, primary_key=True),
            sa.Column("target", sa.Text, primary_key=True),
            sa.Index("links_by_target", "relation", "target"),
        )
        self.removed = sa.Table(
            "removed",
            self._metadata,
            sa.Column("version", sa.Integer, primary_key=True),
            sa.Column("family", sa.Text, nullable=False),
            sa.Column("type", sa.Text, nullable=False),
            sa.Column("key", sa.Text, nullable=False),
            sa.Index("removed_by_key", "family", "key"),
        )
        self.files = sa.Table(
            "files",
            self._metadata,
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("family", sa.Text, nullable=False),
            sa.Column("key", sa.Text, nullable=False),
            sa.Column("field", sa.Text, nullable=False),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("mime_type", sa.Text, nullable=False),
            sa.Column("size", sa.Integer, nullable=False),
            sa.UniqueConstraint("family", "key", "field"),
        )
        with self.transaction() as connection:
            self._metadata.create_all(connection)
            names = [name for name in sa.inspect(connection).get_table_names() if name.startswith("rows_")]
            tables: list[sa.FromClause] = [sa.table(name, sa.column("version", sa.Integer)) for name in names]
            tables.append(self.removed)
            last = [connection.execute(sa.select(sa.func.max(table.c.version))).scalar() for table in tables]
        self._version: int = max([FIRST_VERSION, *(version for version in last if version is not None)])

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction; entered again by the same thread, it is the same one, so that a change set is one."""
        with self._lock:
            if self._connection is not None:
                yield self._connection
                return
            try:
                with self.engine.begin() as connection:
                    self._connection = connection
                    yield connection
            except BaseException:
                self._committed.clear()
                self._made.clear()  # tables and indexes made within are rolled back, too
                self._indexed.clear()
                raise
            finally:
                self._connection = None
            following, self._committed = self._committed, []
            for callback in following:
                callback()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls something once the transaction that is open has been committed; never if it is rolled back."""
        with self.transaction():
            self._committed.append(callback)

    def clear(self) -> None:
        """Removes every row and every link."""
        with self.transaction() as connection:
            for name in self._families:
                connection.execute(self.family(name).delete())
            connection.execute(self.links.delete())
            connection.execute(self.removed.delete())
            connection.execute(self.files.delete())

    def empty(self, family: str) -> None:
        """Removes the rows of a family."""
        rows = self.family(family)
        with self.transaction() as connection:
            connection.execute(rows.delete())

    def close(self) -> None:
        """Gives the database up."""
        with self._lock:
            self.engine.dispose()

    def family(self, name: str) -> sa.Table:
        """The SQL table of a family, made if this is its first use."""
        with self.transaction() as connection:
            table = self._families.get(name)
            if table is None:
                # The checksum keeps apart names that SQLite would take for the same.
                table = sa.Table(
                    f"rows_{re.sub(r'[^A-Za-z0-9]', '_', name)}_{zlib.crc32(name.encode()):08x}",
                    self._metadata,
                    sa.Column("number", sa.Integer, primary_key=True),
                    sa.Column("key", sa.Text, nullable=False, unique=True),
                    sa.Column("type", sa.Text, nullable=False),
                    sa.Column("version", sa.Integer, nullable=False),
                    sa.Column("document", sa.Text, nullable=False),
                    sqlite_autoincrement=True,
                )
                self._families[name] = table
            if name not in self._made:
                table.create(connection, checkfirst=True)
                self._made.add(name)
            return table

    def known(self, family: str) -> bool:
        """Whether a family has been used, so that it may hold rows."""
        return family in self._families

    @property
    def version(self) -> int:
        """The highest version so far."""
        with self._lock:
            return self._version

    def next_version(self) -> int:
        """A version that no row had before."""
        with self._lock:
            self._version += 1
            return self._version

    def insert(self, family: str, key: str, type_name: str, version: int, document: dict[str, Any]) -> Row:
        """Adds a row. KeyTakenError where the key is in use."""
        rows = self.family(family)
        values = {"key": key, "type": type_name, "version": version, "document": _dump(document)}
        with self.transaction() as connection:
            done = connection.execute(insert(rows).on_conflict_do_nothing(), values)
            if done.rowcount == 0:
                raise KeyTakenError(key)
            return Row(done.lastrowid, key, type_name, version, document)

    def update(self, family: str, row: Row, version: int, document: dict[str, Any]) -> None:
        """Replaces a row's document."""
        rows = self.family(family)
        with self.transaction() as connection:
            values = {"version": version, "document": _dump(document)}
            connection.execute(rows.update().where(rows.c.number == row.number).values(values))

    def delete(self, family: str, row: Row) -> None:
        """Removes a row, and notes that it is gone."""
        rows = self.family(family)
        noted = {"version": self.next_version(), "family": family, "type": row.type, "key": row.key}
        with self.transaction() as connection:
            connection.execute(rows.delete().where(rows.c.number == row.number))
            earlier = sa.and_(self.removed.c.family == family, self.removed.c.key == row.key)
            connection.execute(self.removed.delete().where(earlier))
            connection.execute(self.removed.insert(), noted)

    def get(self, family: str, key: str) -> Row | None:
        """The row with a key."""
        rows = self.family(family)
        found = self.fetch(sa.select(rows).where(rows.c.key == key))
        return found[0] if found else None

    def fetch(self, statement: sa.Select[Any]) -> list[Row]:
        """The rows that a statement over a family's table selects."""
        return [row for row, _ in self.fetch_ordered(statement)]

    def fetch_ordered(self, statement: sa.Select[Any]) -> list[tuple[Row, tuple[Any, ...]]]:
        """The same, each with what the statement selects beyond the row's own five columns."""
        with self.transaction() as connection:
            return [
                (Row(number, key, kind, version, msgspec.json.decode(document)), tuple(rest))
                for number, key, kind, version, document, *rest in connection.execute(statement)
            ]

    def values(self, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
        """What a statement selects, as it is stored."""
        with self.transaction() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def count(self, statement: sa.Select[Any]) -> int:
        """How many rows a statement selects."""
        with self.transaction() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(statement.subquery())).scalar_one())

    def index(self, family: str, column: str) -> None:
        """Makes looking rows up by a column quick; for columns by which tables are joined."""
        rows = self.family(family)
        with self.transaction() as connection:
            if (family, column) not in self._indexed:
                name = f"{rows.name}_by_{len(self._indexed)}"
                place = f"json_extract(document, '$.\"{column}\"')"
                connection.exec_driver_sql(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{rows.name}" ({place})')
                self._indexed.add((family, column))

    def link(self, relation: str, source: str, target: str) -> None:
        """Relates two keys; doing so twice changes nothing."""
        values = {"relation": relation, "source": source, "target": target}
        with self.transaction() as connection:
            connection.execute(insert(self.links).on_conflict_do_nothing(), values)

    def unlink(self, relation: str, source: str | None, target: str | None) -> None:
        """Parts two keys; None stands for every key on that side."""
        conditions = [self.links.c.relation == relation]
        if source is not None:
            conditions.append(self.links.c.source == source)
        if target is not None:
            conditions.append(self.links.c.target == target)
        with self.transaction() as connection:
            connection.execute(self.links.delete().where(*conditions))

    def links_from(self, relation: str, keys: Sequence[str], forward: bool) -> sa.Select[Any]:
        """A subquery for the keys related to `keys`, `forward` from source to target."""
        here, there = self._sides(forward)
        return sa.select(there).where(self.links.c.relation == relation, here.in_(keys))

    def _sides(self, forward: bool) -> tuple[sa.Column[str], sa.Column[str]]:
        source, target = self.links.c.source, self.links.c.target
        return (source, target) if forward else (target, source)

    def linked(self, relation: str, keys: Sequence[str], forward: bool) -> list[tuple[str, str]]:
        """Pairs of a key of `keys` and a key related to it, `forward` from source to target."""
        here, there = self._sides(forward)
        pairs: list[tuple[str, str]] = []
        with self.transaction() as connection:
            for start in range(0, len(keys), CHUNK):
                chunk = keys[start : start + CHUNK]
                statement = sa.select(here, there).where(self.links.c.relation == relation, here.in_(chunk))
                pairs.extend((own, other) for own, other in connection.execute(statement))
        return pairs


def _dump(document: dict[str, Any]) -> str:
    return msgspec.json.encode(document).decode()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN, so that making a table is part of a transaction, too
    connection.create_collation("odata_text", _compare_text)
    connection.create_collation("odata_decimal", _compare_decimals)
    connection.create_function("matches", 2, matches, deterministic=True)
    connection.create_aggregate("exact_sum", 1, ExactSum)
    connection.create_aggregate("exact_average", 1, ExactAverage)


def _compare_text(left: str, right: str) -> int:
    """Text without regard to case, as Dataverse's database compares it."""
    one, other = left.casefold(), right.casefold()
    return (one > other) - (one < other)


def _compare_decimals(left: str, right: str) -> int:
    try:
        one, other = Decimal(left), Decimal(right)
    except InvalidOperation:
        return (left > right) - (left < right)
    return (one > other) - (one < other)
