"""Tables and rows: where a table is found in the service, what its keys are, how its rows are addressed.

`Table` is the entry of the registry that a generic client works on; `Row` is the base of the generated rows. What a
write of them may hold is decided in `encode`.

Sources: OData Version 4.01 Part 2 (URL Conventions), "Addressing Entities"; Dataverse Web API, "Use an alternate key to
reference a record".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, overload
from urllib.parse import quote
from uuid import UUID

from .column import named, package_of, resolve
from .edm import CODECS, UNSET, Unset
from .lookup import FORMATTED, Lookup
from .model import Model
from .reference import Reference

if TYPE_CHECKING:
    from .encode import Write
    from .row_code import Writer

W_co = TypeVar("W_co", covariant=True)
C = TypeVar("C")
R = TypeVar("R")

ETAG: Final = "@odata.etag"


class Table:
    """What the service calls a table, and how its rows are addressed."""

    __slots__ = ("alternate_keys", "entity_set", "key", "name")

    def __init__(
        self,
        name: str,
        entity_set: str,
        key: tuple[str, ...],
        alternate_keys: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.name = name
        self.entity_set = entity_set
        self.key = key
        self.alternate_keys = alternate_keys

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {self.entity_set!r})"


class Navigation(Generic[R]):
    """A navigation property of a row: the lookup's other end, or the rows of a relationship.

    On a row it reads what `expand` brought, `UNSET` where it was not expanded; on the class it is the property itself.
    """

    __slots__ = ("collection", "name", "target")

    def __init__(self, name: str, target: str, *, collection: bool = False) -> None:
        self.name = name
        self.target = target
        self.collection = collection

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.target!r})"

    def read(self, row: Row[Any, Any]) -> Any:
        """What the row holds of it, decoded at the first access and kept."""
        extra = row.additional_properties
        value = extra.get(self.name, UNSET)
        if isinstance(value, Mapping):
            value = extra[self.name] = resolve(package_of(type(row)), self.target).from_dict(value)
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            model = resolve(package_of(type(row)), self.target)
            value = extra[self.name] = [model.from_dict(item) if isinstance(item, Mapping) else item for item in value]
        return value


class SingleNavigation(Navigation[R]):
    """A navigation property that leads to at most one row."""

    __slots__ = ()

    @overload
    def __get__(self, row: None, owner: Any = None) -> SingleNavigation[R]: ...
    @overload
    def __get__(self, row: Row[Any, Any], owner: Any = None) -> R | Unset | None: ...
    def __get__(self, row: Row[Any, Any] | None, owner: Any = None) -> Any:
        return self if row is None else self.read(row)


class CollectionNavigation(Navigation[R]):
    """A navigation property that leads to any number of rows."""

    __slots__ = ()

    @overload
    def __get__(self, row: None, owner: Any = None) -> CollectionNavigation[R]: ...
    @overload
    def __get__(self, row: Row[Any, Any], owner: Any = None) -> list[R] | Unset: ...
    def __get__(self, row: Row[Any, Any] | None, owner: Any = None) -> Any:
        return self if row is None else self.read(row)


class Row(Model, Generic[W_co, C]):
    """Base of the generated rows. `W_co` is the typed mapping that a write takes, `C` the names of the columns."""

    __slots__ = ()

    __table__: ClassVar[Table | None] = None
    """The table, or `None` for a type that no entity set holds."""

    if TYPE_CHECKING:

        def _write_(self) -> W_co: ...
        def _column_(self) -> list[C]: ...
        def _itself_(self) -> list[Self]: ...
        def _reference_(self) -> Reference[Self]: ...

    @property
    def etag(self) -> str | None:
        """The row's version as the service gave it, for `if_match`. `None` where the answer held none."""
        value = self.additional_properties.get(ETAG)
        return value if isinstance(value, str) else None

    def formatted(self, column: str) -> str | None:
        """The formatted value of a column (a choice's label, a lookup's name, a local date), where the answer held it.

        Ask for it with the header `Prefer: odata.include-annotations="*"`.
        """
        value = self.additional_properties.get(column + FORMATTED)
        return value if isinstance(value, str) else None

    def lookup(self, column: C) -> Lookup | None:
        """What a lookup column (`_ownerid_value`) refers to: id, name, table. `None` where it is empty, or not read.

        Name and table are annotations, which have to be asked for, as for `formatted`.
        """
        name = str(column)
        value = getattr(self, self.__columns__[name].attribute) if name in self.__columns__ else None
        return Lookup(value, self.additional_properties, name) if isinstance(value, UUID) else None

    @classmethod
    def navigation(cls) -> dict[str, Navigation[Any]]:
        """The service's name of each navigation property to the property."""
        result: dict[str, Navigation[Any]] = cls._cached(
            "_navigation_by_name", lambda: {item.name: item for item in cls._links().values()}
        )
        return result

    @classmethod
    def _links(cls) -> dict[str, Navigation[Any]]:
        """The name of each navigation property as an attribute to the property."""
        result: dict[str, Navigation[Any]] = cls._cached(
            "_navigation_by_attribute",
            lambda: {
                name: item
                for part in reversed(cls.__mro__)
                for name, item in vars(part).items()
                if isinstance(item, Navigation)
            },
        )
        return result

    if not TYPE_CHECKING:  # each generated class tells a checker what its own namespace is

        @classmethod
        def _reference_(cls, key: object) -> Reference[Any]:
            """A reference to a row, by its key."""
            return Reference(cls, key)

        @classmethod
        def _columns_(cls) -> Any:
            """The table's namespace: its columns and navigation properties, for conditions and options of a query."""
            from .namespace import namespace  # what is only needed where queries are built

            return namespace(cls)

    @classmethod
    def _query_(cls, **options: Any) -> list[tuple[str, str]]:
        """The options of a read of this table, checked, as names and texts; see `options`."""
        from .options import query_options  # as above

        return query_options(cls, **options)

    @classmethod
    def path(cls, key: object) -> str:
        """The path of a row below the service's root, percent-encoded: `contacts(00000000-…)`.

        `key` is the value of the primary key (a `UUID` or its text), or a mapping that names the columns of the
        primary key or of an alternate key. Raises `ValueError` or `TypeError`, without the value, where none fits.
        """
        table = cls.table()
        if type(key) is UUID and len(table.key) == 1 and cls._codecs()[table.key[0]] is CODECS["Edm.Guid"]:
            return f"{table.entity_set}({key})"  # what most calls ask for, and nothing in it to quote
        if isinstance(key, Mapping):
            names = next((names for names in (table.key, *table.alternate_keys) if set(names) == set(key)), None)
            if names is None:
                known = ", ".join("(" + ", ".join(names) + ")" for names in (table.key, *table.alternate_keys))
                raise ValueError(f"{table.name} has no key ({', '.join(map(str, key))}); its keys are {known}")
            parts = [f"{name}={cls._key_literal(name, key[name])}" for name in names]
            if names == table.key and len(parts) == 1:
                parts = [parts[0].partition("=")[2]]
        elif len(table.key) == 1:
            parts = [cls._key_literal(table.key[0], key)]
        else:
            raise ValueError(f"{table.name} has the key ({', '.join(table.key)}): give a mapping with these names")
        return f"{table.entity_set}({','.join(parts)})"

    @classmethod
    def table(cls) -> Table:
        """The table. Raises `TypeError` for a type that no entity set holds."""
        if cls.__table__ is None:
            raise TypeError(f"{cls.__name__} is a type without a table of its own")
        return cls.__table__

    @classmethod
    def _key_literal(cls, name: str, value: object) -> str:
        if value is None:
            raise ValueError(f"{cls.__name__}.{name}: a key has no null")
        try:
            return quote(cls._codecs()[name].literal(value), safe="")
        except (TypeError, ValueError) as error:
            raise named(cls, name, error) from None

    def check(self) -> None:
        """Nothing: a row is whole where it is created, in part where it is changed or referred to."""

    @classmethod
    def encode_write(cls, values: Model | Mapping[str, Any], write: Write) -> dict[str, Any]:
        """The JSON object of a create or an update, every name and value checked.

        A mapping may hold writable columns, lookups as `<navigation property>@odata.bind`, and, on create, related rows
        under the name of their navigation property. A row is sent with everything that is set; on update without what
        the service alone writes, since a row that was read holds it.
        Raises `ValueError` or `TypeError`, without the value, where something does not fit.
        """
        from .encode import encode_write  # what is only needed where something is written

        return encode_write(cls, values, write)

    @classmethod
    def _row_encoder_(cls, write: Write, key: str, allows: Callable[[str], bool], required: Collection[str]) -> Writer:
        """What encodes many rows; see `RowEncoder`."""
        from .writing import RowEncoder  # as above

        return RowEncoder(cls, write, key, allows, required).encode


RowId = UUID | str | int | Mapping[str, Any]
"""What identifies a row: the value of its primary key, or a mapping of the columns of a primary or alternate key."""
