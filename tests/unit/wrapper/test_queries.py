"""Typed queries through both clients: what is sent, what comes back, and how a query goes on where it had come to."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from email import policy
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.packages import Packages, packages
from tests.unit.generator.kinds import KIND_CHOICES, KINDS
from tests.unit.wrapper.support import API, MENTOR, Clock, Service, Shell, make_portal, problem, rows

import dynamics_portal_api
from dynamics_portal import (
    AsyncPortalClient,
    InvalidRequestError,
    PortalClient,
    RateLimitedError,
    ServerError,
    columns,
    count,
)
from dynamics_portal._query import query
from dynamics_portal_api.models import Contact, ContactMentorStatus, DynamicsHlfSyncResponse

__all__ = ["packages"]  # a fixture

STATUS = ContactMentorStatus


def query_of(request: httpx2.Request) -> str:
    return unquote(request.url.query.decode())


def mentors(*numbers: int, next_link: str | None = None) -> httpx2.Response:
    """A page of mentors with these numbers as ids."""
    return rows(*({"contactid": str(UUID(int=number))} for number in numbers), next_link=next_link)


def numbers(found: list[Any]) -> list[int]:
    return [mentor.contactid.int for mentor in found]


# What is sent


def test_a_typed_query_is_sent_percent_encoded(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows({"contactid": str(MENTOR), "firstname": "Kåre"}))
    c = portal.contacts.c
    found = shell(
        portal.contacts.list(
            filter=(c.lastname == "O'Brien & +Å") & ~c.new_mentor_status.in_([STATUS.PAUSED]),
            select=[c.firstname, "lastname"],
            order_by=[c.new_certification_expiry.desc(), "firstname"],
            expand=[c.new_certification_mentor_contact.expand(filter=lambda one: one.new_name == "a;b#", top=3)],
            top=10,
        )
    )
    assert found[0].firstname == "Kåre"
    raw = service.last.url.raw_path.decode()
    assert raw.isascii()
    assert raw.count("&") == 4  # between the options, and nowhere else
    assert "#" not in raw
    assert "+" not in raw
    assert query_of(service.last) == (
        "$select=firstname,lastname"
        "&$expand=new_certification_Mentor_contact($filter=new_name eq 'a;b#';$top=3)"
        "&$filter=lastname eq 'O''Brien & +Å' and "
        "Microsoft.Dynamics.CRM.NotIn(PropertyName='new_mentor_status',PropertyValues=[\"100000001\"])"
        "&$orderby=new_certification_expiry desc,firstname&$top=10"
    )


def test_columns_need_no_client(portal: Any) -> None:
    condition = columns(Contact).new_certification_expiry < date(2026, 1, 1)
    assert condition == (portal.contacts.c.new_certification_expiry < date(2026, 1, 1))
    with pytest.raises(InvalidRequestError, match="row class"):
        columns(DynamicsHlfSyncResponse)  # type: ignore[arg-type] # the mistake that is meant


def test_get_takes_columns_too(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"contactid": str(MENTOR)}))
    c = portal.contacts.c
    shell(portal.contacts.get(MENTOR, select=[c.firstname], expand=[c.new_assignment_mentor_contact]))
    assert query_of(service.last) == "$select=firstname&$expand=new_assignment_Mentor_contact"


class Name(str):
    """A name that is no plain text, and so is looked at each time."""


@given(st.lists(st.sampled_from(["firstname", "lastname", "contactid", " fullname ", "nothing"]), min_size=1))
def test_names_that_were_asked_for_before_give_the_same_query(names: list[str]) -> None:
    def asked(**options: Any) -> str:
        try:
            return query(Contact, **options)
        except ValueError as error:
            return str(error)

    for more in ({}, {"top": 5, "count": True}, {"filter": "statecode eq 0"}):
        looked_at = asked(select=[Name(name) for name in names], **more)
        assert [asked(select=names, **more) for _ in range(2)] == [looked_at, looked_at]
        assert ("nothing" in names) == ("did you mean" in looked_at or "no column" in looked_at)


@pytest.mark.parametrize(
    ("verb", "problem_named"),
    [
        (lambda portal, other: portal.contacts.list(filter=other.new_expires_on.today()), "condition on Dynamics"),
        (lambda portal, other: portal.contacts.list(select=[other.new_expires_on]), "select: the column"),
        (lambda portal, other: portal.contacts.list(order_by=[other.new_expires_on.asc()]), "order_by: the column"),
        (lambda portal, other: portal.contacts.list(expand=[other.new_mentor]), "expand: the navigation property"),
        (lambda portal, other: portal.contacts.list(filter=True), "filter: expected a condition"),
        (lambda portal, other: portal.contacts.list(nothing=1), "nothing"),
        (lambda portal, other: portal.contacts.count(filter=other.new_expires_on.today()), "condition on Dynamics"),
        (lambda portal, other: portal.contacts.aggregate(), "give columns to group by"),
        (lambda portal, other: portal.contacts.aggregate(n=other.new_expires_on.max()), "n: the column"),
        (lambda portal, other: portal.contacts.aggregate(n="sum"), "n is str"),
        (lambda portal, other: portal.contacts.aggregate(firstname=count()), "firstname is a column"),
        (lambda portal, other: portal.contacts.aggregate(**{"a b": count()}), "letters, digits and underscores"),
        (lambda portal, other: portal.contacts.aggregate(group_by="firstname"), "group_by: expected a list"),
        (lambda portal, other: portal.contacts.aggregate(group_by=["firstnam"]), "did you mean 'firstname'"),
        (lambda portal, other: portal.contacts.aggregate(group_by=[count()]), "group_by: RowCount"),
        (lambda portal, other: portal.contacts.aggregate(group_by=["createdon"]), "a date"),
        (lambda portal, other: portal.contacts.aggregate(group_by=["firstname"], order_by="lastname"), "it groups by"),
        (lambda portal, other: portal.contacts.aggregate("groupby((x))", n=count()), "no room for keywords"),
        (lambda portal, other: portal.contacts.aggregate(" "), "the text of"),
        (lambda portal, other: portal.new_assignments.aggregate(
            group_by=[portal.new_assignments.c.new_mentor.c.ownerid.c.ownerid,
                      portal.new_assignments.c.new_chapter.c.ownerid.c.ownerid]), "without a table"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_before_any_request_leaves(
    verb: Callable[[Any, Any], Any], problem_named: str, shell: Shell, portal: Any, service: Service
) -> None:
    with pytest.raises((InvalidRequestError, TypeError)) as caught:
        shell(verb(portal, portal.new_certifications.c))
    assert problem_named in str(caught.value)
    assert service.requests == service.token_requests == []


# Counts and aggregates


def test_count_and_total(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, content=b"42"))
    assert shell(portal.contacts.count(filter=portal.contacts.c.firstname == "Kari")) == 42
    assert query_of(service.last) == "$filter=firstname eq 'Kari'"
    told = {"EntityRecordCountCollection": {"Count": 1, "IsReadOnly": False, "Keys": ["contact"], "Values": [60123]}}
    service.answers = [httpx2.Response(200, json=told)]
    assert shell(portal.contacts.total()) == 60123
    assert str(service.last.url).startswith(f"{API}RetrieveTotalRecordCount(EntityNames=@names)")
    assert query_of(service.last) == '@names=["contact"]'
    service.answers = [httpx2.Response(200, json={"EntityRecordCountCollection": {"Keys": [], "Values": []}})]
    with pytest.raises(ServerError):
        shell(portal.contacts.total())


def test_a_list_can_tell_how_many_rows_there_are_in_all(shell: Shell, portal: Any, service: Service) -> None:
    counted = {
        "@odata.count": 5000,
        "@Microsoft.Dynamics.CRM.totalrecordcount": 5000,
        "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded": True,
        "value": [{"contactid": str(MENTOR)}],
    }
    service.answer(httpx2.Response(200, json=counted))
    found = portal.contacts.list(count=True, page_size=1)
    assert (found.total, found.total_is_capped) == (None, False)
    page = shell(found.page())
    assert (page.total, page.total_is_capped, found.total, found.total_is_capped) == (5000, True, 5000, True)
    assert query_of(service.last) == "$count=true"
    assert service.last.headers["prefer"] == (
        'odata.maxpagesize=1,odata.include-annotations="Microsoft.Dynamics.CRM.totalrecordcount,'
        'Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"'
    )


def test_an_aggregate_is_a_dictionary_in_the_order_asked_for(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(
        rows(
            {"n": 3, "latest": "2026-01-31", "new_mentor_status": 100000001},
            next_link=f"{API}contacts?$skiptoken=2",
        ),
        rows({"n": 1, "latest": None}),
    )
    c = portal.contacts.c
    found = shell(
        portal.contacts.aggregate(
            group_by=[c.new_mentor_status],
            filter=c.firstname == "Kari",
            order_by=[c.new_mentor_status.desc()],
            n=count(),
            latest=c.new_certification_expiry.max(),
        )
    )
    assert found == [
        {"new_mentor_status": STATUS.PAUSED, "n": 3, "latest": date(2026, 1, 31)},
        {"new_mentor_status": None, "n": 1, "latest": None},
    ]
    assert isinstance(found[0]["new_mentor_status"], STATUS)
    assert [list(row) for row in found] == [["new_mentor_status", "n", "latest"]] * 2
    assert query_of(service.requests[0]) == (
        "$apply=filter(firstname eq 'Kari')/groupby((new_mentor_status),"
        "aggregate($count as n,new_certification_expiry with max as latest))&$orderby=new_mentor_status desc"
    )


def test_values_without_groups_groups_without_values_and_text(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows({"total": 12}))
    assert shell(portal.contacts.aggregate(total=portal.contacts.c.versionnumber.sum())) == [{"total": 12}]
    assert query_of(service.last) == "$apply=aggregate(versionnumber with sum as total)"
    service.answers = [rows({"new_chapter_new_name": "Oslo"})]
    c = portal.new_assignments.c
    assert shell(portal.new_assignments.aggregate(group_by=[c.new_chapter.c.new_name])) == [
        {"new_Chapter/new_name": "Oslo"}
    ]
    assert query_of(service.last) == "$apply=groupby((new_Chapter/new_name))"
    service.answers = [rows({"x": 1})]
    assert shell(portal.contacts.aggregate("aggregate($count as x)")) == [{"x": 1}]


def test_two_values_under_one_name_are_refused(shell: Shell, portal: Any, service: Service) -> None:
    c = portal.contacts.c
    twice = [c.new_mentor_status, "new_mentor_status"]
    with pytest.raises(InvalidRequestError, match="two values under the name 'new_mentor_status'"):
        shell(portal.contacts.aggregate(group_by=twice))


def test_money_stays_exact(packages: Packages, service: Service, clock: Clock) -> None:
    package = packages.of_csdl("kinds_api", KINDS, KIND_CHOICES)
    service.answer(httpx2.Response(200, content=b'{"value":[{"total":440000.000000000100,"mean":1.5}]}'))
    with make_portal(PortalClient, service, clock, api=package.module()) as portal:
        c = portal.things.c
        assert portal.things.aggregate(total=c.money.sum(), mean=c.number.average()) == [
            {"total": Decimal("440000.0000000001"), "mean": Decimal("1.5")}
        ]


def test_an_aggregate_that_makes_no_sense_is_the_services_fault(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows({"latest": "tomorrow"}))
    with pytest.raises(ServerError):
        shell(portal.contacts.aggregate(latest=portal.contacts.c.new_certification_expiry.max()))


# Pages, and where a query had come to


def test_one_page_after_the_other(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1, 2, next_link=f"{API}contacts?$skiptoken=2"), mentors(3))
    found = portal.contacts.list()
    assert numbers([shell.next(found)]) == [1]
    assert numbers(shell(found.page())) == [2]
    assert numbers(shell(found.page())) == [3]
    assert numbers(shell(found.page())) == []
    assert len(service.requests) == 2


class Pages:
    """A service with rows in pages; each link leads to the page that begins with a row."""

    def __init__(self, ids: list[int], size: int) -> None:
        self.ids = ids
        self.size = size
        self.preferences: set[str] = set()
        self.failures = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.failures:
            self.failures -= 1
            return problem(400)
        self.preferences.add(request.headers.get("prefer", ""))
        after = int(request.url.params.get("$skiptoken", -1))
        left = [number for number in self.ids if number > after]
        page = left[: self.size]
        link = f"{API}contacts?$filter=x&$skiptoken={page[-1]}" if len(left) > self.size else None
        return mentors(*page, next_link=link)


CLIENTS = pytest.mark.parametrize("client", [PortalClient, AsyncPortalClient], ids=["sync", "async"])


@CLIENTS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    total=st.integers(0, 7),
    size=st.integers(1, 4),
    top=st.none() | st.integers(1, 8),
    lives=st.lists(st.lists(st.booleans(), max_size=3), max_size=4),
)
def test_a_query_goes_on_in_another_process_where_it_had_come_to(
    client: Any, total: int, size: int, top: int | None, lives: list[list[bool]]
) -> None:
    """Each life is a process that takes rows, some after a page that failed, stores the state and ends."""
    pages, service = Pages(list(range(total)), size), Service()
    service.answer(pages)
    taken: list[int] = []
    shell = Shell(make_portal(client, service, Clock(), api=dynamics_portal_api))
    found = shell.portal.table("contacts").list(top=top, page_size=size)
    for life in lives:
        for fails in life:
            pages.failures = int(fails)
            try:
                taken += numbers([shell.next(found)])
            except InvalidRequestError:
                assert fails
            except (StopIteration, StopAsyncIteration):
                break
        pages.failures = 0
        state = json.dumps(found.state)
        shell.close()
        shell = Shell(make_portal(client, service, Clock(), api=dynamics_portal_api))
        found = shell.portal.table("contacts").resume(json.loads(state))
    taken += numbers(shell(found))
    shell.close()
    assert taken == list(range(total))[:top]
    assert pages.preferences <= {f"odata.maxpagesize={min(size, top or size)}"}


def test_a_state_knows_its_row_wherever_it_stands_now(shell: Shell, portal: Any, service: Service) -> None:
    pages = Pages([1, 2, 3, 4], 4)
    service.answer(pages)
    found = portal.contacts.list()
    assert numbers([shell.next(found), shell.next(found)]) == [1, 2]
    state = found.state
    pages.ids = [0, 2, 3, 4]  # one before was deleted, one came in before it
    assert numbers(shell(portal.contacts.resume(state))) == [3, 4]
    pages.ids = [1, 3, 4]
    with pytest.raises(InvalidRequestError, match="no longer on its page"):
        shell(portal.contacts.resume(state))


def test_a_state_of_pages_leads_to_the_next_page(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(Pages([1, 2, 3], 2))
    pages = portal.contacts.list().pages()
    assert numbers(shell.next(pages)) == [1, 2]
    assert numbers(shell(portal.contacts.resume(pages.state))) == [3]
    assert [numbers(page) for page in shell(portal.contacts.resume(pages.state).pages())] == [[3]]


def test_a_state_is_text_whose_representation_is_silent(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1, 2))
    found = portal.contacts.list(filter="firstname eq 'Kari'")
    shell.next(found)
    state = found.state
    assert "Kari" in state
    assert repr(state) == "<PagingState>"
    assert json.loads(json.dumps(state)) == state
    assert shell(portal.contacts.resume(state).page())[0].contactid == UUID(int=2)


def test_a_row_without_its_key_cannot_be_found_again(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(rows({"firstname": "a"}, {"firstname": "b"}))
    found = portal.contacts.list()
    shell.next(found)
    with pytest.raises(InvalidRequestError, match="between two pages"):
        found.state  # noqa: B018 # asking is enough


STATE = {
    "version": 1,
    "table": "contacts",
    "next": f"{API}contacts?$x",
    "left": None,
    "prefer": "",
    "taken": 0,
    "after": {},
}


@pytest.mark.parametrize(
    "state",
    [
        7,
        b"{}",
        "",
        "{}",
        "[]",
        "null",
        "[" * 100_000,
        {"version": 2},
        {"table": "new_chapters"},
        {"table": 5},
        {"next": "https://evil.example/api/data/v9.2/contacts?$x"},
        {"next": "http://hlf.crm4.dynamics.com/api/data/v9.2/contacts"},
        {"next": f"{API}contacts/../systemusers"},
        {"next": f"{API}systemusers"},
        {"next": f"{API}contactsx?"},
        {"next": f"{API}contacts?\r\nx"},
        {"next": 5},
        {"left": -1},
        {"left": "1"},
        {"taken": 1.5},
        {"prefer": "a\r\nX-Evil: b"},
        {"prefer": "Å"},
        {"after": []},
    ],
)
def test_what_is_no_state_of_this_table_is_refused(state: Any, portal: Any, service: Service) -> None:
    text = json.dumps({**STATE, **state}) if isinstance(state, dict) else state
    with pytest.raises(InvalidRequestError, match="state") as caught:
        portal.contacts.resume(text)
    assert "evil" not in str(caught.value)
    assert service.requests == []


def test_a_state_that_is_usable_is_used(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1, 2, 3))
    assert len(shell(portal.contacts.resume(json.dumps({**STATE, "left": 2})))) == 2
    assert shell(portal.contacts.resume(json.dumps({**STATE, "next": None}))) == []


# Long queries


def batched(request: httpx2.Request, answer: httpx2.Response, status: int = 200) -> httpx2.Response:
    """The answer to a batch with one part."""
    head = [f"HTTP/1.1 {answer.status_code} X", *(f"{name}: {value}" for name, value in answer.headers.items())]
    lines = ["--r", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "", *head, "", ""]
    body = "\r\n".join(lines).encode() + answer.content + b"\r\n--r--\r\n"
    return httpx2.Response(status, headers={"Content-Type": "multipart/mixed; boundary=r"}, content=body)


def inner(request: httpx2.Request) -> tuple[str, dict[str, str]]:
    """The address and the headers of the one request in a batch."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message: Any = BytesParser(policy=policy.HTTP).parsebytes(head + request.content)
    (part,) = message.get_payload()
    line, _, rest = part.get_payload(decode=True).partition(b"\r\n")
    method, url, version = line.decode().split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    headers = dict(item.split(": ", 1) for item in rest.decode().split("\r\n") if item)
    return url, headers


LONG = "x" * 33_000


def test_a_query_too_long_for_a_url_goes_through_a_batch(shell: Shell, portal: Any, service: Service) -> None:
    link = f"{API}contacts?$filter={LONG}&$skiptoken=2"
    service.answer(
        lambda request: batched(request, mentors(1, 2, next_link=link)),
        lambda request: batched(request, mentors(3)),
    )
    c = portal.contacts.c
    found = shell(portal.contacts.list(filter=c.firstname == LONG, page_size=2))
    assert numbers(found) == [1, 2, 3]
    first, second = service.requests
    assert (first.method, str(first.url)) == ("POST", f"{API}$batch")
    assert inner(first)[0] == f"{API}contacts?$filter=firstname%20eq%20'{LONG}'"
    assert inner(first)[1]["Prefer"] == inner(second)[1]["Prefer"] == "odata.maxpagesize=2"
    assert inner(first)[1]["OData-Version"] == "4.0"
    assert inner(second)[0] == link


def test_get_count_and_a_short_query_do_not_differ(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(lambda request: batched(request, httpx2.Response(200, content=b"7")))
    assert shell(portal.contacts.count(filter=portal.contacts.c.firstname == LONG)) == 7
    service.answers = [mentors(1)]
    shell(portal.contacts.list(filter=portal.contacts.c.firstname == "x" * 32_000))
    assert service.last.method == "GET"


def test_what_a_batch_holds_decides_what_is_raised_and_what_is_tried_again(
    shell: Shell, portal: Any, service: Service, clock: Clock
) -> None:
    condition = portal.contacts.c.firstname == LONG
    service.answer(
        lambda request: batched(request, problem(503), 503),
        lambda request: batched(request, problem(429, Retry_After="12")),
        lambda request: batched(request, httpx2.Response(200, content=b"7")),
    )
    assert shell(portal.contacts.count(filter=condition)) == 7
    assert clock.slept == [1.0, 12.0]
    service.answers = [lambda request: batched(request, problem(400, "0x80060888", "no such column"), 400)]
    with pytest.raises(InvalidRequestError) as caught:
        shell(portal.contacts.count(filter=condition))
    assert caught.value.dynamics_code == "0x80060888"
    service.answers = [problem(429, Retry_After="1000")]
    with pytest.raises(RateLimitedError):
        shell(portal.contacts.count(filter=condition))


@pytest.mark.parametrize("content_type", ["application/json", "multipart/mixed; boundary=r", ""])
def test_an_answer_to_a_batch_that_is_none_is_the_services_fault(
    content_type: str, shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(httpx2.Response(200, headers={"Content-Type": content_type}, content=b'{"value":[]}'))
    with pytest.raises(ServerError):
        shell(portal.contacts.list(filter=portal.contacts.c.firstname == LONG))


def test_a_next_link_too_long_even_for_a_batch_is_told(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(mentors(1, next_link=f"{API}contacts?{'y' * 66_000}"))
    found = portal.contacts.list()
    shell.next(found)
    with pytest.raises(InvalidRequestError, match="65536"):
        shell.next(found)


# The client that does nothing


def test_a_client_that_does_nothing_finds_nothing_and_has_written_nothing(client_class: Any, caplog: Any) -> None:
    shell = Shell(client_class.no_op())
    c = shell.portal.contacts.c
    listing = shell.portal.contacts.list(filter=c.firstname == LONG, count=True)
    assert shell(listing) == []
    assert listing.total == 0
    assert shell(shell.portal.contacts.aggregate(n=count())) == []
    assert shell(shell.portal.contacts.total()) == 0
    assert shell.portal.recorded == ()
    shell.close()
