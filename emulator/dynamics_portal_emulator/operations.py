"""Actions and functions: which overload is meant, whether its parameters are right, and what answers it.

It decides everything up to the call of a handler and checks what the handler answers ("Use Web API actions", "Use Web
API functions"). What an operation does is for whoever registers a handler: no result is ever made up here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from dynamics_portal_generator.csdl import Operation, Property, TypeRef, local_name

from .conditions import of_type
from .errors import DataverseError, Kind
from .filters import Literal, parse
from .options import split_top
from .query import Place
from .resources import CallSegment
from .schema import Schema, Table
from .values import Values, decode, encode

if TYPE_CHECKING:
    from .emulator import Emulator

Handler: TypeAlias = "Callable[[Emulator, dict[str, Any], dict[str, Any] | None], Any]"
"""Answers an operation: gets the emulator, the parameters by name, and the row that it is bound to (None where it is
bound to a collection or to nothing); returns the result, None for none, or raises DataverseError."""

_CRM = "Microsoft.Dynamics.CRM"
_STANDARD = {
    "WhoAmI": Operation("function", f"{_CRM}.WhoAmI", return_type=TypeRef(f"{_CRM}.WhoAmIResponse")),
    "RetrieveTotalRecordCount": Operation(
        "function",
        f"{_CRM}.RetrieveTotalRecordCount",
        parameters=(Property("EntityNames", TypeRef("Edm.String", collection=True), nullable=False),),
        return_type=TypeRef(f"{_CRM}.RetrieveTotalRecordCountResponse"),
    ),
}
"""Answered even where the document leaves them out, as every organisation has them."""
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"(?:[^"\\]|\\.)*\"""")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Operations:
    """The operations of a document and the handlers that answer them."""

    schema: Schema
    values: Values
    handlers: dict[str, Handler] = field(default_factory=dict)

    def forget(self) -> None:
        """Forgets all handlers but those that every organisation has."""
        self.handlers.clear()
        self.handlers.update(WhoAmI=_who_am_i, RetrieveTotalRecordCount=_total_record_count)

    def __post_init__(self) -> None:
        self.forget()

    def register(self, name: str, handler: Handler) -> None:
        """Answers an operation, named with or without its namespace. ValueError for a name the document lacks."""
        known = {operation.name for operation in self.schema.metadata.all_operations()}
        if name not in known and name not in {local_name(item) for item in known} and name not in _STANDARD:
            raise ValueError(f"the metadata declares no action or function named {name!r}")
        self.handlers[local_name(name)] = handler

    def choose(self, call: CallSegment, place: Place | None, kind: str, given: frozenset[str]) -> Operation:
        """The overload that a call means. DataverseError 404 where there is none, 405 where the method is wrong."""
        candidates = self._bound(call.name, place) if place else self._unbound(call.name)
        if not candidates:
            raise Kind.UNKNOWN_SEGMENT.error(segment=call.name)
        fitting = [item for item in candidates if item.kind == kind]
        if not fitting:
            raise Kind.METHOD_NOT_ALLOWED.error(method="GET" if kind == "function" else "POST")
        for item in fitting:
            if given == {parameter.name for parameter in item.own_parameters}:
                return item
        for item in fitting:
            if given <= {parameter.name for parameter in item.own_parameters} and not _missing(item, given):
                return item
        return fitting[0]

    def _unbound(self, name: str) -> list[Operation]:
        metadata = self.schema.metadata
        named = [item.operation for item in metadata.container.imports if item.name == name]
        found = [item for target in named for item in metadata.operations.get(target, ()) if not item.bound]
        return found or [_STANDARD[name]] if name in _STANDARD else found

    def _bound(self, name: str, place: Place) -> list[Operation]:
        kind = place.row.type if place.row else place.table.type
        lineage = {part.name for part in self.schema.metadata.ancestry(kind)}
        return [
            item
            for item in self.schema.metadata.operations.get(self._resolved(name), ())
            if item.binding and item.binding.name in lineage and item.binding.collection == place.collection
        ]

    def _resolved(self, name: str) -> str:
        """The qualified name, where a schema's alias was used."""
        prefix, _, local = name.rpartition(".")
        for namespace, alias in self.schema.metadata.namespaces.items():
            if prefix == alias:
                return f"{namespace}.{local}"
        return name

    def arguments(self, call: CallSegment, aliases: Mapping[str, str]) -> dict[str, Any]:
        """The parameters in a function's parentheses; `@p` stands for the query option of that name, null without."""
        found: dict[str, Any] = {}
        for part in split_top(call.arguments or "", ","):
            name, equals, text = (piece.strip() for piece in part.partition("="))
            if not name:
                continue
            if not equals:
                raise Kind.BAD_URI.error(problem=f"Syntax error in the parameters of '{call.name}'.")
            if text.startswith("@"):
                text = aliases.get(text, "null")
            found[name] = self._argument(call.name, name, text)
        return found

    @staticmethod
    def _argument(operation: str, name: str, text: str) -> Any:
        if text.startswith(("{", "[")):
            try:
                return decode(_QUOTED.sub(_in_double_quotes, text))
            except ValueError:
                raise Kind.BAD_URI.error(problem=f"The parameter '{name}' of '{operation}' is no JSON.") from None
        node = parse(text)
        if not isinstance(node, Literal):
            raise Kind.BAD_URI.error(problem=f"The parameter '{name}' of '{operation}' must be a constant.")
        return node.value

    def check(self, operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters in the form in which a handler gets them. DataverseError 400."""
        declared = {parameter.name: parameter for parameter in operation.own_parameters}
        for name in given:
            if name not in declared and "@" not in name:
                problem = (
                    f"The parameter '{name}' in the request payload is not a valid parameter for the operation "
                    f"'{operation.local_name}'."
                )
                raise Kind.BAD_PAYLOAD.error(table=operation.local_name, problem=problem)
        missing = _missing(operation, frozenset(name for name, value in given.items() if value is not None))
        if missing:
            problem = f"Required parameter '{missing[0]}' is missing for the operation '{operation.local_name}'."
            raise Kind.BAD_PAYLOAD.error(table=operation.local_name, problem=problem)
        return {
            name: self._parameter(operation, declared[name], value) for name, value in given.items() if "@" not in name
        }

    def _parameter(self, operation: Operation, declared: Property, value: Any) -> Any:
        try:
            checked = None if value is None else self._checked(declared.type, value)
        except ValueError as error:
            problem = f"Cannot convert the parameter '{declared.name}' to the expected type '{declared.type}': {error}."
            raise Kind.BAD_PAYLOAD.error(table=operation.local_name, problem=problem) from None
        if checked is None or declared.type.name != "Edm.Decimal":
            return checked
        return [Decimal(item) for item in checked] if declared.type.collection else Decimal(checked)

    def _checked(self, reference: TypeRef, value: Any) -> Any:
        if reference.name in self.schema.metadata.entity_types:
            items = value if reference.collection else [value]
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ValueError("not a row")
            return value
        return self.values.of_type(reference, value)

    def answer(
        self, operation: Operation, emulator: Emulator, parameters: dict[str, Any], target: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """The body of the answer, without its context; None for no content. DataverseError as the handler raises it."""
        handler = self.handlers.get(operation.local_name)
        if handler is None:
            raise Kind.NOT_IMPLEMENTED.error(name=operation.local_name)
        try:
            result = handler(emulator, parameters, target)
        except DataverseError:
            raise
        except Exception as error:
            _log.exception("the handler of %s failed", operation.local_name)
            raise Kind.HANDLER_FAILED.error(name=operation.local_name, problem=type(error).__name__) from error
        if result is None:
            return None
        reference = operation.return_type
        if reference is None:
            raise Kind.HANDLER_FAILED.error(name=operation.local_name, problem="a result, where none is declared")
        try:
            checked = self._checked(reference, _plain(result))
        except ValueError as error:
            raise Kind.HANDLER_FAILED.error(name=operation.local_name, problem=str(error)) from None
        shown = [self._shown(reference, item) for item in (checked if reference.collection else [checked])]
        return shown[0] if isinstance(checked, dict) else {"value": shown if reference.collection else shown[0]}

    def _shown(self, reference: TypeRef, checked: Any) -> Any:
        if isinstance(checked, dict):
            is_row = reference.name in self.schema.metadata.entity_types
            return checked if is_row else self.values.wire(reference.name, checked)
        return Decimal(checked) if reference.name == "Edm.Decimal" else checked

    def context(self, operation: Operation) -> str:
        """What the context of an answer names: the set of rows, else the type of the result."""
        reference = operation.return_type
        if reference is None or reference.name not in self.schema.metadata.entity_types:
            return str(reference or operation.local_name)
        name = self.schema.set_of(reference.name) or reference.name
        return name if reference.collection else f"{name}/$entity"

    def selected(self, operation: Operation, body: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
        """The answer of a composable function with the columns that `$select` names ("Use Web API functions", section
        Composable functions). DataverseError 400 or 501 for options that do not go with an operation."""
        options = [name for name in given if name.startswith("$")]
        reference = operation.return_type
        if not options or reference is None:
            return body
        if not operation.composable or options != ["$select"]:
            refused = next(name for name in options if name != "$select" or not operation.composable)
            raise Kind.BAD_QUERY.error(problem=f"The query parameter {refused} is not supported on this operation.")
        table = self.schema.table_or_none(reference.name)
        keys = () if table is None else tuple(part.path for part in table.key)
        wanted = {*(name.strip() for name in given["$select"].split(",")), *keys}

        def narrowed(row: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in row.items() if name.partition("@")[0] in wanted or name[0] == "@"}

        if reference.collection:
            return {"value": [narrowed(row) for row in body["value"]]}
        return narrowed(body)


def _plain(result: Any) -> Any:
    """What a handler returns, with tuples as lists and mappings as dictionaries, at every depth."""
    if isinstance(result, Mapping):
        return {str(key): _plain(value) for key, value in result.items()}
    if isinstance(result, (list, tuple)):
        return [_plain(value) for value in result]
    return result


def _missing(operation: Operation, given: frozenset[str]) -> list[str]:
    return [
        parameter.name
        for parameter in operation.own_parameters
        if parameter.name not in given and not parameter.nullable and not parameter.optional
    ]


def _in_double_quotes(match: re.Match[str]) -> str:
    """Text in single quotes, which Dataverse takes in JSON of an address, in double ones."""
    return match[0] if match[1] is None else encode(match[1].replace("\\'", "'")).decode()


def _total_record_count(emulator: Emulator, parameters: dict[str, Any], _: dict[str, Any] | None) -> dict[str, Any]:
    """How many rows tables have, beyond the ceiling of a count ("RetrieveTotalRecordCount Function"); at this moment,
    where Dataverse answers from a snapshot of the last 24 hours."""
    schema, store, names = emulator.schema, emulator.service.store, parameters["EntityNames"]
    tables = [schema.named(name) for name in names]
    for name, table in zip(names, tables, strict=True):
        if table is None:
            raise Kind.NO_ENTITY.error(name=name)
    counts = [0 if table is None else store.count(_all_of(store.family(table.family), table)) for table in tables]
    return {"EntityRecordCountCollection": {"Count": len(names), "IsReadOnly": False, "Keys": names, "Values": counts}}


def _all_of(rows: sa.FromClause, table: Table) -> sa.Select[Any]:
    return sa.select(rows.c.number).where(of_type(rows, table))


def _who_am_i(emulator: Emulator, _: dict[str, Any], __: dict[str, Any] | None) -> dict[str, str]:
    return {
        "BusinessUnitId": emulator.business_unit_id,
        "UserId": emulator.caller_id,
        "OrganizationId": emulator.organization_id,
    }
