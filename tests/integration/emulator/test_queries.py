"""Query options: what is selected, filtered, sorted, counted and expanded."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.emulator.conftest import Browser, error_of

A, B, C, D = (f"{letter * 8}-0000-0000-0000-000000000001" for letter in "abcd")
ANNOTATIONS = {"Prefer": 'odata.include-annotations="*"'}


@pytest.fixture(name="stocked")
def stocked_fixture(shop: Browser) -> Browser:
    """Three accounts: a parent, a child with everything filled in, and one that is nearly empty."""
    rows: list[dict[str, Any]] = [
        {"accountid": A, "name": "Ærlig AS", "size": 10, "revenue": "100.10", "active": True, "kind": "Big"},
        {
            "accountid": B,
            "name": "O'Brien & Co",
            "size": 5,
            "revenue": "20.00",
            "active": False,
            "founded": "2024-06-05",
            "seen": "2024-06-12T10:00:00.5Z",
            "address": {"City": "Oslo", "Rent": "7.10"},
            "colours": "1,12",
            "allowance": 7,
            "score": 0.5,
            "kind": "Big,Old",
            "_parentaccountid_value": A,
        },
        {"accountid": C, "name": None, "seen": "2024-06-12T10:00:00Z", "founded": "2023-12-31", "colours": "2"},
    ]
    shop.emulator.seed("accounts", rows)
    (tea,) = shop.emulator.seed("products", [{"name": "Tea"}])
    reference = {"@odata.id": f"{shop.emulator.base_url}/api/data/v9.2/products({tea})"}
    assert shop.post(f"accounts({B})/products/$ref", reference).status_code == 204
    return shop


def keys(browser: Browser, condition: str) -> str:
    """The first letters of the accounts that a filter finds."""
    response = browser.send("GET", "accounts", params={"$filter": condition, "$select": "accountid"})
    assert response.status_code == 200, response.text
    return "".join(row["accountid"][0] for row in response.json()["value"])


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("name eq 'o''brien & co'", "b"),
        ("name eq 'ærlig as'", "a"),
        ("name eq null", "c"),
        ("name ne null", "ab"),
        ("name ne 'Ærlig AS'", "bc"),
        ("not (name eq 'Ærlig AS')", "bc"),
        ("contains(name,'BRIEN')", "b"),
        ("contains(name,'%')", "ab"),
        ("contains(name,'[%]')", ""),
        ("contains(name,'b_ie')", "b"),
        ("startswith(name,'[o-æ]_b')", "b"),
        ("endswith(name,'[^o] as')", "a"),
        ("startswith(name,'[')", ""),
        ("startswith(name,null)", ""),
        ("not contains(name,'brien')", "ac"),
        ("startswith(name,'ÆR')", "a"),
        ("endswith(name,'co')", "b"),
        ("endswith(name,'a much longer text than the name')", ""),
        ("contains(name,'as') eq false", "bc"),
        ("size gt 5", "a"),
        ("size ge 5 and size le 10", "ab"),
        ("size lt 5.5", "b"),
        ("size eq 5 or size eq 10", "ab"),
        ("size eq allowance", "c"),
        ("size lt allowance", "b"),
        ("size lt score", ""),
        ("not (size gt 5)", "bc"),
        ("5 lt size", "a"),
        ("revenue gt 20", "a"),
        ("revenue eq 20", "b"),
        ("revenue lt 100.1", "b"),
        ("score eq 0.5", "b"),
        ("active eq true", "a"),
        ("active", "a"),
        ("not active", "bc"),
        ("accountid eq aaaaaaaa-0000-0000-0000-000000000001", "a"),
        ("accountid eq 'AAAAAAAA-0000-0000-0000-000000000001'", "a"),
        ("_parentaccountid_value eq AAAAAAAA-0000-0000-0000-000000000001", "b"),
        ("founded gt 2024-01-01", "b"),
        ("founded eq 2023-12-31", "c"),
        ("seen gt 2024-06-12T10:00:00Z", "b"),
        ("seen le 2024-06-12T12:00:00+02:00", "c"),
        ("seen gt 2024-06-12", "bc"),
        ("address/City eq 'oslo'", "b"),
        ("address/Rent gt 7.09", "b"),
        ("allowance eq 7", "b"),
        ("kind eq 'Big'", "a"),
        ("kind eq Microsoft.Dynamics.CRM.Kind'Big,Old'", "b"),
        ("parentaccountid/name eq 'ÆRLIG AS'", "b"),
        ("parentaccountid/parentaccountid/name eq 'x'", ""),
        ("children/any()", "a"),
        ("children/any(c:c/size eq 5 and c/active eq false)", "a"),
        ("children/any(c:c/size lt c/allowance)", "a"),
        ("children/any(c:c/children/any() or c/parentaccountid/size eq 10)", "a"),
        ("products/any(p:p/name eq 'TEA')", "b"),
        ("products/any(p:p/accounts/any(a:a/size eq 5))", "b"),
        ("products/all(p:p/name eq 'tea')", "abc"),
        ("children/all(c:c/size eq 5)", "abc"),
        ("children/all(c:c/size eq 6)", "bc"),
        ("children/$count gt 0", "a"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='size',PropertyValues=['5','10'])", "ab"),
        ("""Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=["O'BRIEN & Co","x"])""", "b"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='active',PropertyValues=['true'])", "a"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='founded',PropertyValues=['2023-12-31'])", "c"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='parentaccountid',PropertyValues=['" + A.upper() + "'])", "b"),
        ("Microsoft.Dynamics.CRM.Between(PropertyName='seen',PropertyValues=['2024-06-12','2024-06-13'])", "bc"),
        ("Microsoft.Dynamics.CRM.NotBetween(PropertyName='revenue',PropertyValues=['20','100.1'])", "c"),
        ("Microsoft.Dynamics.CRM.InFiscalYear(PropertyName='founded',PropertyValue=2023)", "c"),
        ("Microsoft.Dynamics.CRM.InFiscalPeriod(PropertyName='founded',PropertyValue=2)", "b"),
        (
            "Microsoft.Dynamics.CRM.InFiscalPeriodAndYear(PropertyName='founded',PropertyValue1=4,PropertyValue2=2023)",
            "c",
        ),
        (
            "Microsoft.Dynamics.CRM.InOrAfterFiscalPeriodAndYear"
            "(PropertyName='seen',PropertyValue1=2,PropertyValue2=2024)",
            "bc",
        ),
        ("Microsoft.Dynamics.CRM.LastXFiscalYears(PropertyName='founded',PropertyValue=1)", "bc"),
        ("Microsoft.Dynamics.CRM.ThisFiscalPeriod(PropertyName='founded')", "b"),
        (f"Microsoft.Dynamics.CRM.Under(PropertyName='accountid',PropertyValue='{A}')", "b"),
        (f"Microsoft.Dynamics.CRM.UnderOrEqual(PropertyName='accountid',PropertyValue='{A}')", "ab"),
        (f"Microsoft.Dynamics.CRM.NotUnder(PropertyName='accountid',PropertyValue='{A}')", "ac"),
        (f"Microsoft.Dynamics.CRM.Above(PropertyName='accountid',PropertyValue='{B}')", "a"),
        (f"Microsoft.Dynamics.CRM.AboveOrEqual(PropertyName='accountid',PropertyValue='{B}')", "ab"),
        (f"Microsoft.Dynamics.CRM.UnderOrEqual(PropertyName='parentaccountid',PropertyValue='{A}')", "b"),
        ("Microsoft.Dynamics.CRM.EqualUserLanguage(PropertyName='size')", ""),
        ("Microsoft.Dynamics.CRM.NotIn(PropertyName='size',PropertyValues=['5'])", "ac"),
        ("Microsoft.Dynamics.CRM.Between(PropertyName='size',PropertyValues=['5','7'])", "b"),
        ("Microsoft.Dynamics.CRM.ContainValues(PropertyName='colours',PropertyValues=['2'])", "c"),
        ("Microsoft.Dynamics.CRM.DoesNotContainValues(PropertyName='colours',PropertyValues=['2'])", "ab"),
        ("Microsoft.Dynamics.CRM.Today(PropertyName='seen')", "bc"),
        ("Microsoft.Dynamics.CRM.LastXDays(PropertyName='founded',PropertyValue=7)", "b"),
        ("Microsoft.Dynamics.CRM.LastYear(PropertyName='founded')", "c"),
        ("Microsoft.Dynamics.CRM.On(PropertyName='seen',PropertyValue='2024-06-12')", "bc"),
        ("Microsoft.Dynamics.CRM.OnOrBefore(PropertyName='founded',PropertyValue=2023-12-31)", "c"),
        ("Microsoft.Dynamics.CRM.EqualUserId(PropertyName='parentaccountid')", ""),
    ],
)
def test_a_filter_finds_what_dataverse_would(stocked: Browser, condition: str, found: str) -> None:
    assert keys(stocked, condition) == found


def test_parameter_aliases_stand_for_values(stocked: Browser) -> None:
    found = stocked.rows("accounts?$filter=name eq @n and size gt @s&@n='Ærlig AS'&@s=3")

    assert [row["accountid"] for row in found] == [A]


def test_parameter_aliases_stand_for_columns_too_and_for_null_without_a_value(stocked: Browser) -> None:
    query = "accounts?$select=size&$orderby=@s desc&$filter=@s ne @nothing&@s=size"

    assert [row["size"] for row in stocked.rows(query)] == [10, 5]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("$filter=nothing eq 1", "Could not find a property named 'nothing'"),
        ("$filter=address/Street eq 'x'", "'Street'"),
        ("$filter=name eq 5", "incompatible types"),
        ("$filter=size eq 'five'", "incompatible types"),
        ("$filter=accountid eq 'aaaaaaaa'", "incompatible types"),
        ("$filter=name eq size", "incompatible types"),
        ("$filter=name eq parentaccountid/name", "same row"),
        ("$filter=children/any(c:c/size eq size)", "same row"),
        ("$filter=contains(name,NAME)", "No function signature"),
        ("$filter=contains(size,'1')", "No function signature"),
        ("$filter=contains(name)", "takes a column and a text"),
        ("$filter=parentaccountid/children/any(c:c/size eq 5)", "beneath a lookup"),
        ("$filter=children/any(c:c/parentaccountid/children/any())", "beneath a lookup"),
        ("$filter=parentaccountid/any(p:p/size eq 1)", "no collection"),
        ("$filter=name eq", "Syntax error at position 7"),
        ("$filter=name eq 'x", "Syntax error"),
        ("$filter=size", "single boolean value"),
        ("$filter=year(founded) eq 2024", "unknown function with name 'year'"),
        ("$filter=Microsoft.Dynamics.CRM.Above(PropertyName='accountid')", "'PropertyValue', the id of a row"),
        ("$filter=Microsoft.Dynamics.CRM.Above(PropertyName='name',PropertyValue='x')", "a key or a lookup"),
        ("$filter=Microsoft.Dynamics.CRM.Nonsense(PropertyName='name')", "unknown function"),
        ("$filter=Microsoft.Dynamics.CRM.NotEqualUserTeams(PropertyName='parentaccountid')", "unknown function"),
        ("$filter=Microsoft.Dynamics.CRM.LastXMinutes(PropertyName='seen',PropertyValue=1)", "unknown function"),
        ("$filter=Microsoft.Dynamics.CRM.In(PropertyName='size')", "'PropertyValues'"),
        ("$filter=not Microsoft.Dynamics.CRM.Today(PropertyName='seen')", "Not operator along with the Custom Named"),
        ("$filter=not (size eq 1 or Microsoft.Dynamics.CRM.Today(PropertyName='seen'))", "Not operator along with"),
        ("$filter=Microsoft.Dynamics.CRM.In(PropertyName='size',PropertyValues=['x'])", "not a number"),
        ("$filter=Microsoft.Dynamics.CRM.In(PropertyName='active',PropertyValues=['x'])", "not a Boolean"),
        ("$filter=Microsoft.Dynamics.CRM.In(PropertyName='size',PropertyValues=[size])", "Syntax error"),
        ("$filter=Microsoft.Dynamics.CRM.Between(PropertyName='size',PropertyValues=['1'])", "two values"),
        ("$filter=Microsoft.Dynamics.CRM.On(PropertyName='name',PropertyValue='2024-01-01')", "column of dates"),
        ("$filter=Microsoft.Dynamics.CRM.On(PropertyName='seen')", "'PropertyValue', a date"),
        ("$filter=Microsoft.Dynamics.CRM.On(PropertyName='seen',PropertyValue='yesterday')", "not a date"),
        ("$filter=Microsoft.Dynamics.CRM.InFiscalPeriod(PropertyName='seen',PropertyValue=5)", "out of range"),
        ("$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='founded')", "'PropertyValue'"),
        ("$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='founded',PropertyValue=99999999)", "out of range"),
        ("$filter=Microsoft.Dynamics.CRM.Today(PropertyName='name')", "column of dates"),
        ("$filter=children/name eq 'x'", "is a collection"),
        ("$filter=founded eq 2024-02-30", "not a date"),
        ("$select=nothing", "'nothing'"),
        ("$orderby=nothing", "'nothing'"),
        ("$orderby=name sideways", "$orderby"),
        ("$expand=nothing", "'nothing'"),
        ("$expand=children($select=nothing)", "'nothing'"),
        ("$expand=children($skip=1)", "$skip"),
        ("$expand=children($count=true)", "$count"),
        ("$expand=children($levels=2)", "$levels"),
        ("$expand=children($filter=contains(name,@p))&@p='x'&$select=@p", "Could not find a property"),
        ("$expand=children/$ref", "Expand with $ref is only supported on lookup type navigation property."),
        ("$expand=parentaccountid($orderby=name)", "Only $select and $filter clause"),
        ("$expand=children($top=1;$expand=parentaccountid)", "Only $select and $filter clause"),
        ("$expand=products($top=1),children($expand=parentaccountid)", "Only $select and $filter clause"),
        ("$search=x", "$search"),
        ("$format=json", "$format"),
        ("$top=-1", "$top"),
        ("$count=maybe", "$count"),
        ("$wrong=1", "$wrong"),
        ("$skiptoken=x", "Malformed XML in the Paging Cookie"),
        ("$filter=" + "(" * 2000 + "size eq 1" + ")" * 2000, ""),
    ],
)
def test_a_query_that_is_wrong_is_refused(stocked: Browser, query: str, words: str) -> None:
    if query.startswith("$filter=((("):
        assert stocked.get(f"accounts?{query}").status_code in (200, 400)
        return
    status, code, message = error_of(stocked.get(f"accounts?{query}"))

    assert (status, code) == (400, "0x80060888")
    assert words in message


def test_conditions_and_expansions_have_their_limits(stocked: Browser) -> None:
    many = " or ".join(f"size eq {n}" for n in range(501))
    assert stocked.get(f"accounts?$filter={many.removesuffix(' or size eq 500')}").status_code == 200
    assert error_of(stocked.get(f"accounts?$filter={many}"))[:2] == (400, "0x8004430c")

    assert stocked.get("accounts?$expand=" + ",".join(["children"] * 15)).status_code == 200
    deep = ",".join(["children"] * 14 + ["children($expand=children)"])
    assert error_of(stocked.get(f"accounts?$expand={deep}"))[:2] == (400, "0x8004430d")


def test_the_operator_in_is_refused_as_dataverse_refuses_it(shop: Browser) -> None:
    refused = error_of(shop.get("accounts?$filter=size in (1,2)"))

    assert refused == (501, "0x8006088a", "The query node In is not supported.")


def test_skip_is_refused_in_dataverses_words(shop: Browser) -> None:
    assert error_of(shop.get("accounts?$skip=10")) == (400, "0x80060888", "Skip Clause is not supported in CRM")


def test_the_key_comes_with_whatever_is_selected(stocked: Browser) -> None:
    response = stocked.get("accounts?$select=name,size&$top=1").json()

    assert response["@odata.context"].endswith("$metadata#accounts(name,size)")
    assert response["value"] == [
        {"@odata.etag": response["value"][0]["@odata.etag"], "name": "Ærlig AS", "size": 10, "accountid": A}
    ]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("name", "cbA"),
        ("name desc", "Abc"),
        ("size", "cbA"),
        ("revenue", "cbA"),
        ("revenue desc", "Abc"),
        ("seen", "Acb"),
        ("seen desc,name asc", "bcA"),
        ("address/City desc", "bAc"),
        ("parentaccountid/name desc", "bAc"),
        ("_parentaccountid_value desc,size", "bcA"),
    ],
)
def test_rows_are_sorted(stocked: Browser, order: str, found: str) -> None:
    rows = stocked.rows(f"accounts?$select=accountid&$orderby={order}")

    assert "".join(row["accountid"][0] for row in rows) == found.lower()


def test_counts_are_told_beside_rows_and_alone(stocked: Browser) -> None:
    answer = stocked.get("accounts?$count=true&$top=1&$filter=size gt 1").json()

    assert (answer["@odata.count"], len(answer["value"])) == (2, 1)
    assert stocked.get("accounts/$count").text == "3"
    wanted = {"Prefer": 'odata.include-annotations="Microsoft.Dynamics.CRM.*"'}
    totals = "@Microsoft.Dynamics.CRM.totalrecordcount", "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
    for count, expected in (("&$count=true", (3, False)), ("", (-1, False))):
        answer = stocked.get(f"accounts?$top=1{count}", **wanted).json()
        assert tuple(answer[name] for name in totals) == expected
    assert stocked.get("accounts/$count?$filter=size gt 5").text == "1"


def test_related_rows_are_expanded_with_options_of_their_own(stocked: Browser) -> None:
    stocked.emulator.seed(
        "accounts", [{"accountid": D, "name": "Second child", "size": 50, "_parentaccountid_value": A}]
    )

    query = "accounts?$select=name&$expand=children($select=size;$orderby=size desc;$top=1)"
    rows = {row["accountid"]: row for row in stocked.rows(query)}
    (child,) = rows[A]["children"]
    assert (child["size"], child["accountid"]) == (50, D)
    assert rows[B]["children"] == []

    nested = "$select=size;$filter=size gt 5;$expand=parentaccountid($select=name)"
    rows = {row["accountid"]: row for row in stocked.rows(f"accounts?$select=name&$expand=children({nested})")}
    assert [child["parentaccountid"]["name"] for child in rows[A]["children"]] == ["Ærlig AS"]
    assert [
        row["size"] for row in stocked.get(f"accounts({A})?$expand=children($filter=size lt 10)").json()["children"]
    ] == [5]


def test_a_lookup_that_is_empty_expands_to_null(stocked: Browser) -> None:
    assert stocked.get(f"accounts({C})?$expand=parentaccountid").json()["parentaccountid"] is None
    assert stocked.get(f"accounts({C})/parentaccountid").status_code == 204
    assert stocked.get(f"accounts({B})/parentaccountid?$select=name").json()["name"] == "Ærlig AS"


def test_decimals_nested_in_complex_columns_stay_numbers(stocked: Browser) -> None:
    assert '"address":{"City":"Oslo","Rent":7.10}' in stocked.get(f"accounts({B})?$select=address").text


def test_annotations_come_when_they_are_asked_for(portal: Browser) -> None:
    (owner,) = portal.emulator.seed("systemusers", [{"fullname": "Ola Leder"}])
    (mentor,) = portal.emulator.seed("contacts", [{"lastname": "N", "new_mentor_status": 100000001}])
    portal.patch(f"contacts({mentor})", {"ownerid@odata.bind": f"/systemusers({owner})"})
    query = f"contacts({mentor})?$select=_ownerid_value,new_mentor_status,createdon"

    plain = portal.get(query).json()
    assert not [name for name in plain if "@" in name and not name.startswith("@odata")]

    response = portal.get(query, **ANNOTATIONS)
    row = response.json()
    assert response.headers["Preference-Applied"] == 'odata.include-annotations="*"'
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "ownerid"
    assert row["_ownerid_value@OData.Community.Display.V1.FormattedValue"] == "Ola Leder"
    assert row["new_mentor_status@OData.Community.Display.V1.FormattedValue"] == "Paused"
    assert row["createdon@OData.Community.Display.V1.FormattedValue"] == "6/12/2024 1:46 PM"

    formatted = {"Prefer": 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"'}
    assert "_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname" not in portal.get(query, **formatted).json()


def test_a_user_is_its_own_owner(portal: Browser) -> None:
    portal.patch(f"systemusers({portal.emulator.user_id})", {"fullname": "The service"})
    portal.emulator.seed("contacts", [{"lastname": "N"}])

    mine = "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"
    (row,) = portal.rows(f"contacts?$filter={mine}&$expand=ownerid($select=ownerid)")
    assert row["ownerid"]["@odata.type"] == "#Microsoft.Dynamics.CRM.systemuser"
    assert portal.rows(f"contacts?$filter={mine.replace('Equal', 'NotEqual')}") == []
