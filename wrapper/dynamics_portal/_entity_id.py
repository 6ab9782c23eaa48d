"""Entity ids: the key of a row from the address that the service gives it (`OData-EntityId`, `Location`).

Source: OData Version 4.01 Part 1 (Protocol), "Header OData-EntityId"; Part 2, "Canonical URL".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

from ._seam import RowModel

_PART: Final = re.compile(r"(?:(?P<name>\w+)=)?(?P<value>'(?:[^']|'')*'|[^,']+)(?:,|$)")


def key_of(model: RowModel, headers: Mapping[str, str]) -> Any:
    """The key: a `UUID`, number or text, a mapping for a key of several columns. `None` where there is no address."""
    address = headers.get("odata-entityid") or headers.get("location")
    if not address:
        return None
    path = urlsplit(address).path
    start = path.rfind("/") + 1
    opening = path.find("(", start)
    if opening < 0 or not path.endswith(")"):
        return None
    return _values(model, unquote(path[opening + 1 : -1]))


def _values(model: RowModel, text: str) -> Any:
    names = model.table().key
    values: dict[str, Any] = {}
    for index, match in enumerate(_PART.finditer(text)):
        name = match["name"] or (names[index] if index < len(names) else "")
        column = model.__columns__.get(name)
        if column is None:
            return None
        values[name] = _value(column.type, match["value"])
    if len(names) == 1:
        return values.get(names[0])
    return values if set(values) == set(names) else None


def _value(edm_type: str, text: str) -> Any:
    try:
        if edm_type == "Edm.Guid":
            return UUID(text.strip("'"))
        if edm_type.startswith("Edm.Int") or edm_type in ("Edm.Byte", "Edm.SByte"):
            return int(text)
    except ValueError:
        return text
    return text[1:-1].replace("''", "'") if text.startswith("'") else text
