"""Partitions of elastic tables: addresses that name both, narrowed queries, and the session of the last write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx2
import pytest
from tests.packages import Packages, packages
from tests.unit.emulator.depot import DEPOT
from tests.unit.wrapper.support import API, MENTOR, Service, Shell, rows

from dynamics_portal import InvalidRequestError

__all__ = ["packages"]  # a fixture

SET = f"{API}dep_readings"
ROW = f"{SET}(dep_readingid={MENTOR},partitionid='it''s%20north')"
NARROWED = "partitionId=it%27s%20north"


@pytest.fixture(name="api", scope="module")
def api_fixture(packages: Packages) -> ModuleType:
    return packages.of_csdl("depot", DEPOT).module()


@pytest.fixture
def shell(make_shell: Callable[..., Shell], api: ModuleType) -> Shell:
    return make_shell(api=api)


@pytest.fixture
def table(shell: Shell) -> Any:
    return shell.portal.table("dep_readings")


@pytest.fixture
def north(table: Any) -> Any:
    return table.partition("it's north")


def written(token: str | None = "240:8#1#7=-1", status: int = 204) -> httpx2.Response:
    headers = {} if token is None else {"x-ms-session-token": token}
    return httpx2.Response(status, headers={"OData-EntityId": ROW, **headers})


def plain(url: httpx2.URL) -> str:
    return str(url).replace("%27", "'")


def test_a_rows_address_names_its_partition(shell: Shell, north: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"dep_readingid": str(MENTOR), "partitionid": "it's north"}))
    assert shell(north.get(MENTOR)).partitionid == "it's north"
    assert plain(service.last.url) == ROW
    service.answers = [written()]
    shell(north.update(MENTOR, {"dep_value": 1}))
    assert plain(service.last.url) == ROW
    shell(north.upsert(str(MENTOR), {"dep_value": 1}))
    assert plain(service.last.url) == ROW
    shell(north.delete(MENTOR))
    assert plain(service.last.url) == ROW


def test_a_reference_names_the_partition(north: Any) -> None:
    assert north.reference(MENTOR).replace("%27", "'") == ROW.removeprefix(API[:-1])


def test_queries_are_narrowed_to_the_partition(shell: Shell, north: Any, service: Service) -> None:
    service.answer(rows({"dep_value": 1}, next_link=f"{SET}?{NARROWED}&$skiptoken=x"), rows({"dep_value": 2}))
    assert [row.dep_value for row in shell(north.list(filter="dep_value gt 0"))] == [1, 2]
    first, second = (str(request.url) for request in service.requests)
    assert first == f"{SET}?$filter=dep_value%20gt%200&{NARROWED}"
    assert second.count("partitionId=") == 1
    service.answers = [httpx2.Response(200, text="7")]
    assert shell(north.count()) == 7
    assert str(service.last.url) == f"{SET}/$count?{NARROWED}"
    shell(north.count(filter="dep_value gt 0"))
    assert str(service.last.url).endswith(f"&{NARROWED}")


@pytest.mark.parametrize("as_model", [False, True])
def test_new_rows_are_put_into_the_partition(
    as_model: bool, shell: Shell, north: Any, service: Service, api: ModuleType
) -> None:
    service.answer(written())
    row: Any = api.models.DepReading(dep_value=5) if as_model else {"dep_value": 5}
    key = shell(north.create(row))
    body = json.loads(service.last.content)
    assert body == {"dep_readingid": str(key), "dep_value": 5, "partitionid": "it's north"}
    if as_model:
        assert not row.partitionid
    with pytest.raises(InvalidRequestError, match="partitionid is that of another partition"):
        shell(north.create({"partitionid": "south"}))


def test_a_query_is_taken_up_in_its_partition(shell: Shell, north: Any, service: Service) -> None:
    service.answer(rows({"dep_value": 1}, next_link=f"{SET}?{NARROWED}&$skiptoken=x"), rows({"dep_value": 2}))
    begun = north.list()
    assert len(shell(begun.page())) == 1
    assert [row.dep_value for row in shell(north.resume(begun.state))] == [2]
    assert str(service.last.url).count("partitionId=") == 1


def test_no_key_leads_out_of_the_partition(shell: Shell, north: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"dep_readingid": str(MENTOR)}))
    shell(north.get({"dep_readingid": MENTOR}))
    assert plain(service.last.url) == ROW
    for key in ({"dep_unit": "dB"}, {"dep_readingid": MENTOR, "partitionid": "south"}):
        with pytest.raises(InvalidRequestError, match="within a partition of dep_reading a row's key is its id"):
            shell(north.get(key))


def test_what_was_written_is_seen_by_what_is_read_afterwards(shell: Shell, north: Any, service: Service) -> None:
    service.answer(rows())
    shell(north.list())
    assert "mscrm.sessiontoken" not in service.last.headers
    assert north.session_token is None
    service.answers = [written("first"), written("second"), written(None), rows()]
    shell(north.update(MENTOR, {"dep_value": 1}))
    shell(north.update(MENTOR, {"dep_value": 2}))
    assert service.last.headers["mscrm.sessiontoken"] == "first"
    shell(north.delete(MENTOR))
    shell(north.list())
    assert service.last.headers["mscrm.sessiontoken"] == north.session_token == "second"


def test_a_session_goes_on_in_another_process(shell: Shell, table: Any, service: Service) -> None:
    service.answer(rows())
    shell(table.partition("x", session_token="240:8#1#7=-1").list())
    assert service.last.headers["mscrm.sessiontoken"] == "240:8#1#7=-1"


def test_a_token_that_is_no_header_is_passed_over(shell: Shell, north: Any, service: Service) -> None:
    service.answer(written("x" * 5000))
    shell(north.update(MENTOR, {"dep_value": 1}))
    assert north.session_token is None


@pytest.mark.parametrize(
    ("arguments", "keywords", "told"),
    [
        (("",), {}, "partition_id: expected the id of a partition"),
        ((5,), {}, "partition_id: expected text, got int"),
        (("x",), {"session_token": "a\nb"}, "session_token: expected a token"),
        (("x",), {"session_token": ""}, "session_token: expected a token"),
    ],
)
def test_what_does_not_fit_is_told(arguments: Any, keywords: Any, told: str, table: Any) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(told)):
        table.partition(*arguments, **keywords)


def test_a_table_without_partitions_has_none(shell: Shell) -> None:
    with pytest.raises(InvalidRequestError, match="dep_item has no partitions"):
        shell.portal.table("dep_items").partition("x")


def test_what_knows_no_partition_is_refused(shell: Shell, north: Any, service: Service) -> None:
    fetch = "<fetch><entity name='dep_reading'/></fetch>"
    attempts: list[Callable[[], Any]] = [
        lambda: north.fetch_xml(fetch),
        lambda: north.saved_query(MENTOR),
        lambda: shell(north.total()),
        lambda: north.files,
    ]
    for attempt in attempts:
        with pytest.raises(InvalidRequestError, match="knows no partition"):
            attempt()
    assert service.requests == []


def test_its_representation_shows_no_id(north: Any) -> None:
    assert "north" not in repr(north)


def test_a_client_that_does_nothing_keeps_what_is_written(client_class: Any, api: ModuleType) -> None:
    shell = Shell(client_class.no_op(api=api))
    north = shell.portal.table("dep_readings").partition("north")
    shell(north.create({"dep_value": 1}))
    assert shell(north.list()) == []
    assert [write.body["partitionid"] for write in shell.portal.recorded] == ["north"]
    shell.close()
