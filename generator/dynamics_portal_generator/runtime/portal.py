"""How a generated package types the tables and operations of a client that it does not know.

A client that offers `_bind_table` (row class to table of the client) and `execute` (operation to its result) gets the
package's tables as attributes and its operations as methods, typed, by inheriting from the generated `Portal` or
`AsyncPortal`. At run time the client finds both through the registry.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, overload

from .operation import Operation

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)


class BindsTables(Protocol[R_contra, T_co]):
    """A client that makes a table of its own from a row class."""

    def _bind_table(self, model: type[R_contra], /) -> T_co: ...


class Executes(Protocol):
    """A client that calls operations."""

    def execute(self, operation: Operation[R], /) -> R:
        """Call an operation and return its result."""
        ...


class ExecutesAsync(Protocol):
    """A client that calls operations asynchronously."""

    async def execute(self, operation: Operation[R], /) -> R:
        """Call an operation and return its result."""
        ...


class TableAttribute(Generic[R]):
    """A table as an attribute of a client."""

    __slots__ = ("entity_set",)

    def __init__(self, entity_set: str) -> None:
        self.entity_set = entity_set

    @overload
    def __get__(self, client: None, owner: Any = None) -> TableAttribute[R]: ...
    @overload
    def __get__(self, client: BindsTables[R, T_co], owner: Any = None) -> T_co: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        return self if client is None else client.table(self.entity_set)
