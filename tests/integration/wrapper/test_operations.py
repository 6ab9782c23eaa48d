"""Every action and function, of HLF's contract and of a whole organisation: called with made-up parameters, they arrive
as they were given, and what the service answers comes back typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import shared_data
from tests.integration.wrapper.made_up import one_value, some
from tests.packages import DYNAMICS, Package, Packages, package_name, packages
from tests.unit.wrapper.support import Shell

from dynamics_portal_emulator.emulator import Emulator

__all__ = ["packages"]  # a fixture


class Heard:
    """A handler of an operation: keeps the parameters that arrived, and answers what it is told to."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}
        self.answer: Any = None

    def __call__(self, emulator: Emulator, parameters: dict[str, Any], row: dict[str, Any] | None) -> Any:
        self.parameters = parameters
        return self.answer


def row_id(package: Package, emulator: Emulator, operation: Any) -> Any:
    """The key of a row that an operation can be called on; `None` where it is bound to no row."""
    info = operation.__operation__
    if not info.binding or info.bound_to_collection:
        return None
    model = package.model(info.binding)
    (name,) = model.table().key
    key = uuid4()
    emulator.seed(model.table().entity_set, [{name: str(key)}])
    return key


def arguments(package: Package, operation: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters: those that are needed, and some of the others."""
    columns = operation.__columns__.values()
    needed = {c.attribute: one_value(package, c) for c in columns if c.required and not c.nullable}
    others = {c.attribute: st.none() | one_value(package, c) for c in columns if not (c.required and not c.nullable)}
    if operation.__operation__.kind == "function":  # an overload is told by the names of its parameters
        return st.fixed_dictionaries({**needed, **others})
    return st.fixed_dictionaries(needed, optional=others)


def results(package: Package, operation: Any) -> st.SearchStrategy[Any]:
    """What an operation may result in."""
    result = operation.__operation__.result
    return st.none() if result is None else one_value(package, result)


def codecs(package: Package) -> Callable[[Any], Any]:
    """What makes a column's codec, of the package itself."""
    make = package.module("_runtime.model").column_codec
    return lambda column: make(column, package.name)


def plain(value: Any) -> Any:
    """A value without what the protocol adds: the context, and the type where another one is declared."""
    for item in value if isinstance(value, list) else [value]:
        if hasattr(item, "additional_properties"):
            for name in ("@odata.context", "@odata.type"):
                item.additional_properties.pop(name, None)
    return value


def call(shell: Shell, package: Package, emulator: Emulator, name: str, examples: int) -> None:
    """Calls an operation some times, and compares both ends."""
    operation = package.operation(package.module("registry").OPERATIONS[name])
    info, codec = operation.__operation__, codecs(package)
    key, heard = row_id(package, emulator, operation), Heard()
    emulator.on_action(info.name, heard)

    @some(examples)
    @given(arguments(package, operation), results(package, operation))
    def check(given: dict[str, Any], result: Any) -> None:
        column = info.result
        heard.answer = None if column is None else codec(column).encode(result)
        made = operation(*([] if key is None else [key]), **given)
        got = shell(shell.portal.execute(made))
        for parameter in operation.__columns__.values():
            sent, arrived = given.get(parameter.attribute), heard.parameters.get(parameter.name)
            decode = codec(parameter).decode
            arrived = arrived if arrived is None or decode is None else decode(arrived)
            assert plain(arrived) == sent, f"{name}: {parameter!r}"
        assert plain(got) == result, name
        if result is not None:
            assert type(got) is type(result), name

    check()


def test_every_operation_of_the_contract_is_called(
    connect: Callable[..., Shell], emulator: Emulator, packages: Packages
) -> None:
    package = packages.of_hlf()
    shell = connect(api=package.module())
    for name in package.module("registry").OPERATIONS:
        call(shell, package, emulator, name, 30)


class TestOrganisation:
    """A whole organisation's."""

    @pytest.fixture
    def emulator(self, whole_organisation: Emulator) -> Emulator:
        return whole_organisation

    @pytest.mark.slow
    def test_every_operation_is_called(
        self, connect: Callable[..., Shell], emulator: Emulator, packages: Packages
    ) -> None:
        package = packages.of_file(package_name(DYNAMICS), shared_data("metadata", DYNAMICS))
        shell = connect(api=package.module())
        names = list(package.module("registry").OPERATIONS)
        assert len(names) > 300
        for name in names:
            call(shell, package, emulator, name, 4)
