"""Definitions: what the organisation says of its tables, columns and choices. Calls, and what answers hold; no I/O.

Choices are asked for table by table and kind by kind, because the option set of a column is told only where the query
casts to one kind of column; a batch takes a hundred of these questions at once. Queries of definitions have no pages.

Source: Dataverse Web API, "Query table definitions using the Web API", "Retrieve table definitions by name or
MetadataId"; AttributeMetadata.IsValidODataAttribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from . import _json, _multipart
from ._call import EMPTY_LIST, STANDING_HEADERS, Call
from ._failures import decoded, failure
from ._outcome import Answer
from ._settings import Settings

_CRM: Final = "Microsoft.Dynamics.CRM."
_KINDS: Final = {"Picklist": False, "State": False, "Status": False, "MultiSelectPicklist": True}
"""Kind of choice column to whether it takes several values."""
_CHUNK: Final = 100  # questions a batch: the service takes 1,000, but each answer here has many options
TABLE_COLUMNS: Final = (
    "LogicalName,SchemaName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ChangeTrackingEnabled,DisplayName"
)


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table: its names, its key, and the column that names a row."""

    logical_name: str
    schema_name: str
    entity_set: str | None
    """`None` for a table that the Web API does not offer."""
    primary_id: str | None
    primary_name: str | None
    change_tracking: bool
    """Whether its changes can be asked for."""
    display_name: str = ""
    """In the language of the account that asked."""


@dataclass(frozen=True, slots=True)
class OptionDefinition:
    """A value of a choice. `label` is in the language of the account that asked, `labels` by language code (LCID)."""

    value: int
    label: str
    labels: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChoiceDefinition:
    """The choice of a column. Columns with a global choice share its `name`; `multi`: it takes several values."""

    column: str
    name: str
    multi: bool
    is_global: bool
    options: tuple[OptionDefinition, ...]


def tables_call(settings: Settings) -> Call:
    """All tables."""
    return get(settings, f"EntityDefinitions?$select={TABLE_COLUMNS}")


def tables_of(answer: Answer, call: Call) -> list[TableDefinition]:
    """The tables of an answer, by logical name."""
    tables = decoded(lambda: [table_of(row) for row in _rows(answer)], answer.status, call.correlation_id)
    return sorted(tables, key=lambda table: table.logical_name)


class ChoiceQuestions:
    """The questions about the choices of some tables, in batches, and what came of them."""

    def __init__(self, settings: Settings, tables: Iterable[str]) -> None:
        self._settings = settings
        self._asked = [(table, kind) for table in dict.fromkeys(map(logical_name, tables)) for kind in _KINDS]
        self.found: dict[str, dict[str, ChoiceDefinition]] = {table: {} for table, _ in self._asked}

    def calls(self) -> Iterator[tuple[Call, Sequence[tuple[str, str]]]]:
        """The batches, each with the table and kind of its questions."""
        for start in range(0, len(self._asked), _CHUNK):
            asked = self._asked[start : start + _CHUNK]
            kind, body = _multipart.encode([_multipart.Part("GET", self._url(*item), _PART_HEADERS) for item in asked])
            headers = (("Content-Type", kind), ("Prefer", "odata.continue-on-error"))
            url = f"{self._settings.root.url}$batch"
            yield Call("POST", url, self._settings.new_correlation_id(), headers=headers, content=body), asked

    def _url(self, table: str, kind: str) -> str:
        return (
            f"{self._settings.root.url}EntityDefinitions(LogicalName='{table}')/Attributes/{_CRM}{kind}AttributeMetadata"
            "?$select=LogicalName,IsValidODataAttribute"
            "&$expand=OptionSet($select=Name,IsGlobal,Options),GlobalOptionSet($select=Name,IsGlobal,Options)"
        )

    def feed(self, answer: Answer, call: Call, asked: Sequence[tuple[str, str]]) -> None:
        """Take the answer to a batch. Raises the exception of the first question that failed."""
        parts = decoded(lambda: _parts(answer, len(asked)), answer.status, call.correlation_id)
        for (table, kind), part in zip(asked, parts, strict=True):
            if not part.ok:
                raise failure(part, call.correlation_id)
            self.found[table].update(decoded(partial(_choices, part, kind), part.status, call.correlation_id))


def _parts(answer: Answer, count: int) -> list[Answer]:
    items = _multipart.decode(answer.headers.get("content-type", ""), answer.content)
    parts = [item.answer for item in items if isinstance(item, _multipart.PartAnswer)]
    if len(parts) != count:
        raise ValueError("not as many answers as questions")
    return parts


_PART_HEADERS: Final = (("Accept", "application/json"), *STANDING_HEADERS[2:])


def _choices(answer: Answer, kind: str) -> dict[str, ChoiceDefinition]:
    """The choices of one kind, by column. A column that the Web API leaves out, or without options, is passed over."""
    found: dict[str, ChoiceDefinition] = {}
    for row in _rows(answer):
        column = str(row["LogicalName"])
        own, shared = row.get("OptionSet") or {}, row.get("GlobalOptionSet") or {}
        given = own if own.get("Options") else shared
        if row.get("IsValidODataAttribute") is False or not given.get("Options"):
            continue
        options = tuple(_option(item) for item in given["Options"])
        name, is_global = str(given.get("Name") or ""), bool(given.get("IsGlobal"))
        found[column] = ChoiceDefinition(column, name, _KINDS[kind], is_global, options)
    return found


def _option(item: Mapping[str, Any]) -> OptionDefinition:
    label = item.get("Label") or {}
    labels = {int(each["LanguageCode"]): str(each["Label"]) for each in label.get("LocalizedLabels") or ()}
    return OptionDefinition(int(item["Value"]), label_of(label), dict(sorted(labels.items())))


def label_of(label: Any) -> str:
    """A label in the language of the account that asked, else in one that there is; empty for none."""
    given = label or {}
    own: Any = given.get("UserLocalizedLabel") or next(iter(given.get("LocalizedLabels") or ()), {})
    return str(own.get("Label") or "")


def table_of(row: Mapping[str, Any]) -> TableDefinition:
    """The table that a row tells of."""
    return TableDefinition(
        logical_name=str(row["LogicalName"]),
        schema_name=str(row.get("SchemaName") or row["LogicalName"]),
        entity_set=row.get("EntitySetName"),
        primary_id=row.get("PrimaryIdAttribute"),
        primary_name=row.get("PrimaryNameAttribute"),
        change_tracking=bool(row.get("ChangeTrackingEnabled")),
        display_name=label_of(row.get("DisplayName")),
    )


def _rows(answer: Answer) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _json.decode_object(answer.content)["value"]
    return rows


def get(settings: Settings, path: str, *, empty: bytes = EMPTY_LIST) -> Call:
    """A question about definitions. `empty`: what a service without any says."""
    return Call("GET", settings.root.url + path, settings.new_correlation_id(), empty=empty)


def logical_name(table: Any) -> str:
    """A table's logical name; it becomes part of an address. Raises `ValueError` or `TypeError` for what is none."""
    if not isinstance(table, str):
        raise TypeError(f"tables: expected logical names as text, got {type(table).__name__}")
    if not table.isidentifier() or not table.isascii():
        raise ValueError("tables: expected logical names like 'contact'")
    return table
