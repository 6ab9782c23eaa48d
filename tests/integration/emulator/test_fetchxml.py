"""FetchXML: columns, conditions, order, and what is refused."""

from __future__ import annotations

import pytest
from tests.integration.emulator.conftest import Browser, error_of
from tests.integration.emulator.fetches import EVERYTHING, A, B, D, ask, found, keys, stock


@pytest.fixture(name="stocked")
def stocked_fixture(shop: Browser) -> Browser:
    return stock(shop)


def test_columns_are_chosen_and_nulls_left_out(stocked: Browser) -> None:
    response = ask(
        stocked,
        "<fetch><entity name='account'><attribute name='name'/><attribute name='revenue' alias='money'/>"
        "<attribute name='parentaccountid'/><order attribute='accountid'/></entity></fetch>",
    )

    assert response.json()["@odata.context"].endswith("#accounts(name,money,_parentaccountid_value,accountid)")
    assert '"money":100.10' in response.text
    first, second, _, fourth = response.json()["value"]
    assert first.pop("@odata.etag") == stocked.get(f"accounts({A})").headers["ETag"]
    assert first == {"name": "Ærlig", "money": 100.10, "accountid": A}
    assert second["_parentaccountid_value"] == A
    assert set(fourth) == {"@odata.etag", "accountid"}


def test_all_columns_come_where_none_is_chosen(stocked: Browser) -> None:
    stocked.patch(f"accounts({D})", {"address": {"City": "Oslo", "Rent": 7.10}, "kind": "Big,Old"})
    for inner in ("", "<all-attributes/>"):
        rows = found(stocked, f"<fetch><entity name='account'>{inner}<order attribute='accountid'/></entity></fetch>")
        assert rows[0]["active"] is True
        assert rows[1]["seen"] == "2024-06-12T10:00:00.5Z"
        assert (rows[3]["address"], rows[3]["kind"]) == ({"City": "Oslo", "Rent": 7.10}, "Big,Old")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("attribute='name' operator='eq' value='BETA'", "bc"),
        ("attribute='name' operator='ne' value='BETA'", "ad"),
        ("attribute='name' operator='neq' value='BETA'", "ad"),
        ("attribute='size' operator='gt' value='5'", "a"),
        ("attribute='revenue' operator='lt' value='100.1'", "b"),
        ("attribute='name' operator='null'", "d"),
        ("attribute='name' operator='not-null'", "abc"),
        ("attribute='name' operator='like' value='%ET%'", "bc"),
        ("attribute='name' operator='not-like' value='%ET%'", "ad"),
        ("attribute='name' operator='begins-with' value='æ'", "a"),
        ("attribute='name' operator='not-begin-with' value='æ'", "bcd"),
        ("attribute='name' operator='ends-with' value='A'", "bc"),
        ("attribute='name' operator='not-end-with' value='A'", "ad"),
        ("attribute='active' operator='eq' value='1'", "a"),
        ("attribute='active' operator='eq' value='false'", "b"),
        ("attribute='parentaccountid' operator='eq' value='{" + A.upper() + "}'", "bc"),
        ("attribute='name' operator='eq' valueof='NAME'", "c"),
        ("attribute='seen' operator='on' value='2024-06-12'", "bd"),
        ("attribute='seen' operator='today'", "bd"),
        ("attribute='seen' operator='last-x-hours' value='4'", "bd"),
        ("attribute='founded' operator='last-x-fiscal-years' value='1'", "ac"),
        ("attribute='founded' operator='olderthan-x-months' value='12'", "a"),
        ("attribute='founded' operator='in-fiscal-period' value='3'", "c"),
        ("attribute='accountid' operator='under' value='" + A + "'", "bc"),
        ("attribute='accountid' operator='eq-or-above' value='" + B + "'", "ab"),
        ("attribute='parentaccountid' operator='eq-userid'", ""),
        ("attribute='size' operator='eq-userlanguage'", ""),
    ],
)
def test_an_operator_finds_what_the_documentation_says(stocked: Browser, condition: str, expected: str) -> None:
    assert keys(stocked, f"<filter><condition {condition}/></filter>") == expected


@pytest.mark.parametrize(
    ("operator", "column", "values", "expected"),
    [
        ("in", "size", ["5", "7"], "bc"),
        ("not-in", "size", ["5"], "ad"),
        ("in", "name", ["O'Brien", "beta"], "bc"),
        ("between", "size", ["6", "12"], "a"),
        ("not-between", "size", ["6", "12"], "bcd"),
        ("contain-values", "colours", ["12"], "c"),
        ("contain-values", "colours", ["2"], ""),
        ("not-contain-values", "colours", ["12"], "abd"),
        ("in-fiscal-period-and-year", "founded", ["1", "2023"], "a"),
        ("in-or-before-fiscal-period-and-year", "founded", ["2", "2023"], "a"),
    ],
)
def test_an_operator_with_several_values(
    stocked: Browser, operator: str, column: str, values: list[str], expected: str
) -> None:
    inner = "".join(f"<value>{value}</value>" for value in values)
    condition = f"<condition attribute='{column}' operator='{operator}'>{inner}</condition>"

    assert keys(stocked, f"<filter>{condition}</filter>") == expected


def test_filters_are_joined_and_nested(stocked: Browser) -> None:
    big = "<condition attribute='size' operator='gt' value='7'/>"
    small = "<condition attribute='size' operator='le' value='5'/>"
    beta = "<condition attribute='name' operator='eq' value='beta'/>"

    assert keys(stocked, f"<filter type='or'>{big}{small}</filter>") == "abc"
    assert keys(stocked, f"<filter>{small}<filter type='or'>{big}{beta}</filter></filter>") == "bc"
    assert keys(stocked, f"<filter>{big}</filter><filter>{small}</filter>") == ""
    assert keys(stocked, "<filter type='or'/>") == "abcd"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("<order attribute='name' descending='true'/><order attribute='accountid'/>", "abcd"),
        ("<order attribute='size'/><order attribute='name' descending='true'/><order attribute='accountid'/>", "dbca"),
        ("<order attribute='revenue' descending='1'/><order attribute='accountid'/>", "abcd"),
        ("<order attribute='parentaccountid'/><order attribute='accountid' descending='true'/>", "dacb"),
    ],
)
def test_rows_are_sorted(stocked: Browser, order: str, expected: str) -> None:
    assert keys(stocked, order) == expected


def test_choices_are_sorted_by_their_labels_unless_asked_otherwise(portal: Browser) -> None:
    statuses = [100000000, 100000001, 100000002]  # Active, Paused, Expired cert
    portal.emulator.seed("contacts", [{"new_mentor_status": status} for status in statuses])
    inner = (
        "<entity name='contact'><attribute name='new_mentor_status'/><order attribute='new_mentor_status'/></entity>"
    )

    def shown(attributes: str) -> list[int]:
        return [row["new_mentor_status"] for row in found(portal, f"<fetch {attributes}>{inner}</fetch>", "contacts")]

    assert shown("") == [100000000, 100000002, 100000001]
    assert shown("useraworderby='true'") == statuses


def test_annotations_come_when_they_are_asked_for(stocked: Browser) -> None:
    xml = (
        "<fetch><entity name='account'><attribute name='parentaccountid'/><attribute name='revenue'/>"
        f"<filter><condition attribute='accountid' operator='eq' value='{B}'/></filter>"
        "<link-entity name='account' from='accountid' to='accountid' alias='same'><attribute name='parentaccountid'/>"
        "<attribute name='active'/></link-entity></entity></fetch>"
    )
    (row,) = found(stocked, xml, **EVERYTHING)

    shown = "OData.Community.Display.V1.FormattedValue"
    assert row[f"_parentaccountid_value@{shown}"] == row[f"same.parentaccountid@{shown}"] == "Ærlig"
    assert row[f"revenue@{shown}"] == "0.20"
    assert row[f"same.active@{shown}"] == "No"
    grouped = "<attribute name='parentaccountid' alias='p' groupby='true'/>"
    xml = f"<fetch aggregate='true'><entity name='account'>{grouped}</entity></fetch>"
    assert found(stocked, xml, **EVERYTHING)[-1] == {f"p@{shown}": "Ærlig", "p": A}


ENTITY = "<fetch><entity name='account'>{}</entity></fetch>"
PAGED = '<fetch page="2" paging-cookie="{}"><entity name="account"/></fetch>'
THROUGH = "<link-entity name='products' intersect='true' {}>{}</link-entity>"
LINK = "<link-entity name='account' from='accountid' to='parentaccountid' {}/>"


@pytest.mark.parametrize(
    ("xml", "code", "words"),
    [
        ("<fetch>", "0x80040201", "Invalid XML"),
        ("", "0x80040201", "Invalid XML"),
        ("<fetch/>", "0x80040201", "Invalid XML"),
        ("<query><entity name='account'/></query>", "0x80040201", "Invalid XML"),
        ("<!DOCTYPE fetch [<!ENTITY e 'account'>]><fetch><entity name='&e;'/></fetch>", "0x80040201", "Invalid XML"),
        ("<fetch><entity/></fetch>", "0x80040203", "needs a name"),
        ("<fetch><entity name='product'/></fetch>", "0x80040203", "'product'"),
        ("<fetch count='0'><entity name='account'/></fetch>", "0x80040203", "count"),
        ("<fetch distinct='maybe'><entity name='account'/></fetch>", "0x80040203", "distinct"),
        ("<fetch top='6000'><entity name='account'/></fetch>", "0x80040203", "5000"),
        ("<fetch top='1' count='1'><entity name='account'/></fetch>", "0x80040203", "top"),
        ("<fetch page='2' paging-cookie='x'><entity name='account'/></fetch>", "0x80060888", "Malformed XML"),
        (
            "<fetch aggregate='true'><entity name='account'><attribute name='size'/></entity></fetch>",
            "0x80040203",
            "needs",
        ),
        (
            "<fetch aggregate='true'><entity name='account'><attribute name='size' aggregate='sum'/></entity></fetch>",
            "0x80040203",
            "alias",
        ),
        (
            "<fetch aggregate='true'><entity name='account'>"
            "<attribute name='name' alias='x' aggregate='sum'/></entity></fetch>",
            "0x80040203",
            "numbers",
        ),
        (
            "<fetch aggregate='true'><entity name='account'>"
            "<attribute name='name' alias='x' groupby='true' dategrouping='day'/></entity></fetch>",
            "0x80040203",
            "dates",
        ),
        (PAGED.format("&lt;!DOCTYPE c>&lt;cookie/>"), "0x80060888", "Malformed XML in the Paging Cookie"),
        (PAGED.format("&lt;cookie page='1'/>"), "0x80060888", "Malformed XML in the Paging Cookie"),
        (PAGED.format("&lt;cookie>&lt;tie0/>&lt;/cookie>"), "0x80060888", "Malformed XML in the Paging Cookie"),
        (
            ENTITY.format(THROUGH.format("from='accountid' to='accountid'", "<attribute name='x'/>")),
            "0x80041103",
            "'x'",
        ),
        (ENTITY.format(THROUGH.format("from='accountid' to='size'", "")), "0x80041103", "'size'"),
        (ENTITY.format(THROUGH.replace("products", "account").format("", "")), "0x80041102", "'account'"),
        (ENTITY.format("<attribute name='nothing'/>"), "0x80041103", "'nothing'"),
        (ENTITY.format("<attribute/>"), "0x80040203", "name"),
        (ENTITY.format("<attribute name='size' aggregate='median' alias='m'/>"), "0x80040203", "median"),
        (ENTITY.format("<order/>"), "0x80040203", "order"),
        (ENTITY.format("<order alias='x'/>"), "0x80040203", "'x'"),
        (ENTITY.format("<filter type='xor'/>"), "0x80040203", "xor"),
        (ENTITY.format("<filter><condition attribute='size'/></filter>"), "0x80040203", "operator"),
        (
            ENTITY.format("<filter><condition attribute='size' operator='near' value='1'/></filter>"),
            "0x80040203",
            "near",
        ),
        (ENTITY.format("<filter><condition attribute='size' operator='eq'/></filter>"), "0x80040203", "one value"),
        (
            ENTITY.format("<filter><condition attribute='size' operator='like' value='1'/></filter>"),
            "0x80040203",
            "text",
        ),
        (
            ENTITY.format("<filter><condition attribute='size' operator='eq' value='x'/></filter>"),
            "0x80060888",
            "number",
        ),
        (
            ENTITY.format("<filter><condition attribute='size' operator='in' valueof='size'/></filter>"),
            "0x80040203",
            "two",
        ),
        (
            ENTITY.format("<filter><condition attribute='size' operator='eq' valueof='name'/></filter>"),
            "0x80040203",
            "type",
        ),
        (
            ENTITY.format("<filter><condition entityname='x' attribute='size' operator='null'/></filter>"),
            "0x80040203",
            "'x'",
        ),
        (ENTITY.format("<filter>" + LINK.format("") + "</filter>"), "0x80040203", "inner"),
        (ENTITY.format(LINK.format("link-type='cross'")), "0x80040203", "link-type"),
        (ENTITY.format(LINK.replace("name='account'", "name='nothing'").format("")), "0x80041102", "'nothing'"),
        (ENTITY.format(LINK.replace("to='parentaccountid'", "").format("")), "0x80040203", "from and to"),
        (ENTITY.format(LINK.replace("to='parentaccountid'", "to='name'").format("")), "0x80040203", "one type"),
        (ENTITY.format(LINK.format("") * 16), "0x8004430d", "link entities"),
        (
            ENTITY.format("<filter>" + "<condition attribute='size' operator='null'/>" * 501 + "</filter>"),
            "0x8004430c",
            "conditions",
        ),
    ],
)
def test_a_query_that_is_wrong_is_refused(stocked: Browser, xml: str, code: str, words: str) -> None:
    status, given, message = error_of(ask(stocked, xml))

    assert (status, given) == (400, code)
    assert words in message


def test_odata_options_do_not_go_with_fetchxml(stocked: Browser) -> None:
    refused = error_of(stocked.get("accounts?fetchXml=<fetch/>&$select=name"))

    assert refused == (400, "0x80060888", "The query parameter $select is not supported with FetchXML.")
