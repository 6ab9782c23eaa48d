"""The data source as Spark drives it: schemas, readers and parts, on an emulator in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dynamics_portal import InvalidRequestError
from dynamics_portal_emulator.emulator import Emulator

pytest.importorskip("pyspark", reason="needs the extra spark")

from pyspark.sql.datasource import EqualTo
from pyspark.sql.types import StructType
from tests.unit.spark.support import Sources, read_all, shape

from dynamics_portal.spark import DataverseSource, register


def test_each_part_gives_its_rows(source: Sources, emulator: Emulator) -> None:
    keys = emulator.seed("contacts", [{"createdon": f"2026-01-{day:02}T00:00:00Z"} for day in range(1, 21)])
    assert sorted(row["contactid"] for row in read_all(source(partitions="3", select="contactid"))) == sorted(keys)
    found = read_all(source(partitions="3"), EqualTo(("contactid",), keys[4]))
    assert [(row["contactid"], row["createdon"].day) for row in found] == [(keys[4], 5)]
    assert read_all(source(partitions="2", partition_by="versionnumber", pushdown="false", select="firstname"))
    assert read_all(source(table="new_chapters", partitions="4")) == []


def test_parts_are_even_where_that_is_asked_for(source: Sources, emulator: Emulator) -> None:
    days = ["2000-01-01", *(f"2026-01-{day:02}" for day in range(1, 20))]
    emulator.seed("contacts", [{"createdon": f"{day}T00:00:00Z"} for day in days])

    def sizes(**options: str) -> list[int]:
        reader = source(partitions="2", select="contactid", **options).reader(shape("contactid string"))
        return [sum(batch.num_rows for batch in reader.read(part)) for part in reader.partitions()]

    assert sizes() == [1, 19]
    assert max(sizes(even="true")) < 15


def test_a_process_has_one_client_for_a_place(source: Sources, emulator: Emulator) -> None:
    for _ in range(3):
        read_all(source())
    assert emulator.token_requests == 1


def test_a_credential_function_is_asked(
    source: Sources, emulator: Emulator, give: Callable[[Emulator], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DYNAMICS_CLIENT_SECRET")
    with pytest.raises(InvalidRequestError, match="DYNAMICS_CLIENT_SECRET"):
        read_all(source())
    assert read_all(source(credentials=give(emulator))) == []
    for missing in ("dynamics_portal.credentials:nothing", "no_such_module:nothing"):
        with pytest.raises(InvalidRequestError, match="there is no such function") as caught:
            read_all(source(credentials=missing))
        assert missing not in str(caught.value)


def test_what_cannot_be_read_is_told_at_once(source: Sources) -> None:
    for options, words in [
        ({"table": "nosuch"}, "has no table 'nosuch'"),
        ({"package": "json.nosuch"}, "cannot be imported"),
        ({"select": "nosuch"}, "contact has no column 'nosuch'"),
        ({"ca_file": "/nowhere/ca.pem"}, "'ca_file': it cannot be read here"),
        ({"partitions": "2", "partition_by": "firstname"}, "by: firstname is Edm.String"),
    ]:
        with pytest.raises(InvalidRequestError, match=words):
            read_all(source(**options))
    for given, words in [
        ("contactid integer", "contactid is string, not int"),
        ("contactid string not null", "may be null"),
        ("nosuch string", "no column 'nosuch'"),
    ]:
        with pytest.raises(InvalidRequestError, match=words):
            source().reader(shape(given))
    with pytest.raises(InvalidRequestError, match="changes are a stream"):
        source(changes="true").reader(StructType())
    with pytest.raises(InvalidRequestError, match="a stream is of changes"):
        source().simpleStreamReader(StructType())
    with pytest.raises(InvalidRequestError, match="a stream has the columns contactid, _change_type, too"):
        source(changes="true").simpleStreamReader(shape("firstname string"))


class Session:
    """As much of a session as register needs."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.conf = self.dataSource = self

    def set(self, *setting: str) -> None:
        self.said.append(setting)

    def register(self, kind: type) -> None:
        self.said.append(kind)


def test_a_session_is_told_to_send_conditions_along() -> None:
    session: Any = Session()
    register(session)
    assert session.said == [("spark.sql.python.filterPushdown.enabled", "true"), DataverseSource]
    assert DataverseSource.name() == "dataverse"
