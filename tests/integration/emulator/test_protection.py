"""Service protection limits and several web servers, over the wire."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.integration.emulator.conftest import Browser, error_of
from tests.integration.emulator.test_batches import request, send

from dynamics_portal_emulator import Protection


def test_requests_beyond_the_limit_are_turned_away_until_the_window_has_moved(depot: Browser) -> None:
    depot.emulator.settings.service_protection = Protection(requests=3)

    answers = [depot.get("dep_items") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    left = [answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] for answer in answers]
    assert left == ["2", "1", "0"]
    refused = depot.get("dep_items")
    assert error_of(refused) == (
        429,
        "0x80072322",
        "Number of requests exceeded the limit of 3 over time window of 300 seconds.",
    )
    assert refused.headers["Retry-After"] == "300"
    depot.emulator.clock.advance(300)
    assert depot.get("dep_items").status_code == 200


def test_the_wait_grows_with_continued_demand(depot: Browser) -> None:
    depot.emulator.settings.service_protection = Protection(requests=1)
    depot.get("dep_items")
    depot.emulator.clock.advance(299)

    waits = [int(depot.get("dep_items").headers["Retry-After"]) for _ in range(5)]

    assert waits == [1, 2, 4, 8, 16]
    depot.emulator.clock.advance(16)
    assert depot.get("dep_items").status_code == 200


def test_execution_time_is_counted_by_rows_and_by_the_parts_of_a_batch(depot: Browser) -> None:
    depot.emulator.settings.service_protection = Protection(seconds=1200)
    depot.emulator.settings.cost = lambda work: 100.0 * work
    depot.emulator.settings.bulk_seconds = 1000.0
    depot.emulator.seed("dep_items", [{"dep_name": name} for name in "abc"])
    header = "x-ms-ratelimit-time-remaining-xrm-requests"

    assert depot.get("dep_rooms").headers[header] == "1,100.00"
    assert depot.get("dep_items").headers[header] == "800.00"
    assert send(depot, request("GET dep_items"), request("GET dep_rooms")).headers[header] == "400.00"
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.dep_room"} for _ in range(4)]
    created = depot.post("dep_rooms/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets})
    assert (created.status_code, created.headers[header]) == (200, "0.00")
    status, code, message = error_of(depot.get("dep_rooms"))
    assert (status, code) == (429, "0x80072321")
    assert "exceeded limit of 1,200,000 milliseconds over time window of 300 seconds" in message


def test_requests_at_a_time_are_limited(depot: Browser) -> None:
    depot.emulator.settings.service_protection = Protection(concurrent=2)
    held = depot.emulator.faults.hold(times=2, path="dep_items")

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(depot.get, "dep_items") for _ in range(2)]
        while depot.emulator.faults.pending:
            pass  # both are on their way; nothing else tells when they have come
        refused = depot.get("dep_rooms")
        held.set()
        answers = [future.result() for future in waiting]

    assert error_of(refused)[:2] == (429, "0x80072326")
    assert refused.headers["Retry-After"] == "1"
    assert [answer.status_code for answer in answers] == [200, 200]
    assert depot.get("dep_rooms").status_code == 200


def test_a_cookie_ties_a_client_to_its_server(depot: Browser) -> None:
    depot.emulator.settings.servers = 3

    for _ in range(3):
        depot.get("dep_items")
    assert [logged.server for logged in depot.emulator.requests] == [0, 0, 0]

    for _ in range(3):
        depot.http.cookies.clear()
        depot.get("dep_items")
    assert len({logged.server for logged in depot.emulator.requests[3:]}) == 3


def test_without_the_cookie_limits_are_reached_later(depot: Browser) -> None:
    depot.emulator.settings.servers, depot.emulator.settings.affinity = 2, False
    depot.emulator.settings.service_protection = Protection(requests=2)

    statuses = [depot.get("dep_items").status_code for _ in range(5)]

    assert statuses == [200, 200, 200, 200, 429]
    assert not depot.http.cookies


@pytest.mark.parametrize("protection", [None, Protection()])
def test_every_answer_recommends_a_degree_of_parallelism(depot: Browser, protection: Protection | None) -> None:
    depot.emulator.settings.service_protection = protection

    answer = depot.get("dep_items")

    assert answer.headers["x-ms-dop-hint"] == "4"
    assert ("x-ms-ratelimit-burst-remaining-xrm-requests" in answer.headers) is (protection is not None)


def test_a_request_without_a_token_counts_for_nobody(depot: Browser) -> None:
    depot.emulator.settings.service_protection = Protection(requests=1)
    good, depot.token = depot.token, "worthless"

    assert [depot.get("dep_items").status_code for _ in range(3)] == [401] * 3
    depot.token = good
    assert depot.get("dep_items").status_code == 200
