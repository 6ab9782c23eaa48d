"""Cassettes: whatever is secret or personal in an exchange is in no file, and what is left still plays and decodes."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import zlib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import API, BASE_URL, CLIENT, MENTOR, SECRET, TENANT, Service, made, problem, rows
from vcr.errors import CannotOverwriteExistingCassetteException  # type: ignore[import-untyped]

from dynamics_portal import DynamicsPortalClient, NotFoundError, StaticCredentialProvider, cassettes
from dynamics_portal._multipart import ChangeSet, Part, PartAnswer, decode, encode
from dynamics_portal._scrub.exchange import same
from dynamics_portal._scrub.names import Names, is_made_up
from dynamics_portal.cassettes import Exchange, Request, Response, UnscrubbableError, UnscrubbedCassetteError, scrub
from dynamics_portal_api.models import Contact

JSON = ("Content-Type", "application/json; odata.metadata=minimal")
TOKEN_URL = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
PERSON = "Kari Nørdmann"
"""Something personal with a space and a letter that no schema's name has."""


def sent(url: str, body: bytes = b"", *headers: tuple[str, str], method: str = "GET") -> Request:
    return Request(method, url, headers, body)


def came(body: Any, *headers: tuple[str, str], status: int = 200) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or (JSON,), content)


def exchange(body: Any = b"", url: str = f"{API}contacts", **fields: Any) -> Exchange:
    return Exchange(sent(url), came(body, **fields))


def scrubbed_url(url: str, keep: tuple[str, ...] = ()) -> str:
    return scrub([exchange(url=url)], keep)[0].request.url


def scrubbed_body(body: Any, keep: tuple[str, ...] = (), **fields: Any) -> Any:
    return json.loads(scrub([exchange(body, **fields)], keep)[0].response.body, parse_float=Decimal)


def text_of(items: list[Exchange]) -> str:
    """What the recorder's file would hold, written by the very code that writes it."""
    serializer = cassettes.recorder()._vcr.serializers["scrubbed"]  # type: ignore[attr-defined] # vcrpy's own
    return str(serializer.serialize({"interactions": [as_vcr(item) for item in items]}))


def as_vcr(item: Exchange) -> dict[str, Any]:
    """An exchange in vcrpy's form."""
    request, response = item
    return {
        "request": {
            "method": request.method,
            "uri": request.url,
            "headers": {name: [value] for name, value in request.headers},
            "body": request.body,
        },
        "response": {
            "status": {"code": response.status, "message": PERSON},
            "headers": {name: [value] for name, value in response.headers},
            "body": {"string": response.body},
        },
    }


# What is made up


@pytest.mark.parametrize(
    ("real", "made_up"),
    [
        ("A1B2C3D4-0000-1111-2222-333344445555", "00000000-0000-4000-8000-000000000001"),
        ("2026-01-31", "2000-01-02"),
        ("2026-01-31T10:11:12Z", "2000-01-01T00:00:01Z"),
        ("2026-01-31T10:11:12.1234567+02:00", "2000-01-01T00:00:01.0000000+00:00"),
        ("2026-01-31T10:11Z", "2000-01-01T00:01Z"),
        ("10:11:12", "00:00:01"),
        ("P1DT2H", "PT1S"),
        ("kari@hlf.no", "person-1@example.org"),
        ("https://hlf.no/kari?x=1", "https://example.org/1"),
        ("+47 400 12 345", "text0001"),
        ("40012345", "1"),
        ("-12.50", "1.00"),
        ("100000001,100000002", "1,2"),
        ("", ""),
        ("INF", "INF"),
    ],
)
def test_text_is_replaced_by_text_of_its_form(real: str, made_up: str) -> None:
    assert Names().text(real) == made_up
    assert Names().text(made_up) == made_up


def test_equal_values_stay_equal_and_different_ones_different() -> None:
    body = {"value": [{"a": "Kari", "b": "Ola", "c": "Kari", "d": str(MENTOR), "e": str(MENTOR).upper()}]}
    (row,) = scrubbed_body(body)["value"]
    assert row["a"] == row["c"] != row["b"]
    assert row["d"] == row["e"]


@given(st.lists(st.text() | st.uuids().map(str) | st.dates().map(str) | st.datetimes().map(lambda d: d.isoformat())))
def test_a_made_up_value_says_nothing_but_the_order(values: list[str]) -> None:
    first, second = Names(), Names()
    renamed = [first.text(value) for value in values]
    assert [second.text(value) for value in renamed] == renamed


def test_words_are_base64_so_that_binary_columns_decode() -> None:
    names = Names()
    for number in range(10_001):
        word = names.text(f"ø{number}")
        if number in (0, 9_998, 10_000):
            base64.b64decode(word, validate=True)


def test_what_only_made_up_values_look_like_is_recognised() -> None:
    names = Names()
    assert all(is_made_up(names.text(real)) for real in ("Kari", "kari@hlf.no", str(MENTOR), "https://hlf.no/"))
    assert is_made_up(names.version('W/"123"'))
    assert not any(is_made_up(real) for real in ("Kari", "kari@hlf.no", str(MENTOR), "https://hlf.no/", 'W/"123"'))


# Addresses


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("contacts", "contacts"),
        (f"contacts({MENTOR})", "contacts(00000000-0000-4000-8000-000000000001)"),
        ("contacts(emailaddress1='o''brien@hlf.no')", "contacts(emailaddress1='person-1@example.org')"),
        (
            "contacts(emailaddress1=%27a%2Fb%28c%40hlf.no%27)/fullname",
            "contacts(emailaddress1='person-1@example.org')/fullname",
        ),
        ("contacts(a='x)/y',b=7)/new_x($select=z)", "contacts(a='text0001',b=1)/new_x($select=text0002)"),
        ("WhoAmI()", "WhoAmI()"),
        ("$metadata", "$metadata"),
        ("contacts/$count?$filter=statecode eq 0", "contacts/$count?$filter=statecode%20eq%201"),
        ("Look(When=@p)?@p=2026-01-31", "Look(When=@p)?@p=2000-01-02"),
        (
            "contacts?$select=fullname,new_x&$top=3&$count=true&$orderby=new_x desc",
            "contacts?$select=fullname,new_x&$top=3&$count=true&$orderby=new_x%20desc",
        ),
        ("contacts?$select=Kari Nordmann", "contacts?$select=***1"),
        (
            f"contacts?$expand=new_M($select=a,b;$filter=c eq '{PERSON}'),new_N",
            "contacts?$expand=new_M($select=a,b;$filter=c%20eq%20'text0001'),new_N",
        ),
        (
            "contacts?$filter=contains(a,'x') and (b ne null or not (c/d lt 2026-01-31))",
            "contacts?$filter=contains(a,'text0001')%20and%20(b%20ne%20null%20or%20not%20(c/d%20lt%202000-01-02))",
        ),
        ("contacts?$filter=a eq Kari", "contacts?$filter=text0001"),
        ("contacts?$filter=a eq kari@hlf.no", "contacts?$filter=text0001"),
        ("contacts?$filter=new_A/any(o:o/b eq 'x')", "contacts?$filter=text0001"),
        ("contacts?fetchXml=<fetch/>&Kari=Nordmann", "contacts?fetchXml=text0001&***1=text0002"),
        ("contacts?$skiptoken=%3Ccookie pagenumber=%222%22 /%3E", "contacts?$skiptoken=text0001"),
        (
            f"contacts?$id={API}contacts({MENTOR})",
            "contacts?$id=https://organisation.example/api/data/v9.2/contacts(00000000-0000-4000-8000-000000000001)",
        ),
        ("Kari%20Nordmann/x", "***1/x"),
    ],
)
def test_an_address_keeps_its_names_and_loses_its_values(path: str, expected: str) -> None:
    url = scrubbed_url(API + path)
    assert url == f"{cassettes.BASE_URL}/api/data/v9.2/{expected}"
    assert scrubbed_url(url) == url


def test_an_address_names_no_organisation_and_no_tenant() -> None:
    assert scrubbed_url(TOKEN_URL) == "https://authority.example/tenant/oauth2/v2.0/token"
    assert (
        scrubbed_url("https://user:pw@hlf.crm4.dynamics.com:444/api/data/v9.1/")
        == "https://organisation.example/api/data/v9.1/"
    )
    assert scrubbed_url("https://hlf.no/kari/?secret=1#x") == "https://organisation.example/text0001"
    first, second = scrub([exchange(url="https://a.no/"), exchange(url="https://b.no")])
    assert (first.request.url, second.request.url) == (
        "https://organisation.example/",
        "https://organisation-2.example",
    )


def test_a_filter_on_a_column_that_is_kept_keeps_its_number() -> None:
    url = f"{API}contacts?$filter=statecode eq 0 and new_age eq 47"
    assert scrubbed_url(url, ("statecode",)).endswith("$filter=statecode%20eq%200%20and%20new_age%20eq%201")


def test_a_link_leads_to_the_request_that_follows_it() -> None:
    link = f"{API}contacts?$filter=lastname%20eq%20'N%C3%B8'&$skiptoken=%3Ccookie%20x=%22a%252f%22%20/%3E"
    page = exchange({"value": [], "@odata.nextLink": link.replace("'", "%27")})
    first, second = scrub([page, exchange({"value": []}, url=link)])
    assert json.loads(first.response.body)["@odata.nextLink"] == second.request.url


# Bodies


def test_a_row_keeps_its_structure_and_loses_its_values() -> None:
    row = {
        "@odata.context": f"{API}$metadata#contacts(fullname,new_Mentor(fullname))/$entity",
        "@odata.etag": 'W/"4711"',
        "@odata.type": "#Microsoft.Dynamics.CRM.contact",
        "@odata.count": 3,
        "fullname": PERSON,
        "new_age": 47,
        "new_score": 3.50,
        "new_deaf": True,
        "new_none": None,
        "statecode": 1,
        "statecode@OData.Community.Display.V1.FormattedValue": "Inaktiv",
        "_new_mentor_value": str(MENTOR),
        "_new_mentor_value@Microsoft.Dynamics.CRM.lookuplogicalname": "contact",
        "_new_mentor_value@Microsoft.Dynamics.CRM.associatednavigationproperty": "new_Mentor",
        "new_Mentor": {"@odata.id": f"contacts({MENTOR})", "fullname": PERSON},
        "new_tags": ["a", "b"],
        "new_Other@odata.bind": [f"/contacts({MENTOR})"],
    }
    key = "00000000-0000-4000-8000-000000000001"
    assert scrubbed_body(row, ("statecode",)) == {
        "@odata.context": "https://organisation.example/api/data/v9.2/$metadata#contacts(fullname,new_Mentor(fullname))/$entity",
        "@odata.etag": 'W/"version-1"',
        "@odata.type": "#Microsoft.Dynamics.CRM.contact",
        "@odata.count": 3,
        "fullname": "text0001",
        "new_age": 1,
        "new_score": Decimal("2.0"),
        "new_deaf": True,
        "new_none": None,
        "statecode": 1,
        "statecode@OData.Community.Display.V1.FormattedValue": "text0002",
        "_new_mentor_value": key,
        "_new_mentor_value@Microsoft.Dynamics.CRM.lookuplogicalname": "contact",
        "_new_mentor_value@Microsoft.Dynamics.CRM.associatednavigationproperty": "new_Mentor",
        "new_Mentor": {"@odata.id": f"contacts({key})", "fullname": "text0001"},
        "new_tags": ["text0003", "text0004"],
        "new_Other@odata.bind": [f"/contacts({key})"],
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("@odata.type", PERSON),
        ("_x@Microsoft.Dynamics.CRM.lookuplogicalname", PERSON),
        ("@odata.context", PERSON),
        ("@odata.nextLink", f"tel:{PERSON}"),
        ("@odata.count", PERSON),
        ("@odata.etag", PERSON),
        ("@odata.mediaContentType", PERSON),
        ("kari@hlf.no", 1),
        (PERSON, 1),
        (f"x@OData.Community.{PERSON}", 1),
        (f"@{PERSON}", 1),
        ("statecode", PERSON),
        ("statecode", [PERSON]),
    ],
)
def test_a_place_of_the_schema_keeps_nothing_that_is_no_schema(name: str, value: Any) -> None:
    shown = json.dumps(scrubbed_body({name: value}, ("statecode",)), ensure_ascii=False)
    assert not any(part in shown.lower() for part in ("kari", "nørdmann", "hlf"))


def test_of_a_kept_column_text_is_never_kept() -> None:
    row = {"new_status": 100000001, "new_on": "2026-01-31", "new_name": "Kari", "new_tags": [7, "x"]}
    assert scrubbed_body(row, tuple(row)) == {**row, "new_name": "text0001", "new_tags": [7, "text0002"]}


def test_an_error_keeps_its_code_and_the_harmless_words() -> None:
    error = {
        "code": "0x80040217",
        "message": f"Entity 'contact' With Id = {MENTOR} Does Not Exist, {PERSON}",
        "innererror": {"message": PERSON, "type": "System.Exception", "stacktrace": f"at {PERSON}"},
    }
    shown = scrubbed_body({"error": error}, status=404)["error"]
    assert shown["code"] == "0x80040217"
    assert "does not exist" in shown["message"]
    assert "Nørdmann" not in str(shown)
    assert scrubbed_body({"error": {"code": PERSON, "message": ""}})["error"] == {"code": "***", "message": ""}


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text/html; charset=utf-8", f"<html><title>{PERSON}</title></html>", b"<html>***</html>"),
        ("application/xml", f"<edmx:Edmx>{PERSON}</edmx:Edmx>", b"<xml>***</xml>"),
        ("text/plain", "\ufeff25", b"25"),
        ("text/plain", PERSON, b"***"),
        ("application/octet-stream", PERSON, b"***"),
        ("application/json", f'{{"a": "{PERSON}', b"***"),
        (PERSON, PERSON, b"***"),
    ],
)
def test_a_body_that_is_no_json_is_replaced(kind: str, body: str, expected: bytes) -> None:
    (shown,) = scrub([Exchange(sent(API), Response(200, (("Content-Type", kind),), body.encode()))])
    assert shown.response.body.removeprefix(b"\xef\xbb\xbf") == expected


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda data: zlib.compress(data, wbits=-15))],
)
def test_a_compressed_body_is_scrubbed_and_stored_plain(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    body = compress(json.dumps({"fullname": PERSON}).encode())
    (shown,) = scrub([Exchange(sent(API), came(body, JSON, ("Content-Encoding", encoding)))])
    assert json.loads(shown.response.body) == {"fullname": "text0001"}
    assert "content-encoding" not in dict(shown.response.headers)


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (Exchange(sent(API), came(b"x", JSON, ("Content-Encoding", "br"))), "compressed"),
        (Exchange(sent(API), came(b"x", JSON, ("Content-Encoding", "gzip"))), "compressed"),
        (Exchange(sent(API), came(b"x", ("Content-Type", f"multipart/mixed; boundary={PERSON}"))), "several parts"),
        (Exchange(sent(API, method=PERSON), came(b"")), "method"),
        (Exchange(sent(API), came(b"", status=99)), "status"),
    ],
)
def test_what_cannot_be_scrubbed_and_still_be_played_is_refused(refused: Exchange, reason: str) -> None:
    with pytest.raises(UnscrubbableError, match=reason) as caught:
        scrub([refused])
    assert PERSON not in str(caught.value)


def batch(requests: list[Request], responses: list[Response]) -> Exchange:
    """The requests, but the first in a change set, and their answers, as a batch has them."""
    first, *others = [Part(method, url, headers, body, "7") for method, url, headers, body in requests]
    kind, body = encode([first, ChangeSet(tuple(others))])
    parts = [
        b"\r\n".join(
            [
                b"Content-Type: application/http\r\nContent-ID: 7\r\n",
                f"HTTP/1.1 {response.status} {PERSON}".encode(),
                *(f"{name}: {value}".encode() for name, value in response.headers),
                b"",
                response.body,
            ]
        )
        for response in responses
    ]
    answer = b"".join(b"--xy\r\n" + part + b"\r\n" for part in parts) + b"--xy--\r\n"
    headers = (("Content-Type", kind),)
    return Exchange(
        Request("POST", f"{API}$batch", headers, body),
        Response(200, (("Content-Type", "multipart/mixed; boundary=xy"),), answer),
    )


def test_a_batch_is_scrubbed_part_by_part() -> None:
    requests = [
        sent("/api/data/v9.2/contacts?$select=fullname", b""),
        sent("contacts", json.dumps({"fullname": PERSON}).encode(), JSON, method="POST"),
        sent("$7/new_x", json.dumps({"a@odata.bind": "$7"}).encode(), ("If-Match", 'W/"1"'), method="PATCH"),
    ]
    found = came({"value": [{"fullname": PERSON}]})
    made = came(b"", ("OData-EntityId", f"{API}contacts({MENTOR})"), ("Set-Cookie", SECRET), status=204)
    (shown,) = scrub([batch(requests, [found, made])])
    assert shown.request.body.decode() == (
        "--parts_1\ncontent-type: application/http\ncontent-transfer-encoding: binary\ncontent-id: 7\n\n"
        "GET /api/data/v9.2/contacts?$select=fullname HTTP/1.1\n\n\n"
        "--parts_1\ncontent-type: multipart/mixed; boundary=parts_2\n\n"
        "--parts_2\ncontent-type: application/http\ncontent-transfer-encoding: binary\ncontent-id: 7\n\n"
        "POST contacts HTTP/1.1\ncontent-type: application/json; odata.metadata=minimal\n\n"
        '{\n "fullname": "text0001"\n}\n'
        "--parts_2\ncontent-type: application/http\ncontent-transfer-encoding: binary\ncontent-id: 7\n\n"
        'PATCH $7/new_x HTTP/1.1\nif-match: W/"version-1"\n\n{\n "a@odata.bind": "$7"\n}\n'
        "--parts_2--\n\n--parts_1--\n"
    )
    first, second = decode(dict(shown.response.headers)["content-type"], shown.response.body)
    assert isinstance(first, PartAnswer)
    assert isinstance(second, PartAnswer)
    assert json.loads(first.answer.content) == {"value": [{"fullname": "text0001"}]}
    assert (second.answer.status, second.content_id) == (204, "7")
    assert second.answer.headers == {
        "odata-entityid": "https://organisation.example/api/data/v9.2/contacts(00000000-0000-4000-8000-000000000001)"
    }


@pytest.mark.parametrize(
    "line", [f"GREET {PERSON} HTTP/1.1", PERSON, "POST x HTTP/1.1\r\nContent-Encoding: br\r\n\r\nx"]
)
def test_a_part_of_a_batch_that_cannot_be_scrubbed_is_refused(line: str) -> None:
    body = f"--x\r\nContent-Type: application/http\r\n\r\n{line}\r\n--x--".encode()
    request = sent(f"{API}$batch", body, ("Content-Type", "multipart/mixed; boundary=x"), method="POST")
    with pytest.raises(UnscrubbableError) as caught:
        scrub([Exchange(request, came(b""))])
    assert PERSON not in str(caught.value)


def test_the_same_batch_matches_whatever_divides_its_parts() -> None:
    one = batch([sent("contacts"), sent("contacts(7)", method="DELETE")], [])
    two = batch([sent("contacts"), sent("contacts(8)", method="DELETE")], [])
    other = batch([sent("contacts"), sent("contacts(8)", method="GET")], [])
    assert one.request.body != two.request.body
    assert same(one.request, scrub([two])[0].request)
    assert not same(one.request, scrub([other])[0].request)


def test_a_token_exchange_keeps_no_secret_and_no_identity() -> None:
    form = f"grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope={quote(BASE_URL)}&x={SECRET}"
    answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": SECRET, "refresh_token": SECRET}
    (shown,) = scrub([Exchange(sent(TOKEN_URL, form.encode(), method="POST"), came(answer))])
    assert shown.request.body == (
        b"client_id=***&client_secret=***&grant_type=client_credentials&scope=https://organisation.example/.default"
    )
    assert json.loads(shown.response.body) == {"token_type": "Bearer", "expires_in": 3599, "access_token": "***"}


def test_a_refused_token_keeps_why() -> None:
    answer = {
        "error": "invalid_client",
        "error_description": f"AADSTS7000215: Invalid client secret provided for app '{CLIENT}'.",
        "error_codes": [7000215],
        "trace_id": str(MENTOR),
    }
    (shown,) = scrub([exchange(answer, url=TOKEN_URL, status=401)])
    assert json.loads(shown.response.body) == {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: ***",
        "error_codes": [7000215],
    }


def test_headers_are_dropped_unless_they_are_known_and_of_their_form() -> None:
    request = sent(
        API,
        b"",
        ("Authorization", f"Bearer {SECRET}"),
        ("Prefer", 'odata.maxpagesize=5,odata.include-annotations="*"'),
        ("If-Match", 'W/"4711"'),
        ("MSCRMCallerID", str(MENTOR)),
        ("x-correlation-id", PERSON),
        ("Cookie", SECRET),
        ("Accept", PERSON),
    )
    response = came(
        b"",
        ("Set-Cookie", SECRET),
        ("WWW-Authenticate", f"Bearer authorization_uri=https://x/{TENANT}"),
        ("ETag", 'W/"4711"'),
        ("Retry-After", "7"),
        ("REQ_ID", f"{MENTOR},{MENTOR}"),
        ("x-ms-dop-hint", PERSON),
        ("Location", f"{API}contacts({MENTOR})"),
        ("Preference-Applied", f"odata.include-annotations={PERSON}"),
    )
    (shown,) = scrub([Exchange(request, response)])
    key = "00000000-0000-4000-8000-000000000001"
    assert dict(shown.request.headers) == {
        "if-match": 'W/"version-1"',
        "mscrmcallerid": key,
        "prefer": 'odata.maxpagesize=5,odata.include-annotations="*"',
    }
    assert dict(shown.response.headers) == {
        "etag": 'W/"version-1"',
        "location": f"https://organisation.example/api/data/v9.2/contacts({key})",
        "req_id": f"{key},{key}",
        "retry-after": "7",
    }


# By property

PLANTS = st.text("abcøåABC 019-@.%'\"<>&=", min_size=4).map(lambda text: f"Zq{text}Ø zQ")
"""Texts that can be found again, of no form that a schema's names have."""
HEADER = st.sampled_from(
    ["Authorization", "Cookie", "Prefer", "If-Match", "Accept", "x-y", "ETag", "Location", "REQ_ID"]
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.sampled_from(
    [
        "fullname",
        "value",
        "error",
        "message",
        "code",
        "statecode",
        "a@odata.bind",
        "@odata.etag",
        "@odata.nextLink",
        "@odata.type",
        "é",
        "***1",
        "x@Microsoft.Dynamics.CRM.lookuplogicalname",
        "x@OData.Community.Display.V1.FormattedValue",
    ]
)


def documents(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@st.composite
def exchanges(draw: st.DrawFn, text: st.SearchStrategy[str]) -> Exchange:
    """An exchange with a text at every place that a service or a caller could put one."""
    plant = draw(text)
    fill = st.just(plant) | LEAF if draw(st.booleans()) else LEAF.map(lambda value: plant if value is None else value)
    document = draw(documents(fill))
    if draw(st.booleans()):
        document = {"error": {"code": plant, "message": plant, "innererror": {"message": plant}}, plant: document}
    encoded = quote(plant, safe=draw(st.sampled_from(["", "'()@;,"])))
    literal = quote(f"'{plant.replace(chr(39), chr(39) * 2)}'", safe="'")
    url = draw(
        st.sampled_from(
            [
                f"{API}contacts({literal})",
                f"{API}contacts(emailaddress1={literal})/new_x?$expand=new_y($filter=a eq {literal})",
                f"{API}contacts?$filter=fullname eq {literal}&$skiptoken={encoded}",
                f"{API}contacts?$filter={encoded}&$select={encoded}&$orderby={encoded}&$top={encoded}",
                f"{API}{encoded}?{encoded}={encoded}",
                f"https://{quote(plant, safe='')}.no/x?{encoded}",
                f"https://login.example/{encoded}/oauth2/v2.0/token",
            ]
        )
    )
    header = (draw(HEADER), plant)
    kind = draw(st.sampled_from([JSON, ("Content-Type", "text/html"), ("Content-Type", plant), ("X", "y")]))
    body = json.dumps(document, ensure_ascii=draw(st.booleans())).encode()
    sent_body = draw(st.sampled_from([body, f"client_secret={encoded}&{encoded}=1".encode(), plant.encode(), b""]))
    request = Request(draw(st.sampled_from(["GET", "POST", "PATCH"])), url, (header, kind), sent_body)
    return Exchange(request, Response(draw(st.sampled_from([200, 204, 400, 404, 503])), (header, kind), body))


@given(st.lists(exchanges(PLANTS), min_size=1, max_size=3))
def test_whatever_is_planted_anywhere_is_in_no_cassette(items: list[Exchange]) -> None:
    text = text_of(items)
    assert text.isascii()
    assert "Zq" not in text
    assert "zQ" not in text


@given(st.lists(exchanges(PLANTS), min_size=1, max_size=3))
def test_whatever_is_planted_in_a_batch_is_in_no_cassette(items: list[Exchange]) -> None:
    whole = batch([item.request for item in items], [item.response for item in items])
    text = text_of([whole])
    assert "Zq" not in text
    assert "zQ" not in text
    (once,) = scrub([whole])
    assert scrub([once]) == [once]


@given(st.lists(exchanges(st.text()), max_size=3))
def test_scrubbing_what_is_scrubbed_changes_nothing(items: list[Exchange]) -> None:
    once = scrub(items, cassettes.KEPT)
    assert scrub(once, cassettes.KEPT) == once


@given(exchanges(st.text()))
def test_a_request_matches_its_own_recording(item: Exchange) -> None:
    (recorded,) = scrub([item])
    assert same(item.request, recorded.request)
    assert same(recorded.request, recorded.request)


ROW = st.fixed_dictionaries(
    {},
    optional={
        "contactid": st.uuids(),
        "firstname": st.text(),
        "emailaddress1": st.emails(),
        "statecode": st.integers(0, 1),
        "statuscode": st.integers(0, 100),
        "new_mentor_status": st.sampled_from([100000000, 100000001, 7]),
        "new_certification_expiry": st.dates(min_value=date(1753, 1, 1)),
        "new_website_visible": st.booleans(),
    },
)


@given(ROW)
def test_a_scrubbed_row_decodes_to_the_same_columns(values: dict[str, Any]) -> None:
    row = Contact(**values).to_dict()
    again = Contact.from_dict(scrubbed_body(row))
    assert set(again.to_dict()) == set(row)
    assert all(type(getattr(again, name)) is type(getattr(Contact.from_dict(row), name)) for name in row)


# Recording and playing


@pytest.fixture
def credentials() -> StaticCredentialProvider:
    return StaticCredentialProvider(tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET)


@pytest.fixture
def tape(tmp_path: Path, service: Service, credentials: StaticCredentialProvider) -> Path:
    """A cassette: a list over two pages, a change of the second row with its version, a new row, a row that is not."""
    path = tmp_path / "tape.yaml"
    ola = {"contactid": str(UUID(int=7)), "firstname": "Ola", "@odata.etag": 'W/"7"', "new_mentor_status": 100000001}
    kari = {"contactid": str(MENTOR), "firstname": "Kari", "@odata.etag": 'W/"3"', "emailaddress1": "kari@hlf.no"}
    service.answer(
        rows(kari, next_link=f"{API}contacts?$skiptoken=%3Ckari%3E"),
        rows(ola),
        httpx2.Response(204),
        made,
        problem(404, "0x80040217", "contact With Id = Kari Does Not Exist"),
    )
    with (
        cassettes.recorder(record_mode="once").use_cassette(path),
        DynamicsPortalClient(BASE_URL, credentials, transport=service.transport) as portal,
    ):
        story(portal)
    return path


def story(portal: Any, *, second: int = 1) -> list[Any]:
    found = list(portal.contacts.list(select=["firstname"], filter="startswith(firstname,'K')"))
    portal.contacts.update(found[second].contactid, {"firstname": "Åse"}, if_match=found[second].etag)
    portal.contacts.create({"firstname": "Åse", "emailaddress1": "aase@hlf.no"})
    with pytest.raises(NotFoundError):
        portal.contacts.get("99999999-2222-3333-4444-555555555555")
    return found


def test_what_was_recorded_plays_with_other_credentials_and_another_address(tape: Path) -> None:
    others = StaticCredentialProvider(tenant_id="t", client_id="c", client_secret="s")
    with (
        cassettes.recorder().use_cassette(tape) as cassette,
        DynamicsPortalClient(cassettes.BASE_URL, others) as portal,
    ):
        kari, ola = story(portal)
    assert cassette.all_played
    assert (kari.firstname, kari.emailaddress1, ola.firstname) == ("text0002", "person-1@example.org", "text0004")
    assert ola.new_mentor_status == 1


def test_a_value_that_an_answer_gave_must_come_back(tape: Path, credentials: StaticCredentialProvider) -> None:
    with (
        cassettes.recorder().use_cassette(tape),
        DynamicsPortalClient(cassettes.BASE_URL, credentials) as portal,
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        story(portal, second=0)  # the wrong row is changed


@pytest.mark.parametrize(
    "other",
    [
        sent(f"{API}contacts?$filter=b eq 'x'", b'{"a":"x"}', ("If-Match", "*")),
        sent(f"{API}contacts?$filter=a eq 'x'", b'{"b":"x"}', ("If-Match", "*")),
        sent(f"{API}contacts?$filter=a eq 'x'", b'{"a":"y"}', ("If-Match", "*")),
        sent(f"{API}contacts?$filter=a eq 'x'", b'{"a":"x"}'),
        sent(f"{API}contacts?$filter=a eq 'x'", b'{"a":"x"}', ("If-Match", 'W/"1"')),
        sent(f"{API}contacts?$filter=a eq 'x'", b'{"a":"x"}', ("If-Match", "*"), method="POST"),
        sent(f"{API}contacts?$filter=a eq 7", b'{"a":"x"}', ("If-Match", "*")),
        sent(f"{API}contacts?$filter=a eq 'x'", b'{"a":"x"}', ("If-Match", "*"), ("Content-Type", "multipart/mixed")),
    ],
    ids=["filter", "column", "equality", "no version", "version", "method", "type", "parts"],
)
def test_a_request_of_another_kind_does_not_match(other: Request) -> None:
    recorded = sent(f"{API}contacts?$filter=a eq 'x'", b'{"a":"x"}', ("If-Match", "*"))
    assert same(recorded, recorded)
    assert not same(other, recorded)


def test_a_kept_column_is_compared_by_its_value() -> None:
    one, two = sent(API, b'{"new_status":1}', method="POST"), sent(API, b'{"new_status":2}', method="POST")
    assert same(one, two)
    assert not same(one, two, {"new_status"})


def test_a_cassette_holds_nothing_that_was_sent_or_answered(tape: Path) -> None:
    text = tape.read_text()
    for planted in (
        SECRET,
        TENANT,
        CLIENT,
        "token-1",
        "hlf",
        "Kari",
        "kari",
        "Ola",
        "Åse",
        str(MENTOR),
        "99999999",
        "100000001",
    ):
        assert planted not in text, planted
    assert cassettes.problems(tape) == []


def test_recording_logs_no_values(
    tmp_path: Path, service: Service, credentials: StaticCredentialProvider, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer(rows())
    with (
        caplog.at_level(logging.DEBUG),
        cassettes.recorder(record_mode="once").use_cassette(tmp_path / "a.yaml"),
        DynamicsPortalClient(BASE_URL, credentials, transport=service.transport) as portal,
    ):
        list(portal.contacts.list(filter=f"fullname eq '{PERSON}'"))
    assert caplog.records
    assert "rdmann" not in caplog.text
    assert SECRET not in caplog.text
    assert TENANT not in caplog.text


@pytest.mark.parametrize("name", ["serializer", "match_on"])
def test_what_makes_a_cassette_safe_is_not_left_to_the_caller(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        cassettes.recorder(**{name: "yaml"})


@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_no_format_of_files_goes_round_scrubbing(
    tmp_path: Path, service: Service, credentials: StaticCredentialProvider, serializer: str
) -> None:
    service.answer(rows({"firstname": PERSON}))
    path = tmp_path / "a.yaml"
    with (
        cassettes.recorder(record_mode="once").use_cassette(path, serializer=serializer),
        DynamicsPortalClient(BASE_URL, credentials, transport=service.transport) as portal,
    ):
        list(portal.contacts.list())
    assert cassettes.problems(path) == []


def test_an_exchange_that_is_refused_leaves_no_file(
    tmp_path: Path, service: Service, credentials: StaticCredentialProvider
) -> None:
    service.answer(httpx2.Response(200, headers={"Content-Type": "multipart/mixed; boundary=x"}, content=b"--y--"))
    path = tmp_path / "a.yaml"
    with (
        pytest.raises(UnscrubbableError, match="several parts"),
        cassettes.recorder(record_mode="once").use_cassette(path),
        DynamicsPortalClient(BASE_URL, credentials, transport=service.transport) as portal,
    ):
        portal.metadata()
    assert not path.exists()


def test_what_saving_raises_leaves_no_transport_to_the_cassette(
    tmp_path: Path, service: Service, credentials: StaticCredentialProvider
) -> None:
    before = httpx2.MockTransport.handle_request
    service.answer(httpx2.Response(200, headers={"Content-Type": "multipart/mixed; boundary=x"}, content=b"--y--"))
    recorder = cassettes.recorder(record_mode="once")

    def call() -> None:
        with DynamicsPortalClient(BASE_URL, credentials, transport=service.transport) as portal:
            portal.metadata()

    async def waits() -> None:
        call()

    def block() -> None:
        with recorder.use_cassette(tmp_path / "a.yaml"):
            call()

    ways = [block, recorder.use_cassette(tmp_path / "b.yaml")(call)]
    ways.append(lambda: asyncio.run(recorder.use_cassette(tmp_path / "c.yaml")(waits)()))
    for way in ways:
        with pytest.raises(UnscrubbableError) as caught:
            way()
        assert httpx2.MockTransport.handle_request is before  # while the exception is still held
        del caught
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_decorated_function_opens_its_cassette_for_each_call(
    tape: Path, credentials: StaticCredentialProvider, asynchronous: bool
) -> None:
    def play() -> int:
        with DynamicsPortalClient(cassettes.BASE_URL, credentials) as portal:
            return len(story(portal))

    async def waits() -> int:
        return play()

    use = cassettes.recorder().use_cassette(tape)
    for _ in range(2):
        found = asyncio.run(use(waits)()) if asynchronous else use(play)()
        assert found == 2


def test_a_missing_vcrpy_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vcr", None)
    with pytest.raises(ImportError, match=r"dynamics-portal\[cassettes\]"):
        cassettes.recorder()


# The check


TAMPERED = {
    "the token's address": ("https://authority.example/tenant/", "https://authority.example/0af0-hlf/"),
    "the host": (
        "https://organisation.example/api/data/v9.2/contacts?$select",
        "https://hlf.crm4.dynamics.com/api/data/v9.2/contacts?$select",
    ),
    "the token": ('"access_token": "***"', '"access_token": "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2ln"'),
    "the secret": ("client_secret=***", "client_secret=hunter2"),
    "the client": ("client_id=***", "client_id=0af0"),
    "a method": ("    method: GET", "    method: KARI"),
    "a field of the form": ("grant_type=client", "assertion=abc&grant_type=client"),
    "a header of a request": ("      accept:\n", "      authorization:\n      - Bearer abc\n      accept:\n"),
    "a header of an answer": (
        "      content-type:\n      - application/json\n    body:\n      string",
        "      set-cookie:\n      - a=b\n      content-type:\n      - application/json\n    body:\n      string",
    ),
    "a filter": ("startswith(firstname,'text0001')", "startswith(firstname,'Kari')"),
    "a page's token": ("$skiptoken=text0003", "$skiptoken=kari"),
    "a name": ('"firstname": "text0002"', '"firstname": "Kari"'),
    "a number": ('"new_mentor_status": 1', '"new_mentor_status": 100000001'),
    "an e-mail address": ("person-1@example.org", "kari@hlf.no"),
    "an id": ("00000000-0000-4000-8000-000000000001", "11111111-2222-3333-4444-555555555555"),
    "a row's version": ('version-1\\"', '4711\\"'),
    "an error's message": ("does not exist", "does not exist Kari"),
    "a phrase of a status": ("message: No Content", "message: Kari"),
    "a comment": ("version: 1\n", "version: 1 # Kari\n"),
    "another entry": ("version: 1\n", "version: 1\nrecorded_by: Kari\n"),
    "another field of a request": ("- request:\n", "- request:\n    by: Kari\n"),
    "a column's name": ('"firstname": "text0002"', '"Kari Nordmann": "text0002"'),
}
"""Places of a cassette to what stands there and what is put in its stead."""


@pytest.mark.parametrize("place", TAMPERED)
def test_a_cassette_that_was_tampered_with_is_found_out_and_not_played(tape: Path, place: str) -> None:
    before, after = TAMPERED[place]
    text = tape.read_text()
    assert before in text, f"the cassette has no {place}"
    tape.write_text(text.replace(before, after))
    found = cassettes.problems(tape)
    assert found
    assert not any(secret in line for line in found for secret in ("Kari", "kari@", "hunter2", "eyJ", "11111111"))
    with pytest.raises(UnscrubbedCassetteError), cassettes.recorder().use_cassette(tape):
        pass


@pytest.mark.parametrize(
    "text",
    ["", "a: [", "- 1", "version: 1\n", "version: 1\ninteractions: 1\n", "version: 1\ninteractions: [1]\n", "\x00\xff"],
)
def test_a_file_that_is_no_cassette_is_not_good(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text.encode("latin-1"))
    assert cassettes.problems(path)


@pytest.mark.parametrize(
    "line",
    [
        "Bearer abcdef",
        "eyJhbGciOiJSUzI1NiJ9.eyJvaWQi",
        "kari@hlf.no",
        "https://hlf.no/",
        str(MENTOR),
        "https://organisation.example.no/",
    ],
)
def test_the_second_look_finds_what_is_real_whatever_scrubbing_does(line: str) -> None:
    assert cassettes._suspicious(line)
    assert not cassettes._suspicious(
        "person-1@example.org https://organisation.example/ https://example.org/1 a@odata.bind"
    )
