"""Options: what a reader, a stream and a writer can be told, checked before anything is sent.

Spark shows options in plans, event logs and checkpoints. So none is a secret, and one that looks like it is refused; no
message repeats a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from uuid import uuid4

from .._portal import AUTHORITY, BASE_URL, SCOPE
from .._query import nearest
from .._seam import DEFAULT_PACKAGE
from ..errors import invalid

Use: TypeAlias = Literal["read", "stream", "write"]
Operation: TypeAlias = Literal["create", "update", "upsert", "delete"]

_SECRET: Final = re.compile(r"secret|passw|token|signature|api.?key|access.?key|private.?key|credential(?!s$)", re.I)
_PASSWORD: Final = re.compile(r"://[^/@]*:[^/@]*@|[?&][^=&]*(secret|passw|token|sig|key)[^=&]*=", re.I)  # in an address
_ENTRY: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_RUN_ID: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")  # it is part of a file's name
_PARTITIONS: Final = 10_000  # each is a task, and a request at least
_CONCURRENCY: Final = 52  # requests at a time that the service allows a user


@dataclass(frozen=True)
class Connection:
    """Where to, and as whom. It holds no secret, and travels to executors, each of which makes its client of it.

    `url`, `authority`, `scope`: as the environment variables of these meanings, which are used where they are empty.
    `package`: import name of the generated package. `ca_file`: a file of certificates to trust, by its path there.
    `credentials`: `module:function`, which gives a credential provider; where it is empty, the environment does.
    """

    package: str = DEFAULT_PACKAGE
    url: str = ""
    authority: str = ""
    scope: str = ""
    ca_file: str = ""
    credentials: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """What is said here in place of the environment."""
        said = {BASE_URL: self.url, AUTHORITY: self.authority, SCOPE: self.scope}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True)
class ReadOptions:
    """What is read, and how. `even`: whether parts are to have about as many rows each. `pages`: pages of a stream's
    step; `since`: a token that a stream begins at."""

    table: str
    select: tuple[str, ...] = ()
    page_size: int | None = None
    partitions: int = 1
    partition_by: str = ""
    even: bool = False
    pushdown: bool = True
    changes: bool = False
    pages: int = 20
    since: str = ""


@dataclass(frozen=True)
class WriteOptions:
    """How rows are written. `run_id`: what the ids of new rows are made of; `key`: the columns of an alternate key."""

    table: str
    operation: Operation = "create"
    key: tuple[str, ...] = ()
    write_nulls: bool = False
    run_id: str = field(default_factory=lambda: str(uuid4()))
    results: str = ""
    raises: bool = True
    concurrency: int | None = None
    chunk_size: int | None = None


_CONNECTION: Final = ("package", "url", "authority", "scope", "ca_file", "credentials")
_KNOWN: Final[Mapping[Use, tuple[str, ...]]] = {
    "read": (*_CONNECTION, "table", "select", "changes", "page_size", "partitions", "partition_by", "even", "pushdown"),
    "stream": (*_CONNECTION, "table", "select", "page_size", "changes", "changes_since", "pages"),
    "write": (
        *_CONNECTION,
        *("table", "operation", "key", "nulls", "run_id", "results", "on_error", "concurrency", "chunk_size"),
    ),
}


def connection_from(options: Mapping[str, str]) -> Connection:
    """Where to and as whom. Raises `InvalidRequestError` for credentials that are named as no function is."""
    credentials = options.get("credentials", "")
    if credentials and not _ENTRY.fullmatch(credentials):
        raise invalid("credentials: expected module:function, which gives a credential provider; never the secret")
    return Connection(**{name: options[name] for name in _CONNECTION if options.get(name)})


def read_options(options: Mapping[str, str]) -> ReadOptions:
    """The options of a reader or of a stream. Raises `InvalidRequestError`, which names the option."""
    changes = _word(options, "changes", ("false", "true")) == "true"
    _check_names(options, "stream" if changes else "read")
    return ReadOptions(
        changes=changes,
        table=_table(options),
        select=_names(options, "select"),
        page_size=_number(options, "page_size", 5000),
        partitions=_number(options, "partitions", _PARTITIONS) or ReadOptions.partitions,
        partition_by=options.get("partition_by", ""),
        even=_word(options, "even", ("false", "true")) == "true",
        pushdown=_word(options, "pushdown", ("true", "false")) == "true",
        pages=_number(options, "pages", 10_000) or ReadOptions.pages,
        since=options.get("changes_since", ""),
    )


def write_options(options: Mapping[str, str]) -> WriteOptions:
    """The options of a writer. Raises `InvalidRequestError`, which names the option."""
    _check_names(options, "write")
    operation: Any = _word(options, "operation", ("create", "update", "upsert", "delete"))
    nulls = _word(options, "nulls", ("skip", "write") if operation == "create" else ("write", "skip"))
    on_error = _word(options, "on_error", ("fail", "report"))
    if on_error == "report" and not options.get("results"):
        raise invalid("on_error: with 'report', say by the option 'results' where failed rows are to be told")
    key = _names(options, "key")
    if key and operation == "create":
        raise invalid("key: a new row has its id; for rows that another key finds, the operation is 'upsert'")
    run_id = options.get("run_id", "")
    if run_id and not _RUN_ID.fullmatch(run_id):
        raise invalid("option 'run_id': expected 1 to 100 letters, digits and any of . _ -")
    made: dict[str, Any] = {"run_id": run_id} if run_id else {}
    return WriteOptions(
        table=_table(options),
        operation=operation,
        key=key,
        write_nulls=nulls == "write",
        results=options.get("results", ""),
        raises=on_error == "fail",
        concurrency=_number(options, "concurrency", _CONCURRENCY),
        chunk_size=_number(options, "chunk_size", 1000),
        **made,
    )


def _check_names(options: Mapping[str, str], use: Use) -> None:
    known = _KNOWN[use]
    for name, value in options.items():
        if name.lower() != "changes_since" and _PASSWORD.search(value):
            raise invalid(f"option {name!r} holds a password or a key, and Spark shows options")
        if name.lower() in known:
            continue
        if _SECRET.search(name):
            raise invalid(
                f"option {name!r}: Spark shows options in plans, logs and checkpoints. Leave secrets in the environment"
                " of driver and executors, or name a function that gives a provider: credentials='module:function'"
            )
        others = [other for other, names in _KNOWN.items() if name.lower() in names]
        if others:
            raise invalid(f"option {name!r} is for a {others[0]}, and means nothing to a {use}")
        raise invalid(f"unknown option {name!r}{nearest(name, known)}")


def _table(options: Mapping[str, str]) -> str:
    table = options.get("table", "")
    if not table:
        raise invalid("option 'table': name a table of the package, like 'contacts'")
    return table


def _names(options: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _text(options, name).split(",") if part.strip())


def _number(options: Mapping[str, str], name: str, most: int) -> int | None:
    text = _text(options, name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise invalid(f"option {name!r}: expected a whole number from 1 to {most}")
    return int(text)


def _word(options: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    """One of some words; the first of them where the option is not given."""
    text = _text(options, name).lower() or words[0]
    if text not in words:
        raise invalid(f"option {name!r}: expected {' or '.join(sorted(words))}")
    return text


def _text(options: Mapping[str, str], name: str) -> str:
    return (options.get(name) or "").strip()
