"""References: how one row names another, with the class of the row that is named.

A reference is checked where it is used: a lookup takes one to its own table alone. A text takes its place where only an
address is known.

Source: Dataverse Web API, "Associate and disassociate table rows" (`@odata.bind`, `@odata.id`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

R = TypeVar("R")


class Reference(Generic[R]):
    """The address of a row, relative to the service's root. `str()` gives it as `@odata.bind` takes it:
    `/contacts(00000000-…)`; the representation shows the table alone.

    Raises `ValueError` or `TypeError`, without the value, where the key fits none of the table's keys.
    """

    __slots__ = ("_model", "_path")

    if TYPE_CHECKING:

        def _itself_(self) -> list[R]: ...

    def __init__(self, model: type[R], key: object) -> None:
        row: Any = model
        self._path: str = row.path(key)
        self._model = row

    @property
    def entity_set(self) -> str:
        """The table's name in addresses: `contacts`."""
        return str(self._model.table().entity_set)

    def __str__(self) -> str:
        return f"/{self._path}"

    def __repr__(self) -> str:
        return f"<Reference to {self._model.__name__}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._path == other._path

    def __hash__(self) -> int:
        return hash(self._path)


def address_of(value: Any, target: Any) -> str:
    """The address that a reference, a row or a text stands for, for what leads to rows of the class `target`.

    Raises `TypeError` for anything else, and for a reference to another table; `ValueError` for a row without a key. A
    target without a table of its own (`principal`) stands for any table.
    """
    if isinstance(value, str) and value.strip("/"):
        return value
    model: Any = value._model if isinstance(value, Reference) else type(value)
    table = getattr(model, "__table__", None)
    if table is None:
        raise TypeError(
            f"expected a reference like '/contacts(<id>)' or a table's reference(<id>), got {type(value).__name__}"
        )
    wanted = target.__table__
    if wanted is not None and wanted.entity_set != table.entity_set:
        raise TypeError(f"expected a reference to {wanted.name}, got one to {table.name}")
    return str(value if isinstance(value, Reference) else Reference(model, key_of(value)))


def key_of(row: Any) -> Any:
    """The primary key that a row holds. Raises `ValueError` where it was not read, or the row has none yet."""
    names = row.table().key
    found = {name: getattr(row, row.__columns__[name].attribute) for name in names if name in row.__columns__}
    if len(found) < len(names) or not all(value or value == 0 for value in found.values()):
        raise ValueError(f"the {type(row).__name__} has no key: read it with {', '.join(names)}")
    return found if len(names) > 1 else found[names[0]]
