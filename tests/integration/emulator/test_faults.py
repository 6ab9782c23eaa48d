"""Injected faults, as a client meets them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.integration.emulator.conftest import Browser, error_of


def test_a_status_is_answered_as_often_as_asked(shop: Browser) -> None:
    shop.emulator.faults.add(status=503, times=2, headers={"Retry-After": "1"})

    answers = [shop.get("accounts") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert error_of(answers[0])[1] == "0x80040216"
    assert shop.emulator.faults.pending == 0
    assert [request.status for request in shop.emulator.requests] == [503, 503, 200]


def test_a_fault_hits_the_method_and_path_that_it_names(shop: Browser) -> None:
    shop.emulator.faults.add(status=500, method="POST", path=r"/accounts$", body="<html>front end</html>")

    assert shop.get("accounts").status_code == 200
    assert shop.post("products", {"name": "Tea"}).status_code == 204
    hit = shop.post("accounts", {})
    assert (hit.status_code, hit.text, hit.headers["Content-Type"]) == (500, "<html>front end</html>", "text/html")
    assert shop.post("accounts", {}).status_code == 204


def test_the_token_endpoint_is_hit_only_by_its_path(shop: Browser) -> None:
    shop.emulator.faults.add(status=500)
    assert shop.ask_token().status_code == 200
    shop.emulator.faults.clear()

    shop.emulator.faults.add(status=500, path="/oauth2/")
    assert shop.ask_token().status_code == 500


@pytest.mark.parametrize(
    ("limit", "code"), [("requests", "0x80072322"), ("time", "0x80072321"), ("concurrency", "0x80072326")]
)
def test_service_protection_limits_answer_429(shop: Browser, limit: str, code: str) -> None:
    shop.emulator.faults.throttle(limit=limit, retry_after="30")  # type: ignore[arg-type]  # parametrized

    refused = shop.get("accounts")
    assert error_of(refused)[:2] == (429, code)
    assert refused.headers["Retry-After"] == "30"


def test_a_connection_dropped_before_has_changed_nothing(shop: Browser) -> None:
    shop.emulator.faults.drop_before(method="POST")

    with pytest.raises(httpx2.RemoteProtocolError):
        shop.post("accounts", {"name": "Acme"})
    assert shop.emulator.rows("accounts") == []
    assert shop.emulator.requests[-1].status is None
    assert shop.post("accounts", {"name": "Acme"}).status_code == 204


def test_a_connection_dropped_after_has_committed(shop: Browser) -> None:
    shop.emulator.faults.drop_after_commit(method="POST")

    with pytest.raises(httpx2.RemoteProtocolError):
        shop.post("accounts", {"name": "Acme"})
    assert len(shop.emulator.rows("accounts")) == 1


def test_a_malformed_body_comes_with_the_real_status(shop: Browser) -> None:
    shop.emulator.faults.malformed('{"value": [', times=1)
    broken = shop.get("accounts")
    assert (broken.status_code, broken.text) == (200, '{"value": [')

    shop.emulator.faults.malformed(b"<html/>", "text/html")
    assert shop.get("nothing").headers["Content-Type"] == "text/html"


def test_a_delay_passes_in_the_emulators_time_only(shop: Browser) -> None:
    shop.emulator.faults.delay(3600)

    assert shop.get("accounts").status_code == 401  # the token has expired meanwhile


def test_a_request_is_held_until_the_test_lets_go(shop: Browser) -> None:
    gate = shop.emulator.faults.hold(path="/accounts")

    with ThreadPoolExecutor() as pool:
        held = pool.submit(shop.get, "accounts")
        assert shop.get("products").status_code == 200
        assert not held.done()
        gate.set()
        assert held.result(timeout=10).status_code == 200


def test_a_held_request_does_not_outlive_the_emulator(shop: Browser) -> None:
    shop.emulator.faults.hold(path="/accounts")

    with pytest.raises(httpx2.ReadTimeout):
        shop.send("GET", "accounts", timeout=0.05)


def test_clearing_forgets_faults(shop: Browser) -> None:
    shop.emulator.faults.add(status=503, times=9)
    shop.emulator.faults.clear()

    assert shop.get("accounts").status_code == 200


def test_requests_in_parallel_are_all_answered(shop: Browser) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: shop.post("accounts", {"size": n}).status_code, range(64)))

    assert set(answers) == {204}
    assert sorted(row["size"] for row in shop.emulator.rows("accounts")) == list(range(64))


def test_resetting_leaves_nothing_of_an_earlier_test(shop: Browser) -> None:
    emulator = shop.emulator
    emulator.seed("accounts", [{"name": "Acme"}])
    emulator.on_action("Restart", lambda *_: None)
    emulator.faults.add(status=503, times=9)
    emulator.clock.advance(5)
    shop.get("EntityDefinitions(LogicalName='account')/Attributes")
    emulator.reset()

    assert (emulator.rows("accounts"), emulator.requests, emulator.token_requests) == ([], (), 0)
    assert shop.get("WhoAmI()").status_code == 401
    again = Browser(emulator, shop.http)
    assert again.get("WhoAmI()").status_code == 200
    assert again.post("Restart", {}).status_code == 501
    assert again.rows("EntityDefinitions(LogicalName='account')/Attributes") != []
