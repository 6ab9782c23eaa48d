"""The whole call, from a verb over TLS to an emulated Dataverse and back, in both clients."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.unit.wrapper.support import Clock, Shell

from dynamics_portal import (
    AuthFailureError,
    ConflictError,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
)
from dynamics_portal_api.models import Contact, ContactMentorStatus
from dynamics_portal_emulator.emulator import Emulator

KARI = {"firstname": "Kari", "lastname": "Nordmann", "emailaddress1": "kari@example.org"}


def test_the_service_says_who_i_am(shell: Shell, portal: Any, emulator: Emulator) -> None:
    answer = shell(portal.who_am_i())
    assert str(answer.user_id) == emulator.user_id
    assert str(answer.organization_id) == emulator.organization_id


def test_a_row_is_created_read_changed_and_deleted(shell: Shell, portal: Any) -> None:
    mentor = Contact(
        firstname="Kari", new_mentor_status=ContactMentorStatus.ACTIVE, new_certification_expiry=date(2026, 1, 31)
    )
    new_id = shell(portal.contacts.create(mentor))
    assert isinstance(new_id, UUID)
    read = shell(portal.contacts.get(new_id))
    assert (read.contactid, read.firstname, read.new_mentor_status) == (new_id, "Kari", ContactMentorStatus.ACTIVE)
    assert read.new_certification_expiry == date(2026, 1, 31)
    shell(portal.contacts.update(new_id, {"new_mentor_status": ContactMentorStatus.PAUSED}, if_match=read.etag))
    assert shell(portal.contacts.get(str(new_id))).new_mentor_status is ContactMentorStatus.PAUSED
    shell(portal.contacts.delete(new_id))
    with pytest.raises(NotFoundError) as caught:
        shell(portal.contacts.get(new_id))
    assert (caught.value.status_code, caught.value.dynamics_code) == (404, "0x80040217")
    assert caught.value.request_id


def test_a_row_that_was_read_can_be_written_again(shell: Shell, portal: Any) -> None:
    new_id = shell(portal.contacts.create(KARI))
    mentor = shell(portal.contacts.get(new_id))
    mentor.new_pause_reason = "ferie"
    shell(portal.contacts.update(new_id, mentor))
    assert shell(portal.contacts.get(new_id, select=["new_pause_reason"])).new_pause_reason == "ferie"


def test_an_update_with_an_old_version_is_refused(shell: Shell, portal: Any) -> None:
    new_id = shell(portal.contacts.create(KARI))
    old = shell(portal.contacts.get(new_id)).etag
    shell(portal.contacts.update(new_id, {"firstname": "Åse"}))
    with pytest.raises(ConflictError) as caught:
        shell(portal.contacts.update(new_id, {"firstname": "Ola"}, if_match=old))
    assert caught.value.dynamics_code == "0x80060882"
    assert shell(portal.contacts.get(new_id)).firstname == "Åse"


def test_an_update_never_creates(shell: Shell, portal: Any, emulator: Emulator) -> None:
    with pytest.raises(NotFoundError):
        shell(portal.contacts.update(uuid4(), {"firstname": "Kari"}))
    assert emulator.rows("contacts") == []


def test_an_upsert_creates_once_and_then_changes(shell: Shell, portal: Any, emulator: Emulator) -> None:
    mentor = shell(portal.contacts.create(KARI))
    key = {"_new_mentor_value": mentor, "new_type": 100000000}
    bind = {"new_Mentor@odata.bind": portal.contacts.reference(mentor)}
    first = shell(portal.new_certifications.upsert(key, {**bind, "new_expires_on": date(2026, 1, 1)}))
    second = shell(portal.new_certifications.upsert(key, {"new_expires_on": date(2027, 1, 1)}))
    assert first == second == UUID(emulator.rows("new_certifications")[0]["new_certificationid"])
    assert shell(portal.new_certifications.get(key)).new_expires_on == date(2027, 1, 1)
    assert len(emulator.rows("new_certifications")) == 1


def test_many_rows_come_in_pages(shell: Shell, portal: Any, emulator: Emulator) -> None:
    emulator.seed("contacts", [{"firstname": f"Mentor {number}"} for number in range(25)])
    found = shell(portal.contacts.list(select=["firstname"], order_by=["firstname"], page_size=10))
    assert sorted(row.firstname for row in found) == sorted(f"Mentor {number}" for number in range(25))
    pages = shell(portal.contacts.list(select=["firstname"], page_size=10).pages())
    assert [len(page) for page in pages] == [10, 10, 5]
    assert len(shell(portal.contacts.list(top=12, page_size=10))) == 12
    assert len(shell(portal.contacts.list(top=3))) == 3
    assert shell(portal.contacts.count()) == 25


def test_a_filter_finds_names_with_quotes_and_signs(shell: Shell, portal: Any) -> None:
    for name in ("O'Brien & co", "100% + #1", "Åse"):
        shell(portal.contacts.create({"firstname": name}))
        literal = name.replace("'", "''")
        (found,) = shell(portal.contacts.list(filter=f"firstname eq '{literal}'", select=["firstname"]))
        assert found.firstname == name


def test_expanded_rows_are_typed(shell: Shell, portal: Any) -> None:
    mentor = shell(portal.contacts.create(KARI))
    shell(
        portal.new_certifications.create(
            {"new_type": 100000000, "new_Mentor@odata.bind": portal.contacts.reference(mentor)}
        )
    )
    (certification,) = shell(portal.new_certifications.list(expand=["new_Mentor($select=firstname)"], annotations=True))
    assert certification.new_mentor.firstname == "Kari"
    assert certification.formatted("new_type")


def test_the_bound_action_is_called_on_a_row(shell: Shell, portal: Any, emulator: Emulator) -> None:
    def hide(_: Emulator, parameters: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
        assert row is not None
        return {"MentorId": row["contactid"], "IsVisible": parameters["Visible"]}

    emulator.on_action("new_SetWebsiteVisibility", hide)
    mentor = shell(portal.contacts.create(KARI))
    result = shell(portal.new_set_website_visibility(mentor, visible=False, reason="pause"))
    assert (result.mentor_id, result.is_visible) == (mentor, False)


def test_three_503s_in_a_row_end_in_the_server_error_code(
    shell: Shell, portal: Any, emulator: Emulator, clock: Clock
) -> None:
    emulator.faults.add(status=503, times=3)
    with pytest.raises(ServerError) as caught:
        shell(portal.who_am_i())
    assert (caught.value.status_code, caught.value.attempts) == (503, 3)
    assert clock.slept == [1.0, 2.0]


def test_a_503_is_retried(shell: Shell, portal: Any, emulator: Emulator, clock: Clock) -> None:
    emulator.faults.add(status=503, headers={"Retry-After": "7"})
    assert shell(portal.who_am_i()).user_id
    assert clock.slept == [7.0]


def test_service_protection_limits_are_waited_out(shell: Shell, portal: Any, emulator: Emulator, clock: Clock) -> None:
    emulator.faults.throttle(times=2, retry_after="4")
    shell(portal.contacts.create(KARI))
    assert clock.slept == [4.0, 4.0]
    assert len(emulator.rows("contacts")) == 1


def test_service_protection_limits_that_last_end_in_rate_limited(
    connect: Callable[..., Shell], emulator: Emulator
) -> None:
    emulator.faults.throttle(times=9, retry_after="4")
    shell = connect(retry=RetryPolicy(max_attempts=2))
    with pytest.raises(RateLimitedError) as caught:
        shell(shell.portal.who_am_i())
    assert (caught.value.retry_after, caught.value.dynamics_code) == (4.0, "0x80072322")


def test_a_connection_dropped_after_the_commit_creates_exactly_one_row(
    shell: Shell, portal: Any, emulator: Emulator
) -> None:
    shell(portal.who_am_i())
    emulator.faults.drop_after_commit(method="POST", path="contacts$")
    new_id = shell(portal.contacts.create(KARI))
    assert [row["contactid"] for row in emulator.rows("contacts")] == [str(new_id)]
    assert [entry.method for entry in emulator.requests][-3:] == ["POST", "POST", "GET"]


def test_a_connection_dropped_before_the_commit_creates_exactly_one_row(
    shell: Shell, portal: Any, emulator: Emulator
) -> None:
    emulator.faults.drop_before(method="POST", path="contacts$")
    new_id = shell(portal.contacts.create(KARI))
    assert [row["contactid"] for row in emulator.rows("contacts")] == [str(new_id)]


def test_a_duplicate_that_is_somebody_elses_is_a_conflict(shell: Shell, portal: Any, emulator: Emulator) -> None:
    new_id = shell(portal.contacts.create(KARI))
    with pytest.raises(ConflictError):
        shell(portal.contacts.create({**KARI, "contactid": new_id}))
    assert len(emulator.rows("contacts")) == 1


def test_a_clash_of_alternate_keys_after_a_dropped_connection_is_a_conflict(
    shell: Shell, portal: Any, emulator: Emulator
) -> None:
    mentor = shell(portal.contacts.create(KARI))
    row = {"new_type": 100000000, "new_Mentor@odata.bind": portal.contacts.reference(mentor)}
    shell(portal.new_certifications.create(row))
    emulator.faults.drop_before(method="POST", path="new_certifications$")
    with pytest.raises(ConflictError):
        shell(portal.new_certifications.create(row))
    assert len(emulator.rows("new_certifications")) == 1


def test_a_delete_that_ran_before_the_connection_dropped_is_done(shell: Shell, portal: Any, emulator: Emulator) -> None:
    new_id = shell(portal.contacts.create(KARI))
    emulator.faults.drop_after_commit(method="DELETE")
    shell(portal.contacts.delete(new_id))
    assert emulator.rows("contacts") == []


def test_an_update_after_a_dropped_connection_is_done_once_or_twice_alike(
    shell: Shell, portal: Any, emulator: Emulator
) -> None:
    new_id = shell(portal.contacts.create(KARI))
    emulator.faults.drop_after_commit(method="PATCH")
    shell(portal.contacts.update(new_id, {"firstname": "Åse"}))
    assert emulator.rows("contacts")[0]["firstname"] == "Åse"


def test_a_token_that_the_service_no_longer_takes_fails_once(shell: Shell, portal: Any, emulator: Emulator) -> None:
    shell(portal.who_am_i())
    emulator.expire_tokens()
    with pytest.raises(AuthFailureError) as caught:
        shell(portal.who_am_i())
    assert (caught.value.status_code, caught.value.attempts) == (401, 1)
    assert shell(portal.who_am_i()).user_id
    assert emulator.token_requests == 2


def test_a_wrong_secret_is_an_auth_failure_with_entras_code(connect: Callable[..., Shell]) -> None:
    shell = connect(client_secret="wrong-s3cr3t")
    with pytest.raises(AuthFailureError) as caught:
        shell(shell.portal.who_am_i())
    assert caught.value.dynamics_code == "AADSTS7000215"
    assert "wrong-s3cr3t" not in str(caught.value)


def test_one_token_serves_many_calls(shell: Shell, portal: Any, emulator: Emulator) -> None:
    for _ in range(3):
        shell(portal.who_am_i())
    assert emulator.token_requests == 1


def test_a_server_that_is_not_trusted_gets_no_request(connect: Callable[..., Shell], emulator: Emulator) -> None:
    shell = connect(ssl_context=None)
    with pytest.raises(NetworkError, match="certificate"):
        shell(shell.portal.who_am_i())
    assert emulator.requests == ()
    assert emulator.token_requests == 0


def test_what_the_service_refuses_is_an_invalid_request(shell: Shell, portal: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        shell(portal.contacts.list(filter="nonsense eq 1"))
    assert caught.value.status_code == 400
    assert caught.value.attempts == 1


def test_an_answer_that_is_no_json_is_a_server_error(shell: Shell, portal: Any, emulator: Emulator) -> None:
    new_id = shell(portal.contacts.create(KARI))
    emulator.faults.malformed("<html>sign in</html>", "text/html", method="GET")
    with pytest.raises(ServerError):
        shell(portal.contacts.get(new_id))


def test_nothing_personal_is_logged(
    shell: Shell, portal: Any, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="dynamics_portal"):
        shell(portal.contacts.create(KARI))
        shell(portal.contacts.list(filter="emailaddress1 eq 'kari@example.org'", page_size=1))
    output = "\n".join(json.dumps(vars(record), default=str) for record in caplog.records)
    assert "contacts?$filter=***" in output
    for planted in ("kari", "Nordmann", emulator.client_secret, emulator.client_id, emulator.tenant_id, "Bearer"):
        assert planted.lower() not in output.lower()
