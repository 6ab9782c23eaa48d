"""Operations: actions and functions of the service as request objects that know their own answer's type.

An operation is built with its parameters, turned into a request by `request()` and into a typed result by `result()`;
sending it is the client's work.

Sources: OData Version 4.01 Part 2 (URL Conventions), "Addressing Operations"; Dataverse Web API, "Use Web API actions",
"Use Web API functions".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import quote

from .column import Column, named, package_of, resolve
from .edm import UNSET, Codec
from .model import Model, column_codec

R_co = TypeVar("R_co", covariant=True)


class OperationInfo(NamedTuple):
    """What the service calls an operation and how it is addressed."""

    name: str
    """The qualified name, or the name of the import for an unbound one: what stands in the URL."""
    kind: Literal["action", "function"]
    binding: str = ""
    """Name of the row class that it is bound to; empty for an unbound one."""
    bound_to_collection: bool = False
    result: Column | None = None
    """The result's type; `None` where there is none."""
    idempotent: bool = False
    """Whether calling it twice does what calling it once does. True for functions, and for the actions that the
    contract marks."""


class OperationRequest(NamedTuple):
    """The HTTP request of an operation, its path relative to the service's root and percent-encoded."""

    method: Literal["GET", "POST"]
    path: str
    query: str
    """Without the question mark; empty where there is none."""
    body: dict[str, Any] | None


class Operation(Model, Generic[R_co]):
    """Base of the generated operations. `R_co` is the type of the result."""

    __slots__ = ()

    __operation__: ClassVar[OperationInfo]

    if TYPE_CHECKING:

        def _result_(self) -> R_co: ...

    def target(self) -> object:
        """The key of the row that it is called on; `UNSET` where it is not bound to a row."""
        return getattr(self, "row_id", UNSET)

    def request(self) -> OperationRequest:
        """The request. Raises `ValueError` or `TypeError`, without the value, where a parameter does not fit."""
        info = self.__operation__
        self.check()
        path = self._path(info)
        if info.kind == "action":
            return OperationRequest("POST", path, "", self.to_dict())
        codecs = self._codecs()
        aliases: list[str] = []
        values: list[str] = []
        for number, (column, value) in enumerate(self._arguments(), start=1):
            aliases.append(f"{column.name}=@p{number}")
            values.append(f"@p{number}={quote(self._literal(codecs[column.name], column, value), safe='')}")
        return OperationRequest("GET", f"{path}({','.join(aliases)})", "&".join(values), None)

    def _arguments(self) -> Iterator[tuple[Column, Any]]:
        """A function's arguments. It is found by the names of its parameters: all but optional ones are there."""
        given = dict(self._set())
        for column in self.__columns__.values():
            if column in given or column.required:
                yield column, given.get(column)

    def _path(self, info: OperationInfo) -> str:
        if not info.binding:
            return info.name
        row = resolve(package_of(type(self)), info.binding)
        where = row.table().entity_set if info.bound_to_collection else row.path(self.target())
        return f"{where}/{info.name}"

    def _literal(self, codec: Codec, column: Column, value: Any) -> str:
        if value is None:
            return "null"
        try:
            return codec.literal(value)
        except (TypeError, ValueError) as error:
            raise named(type(self), column.name, error) from None

    @classmethod
    def result(cls, answer: Mapping[str, Any] | None) -> Any:
        """The typed result of an answer's JSON; `None` where the operation has none.

        Raises `ValueError`, without the value, where the answer is not of the declared type.
        """
        column = cls.__operation__.result
        if column is None or answer is None:
            return None
        codec = cls._cached("_result_codec", lambda: column_codec(column, package_of(cls)))
        try:
            whole = not column.collection and column.model and issubclass(resolve(package_of(cls), column.model), Model)
            value = answer if whole else answer.get("value")
            return value if value is None or codec.decode is None else codec.decode(value)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{cls.__name__}: the answer is not of type {column.type}") from None
