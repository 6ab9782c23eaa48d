"""A contract in normal form: what a client can see of a service, whether it came as CSDL or as OpenAPI.

The form holds what a change of can break a caller, and the texts that only inform. `contract_reader` makes it,
`drift` compares two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import InputError


class ContractError(InputError):
    """A contract that cannot be read. Its text is one line, with the file and, where known, the line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The values of a choice column with their labels, and its labels by language."""

    name: str
    options: Mapping[int, str]
    labels: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, a member of a complex type or a parameter of an operation."""

    name: str
    type: str
    nullable: bool | None = None
    """None where the contract does not tell."""
    required: bool = False
    """Whether a caller must give it: on create, or in a call."""
    creatable: bool = True
    updatable: bool = True
    max_length: int | None = None
    choice: Choice | None = None
    description: str = ""
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A navigation property: the type it leads to, its lookup column, and whether `@odata.bind` sets it."""

    name: str
    type: str
    column: str = ""
    creatable: bool = True
    updatable: bool = True


@dataclass(frozen=True, slots=True)
class Structure:
    """An entity type or a complex type. One with entity sets is a table."""

    name: str
    entity_sets: tuple[str, ...] = ()
    verbs: frozenset[str] = frozenset()
    """What can be done with its rows: list, create, get, update, delete."""
    key: tuple[str, ...] = ()
    alternate_keys: frozenset[tuple[str, ...]] = frozenset()
    open: bool = False
    columns: Mapping[str, Column] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    description: str = ""
    assumed: str = ""

    @property
    def what(self) -> str:
        """The word for it: a table has entity sets, all else is a type."""
        return "table" if self.entity_sets else "type"


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enumeration: member to number (None where the contract does not give numbers)."""

    name: str
    values: Mapping[str, int | None]
    flags: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Overload:
    """One overload of an operation: its parameters and the type of its result (empty for none)."""

    parameters: Mapping[str, Column]
    result: str = ""
    result_nullable: bool | None = None
    description: str = ""
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """All that a service offers."""

    structures: Mapping[str, Structure]
    enumerations: Mapping[str, Enumeration]
    singletons: Mapping[str, str]
    """Name to type."""
    operations: Mapping[str, tuple[Overload, ...]]
    """`kind name` or `kind name on binding` to its overloads."""
