"""Writes: what may be written to a table's rows, and the JSON object that a create or an update sends.

Names, values, who may write a column, lookups by `@odata.bind` and related rows are checked here; sending is the
client's work. No message holds a value. `writing` does the same for many plain rows at speed.

Sources: Dataverse Web API, "Create a table row", "Update and delete table rows", "Associate and disassociate table
rows".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from .column import items, mapping, named, package_of, resolve, unknown_name
from .model import ODATA_TYPE, Model, declared_type, with_type
from .reference import address_of
from .table import Navigation, Row

BIND: Final = "@odata.bind"

Write = Literal["create", "update"]


def encode_write(cls: type[Row[Any, Any]], values: Model | Mapping[str, Any], write: Write) -> dict[str, Any]:
    """The JSON object of a write: see `Row.encode_write`."""
    if not isinstance(values, Model):
        model = declared_type(cls, mapping(cls, values))
        if not issubclass(model, Row):
            raise TypeError(f"{cls.__name__}: {ODATA_TYPE} names {model.__name__}, which is no row")
        return {
            name: value if name.startswith("@") else _encode_item(model, name, value, write)
            for name, value in values.items()
        }
    if not isinstance(values, cls):
        raise TypeError(f"expected {cls.__name__} or a mapping, got {type(values).__name__}")
    parts = [(column.name, value) for column, value in values._set()]
    parts += [(name, value) for name, value in values.additional_properties.items() if is_written(name)]
    if write == "update":
        parts = [(name, value) for name, value in parts if is_writable(cls, name, write)]
    known = {*cls.__columns__, *cls.navigation()}
    return {
        name: _encode_item(cls, name, value, write) if name.removesuffix(BIND) in known else value
        for name, value in parts
    }


def is_writable(cls: type[Row[Any, Any]], name: str, write: Write) -> bool:
    """Whether a write may hold the name."""
    column = cls.__columns__.get(name)
    if column is None:
        return name not in cls.navigation()
    if column.access == "read" or (write == "update" and cls.__table__ and name in cls.__table__.key):
        return False
    return column.access == "read-write" or write == "create"


def encode_bind(cls: type[Row[Any, Any]], navigation: Navigation[Any], value: Any) -> Any:
    """The address, or the addresses, of the rows that a row is bound to."""
    if value is None and not navigation.collection:
        return None
    if navigation.collection and not isinstance(value, (list, tuple)):
        raise TypeError(f"{cls.__name__}.{navigation.name}{BIND}: expected a list of references")
    target = resolve(package_of(cls), navigation.target)
    try:
        references = [address_of(item, target) for item in (value if navigation.collection else [value])]
    except (TypeError, ValueError) as error:
        raise named(cls, navigation.name + BIND, error) from None
    return references if navigation.collection else references[0]


def _encode_item(cls: type[Row[Any, Any]], name: str, value: Any, write: Write) -> Any:
    if name in cls.__columns__:
        if not is_writable(cls, name, write):
            lookup = name[1:].removesuffix("_value") if name.startswith("_") else ""
            bind = next((item for item in cls.navigation() if item.lower() == lookup), None)
            hint = f"; set the lookup as {bind + BIND!r}" if bind else ""
            raise ValueError(f"{cls.__name__}.{name} is not writable on {write}{hint}")
        return cls._encode_value(name, value)
    base = name.removesuffix(BIND)
    navigation = cls.navigation().get(base)
    if navigation is None:
        known = {**cls.__columns__, **{item + BIND: None for item in cls.navigation()}}
        raise ValueError(unknown_name(cls.__name__, "writable column", name, known))
    if name != base:
        return encode_bind(cls, navigation, value)
    if write == "update":
        hint = f"bind one with {name + BIND!r}"
        raise ValueError(f"{cls.__name__}.{name}: related rows are written on create only; {hint}")
    try:
        if navigation.collection:
            return [_encode_related(cls, navigation, item, write) for item in items(value)]
        return None if value is None else _encode_related(cls, navigation, value, write)
    except (TypeError, ValueError) as error:
        raise named(cls, name, error) from None


def _encode_related(cls: type[Row[Any, Any]], navigation: Navigation[Any], value: Any, write: Write) -> dict[str, Any]:
    model = resolve(package_of(cls), navigation.target)
    if isinstance(value, Row) and model.__table__ is None:  # any table's row: it says which
        return with_type(value, value.encode_write(value, write))
    encoded: dict[str, Any] = model.encode_write(value, write)
    return encoded


def is_written(name: str) -> bool:
    """Whether a name that is no column goes along with a row: unknown columns and bindings do, annotations do not."""
    return "@" not in name or name.endswith(BIND)
