"""FetchXML: what is checked before a query is sent, values that need no escaping, pages by cookie and by number."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import API, MENTOR, Service, Shell, problem

from dynamics_portal import InvalidRequestError, NetworkError, ServerError
from dynamics_portal._fetchxml import FetchQuery, cookie_of
from dynamics_portal_api.models import Contact, ContactMentorStatus

COOKIE = '<cookie page="1"><fullname last="Åse &amp; co (sample)" first="Kari"/></cookie>'
SIMPLE = "<fetch><entity name='contact'><attribute name='fullname'/></entity></fetch>"


def annotation(cookie: str) -> str:
    """A paging cookie as the service sends it: encoded twice, in an attribute."""
    return f'<cookie pagenumber="2" pagingcookie="{quote(quote(cookie, safe=""), safe="")}" istracking="False" />'


def page(*names: str, more: bool = False, cookie: str | None = None, **members: Any) -> httpx2.Response:
    body: dict[str, Any] = {"@Microsoft.Dynamics.CRM.morerecords": more, **members}
    if cookie is not None:
        body["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"] = annotation(cookie)
    body["value"] = [{"contactid": str(MENTOR), "fullname": name} for name in names]
    return httpx2.Response(200, json=body)


def tree(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 # the client's own text


def asked(request: httpx2.Request) -> ET.Element:
    """The query that a request carries."""
    assert request.url.path.endswith("/contacts")
    return tree(request.url.params["fetchXml"])


def filtered(value: str = "value='{name}'/", operator: str = "eq", attribute: str = "lastname") -> str:
    condition = f"<condition attribute='{attribute}' operator='{operator}' {value}>"
    return f"<fetch><entity name='contact'><filter>{condition}</filter></entity></fetch>"


def test_rows_are_typed_and_what_the_table_lacks_is_kept(shell: Shell, portal: Any, service: Service) -> None:
    row = {"contactid": str(MENTOR), "new_mentor_status": 100000001, "chapter.new_name": "Oslo", "status_alias": 5}
    service.answer(httpx2.Response(200, json={"value": [row]}))
    (mentor,) = shell(portal.contacts.fetch_xml(SIMPLE))
    assert isinstance(mentor, Contact)
    assert mentor.new_mentor_status is ContactMentorStatus.PAUSED
    assert mentor.additional_properties == {"chapter.new_name": "Oslo", "status_alias": 5}
    assert not mentor.lastname


def test_the_page_and_its_size_are_said_and_cookies_are_asked_for(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(page("Kari"))
    shell(portal.contacts.fetch_xml(SIMPLE))
    assert asked(service.last).attrib == {"count": "5000", "page": "1"}
    assert "fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords" in service.last.headers["prefer"]
    shell(portal.contacts.fetch_xml(SIMPLE, page_size=3, annotations=True))
    assert asked(service.last).attrib == {"count": "3", "page": "1"}
    assert service.last.headers["prefer"] == 'odata.include-annotations="*"'


def test_the_cookie_of_a_page_brings_the_next_one(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(page("a", "b", more=True, cookie=COOKIE), page("c", more=True, cookie="<cookie page='2'/>"), page())
    rows = shell(portal.contacts.fetch_xml(SIMPLE, page_size=2))
    assert [row.fullname for row in rows] == ["a", "b", "c"]
    assert [asked(request).attrib for request in service.requests] == [
        {"count": "2", "page": "1"},
        {"count": "2", "page": "2", "paging-cookie": COOKIE},
        {"count": "2", "page": "3", "paging-cookie": "<cookie page='2'/>"},
    ]


def test_a_page_that_failed_is_asked_for_again(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(page("a", more=True, cookie=COOKIE), *[httpx2.ConnectError("")] * 3, page("b"))
    rows = portal.contacts.fetch_xml(SIMPLE)
    assert shell.next(rows).fullname == "a"
    with pytest.raises(NetworkError):
        shell.next(rows)
    assert [row.fullname for row in shell(rows)] == ["b"]


def test_a_query_begins_at_its_own_page(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(page("a"))
    own = SIMPLE.replace("<fetch>", "<fetch page='4' count='7' paging-cookie='x'>")
    shell(portal.contacts.fetch_xml(own))
    assert asked(service.last).attrib == {"page": "4", "count": "7", "paging-cookie": "x"}


def test_top_is_one_page(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(page("a", more=True))
    assert len(shell(portal.contacts.fetch_xml(SIMPLE.replace("<fetch>", "<fetch top='1'>")))) == 1
    assert asked(service.last).attrib == {"top": "1"}
    assert len(service.requests) == 1


def test_without_cookies_pages_go_by_number_to_the_services_end_and_no_further(
    shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(lambda request: page(*["a"] * 5000, more=asked(request).get("page") != "10"))
    rows = portal.contacts.fetch_xml(SIMPLE)
    pages = rows.pages()
    for number in range(1, 11):
        assert len(shell.next(pages)) == 5000
        assert asked(service.last).attrib == {"count": "5000", "page": str(number)}
    with pytest.raises(InvalidRequestError, match="no more than 50,000 rows, which have come"):
        shell.next(pages)
    assert len(service.requests) == 10


def test_with_cookies_there_is_no_such_end(shell: Shell, portal: Any, service: Service) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        number = int(asked(request).attrib["page"])
        return page(*["a"] * 5000, more=number < 11, cookie=f"<cookie page='{number}'/>")

    service.answer(answer)
    assert sum(len(found) for found in shell(portal.contacts.fetch_xml(SIMPLE).pages())) == 55_000


def test_a_few_rows_without_a_cookie_are_no_error(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(page("a", more=True), page("b"))
    assert len(shell(portal.contacts.fetch_xml(SIMPLE, page_size=1))) == 2


@pytest.mark.parametrize(
    "answer",
    [
        page(more=True),
        httpx2.Response(200, json={"value": 5}),
        httpx2.Response(200, json={"value": [], "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie": "nonsense"}),
        httpx2.Response(200, json={"value": [], "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie": "<cookie/>"}),
        httpx2.Response(200, json={"value": [], "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie": 5}),
        httpx2.Response(200, json={"value": [], "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie": "<!DOCTYPE a><a/>"}),
    ],
)
def test_an_answer_that_makes_no_sense_is_the_services_fault(
    answer: httpx2.Response, shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(answer)
    with pytest.raises(ServerError):
        shell(portal.contacts.fetch_xml(SIMPLE))


ENTITY = "<fetch><entity name='contact'>{}</entity></fetch>"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (5, "FetchXML: expected text, got int"),
        ("", "FetchXML: not well-formed, line 1"),
        ("<fetch>\n<entity name='contact'>", "FetchXML: not well-formed, line 2"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><fetch/>", "a query has no declarations"),
        ("<query/>", "expected a fetch element with one entity in it"),
        ("<fetch/>", "expected a fetch element with one entity in it"),
        ("<fetch><entity name='contact'/><entity name='contact'/></fetch>", "with one entity in it"),
        ("<fetch><entity name='account'/></fetch>", "the entity must be 'contact', the table that is asked"),
        ("<fetch aggregate='true'><entity name='contact'/></fetch>", "the query aggregates; use fetch_xml_aggregate"),
        ("<fetch count='x'><entity name='contact'/></fetch>", "count must be a whole number above 0"),
        ("<fetch page='0'><entity name='contact'/></fetch>", "page must be a whole number above 0"),
        (ENTITY.format("<attribute name='fullnam'/>"), "Contact has no column 'fullnam'; did you mean 'fullname'?"),
        (ENTITY.format("<order attribute='x'/>"), "Contact has no column 'x'"),
        (ENTITY.format("<filter><filter><condition attribute='x' operator='null'/></filter></filter>"), "column 'x'"),
        (
            ENTITY.format("<attribute name='fullname' alias='createdon'/>"),
            "the alias 'createdon' is the name of another column",
        ),
        (
            ENTITY.format("<link-entity name='a'><attribute name='x' alias='createdon'/></link-entity>"),
            "the alias 'createdon' is the name of another column",
        ),
    ],
)
def test_what_cannot_be_sent_is_found_before_it_is(query: Any, told: str, portal: Any, service: Service) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(told)):
        portal.contacts.fetch_xml(query)
    assert service.requests == []


@pytest.mark.parametrize(
    "inner",
    [
        "<attribute name='ownerid'/>",
        "<attribute name='_ownerid_value'/>",
        "<attribute name='fullname' alias='fullname'/><all-attributes/>",
        "<filter><condition entityname='c' attribute='x' operator='null'/></filter>",
        "<link-entity name='a'><attribute name='x'/><filter><condition attribute='y'/></filter></link-entity>",
        "<order alias='n'/><!-- a comment -->",
    ],
)
def test_columns_of_lookups_and_of_other_tables_are_let_through(inner: str, portal: Any) -> None:
    portal.contacts.fetch_xml(ENTITY.format(inner))


def test_a_page_size_is_said_once(portal: Any) -> None:
    for attributes in ("count='5'", "top='5'"):
        with pytest.raises(InvalidRequestError, match="page_size: the query has a top or a count of its own"):
            portal.contacts.fetch_xml(SIMPLE.replace("<fetch>", f"<fetch {attributes}>"), page_size=5)
    with pytest.raises(InvalidRequestError, match="page_size must be at least 1"):
        portal.contacts.fetch_xml(SIMPLE, page_size=0)


def condition(query: str, values: dict[str, Any]) -> ET.Element:
    """The first condition of a query with values in it."""
    found = tree(FetchQuery(Contact, query, values).text()).find(".//condition")
    assert found is not None
    return found


@given(st.text())
def test_a_value_is_a_value_whatever_is_in_it(text: str) -> None:
    if re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", text):
        with pytest.raises(ValueError, match="name has a character that XML cannot hold"):
            condition(filtered(), {"name": text})
    else:
        assert condition(filtered(), {"name": text}).get("value") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (True, "1"),
        (False, "0"),
        (ContactMentorStatus.PAUSED, "100000001"),
        (Decimal("1E+2"), "100"),
        (1.5, "1.5"),
        (MENTOR, str(MENTOR)),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), "2026-01-02T03:00:00+00:00"),
        ("' or 1=1 --", "' or 1=1 --"),
    ],
)
def test_values_are_spelled_as_fetchxml_has_them(value: Any, text: str) -> None:
    assert condition(filtered(), {"name": value}).get("value") == text


def test_a_value_may_be_part_of_a_text(portal: Any) -> None:
    found = condition(filtered("value='%{name}%'/", "like"), {"name": "50 {x}"})
    assert found.get("value") == "%50 {x}%"


def test_a_list_gives_one_element_for_each_value() -> None:
    query = filtered("><value>0</value><value>{ids}</value></condition", "in")
    ids = [UUID(int=1), UUID(int=2)]
    assert [item.text for item in condition(query, {"ids": ids})] == ["0", str(ids[0]), str(ids[1])]
    assert [item.text for item in condition(query, {"ids": 7})] == ["0", "7"]


def test_braces_stand_for_themselves_where_no_values_are_given() -> None:
    query = filtered("value='{name}'/")
    assert tree(FetchQuery(Contact, query).text())[0][0][0].get("value") == "{name}"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"other": 1}, "the query has {name}, for which there is no value"),
        ({"name": 1, "other": 1}, "no condition of the query has {other}"),
        ({"name": None}, "name cannot be a NoneType"),
        ({"name": [1]}, "name cannot be a list"),
        ({"name": dt.datetime(2026, 1, 1)}, "name needs a time zone"),
        ([1], "values: expected a mapping, got list"),
    ],
)
def test_values_that_do_not_fit_are_named_but_not_told(values: Any, told: str, portal: Any) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(told)):
        portal.contacts.fetch_xml(filtered(), values=values)


def test_an_empty_list_is_refused(portal: Any) -> None:
    query = filtered("><value>{ids}</value></condition", "in")
    with pytest.raises(InvalidRequestError, match="ids is empty"):
        portal.contacts.fetch_xml(query, values={"ids": []})


def test_a_query_that_is_too_long_for_a_url_goes_as_a_batch(shell: Shell, portal: Any, service: Service) -> None:
    body = b'--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{"value":[]}\r\n--b--\r\n'
    service.answer(httpx2.Response(200, headers={"Content-Type": "multipart/mixed; boundary=b"}, content=body))
    assert shell(portal.contacts.fetch_xml(filtered(), values={"name": "x" * 40_000})) == []
    assert (service.last.method, service.last.url.path[-7:]) == ("POST", "/$batch")
    with pytest.raises(InvalidRequestError, match="characters"):
        portal.contacts.fetch_xml(filtered(), values={"name": "x" * 70_000})


def test_aggregates_are_dictionaries_by_alias(shell: Shell, portal: Any, service: Service) -> None:
    query = (
        "<fetch aggregate='true'><entity name='contact'><attribute name='new_mentor_status' alias='status' "
        "groupby='true'/><attribute name='contactid' alias='n' aggregate='count'/></entity></fetch>"
    )
    body = {"value": [{"status": 100000000, "n": 2}, {"n": 1.50}]}
    service.answer(httpx2.Response(200, json=body))
    assert shell(portal.contacts.fetch_xml_aggregate(query)) == [{"status": 100000000, "n": 2}, {"n": Decimal("1.5")}]
    assert asked(service.last).attrib == {"aggregate": "true"}
    with pytest.raises(InvalidRequestError, match="the query does not aggregate; use fetch_xml"):
        shell(portal.contacts.fetch_xml_aggregate(SIMPLE))


def test_the_state_of_a_query_is_not_stored(portal: Any) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be taken up by another process"):
        _ = portal.contacts.fetch_xml(SIMPLE).state


VIEW = UUID("00000000-0000-0000-00aa-000010001002")


@pytest.mark.parametrize(("verb", "views"), [("saved_query", "savedqueries"), ("user_query", "userqueries")])
def test_a_view_is_read_and_then_its_pages(verb: str, views: str, shell: Shell, portal: Any, service: Service) -> None:
    text = SIMPLE.replace("fullname", "columnofours")
    service.answer(httpx2.Response(200, json={"fetchxml": text}), page("a", more=True, cookie=COOKIE), page("b"))
    rows = getattr(portal.contacts, verb)(str(VIEW), page_size=1)
    assert [row.fullname for row in shell(rows)] == ["a", "b"]
    assert str(service.requests[0].url) == f"{API}{views}({VIEW})?$select=fetchxml"
    assert [asked(request).get("page") for request in service.requests[1:]] == ["1", "2"]


def test_the_first_page_of_a_view_is_its_rows(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"fetchxml": SIMPLE}), page("a"))
    assert [row.fullname for row in shell(portal.contacts.saved_query(VIEW).page())] == ["a"]


def test_a_view_of_another_table_is_refused(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={"fetchxml": SIMPLE.replace("contact", "account")}))
    with pytest.raises(InvalidRequestError, match="the entity must be 'contact'"):
        shell(portal.contacts.saved_query(VIEW))
    assert len(service.requests) == 1


@pytest.mark.parametrize("body", [{}, {"fetchxml": None}])
def test_a_view_without_a_query_is_the_services_fault(
    body: dict[str, Any], shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(httpx2.Response(200, json=body))
    with pytest.raises(ServerError, match="the view holds no FetchXML"):
        shell(portal.contacts.saved_query(VIEW))


@pytest.mark.parametrize("key", ["x", 5, None])
def test_what_is_no_id_of_a_view_is_refused(key: Any, portal: Any, service: Service) -> None:
    with pytest.raises(InvalidRequestError, match="the id of a view is a UUID"):
        portal.contacts.saved_query(key)


def test_a_client_that_does_nothing_finds_nothing(client_class: Any) -> None:
    shell = Shell(client_class.no_op())
    contacts = shell.portal.contacts
    assert shell(contacts.fetch_xml(SIMPLE)) == []
    assert shell(contacts.saved_query(VIEW)) == []
    assert shell.portal.recorded == ()
    shell.close()


def test_an_error_shows_no_value(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(problem(400, "0x80040203", "echo"))
    rows = portal.contacts.fetch_xml(filtered(), values={"name": "Nordmann"})
    assert "Nordmann" not in repr(rows)
    with pytest.raises(InvalidRequestError) as caught:
        shell(rows)
    assert "Nordmann" not in str(caught.value)
    assert "Nordmann" not in repr(FetchQuery(Contact, filtered(), {"name": "Nordmann"}))


def test_a_cookie_is_decoded_twice() -> None:
    assert cookie_of(annotation(COOKIE)) == COOKIE
    assert cookie_of(None) is None
    assert cookie_of('<cookie pagenumber="2" pagingcookie="" istracking="False" />') is None
