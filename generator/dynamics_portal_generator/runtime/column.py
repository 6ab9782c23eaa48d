"""Columns: what a property of the service is called, of which type it is and who may write it; and what is said of a
name or a value that does not fit one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Literal, cast

Access = Literal["read-write", "create", "read"]
"""Who may write a column: a client always, a client on create only, or the service alone."""


class Column:
    """A column, a property of a complex type or a parameter of an operation.

    `name` is the service's, `attribute` Python's. `type` is the qualified Edm type or `Collection(…)` of it; `model`
    is the class of this package that stands for it, where there is one (complex types, rows, choices, enumerations).
    `required` is what a request always holds; where it is `nullable`, too, it is null unless it is set. A `file` column
    holds a file, whose id is its value in a row.
    """

    __slots__ = ("access", "attribute", "file", "model", "name", "nullable", "required", "type")

    def __init__(
        self,
        name: str,
        type: str,
        attribute: str = "",
        *,
        nullable: bool = True,
        required: bool = False,
        access: Access = "read-write",
        model: str = "",
        file: bool = False,
    ) -> None:
        self.name = name
        self.type = type
        self.file = file
        self.attribute = attribute or name
        self.nullable = nullable
        self.required = required
        self.access: Access = access
        self.model = model

    def __repr__(self) -> str:
        return f"Column({self.name!r}, {self.type!r})"

    @property
    def collection(self) -> bool:
        """Whether it holds a list."""
        return self.type.startswith("Collection(")

    @property
    def item_type(self) -> str:
        """The type of the value, or of each item of a list."""
        return self.type[11:-1] if self.collection else self.type


def resolve(package: str, name: str) -> Any:
    """The class of that name in a generated package, imported when it is first needed."""
    return getattr(import_module(f"{package}.models"), name)


def package_of(cls: type) -> str:
    """The generated package that a class belongs to."""
    return cls.__module__.rpartition(".")[0].rpartition(".")[0]


def items(values: Any) -> Iterable[Any]:
    """The values, where they are the items of a list or its like, in any order."""
    if isinstance(values, (str, bytes, bytearray, Mapping)) or not hasattr(values, "__iter__"):
        raise TypeError(f"expected a list, got {type(values).__name__}")
    return cast("Iterable[Any]", values)


def mapping(cls: type, value: Any) -> Mapping[str, Any]:
    """The value, where it is a mapping."""
    if not isinstance(value, Mapping):
        raise TypeError(f"expected {cls.__name__} or a mapping, got {type(value).__name__}")
    return value


def unknown_name(owner: str, what: str, name: str, known: Mapping[str, Any]) -> str:
    """The message for a name that does not exist, with the nearest one that does."""
    from difflib import get_close_matches  # here, because costs 3 ms, paid by a mistake only

    near = get_close_matches(name, known, n=1)
    return f"{owner} has no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def named(owner: type, name: str, error: Exception) -> Exception:
    """The same error, with the place in its message. Raise it `from None`: the codecs' messages hold no value, but what
    the original exception has in its frames might."""
    return type(error)(f"{owner.__name__}.{name}: {error}")
