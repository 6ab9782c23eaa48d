"""Partitions of an elastic table through the whole client, over real TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from uuid import uuid4

import pytest
from tests.packages import Packages, packages
from tests.unit.emulator.depot import DEPOT
from tests.unit.wrapper.support import Shell

from dynamics_portal import NotFoundError
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

__all__ = ["packages"]  # a fixture


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(DEPOT) as running:
        yield running


@pytest.fixture(name="api", scope="module")
def api_fixture(packages: Packages) -> ModuleType:
    return packages.of_csdl("depot", DEPOT).module()


def test_rows_with_one_id_live_in_their_partitions(
    connect: Callable[..., Shell], api: ModuleType, emulator: Emulator
) -> None:
    shell = connect(api=api)
    readings = shell.portal.table(api.models.DepReading)
    north, south, key = readings.partition("it's north"), readings.partition("south"), uuid4()
    for place, partition in enumerate((north, south)):
        assert shell(partition.create({"dep_readingid": key, "dep_value": place})) == key
    shell(north.update(key, {"dep_unit": "dB"}))
    assert [(row.dep_value, row.dep_unit) for row in shell(north.list())] == [(0, "dB")]
    assert shell(south.get(key)).dep_value == 1
    assert shell(readings.count()) == 2
    assert shell(north.count()) == 1
    assert north.session_token is not None
    assert emulator.requests[-1].headers["mscrm.sessiontoken"] == north.session_token
    shell(north.delete(key))
    with pytest.raises(NotFoundError):
        shell(north.get(key))
    assert shell(south.get(key)).dep_value == 1


def test_upserts_go_into_the_partition(connect: Callable[..., Shell], api: ModuleType) -> None:
    shell = connect(api=api)
    north, key = shell.portal.table("dep_readings").partition("north"), uuid4()
    shell(north.upsert(key, {"dep_value": 1}))
    shell(north.upsert(key, {"dep_value": 2}))
    assert [(row.partitionid, row.dep_value) for row in shell(north.list())] == [("north", 2)]
