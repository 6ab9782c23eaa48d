"""Any organisation's package works with the same client: tables chosen at random live through it, on the documents that
others wrote. Northwind and TripPin are plain OData, with keys of text, of numbers and of several columns."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.conftest import shared_data
from tests.packages import DYNAMICS, Package, Packages, package_name, packages
from tests.unit.wrapper.support import Shell

from dynamics_portal import NotFoundError
from dynamics_portal._seam import RowModel
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

__all__ = ["packages"]  # a fixture

DOCUMENTS = {
    DYNAMICS: 12,
    "northwind-v4.xml": 8,
    "trippin.xml": 3,
    "oasis-ExampleService.xml": 2,
    "oasis-csdl-16.1.xml": 2,
    "oasis-annotations.xml": 2,
}
"""Document to the number of tables that are tried."""

SAMPLES: dict[str, Callable[[random.Random], Any]] = {
    "Edm.String": lambda chance: "".join(chance.choices("abcdefghijklmnopqrstuvwxyzæøå '&", k=12)).strip() or "x",
    "Edm.Guid": lambda chance: uuid4(),
    "Edm.Boolean": lambda chance: chance.random() < 0.5,
    "Edm.Byte": lambda chance: chance.randrange(256),
    "Edm.SByte": lambda chance: chance.randrange(-128, 128),
    "Edm.Int16": lambda chance: chance.randrange(-(2**15), 2**15),
    "Edm.Int32": lambda chance: chance.randrange(-(2**31), 2**31),
    "Edm.Int64": lambda chance: chance.randrange(-(2**62), 2**62),
    "Edm.Decimal": lambda chance: Decimal(chance.randrange(10**6)).scaleb(-2),
    "Edm.Double": lambda chance: chance.random(),
    "Edm.Single": lambda chance: 0.5,
    "Edm.Date": lambda chance: dt.date(2026, 1, chance.randrange(1, 29)),
    "Edm.DateTimeOffset": lambda chance: dt.datetime(2026, 1, 1, chance.randrange(24), tzinfo=dt.UTC),
    "Edm.TimeOfDay": lambda chance: dt.time(12, chance.randrange(60)),
    "Edm.Duration": lambda chance: dt.timedelta(seconds=chance.randrange(10**6)),
    "Edm.Binary": lambda chance: chance.randbytes(5),
}
SERVER = ("createdon", "modifiedon", "versionnumber", "fullname", "statecode", "statuscode", "overriddencreatedon")


@dataclass
class Organisation:
    """A document, its package, and an emulator of it."""

    document: str
    package: Package
    emulator: Emulator


@pytest.fixture(scope="module", params=list(DOCUMENTS))
def organisation(request: pytest.FixtureRequest, packages: Packages) -> Iterator[Organisation]:
    path = shared_data("metadata", request.param)
    package = packages.of_file(package_name(request.param), path)
    with running_emulator(path) as emulator:
        yield Organisation(request.param, package, emulator)


@pytest.fixture
def emulator(organisation: Organisation) -> Emulator:
    return organisation.emulator


def sample(package: Package, model: Any, chance: random.Random, *, keys: bool) -> dict[str, Any]:
    """Values for columns that a client may write, up to a hundred of them."""
    row: dict[str, Any] = {}
    columns = list(model.__columns__.items())
    for name, column in chance.sample(columns, min(len(columns), 100)):
        kept = name in model.table().key or name in SERVER or name.startswith(("_", "entityimage"))
        if kept or column.access != "read-write" or column.collection:
            continue
        if column.model:
            members = package.model(column.model)
            if issubclass(members, Enum) and len(members) and column.type != "Edm.String":
                row[name] = chance.choice(list(members))
        elif column.type in SAMPLES:
            row[name] = SAMPLES[column.type](chance)
    if keys:
        guid = len(model.table().key) == 1 and model.__columns__[model.table().key[0]].type == "Edm.Guid"
        for name in () if guid else model.table().key:
            row[name] = SAMPLES[model.__columns__[name].type](chance)
    for name, column in model.__columns__.items():
        if column.required and column.access != "read" and column.type in SAMPLES and not column.model:
            row.setdefault(name, SAMPLES[column.type](chance))
    return row


def fitting(emulator: Emulator, model: RowModel, row: dict[str, Any]) -> dict[str, Any]:
    """The row with texts as short as the document wants them, and only what the emulator does not compute."""
    declared = emulator.schema.set_table(model.table().entity_set)
    assert declared is not None
    result = {}
    for name, value in row.items():
        longest = declared.properties[name].max_length
        if declared.properties[name] is None or name == declared.mirror:
            continue
        result[name] = value[:longest] if isinstance(value, (str, bytes)) and longest else value
    return result


def can_be_made(package: Package, entity_set: str, table: Any) -> bool:
    """Whether simple values make a row of a set: it is concrete, its key may be written, and it needs no more."""
    columns = package.model(package.module("registry").TABLES[entity_set]).__columns__
    keys = [columns[part.path] for part in table.key if part.path in columns]
    writable = bool(keys) and all(key.access != "read" for key in keys)
    return writable and not table.abstract and not any(column.required and column.model for column in columns.values())


def same(row: Any, expected: dict[str, Any]) -> None:
    """Each value came back as it was sent, in Python's type for it."""
    for name, value in expected.items():
        got = getattr(row, row.__columns__[name].attribute)
        assert (type(got), got) == (type(value), value), name


def live(shell: Shell, organisation: Organisation, entity_set: str, chance: random.Random) -> None:
    """Creates, reads, lists, changes and deletes rows of a table."""
    model = organisation.package.model(organisation.package.module("registry").TABLES[entity_set])
    table = shell.portal.table(entity_set)

    def make(*, keys: bool) -> dict[str, Any]:
        return fitting(organisation.emulator, model, sample(organisation.package, model, chance, keys=keys))

    given = [make(keys=True) for _ in range(5)]
    made = [shell(table.create(row)) for row in given]
    for key, row in zip(made, given, strict=True):
        assert isinstance(key, (UUID, int, str, dict))
        same(shell(table.get(key)), row)
    listed = shell(table.list(page_size=2))
    assert len(listed) == 5
    assert len({row.etag for row in listed} | {str(model.path(key)) for key in made}) >= 5
    assert shell(table.count()) == 5
    changes = make(keys=False)
    before = shell(table.get(made[0]))
    shell(table.update(made[0], changes, if_match=before.etag))
    after = shell(table.get(made[0]))
    same(after, changes)
    again = model(**{model.__columns__[name].attribute: value for name, value in changes.items()})
    shell(table.upsert(made[1], again))
    same(shell(table.get(made[1])), changes)
    for key in made:
        shell(table.delete(key))
        with pytest.raises(NotFoundError):
            shell(table.get(key))


@pytest.mark.slow
def test_tables_chosen_at_random_live_through_the_client(
    connect: Callable[..., Shell], organisation: Organisation
) -> None:
    shell = connect(api=organisation.package.module())
    chance = random.Random(5)
    sets = [
        name
        for name in organisation.package.module("registry").TABLES
        if (table := organisation.emulator.schema.set_table(name)) is not None
        and can_be_made(organisation.package, name, table)
    ]
    number = min(DOCUMENTS[organisation.document], len(sets))
    for entity_set in chance.sample(sets, number):
        live(shell, organisation, entity_set, chance)
