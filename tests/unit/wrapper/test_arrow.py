"""Arrow: what `read_arrow` gives is what `list` gives, column by column, and says what it is of."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.wrapper.made_up import one_value, some
from tests.packages import Package, Packages, packages
from tests.unit.generator.kinds import KIND_CHOICES, KINDS
from tests.unit.wrapper.support import API, MENTOR, Clock, Service, Shell, make_portal, problem, rows

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    DynamicsPortalClient,
    InvalidRequestError,
    PortalClient,
    ServerError,
    arrow_schema,
)
from dynamics_portal import _json as wire
from dynamics_portal._arrow import JSON, columns_of, kind_of
from dynamics_portal._arrow_changes import ChangeReader
from dynamics_portal._arrow_pages import BatchReader
from dynamics_portal._arrow_rows import rows_of
from dynamics_portal._outcome import Answer
from dynamics_portal_api.models import Contact, ContactMentorStatus

__all__ = ["packages"]


@pytest.fixture(scope="module")
def kinds(packages: Packages) -> Package:
    return packages.of_csdl("kinds_api", KINDS, KIND_CHOICES)


@pytest.fixture
def things(kinds: Package, service: Service, clock: Clock) -> Iterator[Any]:
    """The table that has a column of each kind."""
    with make_portal(PortalClient, service, clock, api=kinds.module()) as portal:
        yield portal.things


def page(*items: Any, **more: Any) -> bytes:
    """The bytes of a page, decimals as numbers."""
    return wire.encode({"@odata.context": "x", "value": list(items), **more})


def some_value(kinds: Package, column: Any) -> st.SearchStrategy[Any]:
    """Values of a column, or none."""
    if column.model and column.type == "Edm.String":
        return st.none() | st.frozensets(st.sampled_from(list(kinds.model(column.model))), min_size=1)
    return st.none() | one_value(kinds, column)


def answered(content: bytes) -> Answer:
    return Answer(200, {}, content)


def read(shell: Shell, found: Any) -> Any:
    """All batches as one table."""
    return pa.Table.from_batches(shell(found), found.schema)


def plain(value: Any) -> Any:
    """A value of a row as it is in a batch."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(map(int, value))
    if isinstance(value, Enum):
        return value.value if not hasattr(value, "format") or isinstance(value, str) else value.format()
    return value


def as_listed(row: Any, model: Any) -> dict[str, Any]:
    """A row that `list` gave, as a batch has it."""
    whole = row.to_dict()
    return {
        name: (None if whole.get(name) is None else wire.encode(whole[name]).decode())
        if kind_of(model, column) is JSON
        else None
        if whole.get(name) is None
        else whole[name]
        if column.type.startswith("A.")
        else plain(getattr(row, column.attribute))
        for name, column in model.__columns__.items()
    }


# Types


def test_each_kind_of_column_has_a_type_and_says_what_it_is_of(kinds: Package) -> None:
    schema = arrow_schema(kinds.model("Thing"))
    assert {field.name: str(field.type) for field in schema} == {
        "thingid": "string",
        "text": "string",
        "guid": "string",
        "yes": "bool",
        "tiny": "int8",
        "octet": "uint8",
        "short": "int16",
        "number": "int32",
        "long": "int64",
        "money": "decimal128(38, 12)",
        "real": "double",
        "single": "float",
        "moment": "timestamp[us, tz=UTC]",
        "day": "date32[day]",
        "hour": "time64[us]",
        "span": "duration[us]",
        "blob": "binary",
        "place": "string",
        "any": "string",
        "must": "string",
        "made": "timestamp[us, tz=UTC]",
        "once": "string",
        "file": "string",
        "status": "int32",
        "tags": "list<item: int32>",
        "color": "string",
        "rights": "string",
        "home": "string",
        "homes": "string",
        "words": "string",
        "days": "string",
        "colors": "string",
        "_parent_value": "string",
    }
    assert schema.metadata == {b"dataverse.table": b"thing", b"dataverse.entity_set": b"things"}
    assert schema.field("money").metadata == {b"dataverse.column": b"money", b"dataverse.type": b"Edm.Decimal"}
    assert json.loads(schema.field("status").metadata[b"dataverse.choice"]) == {
        "1": "Open",
        "2": "Closed",
        "-1": "Lost",
    }


def test_a_schema_has_the_selected_columns_in_their_order() -> None:
    assert arrow_schema(Contact, select=["fullname", "contactid"]).names == ["fullname", "contactid"]
    with pytest.raises(InvalidRequestError, match="did you mean 'fullname'"):
        arrow_schema(Contact, select=["fulname"])
    with pytest.raises(InvalidRequestError, match="labels: expected True or False"):
        arrow_schema(Contact, labels="yes")  # type: ignore[arg-type]


@some(60)
@given(data=st.data())
def test_any_row_is_as_list_gives_it(kinds: Package, data: st.DataObject) -> None:
    model = kinds.model("Thing")
    columns = {name: column for name, column in model.__columns__.items() if name not in ("file", "rights", "single")}
    made = st.fixed_dictionaries(
        {}, optional={column.attribute.lstrip("_"): some_value(kinds, column) for column in columns.values()}
    )
    items = [model(**values).to_dict() for values in data.draw(st.lists(made, max_size=4))]
    answer = answered(page(*items))
    _, batch = BatchReader(model, columns_of(model, None, labels=False)).read(answer)
    assert batch.to_pylist() == [
        as_listed(model.from_dict(item), model) for item in wire.decode_object(answer.content)["value"]
    ]


@some(60)
@given(data=st.data())
def test_arrow_reads_by_itself_what_the_row_class_reads(kinds: Package, data: st.DataObject) -> None:
    """The fast way is taken for each kind that has one, and gives what the slow way gives."""
    model = kinds.model("Thing")
    names = [name for name, column in model.__columns__.items() if kind_of(model, column).read is not None]
    reader = BatchReader(model, columns_of(model, names, data.draw(st.booleans())))
    made = st.fixed_dictionaries(
        {},
        optional={
            model.__columns__[name].attribute.lstrip("_"): some_value(kinds, model.__columns__[name])
            for name in names
            if name != "rights"
        },
    )
    items = [model(**values).to_dict() for values in data.draw(st.lists(made, max_size=4))]
    answer = answered(page(*items, **{"@odata.nextLink": "https://x/"}))
    fast = reader._read_arrays(answer.content)
    assert fast is not None
    slow = reader._read_rows(answer)
    assert fast[0]["@odata.nextLink"] == slow[0]["@odata.nextLink"] == "https://x/"
    assert fast[1].to_pylist() == slow[1].to_pylist()
    assert fast[1].schema.equals(reader.schema, check_metadata=True)


@pytest.mark.parametrize(
    ("name", "sent", "expected"),
    [
        ("moment", '"2026-01-02T03:04:05.1234567Z"', dt.datetime(2026, 1, 2, 3, 4, 5, 123456, dt.UTC)),
        ("moment", '"2026-01-02T03:04:05+02:00"', dt.datetime(2026, 1, 2, 1, 4, 5, 0, dt.UTC)),
        ("real", '"INF"', float("inf")),
        ("real", "1e-7", 1e-7),
        ("day", '"0001-01-01"', dt.date(1, 1, 1)),
        ("moment", '"0001-01-01T00:00:00Z"', dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
        ("moment", '"9999-12-31T23:59:59Z"', dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("guid", '"11111111-2222-3333-4444-AAAAAAAAAAAA"', "11111111-2222-3333-4444-aaaaaaaaaaaa"),
        ("long", '"9007199254740993"', 9007199254740993),
        ("money", "922337203685477.5807", Decimal("922337203685477.5807")),
        ("money", "0.000000000001", Decimal("0.000000000001")),
        ("money", "1E+2", Decimal(100)),
        ("status", "77", 77),
        ("tags", '"20,10,99"', [10, 20, 99]),
        ("tags", '""', []),
        ("text", '"\\ud83d\\ude00 \\u0000"', "\N{GRINNING FACE} \0"),
        ("color", '"Green"', "Green"),
        ("rights", '"Read,Write"', "Read,Write"),
        ("blob", '"_-8"', b"\xff\xef"),
        ("hour", '"10:20:30"', dt.time(10, 20, 30)),
        ("span", '"P1DT2H3.5S"', dt.timedelta(days=1, hours=2, seconds=3.5)),
        ("home", '{"Street":"Åsen","Zip":1}', '{"Street":"Åsen","Zip":1}'),
        ("any", "[1,2.50]", "[1,2.50]"),
    ],
)
def test_what_a_service_may_send_is_kept(things: Any, service: Service, name: str, sent: str, expected: Any) -> None:
    service.answer(httpx2.Response(200, content=f'{{"value":[{{"{name}":{sent},"other":[{{}}]}},{{}}]}}'.encode()))
    found = things.read_arrow(select=[name]).read_all()
    value = found[name][0].as_py()
    assert (sorted(value) if name == "tags" else value) == expected
    assert found[name][1].as_py() is None


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("guid", '"kari"'),
        ("number", '"kari"'),
        ("number", "3000000000"),
        ("long", "92233720368547758080"),
        ("money", "1e-13"),
        ("money", "1e30"),
        ("day", '"2026-02-30"'),
        ("day", '"0000-01-01"'),
        ("moment", '"0000-01-01T00:00:00Z"'),
        ("real", "NaN"),
        ("real", "-Infinity"),
        ("moment", '"kari"'),
        ("yes", "1"),
        ("text", "5"),
        ("blob", '"kari!"'),
        ("tags", '"kari"'),
    ],
)
def test_what_does_not_fit_its_column_is_the_services_fault(
    things: Any, service: Service, name: str, sent: str
) -> None:
    service.answer(httpx2.Response(200, content=f'{{"value":[{{"{name}":{sent}}}]}}'.encode()))
    with pytest.raises(ServerError, match="the answer is not what the contract says") as caught:
        things.read_arrow(select=[name]).read_all()
    told = f"{caught.value!r}{caught.value}{caught.value.__context__!r}{caught.value.__cause__!r}"
    assert "kari" not in told


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"value":{}}', b'{"value":[null]}', b'{"value":[1]}', b'{"value":[]}{"value":[]}']
)
def test_what_is_no_page_is_the_services_fault(things: Any, service: Service, content: bytes) -> None:
    service.answer(httpx2.Response(200, content=content))
    with pytest.raises(ServerError):
        things.read_arrow(select=["text"]).read_all()


# Labels


def test_labels_stand_for_numbers_and_an_unknown_number_for_itself(things: Any, service: Service) -> None:
    first = page({"status": 2, "tags": "10,20"}, {"status": None, "tags": None}, {"status": 77, "tags": "10,99"})
    second = page({"status": 78, "tags": "98"}, {"status": 1})
    link = {"@odata.nextLink": f"{API}things?$skiptoken=2"}
    service.answer(
        httpx2.Response(200, content=wire.encode({**wire.decode_object(first), **link})),
        httpx2.Response(200, content=second),
    )
    found = things.read_arrow(select=["status", "tags"], labels=True).read_all()
    assert str(found.schema.field("status").type).startswith("dictionary<values=string")
    assert found["status"].to_pylist() == ["Closed", None, "77", "78", "Open"]
    assert found["tags"].to_pylist() == [["Old", "New"], None, ["Old", "99"], ["98"], None]


def test_labels_are_what_data_frames_group_by(things: Any, service: Service) -> None:
    import duckdb
    import pandas as pd  # type: ignore[import-untyped] # it has no type hints
    import polars as pl

    service.answer(httpx2.Response(200, content=page(*[{"status": number, "money": 1} for number in (1, 2, 2, 99)])))

    def batches() -> Any:
        return things.read_arrow(select=["status", "money"], labels=True)

    assert batches().read_pandas().groupby("status", observed=True).size().to_dict() == {
        "Open": 1,
        "Closed": 2,
        "99": 1,
    }
    assert isinstance(batches().read_pandas().status.dtype, pd.CategoricalDtype)
    frame = pl.from_arrow(batches())
    assert isinstance(frame, pl.DataFrame)
    assert dict(frame.group_by("status").len().iter_rows()) == {"Open": 1, "Closed": 2, "99": 1}
    with duckdb.connect() as base:
        base.register("stream", batches())
        counted = base.execute("select status, sum(money) from stream group by status").fetchall()
    assert dict(counted) == {"Open": Decimal(1), "Closed": Decimal(2), "99": Decimal(1)}


# Pages


def mentors(*numbers: int, next_link: str | None = None) -> httpx2.Response:
    return rows(*[{"firstname": str(number)} for number in numbers], next_link=next_link)


def test_a_page_is_read_when_its_batch_is_taken(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1, 2, next_link=f"{API}contacts?$skiptoken=2"), mentors(3))
    found = portal.contacts.read_arrow(select=["firstname"], page_size=2, filter="statecode eq 0")
    assert service.requests == []
    assert shell.next(found)["firstname"].to_pylist() == ["1", "2"]
    assert len(service.requests) == 1
    assert service.last.headers["Prefer"] == "odata.maxpagesize=2"
    assert dict(service.last.url.params) == {"$select": "firstname", "$filter": "statecode eq 0"}
    assert shell.next(found)["firstname"].to_pylist() == ["3"]
    assert shell(found) == []
    assert len(service.requests) == 2


def test_no_more_rows_come_than_were_asked_for(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1, 2, next_link=f"{API}contacts?$skiptoken=2"), mentors(3, 4, next_link=f"{API}contacts?x"))
    found = read(shell, portal.contacts.read_arrow(select=["firstname"], page_size=2, top=3))
    assert found["firstname"].to_pylist() == ["1", "2", "3"]
    assert len(service.requests) == 2


def test_pages_without_rows_are_passed_over(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(next_link=f"{API}contacts?$skiptoken=2"), mentors(3))
    assert [len(batch) for batch in shell(portal.contacts.read_arrow(select=["firstname"]))] == [1]


def test_an_empty_answer_has_the_schema_all_the_same(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows())
    found = read(shell, portal.contacts.read_arrow())
    assert (found.num_rows, found.schema) == (0, arrow_schema(Contact))


def test_a_page_that_failed_is_asked_for_again(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1, next_link=f"{API}contacts?$skiptoken=2"), problem(403), mentors(2))
    found = portal.contacts.read_arrow(select=["firstname"])
    assert shell.next(found)["firstname"].to_pylist() == ["1"]
    with pytest.raises(Exception, match="forbidden"):
        shell.next(found)
    assert shell.next(found)["firstname"].to_pylist() == ["2"]


def test_arguments_are_checked_before_anything_is_sent(portal: Any, service: Service) -> None:
    for arguments in ({"select": ["nope"]}, {"top": 0}, {"ranges": 2, "top": 1}, {"ranges": 0}, {"filter": 5}):
        with pytest.raises(InvalidRequestError):
            portal.contacts.read_arrow(**arguments)
    wrong: list[Any] = ["createdon gt 2026-01-01", [], 2.0, {"a": "b"}]
    for ranges in wrong:
        with pytest.raises(InvalidRequestError, match="ranges: expected how many parts, or a list of their conditions"):
            portal.contacts.read_arrow(ranges=ranges)
    c = portal.contacts.c
    with pytest.raises(InvalidRequestError, match="conditions hold the filter already"):
        portal.contacts.read_arrow(ranges=[c.firstname == "a"], filter=c.lastname == "b")
    assert service.requests == []


def test_a_client_that_does_nothing_reads_no_rows() -> None:
    found = DynamicsPortalClient.no_op().contacts.read_arrow(ranges=3).read_all()
    assert (found.num_rows, found.schema) == (0, arrow_schema(Contact))


def test_nothing_of_a_page_is_in_the_frames_of_an_error(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows({"contactid": "kari.nordmann@example.org"}))
    with pytest.raises(ServerError) as caught:
        shell.next(portal.contacts.read_arrow())
    traceback = caught.value.__traceback__
    while traceback is not None:
        own = "dynamics_portal" in traceback.tb_frame.f_code.co_filename and "/tests/" not in (
            traceback.tb_frame.f_code.co_filename
        )
        assert not own or "kari" not in repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next


# Parts


class Parts:
    """A service that holds rows by the day they were created on, and answers each condition with those that meet it."""

    def __init__(self, days: list[int], *, size: int = 2) -> None:
        self.days = sorted(days)
        self.size = size

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        query = request.url.params
        if "$orderby" in query:
            day = self.days[0 if query["$orderby"].endswith("asc") else -1]
            return rows({"createdon": self.moment(day)})
        condition = query["$filter"]
        found = [day for day in self.days if self.meets(condition, self.moment(day))]
        start = int(query.get("from", 0))
        link = f"{API}contacts?$filter={quote(condition)}&from={start + self.size}"
        part = found[start : start + self.size]
        more = len(found) > start + self.size
        return rows(*[{"createdon": self.moment(day)} for day in part], next_link=link if more else None)

    @staticmethod
    def moment(day: int) -> str:
        return (dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)).isoformat().replace("+00:00", "Z")

    @staticmethod
    def meets(condition: str, moment: str) -> bool:
        for part in condition.partition(" or ")[0].split(" and "):
            _, operator, border = part.split(" ")
            if not (moment < border if operator == "lt" else moment >= border):
                return False
        return True


def test_parts_read_at_a_time_hold_each_row_once(shell: Shell, portal: Any, service: Service) -> None:
    days = [*range(40), 39, 39, 3]
    service.answer(Parts(days))
    found = read(shell, portal.contacts.read_arrow(select=["createdon"], ranges=5))
    expected = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day) for day in sorted(days)]
    assert sorted(found["createdon"].to_pylist()) == expected


def test_no_more_pages_are_read_ahead_than_there_are_parts(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(Parts(list(range(40))))
    found = portal.contacts.read_arrow(select=["createdon"], ranges=4)
    shell.next(found)
    assert len(service.requests) == 2 + 4  # the ends, and a page of each part
    for _ in range(3):
        shell.next(found)
    assert len(service.requests) == 2 + 4
    shell.next(found)
    assert len(service.requests) == 2 + 8


def test_conditions_of_ones_own_are_parts_as_well(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1))
    c = portal.contacts.c
    found = portal.contacts.read_arrow(select=["firstname"], ranges=[c.firstname < "m", c.firstname >= "m"])
    assert len(shell(found)) == 2
    assert {request.url.params["$filter"] for request in service.requests} == {"firstname lt 'm'", "firstname ge 'm'"}


def test_a_part_that_fails_loses_no_other_parts_page(shell: Shell, portal: Any, service: Service) -> None:
    broken = [True]
    whole = Parts(list(range(12)), size=10)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if broken and request.url.params.get("$filter", "").startswith("createdon ge"):
            broken.clear()
            return problem(403)
        return whole(request)

    service.answer(answer)
    found = portal.contacts.read_arrow(select=["createdon"], ranges=2)
    with pytest.raises(Exception, match="forbidden"):
        shell.next(found)
    assert sum(len(batch) for batch in shell(found)) == 12


# Changes

VERSION = "919042%2108%2F22%2F2017%2008%3A10%3A44"
TOKEN = f"{API}contacts?$deltatoken={VERSION}"
GONE = {"@odata.context": f"{API}$metadata#contacts/$deletedEntity", "id": str(MENTOR), "reason": "deleted"}


def changes(*items: dict[str, Any], **links: str) -> httpx2.Response:
    return httpx2.Response(200, json={"value": list(items), **{f"@odata.{name}": to for name, to in links.items()}})


def test_changed_rows_are_a_batch_and_removed_ones_their_ids(shell: Shell, portal: Any, service: Service) -> None:
    kari, ola = ({"contactid": str(UUID(int=number)), "firstname": name} for number, name in ((1, "Kari"), (2, "Ola")))
    service.answer(changes(kari, GONE, ola, nextLink=f"{API}contacts?$skiptoken=x"), changes(GONE, deltaLink=TOKEN))
    found = portal.contacts.changes_arrow(select=["firstname"], page_size=3)
    pages = shell(found)
    assert [(page.changed.to_pylist(), page.removed.to_pylist()) for page in pages] == [
        ([{"firstname": "Kari"}, {"firstname": "Ola"}], [str(MENTOR)]),
        ([], [str(MENTOR)]),
    ]
    assert found.token == TOKEN
    assert {request.headers["prefer"] for request in service.requests} == {"odata.track-changes,odata.maxpagesize=3"}
    assert repr(pages[0]) == "<ChangedBatch: 2 changed, 1 removed>"
    assert found.schema == pages[0].changed.schema == arrow_schema(Contact, select=["firstname"])


def test_changes_are_asked_for_since_a_token_and_only_then(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(changes(deltaLink=TOKEN))
    found = portal.contacts.changes_arrow(TOKEN)
    with pytest.raises(InvalidRequestError, match="token: it comes after the last change"):
        _ = found.token
    assert shell(found) == []
    assert str(service.last.url) == f"{API}contacts?$deltatoken={VERSION}"
    assert found.token == TOKEN
    with pytest.raises(InvalidRequestError, match="since: expected a token; a state goes to `changes`"):
        portal.contacts.changes_arrow(portal.contacts.changes().state)
    with pytest.raises(InvalidRequestError, match="since: it is no token"):
        portal.contacts.changes_arrow("x?y")


@some(40)
@given(data=st.data())
def test_changes_are_read_alike_both_ways(kinds: Package, data: st.DataObject) -> None:
    model = kinds.model("Thing")
    names = [name for name, column in model.__columns__.items() if kind_of(model, column).read is not None]
    reader = ChangeReader(model, columns_of(model, names, labels=False))
    made = st.fixed_dictionaries(
        {},
        optional={name.lstrip("_"): some_value(kinds, model.__columns__[name]) for name in names if name != "rights"},
    )
    gone = st.uuids().map(lambda key: {"@odata.context": "x/$deletedEntity", "id": str(key), "reason": "deleted"})
    rows = made.map(lambda values: model(**values).to_dict())
    answer = answered(page(*data.draw(st.lists(rows | gone, max_size=5)), **{"@odata.deltaLink": "https://x/"}))
    fast, slow = reader._read_arrays(answer.content), reader._read_rows(answer)
    assert fast is not None
    assert fast[0]["@odata.deltaLink"] == "https://x/"
    assert fast[1].changed.to_pylist() == slow[1].changed.to_pylist()
    assert fast[1].removed.to_pylist() == slow[1].removed.to_pylist()


# Writing


WRITTEN = ("text", "guid", "yes", "tiny", "octet", "short", "number", "long", "money", "real", "moment", "day", "hour")
MORE_WRITTEN = (*WRITTEN, "span", "blob", "must", "status", "tags", "color", "home", "homes", "words", "days", "colors")


@some(60)
@given(data=st.data())
def test_any_row_that_was_read_is_written_as_it_was(kinds: Package, data: st.DataObject) -> None:
    model = kinds.model("Thing")
    made = st.fixed_dictionaries({name: some_value(kinds, model.__columns__[name]) for name in MORE_WRITTEN})
    items = [
        model(**{model.__columns__[name].attribute: value for name, value in values.items()}).to_dict()
        for values in data.draw(st.lists(made, min_size=1, max_size=4))
    ]
    labels = data.draw(st.booleans())
    _, batch = BatchReader(model, columns_of(model, MORE_WRITTEN, labels=labels)).read(answered(page(*items)))
    written = list(rows_of(model, batch, "create", None, skip_nulls=True))
    assert [model.encode_write(row, "create") for row in written] == [
        {name: item[name] for name in MORE_WRITTEN if item[name] is not None} for item in items
    ]


def bodies(service: Service) -> Any:
    """What the last bulk message holds of rows, without what says which they are."""
    return [
        {name: value for name, value in target.items() if not name.startswith("@odata.type")}
        for target in service.body()["Targets"]
    ]


def test_a_table_is_written_row_by_row_with_a_result_for_each(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"Ids": []}))
    table = pa.table(
        {
            "firstname": ["Kari", "Ola", "Liv"],
            "new_mentor_status": pa.array(["Paused", "100000003", "Unheard of"]).dictionary_encode(),
            "new_certification_expiry": [dt.date(2026, 1, 2), None, None],
        }
    )
    results = shell(portal.contacts.write_arrow(table))
    assert [(result.index, result.ok) for result in results] == [(0, True), (1, True), (2, False)]
    assert "Contact.new_mentor_status" in str(results[2].error)
    assert "Unheard" not in str(results[2].error)
    first, second = bodies(service)
    assert (first["firstname"], first["new_mentor_status"], first["new_certification_expiry"]) == (
        "Kari",
        int(ContactMentorStatus.PAUSED),
        "2026-01-02",
    )
    assert second["new_certification_expiry"] is None
    assert first["contactid"] == str(results[0].key)


def test_rows_are_found_by_their_key_and_nulls_left_alone_on_request(
    shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(httpx2.Response(204))
    other = UUID(int=2)
    table = pa.table({"contactid": [str(MENTOR), str(other)], "firstname": ["Kari", None], "lastname": ["X", "Y"]})
    assert all(result.ok for result in shell(portal.contacts.write_arrow(table, "update", skip_nulls=True)))
    assert bodies(service) == [
        {"contactid": str(MENTOR), "firstname": "Kari", "lastname": "X"},
        {"contactid": str(other), "lastname": "Y"},
    ]


def test_ids_may_be_bytes_and_rows_found_by_an_alternate_key(kinds: Package) -> None:
    table = pa.table(
        {
            "_parent_value": pa.array([MENTOR.bytes], pa.binary(16)),
            "status": pa.array([2.0]),
            "guid": pa.array([MENTOR.bytes], pa.uuid()),
            "text": pa.array(["x"], pa.large_string()),
        }
    )
    written = rows_of(kinds.model("Thing"), table, "upsert", ["_parent_value", "status"], skip_nulls=False)
    assert list(written) == [({"_parent_value": MENTOR, "status": 2}, {"guid": MENTOR, "text": "x"})]


@pytest.mark.parametrize(
    ("columns", "arguments", "said"),
    [
        ({"nope": [1]}, {}, "Contact has no writable column 'nope'"),
        ({"@odata.type": ["x"]}, {}, "data: @odata.type is no column of contact"),
        ({"fullname": ["x"]}, {}, "Contact.fullname is not writable on create"),
        ({"_ownerid_value": ["x"]}, {}, "set the lookup as 'ownerid@odata.bind'"),
        ({"ownerid@odata.bind": [1]}, {}, "ownerid@odata.bind is a reference, and cannot be written from int64"),
        ({"firstname": [1]}, {}, "firstname is Edm.String, and cannot be written from int64"),
        ({"new_website_visible": ["yes"]}, {}, "new_website_visible is Edm.Boolean, and cannot be written from string"),
        ({"new_mentor_status": [True]}, {}, "new_mentor_status is a choice, and cannot be written from bool"),
        ({"contactid": [1]}, {}, "contactid is Edm.Guid, and cannot be written from int64"),
        ({"new_certification_expiry": [dt.datetime(2026, 1, 1)]}, {}, r"cannot be written from timestamp\[us\]"),
        ({"firstname": ["x"]}, {"verb": "update"}, "contactid is missing, by which rows are found"),
        ({"firstname": ["x"]}, {"verb": "update", "key": "firstname"}, r"contact has no key \(firstname\)"),
        ({"firstname": ["x"]}, {"verb": "delete"}, "verb: expected one of create, update, upsert"),
        ({"firstname": ["x"]}, {"key": "contactid"}, "key: a new row is not found by one"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused_before_anything_is_sent(
    portal: Any, service: Service, columns: dict[str, Any], arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        portal.contacts.write_arrow(pa.table(columns), **arguments)
    assert service.requests == []


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("money", pa.array([1.5]), "money is Edm.Decimal.*cast it to decimal128"),
        ("moment", pa.array([dt.datetime(2026, 1, 1)]), "moment is Edm.DateTimeOffset.*with a time zone"),
        ("long", pa.array([1.0]), "long is Edm.Int64"),
        ("home", pa.array([{"Street": "x"}]), "home is N.Address"),
        ("children@odata.bind", pa.array(["things(x)"]), "is a reference"),
        ("children", pa.array(["things(x)"]), "children leads to other rows, which are not written"),
    ],
)
def test_a_type_that_would_change_values_is_refused(things: Any, column: str, values: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        things.write_arrow(pa.table({column: values}))


@pytest.mark.parametrize("data", [5, [], [1], {"firstname": ["x"]}, "text", None])
def test_what_is_not_arrows_is_refused(portal: Any, data: Any) -> None:
    with pytest.raises(InvalidRequestError, match="data: expected a table, record batches or a stream of Arrow's"):
        portal.contacts.write_arrow(data)


def test_batches_of_different_schemas_are_refused(portal: Any, service: Service) -> None:
    batches = [pa.record_batch({"firstname": ["x"]}), pa.record_batch({"firstname": [1]})]
    with pytest.raises(InvalidRequestError, match="the batches have different schemas"):
        portal.contacts.write_arrow(batches)
    assert service.requests == []


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("moment", pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC")), "2023-11-14T22:13:20.123456Z"),
        ("moment", pa.array([1_700_000_000], pa.timestamp("s", "Europe/Oslo")), "2023-11-14T22:13:20Z"),
        ("moment", pa.array([-62_135_596_800], pa.timestamp("s", "UTC")), "0001-01-01T00:00:00Z"),
        ("day", pa.array([dt.date(1753, 1, 1)], pa.date64()), "1753-01-01"),
        ("hour", pa.array([37_230_000_001_999], pa.time64("ns")), "10:20:30.000001"),
        ("hour", pa.array([37_230], pa.time32("s")), "10:20:30"),
        ("span", pa.array([1_500_000_999], pa.duration("ns")), "P0DT1.500000S"),
        ("money", pa.array([Decimal("1.50")], pa.decimal256(60, 20)), Decimal("1.5")),
        ("money", pa.array([Decimal("-0.10")], pa.decimal32(4, 2)), Decimal("-0.1")),
        ("money", pa.array([7]), 7),
        ("real", pa.array([1.5], pa.float32()), 1.5),
        ("number", pa.array([7], pa.uint64()), 7),
        ("blob", pa.array([b"x"], pa.large_binary()), "eA=="),
        ("tags", pa.array([["New", "Old"]], pa.large_list(pa.string())), "10,20"),
        ("text", pa.array(["x"]).dictionary_encode(), "x"),
        ("day", pa.array([dt.date(2026, 1, 2)]).dictionary_encode(), "2026-01-02"),
        ("money", pa.array([Decimal("1.50")]).dictionary_encode(), Decimal("1.5")),
        ("text", pa.array([None]), None),
    ],
)
def test_arrows_other_types_are_taken_for_what_they_are(kinds: Package, name: str, values: Any, expected: Any) -> None:
    model = kinds.model("Thing")
    (row,) = rows_of(model, pa.table({name: values}), "create", None, skip_nulls=False)
    assert model.encode_write(row, "create") == {name: expected}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("moment", pa.array([2**60], pa.timestamp("us", "UTC"))),
        ("day", pa.array([10**8], pa.int32()).cast(pa.date32())),
        ("number", pa.array([2**31])),
        ("number", pa.array([1.5])),
        ("status", pa.array(["Ajar"])),
        ("home", pa.array(["{kari"])),
    ],
)
def test_a_value_that_its_column_does_not_hold_is_refused_as_the_rows(kinds: Package, name: str, values: Any) -> None:
    model = kinds.model("Thing")
    (row,) = rows_of(model, pa.table({name: values}), "create", None, skip_nulls=False)
    with pytest.raises((ValueError, TypeError), match=f"Thing.{name}"):
        model.encode_write(row, "create")


class Later:
    """Batches that come asynchronously, with the schema of the first."""

    def __init__(self, *batches: Any) -> None:
        self.batches = batches
        self.schema = batches[0].schema

    async def __aiter__(self) -> Any:
        for batch in self.batches:
            yield batch


def test_a_batch_of_another_schema_ends_a_stream_after_the_rows_before_it(service: Service, clock: Clock) -> None:
    service.answer(httpx2.Response(200, json={"Ids": []}))
    shell = Shell(make_portal(AsyncDynamicsPortalClient, service, clock))
    same = pa.record_batch({"firstname": ["Kari", "Ola"]})
    run = shell.portal.contacts.write_arrow(Later(same, pa.record_batch({"firstname": [1]})))
    assert [shell.next(run).ok for _ in range(2)] == [True, True]
    with pytest.raises(InvalidRequestError, match="a batch has another schema than the first one"):
        shell.next(run)
    assert len(shell(shell.portal.contacts.write_arrow(Later(same, same)))) == 4
    shell.close()


def test_a_synchronous_client_takes_no_asynchronous_batches(service: Service, clock: Clock) -> None:
    batches = Later(pa.record_batch({"firstname": ["Kari"]}))
    with (
        make_portal(DynamicsPortalClient, service, clock) as portal,
        pytest.raises(InvalidRequestError, match="expected an iterable of rows"),
    ):
        portal.contacts.write_arrow(batches)


def test_data_frames_are_written_as_they_are(shell: Shell, portal: Any, service: Service) -> None:
    import pandas as pd
    import polars as pl

    service.answer(httpx2.Response(200, json={"Ids": []}))
    days = [dt.date(2026, 1, 2), dt.date(2026, 1, 3)]
    statuses = [100000001, None]
    frames = [
        pl.DataFrame({"firstname": ["a", "b"], "new_mentor_status": statuses, "new_certification_expiry": days}),
        pd.DataFrame({"firstname": ["a", "b"], "new_mentor_status": statuses, "new_certification_expiry": days}),
        pa.record_batch({"firstname": ["a", "b"], "new_mentor_status": statuses, "new_certification_expiry": days}),
    ]
    for frame in frames:
        assert [result.ok for result in shell(portal.contacts.write_arrow(frame))] == [True, True]
        assert [(body["firstname"], body["new_mentor_status"]) for body in bodies(service)] == [
            ("a", 100000001),
            ("b", None),
        ]


# Without pyarrow


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("dynamics_portal._arrow")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)


@pytest.mark.usefixtures("without_pyarrow")
@pytest.mark.parametrize("client", [DynamicsPortalClient, AsyncDynamicsPortalClient])
def test_without_the_extra_an_error_names_it(client: Any) -> None:
    portal = client.no_op()
    calls: list[Callable[[], Any]] = [
        portal.contacts.read_arrow,
        portal.contacts.changes_arrow,
        lambda: portal.contacts.write_arrow(object()),
        lambda: importlib.import_module("dynamics_portal._arrow_stream").arrow_schema(Contact),
    ]
    for call in calls:
        with pytest.raises(ImportError, match=r"pyarrow is missing: install the extra, dynamics-portal\[arrow\]"):
            call()
