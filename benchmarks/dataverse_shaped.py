"""Makes Dataverse-shaped `$metadata` with any number of tables, for measuring how things grow.

The proportions are those of a real organisation with 269 tables: 31 columns and 9 lookups a table, each lookup with its
`_x_value` column, its constraint, its partner and its binding; an action and a function for every second table; a
complex type for every second one; an alternate key for every fifth. The same number gives the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

COLUMNS = 22
LOOKUPS = 9
_TYPES = [*["Edm.String"] * 9, *["Edm.Int32"] * 5, *["Edm.Boolean"] * 3, *["Edm.DateTimeOffset"] * 3]
_TYPES += ["Edm.Decimal", "Edm.Int64", "Edm.Double"]

_HEAD = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
<edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
<EntityType Name="crmbaseentity" Abstract="true"/>
"""
_TAIL = "</EntityContainer>\n</Schema>\n</edmx:DataServices>\n</edmx:Edmx>\n"


def make_metadata(tables: int, *, seed: int = 1) -> bytes:
    """A document with that many tables."""
    return "".join(_document(tables, random.Random(seed))).encode()


def table_name(number: int) -> str:
    """The logical name of a table."""
    return f"new_table{number:04}"


def _document(tables: int, chance: random.Random) -> Iterator[str]:
    yield _HEAD
    targets = [[chance.randrange(tables) for _ in range(LOOKUPS)] for _ in range(tables)]
    incoming: dict[int, list[tuple[int, int]]] = {}
    for number, row in enumerate(targets):
        for lookup, target in enumerate(row):
            incoming.setdefault(target, []).append((number, lookup))
    for number in range(tables):
        yield from _table(number, targets[number], incoming.get(number, []), chance)
    for number in range(0, tables, 2):
        yield from _operations(number)
    yield '<EntityContainer Name="System">\n'
    for number in range(tables):
        yield from _entity_set(number, targets[number], incoming.get(number, []))
    for number in range(0, tables, 2):
        yield f'<ActionImport Name="new_Run{number:04}" Action="Microsoft.Dynamics.CRM.new_Run{number:04}"/>\n'
    yield _TAIL


def _table(number: int, targets: list[int], incoming: list[tuple[int, int]], chance: random.Random) -> Iterator[str]:
    name = table_name(number)
    yield f'<EntityType Name="{name}" BaseType="mscrm.crmbaseentity">\n'
    yield f'<Key><PropertyRef Name="{name}id"/></Key>\n<Property Name="{name}id" Type="Edm.Guid"/>\n'
    for column in range(COLUMNS):
        kind = "Edm.String" if column == 0 else chance.choice(_TYPES)
        facet = ' Unicode="false"' if kind == "Edm.String" else ' Scale="Variable"' if kind == "Edm.Decimal" else ""
        yield f'<Property Name="new_column{column:02}" Type="{kind}"{facet}/>\n'
    for lookup in range(LOOKUPS):
        yield f'<Property Name="_new_lookup{lookup}_value" Type="Edm.Guid"/>\n'
    for lookup, target in enumerate(targets):
        other = table_name(target)
        yield (
            f'<NavigationProperty Name="new_lookup{lookup}" Type="mscrm.{other}" Nullable="false" '
            f'Partner="{name}_lookup{lookup}">\n'
            f'<ReferentialConstraint Property="_new_lookup{lookup}_value" ReferencedProperty="{other}id"/>\n'
            "</NavigationProperty>\n"
        )
    for source, lookup in incoming:
        other = table_name(source)
        yield (
            f'<NavigationProperty Name="{other}_lookup{lookup}" Type="Collection(mscrm.{other})" '
            f'Partner="new_lookup{lookup}"/>\n'
        )
    if number % 5 == 0:
        yield (
            '<Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection>'
            '<Record Type="OData.Community.Keys.V1.AlternateKey"><PropertyValue Property="Key"><Collection>'
            '<Record Type="OData.Community.Keys.V1.PropertyRef">'
            '<PropertyValue Property="Alias" String="new_column00"/>'
            '<PropertyValue Property="Name" PropertyPath="new_column00"/>'
            "</Record></Collection></PropertyValue></Record></Collection></Annotation>\n"
        )
    yield "</EntityType>\n"


def _operations(number: int) -> Iterator[str]:
    name, response = table_name(number), f"new_Run{number:04}Response"
    yield f'<ComplexType Name="{response}">\n'
    for column in range(4):
        yield f'<Property Name="Value{column}" Type="Edm.String" Unicode="false"/>\n'
    yield "</ComplexType>\n"
    yield f'<Action Name="new_Run{number:04}">\n<Parameter Name="Text" Type="Edm.String" Unicode="false"/>\n'
    yield f'<ReturnType Type="mscrm.{response}" Nullable="false"/>\n</Action>\n'
    yield f'<Function Name="new_Ask{number:04}" IsBound="true">\n<Parameter Name="entity" Type="mscrm.{name}"/>\n'
    yield f'<ReturnType Type="mscrm.{response}" Nullable="false"/>\n</Function>\n'


def _entity_set(number: int, targets: list[int], incoming: list[tuple[int, int]]) -> Iterator[str]:
    yield f'<EntitySet Name="{table_name(number)}s" EntityType="Microsoft.Dynamics.CRM.{table_name(number)}">\n'
    for lookup, target in enumerate(targets):
        yield f'<NavigationPropertyBinding Path="new_lookup{lookup}" Target="{table_name(target)}s"/>\n'
    for source, lookup in incoming:
        other = table_name(source)
        yield f'<NavigationPropertyBinding Path="{other}_lookup{lookup}" Target="{other}s"/>\n'
    yield "</EntitySet>\n"
