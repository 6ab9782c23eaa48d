"""The seam: what the wrapper knows of a generated package, and the only place that imports one.

Everything here is structure. Any package that the generator made fits, whichever organisation it is for; nothing in
the wrapper names a table, a column or an operation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from .errors import invalid

if TYPE_CHECKING:
    from dynamics_portal_api import AsyncPortal as AsyncPortal  # types only: this is how HLF's tables become attributes
    from dynamics_portal_api import Portal as Portal
    from dynamics_portal_api.portal import Tables as Tables

DEFAULT_PACKAGE: Final = "dynamics_portal_api"
"""Import name of the package that a client works on when it is given no other."""

W_co = TypeVar("W_co", covariant=True)
C = TypeVar("C")
N_co = TypeVar("N_co", covariant=True)
K_co = TypeVar("K_co", covariant=True)
L = TypeVar("L")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
V_co = TypeVar("V_co", covariant=True)
V_contra = TypeVar("V_contra", contravariant=True)
X_co = TypeVar("X_co", covariant=True)


class RowLike(Protocol[W_co, C]):
    """A generated row, as the type checker sees it: what a write of it takes, and what its columns are called."""

    def _write_(self) -> W_co: ...
    def _column_(self) -> list[C]: ...


class Queried(Protocol[C, T]):
    """A generated row, as the type checker sees it: what its columns are called, and which class it is."""

    def _column_(self) -> list[C]: ...
    def _itself_(self) -> list[T]: ...


class Written(Protocol[W_co, C, T, K_co]):
    """A generated row, as the type checker sees it: `RowLike` and `Queried`, and what its key is."""

    def _write_(self) -> W_co: ...
    def _column_(self) -> list[C]: ...
    def _itself_(self) -> list[T]: ...
    def _key_(self) -> K_co: ...


class Referred(Protocol[X_co]):
    """A generated row, as the type checker sees it: what a reference to it is."""

    def _reference_(self) -> X_co: ...


class Refers(Protocol[T]):
    """A row, or a reference to one. `T`, the row class, says of which table."""

    def _itself_(self) -> list[T]: ...


class Links(Protocol[T, L]):
    """A navigation property of a table's namespace, that leads to rows of the class `L`."""

    def _root_(self) -> list[T]: ...
    def _linked_(self) -> list[L]: ...
    def _link_(self, model: Any, /) -> str: ...


class AnyTable(Protocol):
    """A row class that stands for any table's, as what polymorphic lookups refer to."""

    def _any_table_(self) -> None: ...


class LinksToAny(Protocol[T]):
    """A navigation property of a table's namespace, that leads to rows of any table."""

    def _root_(self) -> list[T]: ...
    def _row_(self) -> AnyTable: ...
    def _link_(self, model: Any, /) -> str: ...


class Valued(Protocol[T, V_co]):
    """A column of a table's namespace, with what its values are when they are read."""

    def _root_(self) -> list[T]: ...
    def _value_(self) -> V_co: ...


class Accepts(Protocol[T, V_contra]):
    """A column of a table's namespace, with what its values are when they are written."""

    def _root_(self) -> list[T]: ...
    def _accepts_(self, value: V_contra) -> None: ...


class HasColumns(Protocol[N_co]):
    """A generated row, as the type checker sees it: its table's namespace of columns."""

    def _columns_(self) -> N_co: ...


class Selects(Protocol[T]):
    """A column of a table's namespace. `T`, the row class, says of which table, here and in what follows."""

    def _root_(self) -> list[T]: ...
    def _select_(self, model: Any, /) -> str: ...
    def _group_(self, model: Any, /) -> tuple[str, Any]: ...


class Expands(Protocol[T]):
    """A navigation property of a table's namespace, with its options or alone."""

    def _root_(self) -> list[T]: ...
    def _expand_(self, model: Any, /) -> str: ...


class Orders(Protocol[T]):
    """A column of a table's namespace, with a direction or alone."""

    def _root_(self) -> list[T]: ...
    def _order_(self, model: Any, /) -> str: ...


class Filters(Protocol[T]):
    """A condition on the rows of a table."""

    def _root_(self) -> list[T]: ...
    def _filter_(self, model: Any, /) -> str: ...


class Aggregates(Protocol[T]):
    """A value made of a column of many rows of a table."""

    def _root_(self) -> list[T]: ...
    def _aggregate_(self, model: Any, name: str, /) -> tuple[str, Any]: ...


def columns(model: type[HasColumns[N_co]]) -> N_co:
    """The columns and navigation properties of a generated row class, as `c` of its table, without a client.

    `active = columns(Contact).statecode == ContactState.ACTIVE`. Raises `InvalidRequestError` for another class.
    """
    found = getattr(model, "_columns_", None)
    if found is None or not isinstance(model, type):
        raise invalid("columns: expected a row class of a generated package")
    return cast("N_co", found())


class OperationLike(Protocol[R_co]):
    """A generated operation, as the type checker sees it: what it results in."""

    def _result_(self) -> R_co: ...


class TableInfo(Protocol):
    """What the service calls a table, and which columns are its key, and its alternate keys."""

    @property
    def name(self) -> str: ...
    @property
    def entity_set(self) -> str: ...
    @property
    def key(self) -> tuple[str, ...]: ...
    @property
    def alternate_keys(self) -> tuple[tuple[str, ...], ...]: ...


class ColumnInfo(Protocol):
    """A column: its Edm type, the class that stands for it where there is one, who may write it, its name as an
    attribute of a row, and whether it holds a file."""

    @property
    def type(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def access(self) -> str: ...
    @property
    def attribute(self) -> str: ...
    @property
    def required(self) -> bool: ...
    @property
    def nullable(self) -> bool: ...
    @property
    def file(self) -> bool: ...


class NavigationInfo(Protocol):
    """A navigation property: the name of the row class that it leads to, and whether to any number of rows."""

    @property
    def target(self) -> str: ...
    @property
    def collection(self) -> bool: ...


class RowEncoder(Protocol):
    """Encodes many rows. Gives a row's JSON object and the value of its key column, `None` where it holds none; or
    `None` in place of both for a row that is not plain, or holds what does not fit: `encode_write` says what."""

    def __call__(self, values: Any, /) -> tuple[bytes, Any] | None: ...


class RowModel(Protocol):
    """A generated row class at run time: it checks and encodes what is written and decodes what is read.

    Its methods raise `ValueError` or `TypeError` for what does not fit, in words that never hold a value.
    """

    @property
    def __name__(self) -> str: ...
    @property
    def __type__(self) -> str: ...
    @property
    def __columns__(self) -> Mapping[str, ColumnInfo]: ...
    def table(self) -> TableInfo: ...
    def path(self, key: object, /) -> str: ...
    def encode_write(self, values: Any, write: str, /) -> dict[str, Any]: ...
    def _row_encoder_(
        self, write: str, key: str, allows: Callable[[str], bool], required: Collection[str], /
    ) -> RowEncoder: ...
    def from_dict(self, data: Mapping[str, Any], /) -> Any: ...
    def from_json(self, content: bytes, /) -> Any | None: ...
    def list_from_json(self, content: bytes, /) -> list[Any] | None: ...
    def list_from_dicts(self, items: Sequence[Mapping[str, Any]], /) -> list[Any] | None: ...
    def _encode_value(self, name: str, value: Any, /) -> Any: ...
    def navigation(self) -> Mapping[str, NavigationInfo]: ...
    def _columns_(self) -> Any: ...
    def _reference_(self, key: object, /) -> Any: ...
    def _query_(self, **options: Any) -> list[tuple[str, str]]: ...


class ResultInfo(Protocol):
    """What an operation results in."""

    @property
    def collection(self) -> bool: ...


class OperationInfo(Protocol):
    """What a call must know of an operation beyond its request. `binding`: the name of the row class that it is bound
    to, or empty."""

    @property
    def name(self) -> str: ...
    @property
    def binding(self) -> str: ...
    @property
    def idempotent(self) -> bool: ...
    @property
    def result(self) -> ResultInfo | None: ...


class OperationRequest(Protocol):
    """The HTTP request of an operation; path and query are relative to the service's root and percent-encoded."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def body(self) -> dict[str, Any] | None: ...


class OperationObject(Protocol):
    """A generated operation at run time."""

    @property
    def __operation__(self) -> OperationInfo: ...
    def request(self) -> OperationRequest: ...
    def result(self, answer: Mapping[str, Any] | None, /) -> Any: ...


class Package:
    """A generated package: its registry at once, its classes when they are first asked for."""

    __slots__ = ("_registry", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            self._registry: Any = import_module(f"{name}.registry")
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.registry".startswith(error.name):
                raise
            raise ImportError(f"{name} is no generated package: the module {error.name} is missing") from None

    @property
    def tables(self) -> Mapping[str, str]:
        """Entity set name to the name of its row class."""
        return cast("Mapping[str, str]", self._registry.TABLES)

    @property
    def attributes(self) -> Mapping[str, str]:
        """Name of a table as an attribute of a client to its entity set name."""
        return cast("Mapping[str, str]", self._registry.ATTRIBUTES)

    @property
    def operations(self) -> Mapping[str, str]:
        """Python name of an operation to the name of its class."""
        return cast("Mapping[str, str]", self._registry.OPERATIONS)

    def model(self, name: str) -> RowModel:
        """A class of the package's `models`, by its name."""
        return cast("RowModel", getattr(import_module(f"{self.name}.models"), name))

    def operation(self, name: str) -> Any:
        """The class of an operation, by the operation's Python name."""
        return getattr(import_module(f"{self.name}.operations"), self.operations[name])

    def find_table(self, name: str) -> RowModel | None:
        """The row class of a table, by its entity set name or its logical name."""
        if name in self.tables:
            return self.model(self.tables[name])
        rows = set(self.tables.values())
        for qualified, class_name in self._registry.TYPES.items():
            if qualified.rpartition(".")[2] == name and class_name in rows:
                return self.model(class_name)
        return None


def package_of(api: ModuleType | None, inherited: str) -> Package:
    """The package that a client works on: the one it is given, else the one that its class inherits from."""
    name = api.__name__ if api is not None else inherited
    if not name:
        raise ValueError("no generated package: pass one as api=…, or inherit from its Portal or AsyncPortal")
    return Package(name)


def package_of_model(model: RowModel) -> Package:
    """The package that a row class belongs to."""
    return Package(model.__module__.rpartition(".models")[0])


def package_of_operation(operation: OperationObject) -> Package:
    """The package that an operation belongs to."""
    return Package(type(operation).__module__.rpartition(".operations")[0])
