# Derived from ../_async/definitions.py by tools/derive_sync.py; change that file, not this one.
"""Definitions: what the organisation says of its own tables, columns and choices."""

from __future__ import annotations

from collections.abc import Iterable

from .._definitions import ChoiceDefinition, ChoiceQuestions, TableDefinition, tables_call, tables_of
from .._frames import reticent_class
from .._requests import checking_input
from .._settings import Settings
from .._table_details import TableDetails, details_call, details_of
from ..errors import invalid
from .caller import Caller


@reticent_class
class Definitions:
    """The organisation's definitions: `portal.definitions`. They are the same for every package.

    Every verb raises `DynamicsPortalClientException`. What was changed a moment ago may be missing: the service keeps
    definitions in a cache.
    """

    __slots__ = ("_caller", "_settings")

    def __init__(self, settings: Settings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    def tables(self) -> list[TableDefinition]:
        """All tables, by logical name. One request. Source: Dataverse Web API, "Query table definitions"."""
        call = checking_input(tables_call)(self._settings)
        return tables_of(self._caller.call(call), call)

    def table(self, name: str) -> TableDetails:
        """A table by its logical name, with its columns, alternate keys and relationships. One request.

        Raises `NotFoundError` where there is no such table. Source: Dataverse Web API, "Query table definitions".
        """
        call = checking_input(details_call)(self._settings, name)
        answer = self._caller.call(call)
        if not self._caller.sends:
            raise invalid("a client that does nothing knows no table")
        return details_of(answer, call)

    def choices(self, tables: Iterable[str]) -> dict[str, dict[str, ChoiceDefinition]]:
        """The choices of tables by their logical names: of each table, by column, with labels in every language.

        Asks for 25 tables in one request. Raises `NotFoundError` where there is no such table.
        Source: Dataverse Web API, "Query table definitions" (PicklistAttributeMetadata and its like).
        """
        questions = checking_input(ChoiceQuestions)(self._settings, tables)
        if not self._caller.sends:
            return questions.found
        for call, asked in questions.calls():
            questions.feed(self._caller.call(call), call, asked)
        return questions.found
