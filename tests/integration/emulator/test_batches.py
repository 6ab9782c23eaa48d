"""`$batch`."""

from __future__ import annotations

import re

import httpx2
import pytest
from tests.integration.emulator.conftest import Browser, error_of

A = "aaaaaaaa-0000-0000-0000-000000000001"
ROOT = "/api/data/v9.2/"


def request(line: str, body: str = "", content_id: int | str | None = None, **headers: str) -> str:
    part = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        part.append(f"Content-ID: {content_id}")
    inner = [f"{line} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if body:
        inner.append("Content-Type: application/json")
    return "\r\n".join([*part, "", *inner, "", body])


def change_set(*requests: str) -> str:
    return "Content-Type: multipart/mixed; boundary=changeset_1\r\n\r\n" + joined(requests, "changeset_1")


def joined(parts: tuple[str, ...], boundary: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def send(browser: Browser, *parts: str, **headers: str) -> httpx2.Response:
    kind = {"Content-Type": 'multipart/mixed; boundary="batch_1"'}
    return browser.send("POST", "$batch", content=joined(parts, "batch_1").encode(), headers={**kind, **headers})


def statuses(answer: httpx2.Response) -> list[int]:
    return [int(status) for status in re.findall(r"^HTTP/1.1 (\d+)", answer.text, re.MULTILINE)]


def test_requests_are_answered_in_order(shop: Browser) -> None:
    answer = send(
        shop,
        request(f"POST {ROOT}accounts", '{"name": "Ærlig", "size": 1}'),
        request("GET accounts?$select=name&$filter=size%20eq%201"),
        request(f"GET {shop.emulator.base_url}{ROOT}accounts/$count"),
    )

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert statuses(answer) == [204, 200, 200]
    assert '"name":"Ærlig"' in answer.content.decode()


def test_a_batch_ends_at_its_first_error(shop: Browser) -> None:
    answer = send(shop, request("POST accounts", "{}"), request("GET nothing"), request("POST accounts", "{}"))

    assert answer.status_code == 404
    assert statuses(answer) == [204, 404]
    assert len(shop.emulator.rows("accounts")) == 1


def test_a_batch_goes_on_where_it_is_asked_to(shop: Browser) -> None:
    answer = send(shop, request("GET nothing"), request("POST accounts", "{}"), Prefer="odata.continue-on-error")

    assert answer.status_code == 200
    assert statuses(answer) == [404, 204]


def test_a_change_set_happens_as_a_whole(shop: Browser) -> None:
    answer = send(
        shop,
        change_set(
            request("POST accounts", '{"name": "Parent"}', 1),
            request("POST accounts", '{"name": "Child", "parentaccountid@odata.bind": "$1"}', 2),
            request("PATCH $2", '{"size": 3}', 3, If_Match="*"),
            request("POST $1/products", '{"name": "Tea"}', 4),
        ),
        request("GET accounts?$filter=size%20eq%203&$expand=parentaccountid($select=name)"),
    )

    assert answer.status_code == 200, answer.text
    assert statuses(answer) == [204, 204, 204, 204, 200]
    assert [int(number) for number in re.findall(r"^Content-ID: (\d)", answer.text, re.MULTILINE)] == [1, 2, 3, 4]
    assert '"parentaccountid":{' in answer.text
    assert '"name":"Parent"' in answer.text


def test_a_reference_stands_in_whatever_names_a_row(shop: Browser) -> None:
    answer = send(
        shop,
        change_set(
            request("POST accounts", '{"name": "$2", "revenue": 1.10}', "a1"),
            request("POST products", '{"name": "Tea"}', 2),
            request("POST accounts", '{"name": "x", "products@odata.bind": ["$2"], "children": []}', 3),
            request("PUT $3/parentaccountid/$ref", '{"@odata.id": "$a1"}', 4),
            request("PUT $3/name", '{"value": "$"}', 5),
        ),
        request("GET accounts?$select=name&$filter=products/any()&$expand=parentaccountid($select=name,revenue)"),
    )

    assert statuses(answer) == [204, 204, 204, 204, 204, 200], answer.text
    assert '"name":"$",' in answer.text
    assert '"name":"$2","revenue":1.10' in answer.text


@pytest.mark.parametrize(
    "late", [request("POST accounts", '{"parentaccountid@odata.bind": "$9"}', 1), request("PATCH $9", "{}", 1)]
)
def test_a_reference_to_nothing_fails_its_change_set(shop: Browser, late: str) -> None:
    answer = send(shop, change_set(request("POST accounts", "{}", 7), late, request("POST accounts", "{}", 9)))

    assert (answer.status_code, statuses(answer)) == (400, [400])
    assert "Content-ID Reference: '$9' does not exist in the batch context." in answer.text
    assert shop.emulator.rows("accounts") == []


def test_a_reference_reaches_no_further_than_its_change_set(shop: Browser) -> None:
    answer = send(shop, change_set(request("POST accounts", "{}", 1)), request("GET $1"), request("GET $metadata"))

    assert statuses(answer) == [204, 400]
    assert "'$1' does not exist in the batch context" in answer.text


def test_a_batch_goes_on_after_a_change_set_that_failed(shop: Browser) -> None:
    failing = change_set(request("POST accounts", "{}", 1), request("POST accounts", '{"nonsense": 1}', 2))
    answer = send(shop, failing, request("POST accounts", "{}"), Prefer="odata.continue-on-error")

    assert (answer.status_code, statuses(answer)) == (200, [400, 204])
    assert re.findall(r"^Content-ID: (\d)", answer.text, re.MULTILINE) == ["2"]
    assert len(shop.emulator.rows("accounts")) == 1


def test_addresses_may_be_twice_as_long_within_a_batch(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"name": "beta"}])
    names = " or ".join(f"name eq '{number:0>100}'" for number in range(350))
    query = f"accounts?$select=name&$filter={names} or name eq 'beta'".replace(" ", "%20")
    refused = shop.get(query)

    assert 32_768 < len(query) < 65_536
    assert (refused.status_code, refused.headers["Content-Type"]) == (414, "text/html; charset=utf-8")
    assert "HTTP Error 414. The request URL is too long." in refused.text
    assert '"name":"beta"' in send(shop, request(f"GET {query}")).text
    assert shop.get("accounts?$filter=" + "x" * (32_768 - 200)).status_code == 400


def test_an_address_within_a_batch_may_hold_blanks(shop: Browser) -> None:
    answer = send(
        shop,
        request("POST accounts", '{"name": "Tea and Cakes", "size": 1}'),
        request("GET accounts?$select=name&$filter=name eq 'Tea and Cakes' and size eq 1"),
    )

    assert statuses(answer) == [204, 200]
    assert '"name":"Tea and Cakes"' in answer.text


def test_a_change_set_that_fails_leaves_nothing(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": A, "name": "before"}])
    answer = send(
        shop,
        change_set(
            request(f"PATCH accounts({A})", '{"name": "after"}', 1),
            request("POST lines", '{"Order": "x", "Position": 1}', 2),
            request("POST accounts", '{"nonsense": 1}', 3),
        ),
    )

    assert answer.status_code == 400
    assert statuses(answer) == [400]
    assert "nonsense" in answer.text
    assert shop.emulator.rows("accounts")[0]["name"] == "before"
    assert shop.emulator.rows("lines") == []


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([change_set(request("GET accounts", "", 1))], "must not hold GET"),
        ([change_set(request("POST accounts", "{}"))], "needs a Content-ID"),
        ([request("POST $batch", "{}")], "another batch"),
        (["Content-Type: text/plain\r\n\r\nhello"], "must be application/http"),
        ([request("")], "request line"),
        (["Content-Type: application/http\r\n\r\nGET accounts HTTP/2\r\n\r\n"], "must be 'HTTP/1.1'"),
        ([request("GET accounts?$filter=" + "x" * 65_536)], "The Uri string is too long"),
        ([change_set(request("POST accounts", "{}", 1), request("POST accounts", "{}", 1))], "occurs twice"),
        ([change_set(change_set(request("POST accounts", "{}", 1)))], "must be application/http"),
        ([request("GET WhoAmI()")] * 1001, "more than 1000"),
    ],
)
def test_a_batch_that_is_wrong_is_refused(shop: Browser, parts: list[str], words: str) -> None:
    status, _, message = error_of(send(shop, *parts))

    assert status == 400
    assert words in message


def test_a_body_that_is_no_multipart_is_refused(shop: Browser) -> None:
    assert shop.post("$batch", {}).status_code == 415
    headers = {"Content-Type": "multipart/mixed; boundary=other"}
    assert error_of(shop.send("POST", "$batch", content=b"--batch_1--", headers=headers))[0] == 400


def test_a_thousand_requests_fit(shop: Browser) -> None:
    parts = [request("POST counters", f'{{"Number": {n}}}', n) for n in range(1000)]

    assert send(shop, change_set(*parts)).status_code == 200
    assert len(shop.emulator.rows("counters")) == 1000
