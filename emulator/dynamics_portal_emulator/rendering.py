"""From stored rows to the JSON of an answer.

It decides which columns of a row are shown, in which order, and the addresses in an answer (`@odata.context`, a row's
own). Which rows, and what is expanded in them, comes from `query`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .annotations import Annotator
from .elastic import PARTITION, own_partition
from .errors import Kind
from .options import Expand, Options
from .resources import literal_text
from .schema import DEFINITIONS, Schema, Table
from .store import Row
from .values import Values


@dataclass(frozen=True)
class Rendering:
    """Renders rows for one request; `root` is the address of the Web API with the version that the client used, `image`
    makes base64 of what an image column holds."""

    schema: Schema
    values: Values
    root: str
    image: Callable[[str], str] | None = None

    def check_select(self, table: Table, select: Sequence[str] | None) -> None:
        """DataverseError 400 where a selected column does not exist."""
        for name in select or ():
            step = name.split("/")[0]
            if step not in table.properties and not table.open and not self._derived_has(table, step):
                raise Kind.NO_PROPERTY.error(name=name, type=table.type)

    def _derived_has(self, table: Table, step: str) -> bool:
        return "." in step and step in self.schema.with_derived(table.type)

    def columns(self, table: Table, select: Sequence[str] | None) -> tuple[str, ...]:
        """The columns that an answer shows: those selected and the key, or all."""
        if select is None:
            left_out = table.images  # "Use image column data": asked for explicitly, for performance reasons
            properties = table.properties.items()
            return tuple(name for name, item in properties if item.type.name != "Edm.Stream" and name not in left_out)
        steps = [name.split("/")[1] if "." in name.split("/")[0] else name.split("/")[0] for name in select]
        return tuple(dict.fromkeys([*(step for step in steps if step), *table.key_columns]))

    def row(
        self,
        declared: Table,
        row: Row,
        select: Sequence[str] | None,
        annotator: Annotator,
        expanded: Mapping[str, Any],
    ) -> dict[str, Any]:
        """One row. `declared` is the type that the client asked for; another one is named in the row."""
        table = self.schema.table(row.type)
        document = row.document
        shown: dict[str, Any] = {}
        if row.type != declared.type:
            shown["@odata.type"] = f"#{row.type}"
        if table.family != DEFINITIONS:
            shown["@odata.etag"] = row.etag
        columns = self.columns(table, select)
        if select is None and table.open:
            columns = (*columns, *(name for name in document if name not in table.properties and "@" not in name))
        wire = self.wire(row, columns)
        if annotator.active:
            for name, value in wire.items():
                shown.update(annotator.annotate(table, document, name, value))
                shown[name] = value
        else:
            shown.update(wire)
        shown.update(expanded)
        return shown

    def wire(self, row: Row, columns: Sequence[str]) -> dict[str, Any]:
        """Columns of a row as they go on the wire."""
        shown = self.values.wire(row.type, {name: row.document.get(name) for name in columns})
        for name in self.schema.table(row.type).images & shown.keys():
            if self.image is not None and shown[name] is not None:
                shown[name] = self.image(shown[name])
        return shown

    def address(self, row: Row) -> str:
        """The canonical address of a row."""
        return f"{self.root}/{self.relative(row)}"

    def relative(self, row: Row) -> str:
        """The same below the root."""
        table = self.schema.table(row.type)
        parts = []
        for part in table.key:
            declared = table.properties[part.path]
            text = literal_text(row.document.get(part.path), self.schema.primitive(declared.type))
            parts.append((part.name, quote(text, safe="'-:")))
        partition = own_partition(table, row.document)
        if partition is not None:
            parts.append((PARTITION, quote(literal_text(partition, "Edm.String"), safe="'-:")))
        inner = parts[0][1] if len(parts) == 1 else ",".join(f"{name}={text}" for name, text in parts)
        return f"{self.schema.set_of(row.type) or table.name}({inner})"

    def context(self, path: str, options: Options, *, single: bool = False) -> str:
        """`@odata.context` of an answer."""
        return f"{self.root}/$metadata#{path}{_shape(options.select, options.expand)}{'/$entity' if single else ''}"


def _shape(select: Sequence[str] | None, expand: Sequence[Expand]) -> str:
    parts = [
        *(select or ()),
        *(f"{item.name}{_shape(item.options.select, item.options.expand) or '()'}" for item in expand),
    ]
    return f"({','.join(parts)})" if parts else ""
