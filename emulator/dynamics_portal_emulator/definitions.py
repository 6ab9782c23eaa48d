"""`EntityDefinitions`, `RelationshipDefinitions` and `GlobalOptionSetDefinitions`, as rows.

It decides which definitions a request may ask for and how they are linked ("Query table definitions using the Web API":
no pages, no ETags, no `$filter` on global choices). The rows are made when somebody first asks for them, and then read
like any others; what they say is decided by `describing`. Changing a definition changes no table.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dynamics_portal_generator.csdl import Metadata

from .choices import Choice
from .describing import (
    Definition,
    boolean_definition,
    choice_definition,
    column_definition,
    key_definitions,
    relationship_definitions,
    table_definition,
)
from .errors import Kind
from .exchange import Request
from .hierarchy import Hierarchy
from .resources import KeySegment, Segment, SetSegment
from .schema import DEFINITIONS, Link, Schema, Table
from .store import KeyTakenError, Store
from .supplements import supplemented

SET, RELATIONSHIPS, CHOICES = "EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions"
_CRM = "Microsoft.Dynamics.CRM"
_IDS = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


def with_definitions(metadata: Metadata) -> Metadata:
    """The document, with the types of the metadata tables where it declares no `EntityDefinitions` itself."""
    return supplemented(metadata, "definitions.xml", SET)


@dataclass
class Definitions:
    """Makes the rows, each once. `described` is the document that they tell about, `tracked` knows which tables track
    changes, and `facts` what a column takes that holds files."""

    described: Metadata
    schema: Schema
    store: Store
    tracked: Callable[[Table], bool]
    facts: Callable[[Table, str], Mapping[str, Any]]
    _tables: dict[str, Table] = field(default_factory=dict)
    """Each table told about by its logical name."""
    _with_columns: set[str] = field(default_factory=set)
    _made: set[str] = field(default_factory=set)

    def forget(self) -> None:
        """Makes the rows again when they are next asked for."""
        self._tables.clear()
        self._with_columns.clear()
        self._made.clear()

    def prepare(self, request: Request, segments: Sequence[Segment]) -> Request:
        """Makes the rows that a request may ask for, and keeps it to what its set holds. DataverseError 400."""
        first = segments[0]
        if not isinstance(first, SetSegment) or first.name not in (SET, RELATIONSHIPS, CHOICES):
            return request
        if not self._tables:
            self._describe_tables()
        asked = f"{request.path}?{request.call.query}"
        if first.name == RELATIONSHIPS or "Relationships" in asked:
            self._once(RELATIONSHIPS, self._describe_relationships)
        if first.name == CHOICES or "Attributes" in asked:
            self._once(CHOICES, self._describe_shared_choices)
        if first.name == SET and "Attributes" in asked:
            self._describe_columns_of(segments)
        if first.name == SET and "Keys" in asked:
            self._once("Keys", self._describe_keys)
        if first.name != CHOICES or len(segments) > 1:
            return request
        if "$filter" in request.given:
            raise Kind.BAD_QUERY.error(problem=f"The query parameter $filter is not supported on {CHOICES}.")
        return replace(request, given={**request.given, "$filter": "IsGlobal eq true"})

    def _describe_columns_of(self, segments: Sequence[Segment]) -> None:
        key = segments[1].key if len(segments) > 1 and isinstance(segments[1], KeySegment) else None
        names = set(self._tables)
        if key is not None:
            wanted = set(key.values.values())
            names = {name for name in self._tables if name in wanted or _id((name,)) in wanted}
        for name in sorted(names - self._with_columns):
            self._describe_columns(self._tables[name])

    def _once(self, what: str, describe: Callable[[], None]) -> None:
        if what not in self._made:
            self._made.add(what)
            describe()

    def _describe_tables(self) -> None:
        for entity_set in self.described.container.entity_sets.values():
            table = self.schema.table_or_none(entity_set.entity_type)
            if table is not None and table.key and table.family != DEFINITIONS:
                self._tables[table.name] = table
                self._add(table_definition(table, entity_set.name, tracked=self.tracked(table)))

    def _describe_columns(self, table: Table) -> None:
        for declared in table.properties.values():
            made = column_definition(table, declared, self.facts(table, declared.name))
            if made is None:
                continue
            key = self._add(made)
            self._link("EntityMetadata", "Attributes", _id((table.name,)), key)
            self._describe_options(table, declared.name, made, key)
        self._with_columns.add(table.name)

    def _describe_options(self, table: Table, column: str, made: Definition, key: str) -> None:
        if "OptionSet" not in self.schema.table(f"{_CRM}.{made.type}").navigation:
            return
        choice, names = self.schema.choices.of(table.name, column), (*made.names, "choice")
        if made.type == "BooleanAttributeMetadata":
            self._link(made.type, "OptionSet", key, self._add(boolean_definition(table, column, choice, names)))
        elif choice is not None and choice.name in self.schema.choices.shared:
            self._link(made.type, "GlobalOptionSet", key, _id(("choice", choice.name)))
        elif choice is not None:
            kind = str(made.columns["AttributeType"])
            own = choice_definition(choice, names, kind, shared=False)
            self._link(made.type, "OptionSet", key, self._add(own))

    def _describe_shared_choices(self) -> None:
        shared: Iterable[Choice] = self.schema.choices.shared.values()
        for choice in shared:
            self._add(choice_definition(choice, ("choice", choice.name), "Picklist", shared=True))

    def _describe_keys(self) -> None:
        for table in self._tables.values():
            for made in key_definitions(table):
                self._link("EntityMetadata", "Keys", _id((table.name,)), self._add(made))

    def _describe_relationships(self) -> None:
        hierarchy = Hierarchy(self.schema, self.store)
        for table in self._tables.values():
            for made in relationship_definitions(self.schema, table, hierarchy.parent_column(table)):
                key, columns = self._add(made), made.columns
                if made.type == "ManyToManyRelationshipMetadata":
                    for name in (columns["Entity1LogicalName"], columns["Entity2LogicalName"]):
                        self._link("EntityMetadata", "ManyToManyRelationships", _id((name,)), key)
                else:
                    self._link("EntityMetadata", "ManyToOneRelationships", _id((table.name,)), key)
                    self._link("EntityMetadata", "OneToManyRelationships", _id((columns["ReferencedEntity"],)), key)

    def _add(self, definition: Definition) -> str:
        """The key of the row that a definition is, made where there is none."""
        table, key = self.schema.table(f"{_CRM}.{definition.type}"), _id(definition.names)
        document = {name: value for name, value in definition.columns.items() if name in table.properties}
        try:
            self.store.insert(table.family, key, table.type, self.store.next_version(), document | {"MetadataId": key})
        except KeyTakenError:  # from the other side of a relationship, or a test has made it before
            return key
        return key

    def _link(self, type_name: str, navigation: str, source: str, target: str) -> None:
        table = self.schema.table(f"{_CRM}.{type_name}")
        declared = table.navigation.get(navigation)
        relation = self.schema.relation(table, declared) if declared else None
        if isinstance(relation, Link):
            self.store.link(relation.name, *((source, target) if relation.forward else (target, source)))


def _id(names: Sequence[str]) -> str:
    """The same id for the same thing in every run."""
    return str(uuid.uuid5(_IDS, "/".join(names)))
