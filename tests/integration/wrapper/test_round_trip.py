"""Any row survives the way to the service and back: exact numbers, moments and dates as their column says, choices that
the contract does not know, and columns that the package does not know."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import shared_data
from tests.integration.wrapper.conftest import SPEC
from tests.integration.wrapper.made_up import LETTERS, one_value, some
from tests.integration.wrapper.test_any_package import SERVER, can_be_made
from tests.packages import DYNAMICS, Package, Packages, package_name, packages
from tests.unit.wrapper.support import Shell

from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

__all__ = ["packages"]  # a fixture

LATER: dict[str, tuple[str, Any]] = {
    "new_later_text": ("Edm.String", "as it was"),
    "new_later_sum": ("Edm.Decimal", Decimal("12345678901234.5600")),
    "new_later_choice": ("Edm.Int32", 100000007),
}
"""Columns of a later organisation: their types, and values of them."""

UNKNOWN = 987_654_321
"""A value that no choice has."""


def written(package: Package, emulator: Emulator, model: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Rows as mappings: values of any of the columns that a client may write, null included."""
    declared = emulator.schema.set_table(model.table().entity_set)
    assert declared is not None
    columns: dict[str, st.SearchStrategy[Any]] = {}
    for name, column in model.__columns__.items():
        kept = name in model.table().key or name in SERVER or name.startswith("entityimage") or column.file
        if kept or column.access != "read-write" or column.collection or name == declared.mirror:
            continue
        if tells_of_file(model, name):
            continue
        values = one_value(package, column)
        if column.model and issubclass(cls := package.model(column.model), Enum) and column.type == "Edm.Int32":
            values |= st.just(cls(UNKNOWN))
        longest = declared.properties[name].max_length
        if column.type == "Edm.String" and not column.model and longest is not None:
            values = st.text(LETTERS, max_size=min(longest, 12))
        columns[name] = (st.none() | values) if column.nullable else values
    needed = {name for name, column in model.__columns__.items() if column.required and not column.nullable}
    return st.fixed_dictionaries(
        {name: columns[name] for name in columns if name in needed},
        optional={name: columns[name] for name in columns if name not in needed},
    )


def tells_of_file(model: Any, name: str) -> bool:
    """Whether a column holds the name of another column's file, which the service sets."""
    return name.endswith("_name") and name.removesuffix("_name") in model.__columns__


def survive(shell: Shell, package: Package, emulator: Emulator, model: Any, examples: int) -> None:
    """Creates rows, reads them, writes back what was read, and reads it again."""
    table = shell.portal.table(model.table().entity_set)

    @some(examples)
    @given(written(package, emulator, model))
    def check(values: dict[str, Any]) -> None:
        row = shell(table.create(values, return_row=True))
        for name, value in values.items():
            got = getattr(row, model.__columns__[name].attribute)
            assert (type(got), got) == (type(value), value), f"{model.__name__}.{name}"
        key = getattr(row, model.__columns__[model.table().key[0]].attribute)
        again = shell(table.update(key, row, if_match=row.etag, return_row=True))
        for name, column in model.__columns__.items():
            if column.access == "read-write" and name not in SERVER and not tells_of_file(model, name):
                before, after = getattr(row, column.attribute), getattr(again, column.attribute)
                assert (type(after), after) == (type(before), before), f"{model.__name__}.{name}"

    check()


def test_any_row_of_the_contract_survives(
    connect: Callable[..., Shell], emulator: Emulator, packages: Packages
) -> None:
    package = packages.of_hlf()
    shell = connect(api=package.module())
    names = [name for name in package.module("registry").TABLES if name != "systemusers"]  # the service's own
    assert len(names) == 4
    for name in names:
        survive(shell, package, emulator, package.model(package.module("registry").TABLES[name]), 25)


class TestLaterOrganisation:
    """An organisation that has columns which the package was made without."""

    @pytest.fixture
    def emulator(self) -> Iterator[Emulator]:
        document = (SPEC / "metadata.xml").read_text("utf-8")
        name = '<Property Name="firstname"'
        later = "".join(f'<Property Name="{name}" Type="{kind}"/>' for name, (kind, _) in LATER.items())
        assert document.count(name) == 1
        with running_emulator(document.replace(name, later + name).encode()) as running:
            yield running

    def test_columns_that_the_package_does_not_know_survive(
        self, shell: Shell, portal: Any, emulator: Emulator
    ) -> None:
        values = {name: value for name, (_, value) in LATER.items()}
        (key,) = emulator.seed("contacts", [{"firstname": "Kari", **values}])
        row = shell(portal.contacts.get(key))
        assert {name: row.additional_properties[name] for name in values} == values
        row.firstname = "Åse"
        shell(portal.contacts.update(key, row))
        (stored,) = emulator.rows("contacts")
        assert {name: stored[name] for name in ("firstname", *values)} == {"firstname": "Åse", **values}


class TestOrganisation:
    """Tables of a whole organisation, chosen at random."""

    @pytest.fixture
    def emulator(self, whole_organisation: Emulator) -> Emulator:
        return whole_organisation

    @pytest.mark.slow
    def test_any_row_survives(self, connect: Callable[..., Shell], emulator: Emulator, packages: Packages) -> None:
        package = packages.of_file(package_name(DYNAMICS), shared_data("metadata", DYNAMICS))
        shell = connect(api=package.module())
        tables = package.module("registry").TABLES
        usable = [
            name
            for name in tables
            if (found := emulator.schema.set_table(name)) is not None
            and can_be_made(package, name, found)
            and len(found.key) == 1
        ]
        for name in random.Random(7).sample(usable, 12):
            survive(shell, package, emulator, package.model(tables[name]), 5)
