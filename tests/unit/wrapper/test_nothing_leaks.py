"""Planted secrets and personal data, in every place where they can come in, are found in no output."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from rich.console import Console
from rich.traceback import Traceback
from tests.unit.wrapper.support import CLIENT, SECRET, TENANT, Clock, Service, Shell, problem, token

from dynamics_portal import ClientCredentials, DynamicsPortalClientException

TOKEN = "t0ken-that-nobody-may-see"
NAME, MAIL = "Kari-Nordmann-Planted", "kari.planted@example.org"
PLANTED = (SECRET, TOKEN, NAME, MAIL, CLIENT, TENANT)
ECHO = f"Record with {NAME} and {MAIL} and {SECRET} and Bearer {TOKEN}"

ANSWERS: list[Any] = [
    problem(400, "0x80040265", ECHO),
    problem(404, NAME, ECHO, x_ms_service_request_id=MAIL),
    problem(412, "0x80060892", ECHO),
    problem(503, "0x0", ECHO, WWW_Authenticate=f"Bearer {TOKEN}"),
    httpx2.Response(500, content=ECHO.encode()),
    httpx2.Response(200, content=ECHO.encode()),
    httpx2.Response(200, json={"contactid": ECHO, "value": [{"contactid": ECHO}]}),
    httpx2.Response(302, headers={"Location": f"https://{MAIL}/"}),
    httpx2.ReadTimeout(ECHO),
    httpx2.ConnectError(ECHO),
    OSError(ECHO),
]

VERBS: list[Callable[[Any], Any]] = [
    lambda portal: portal.contacts.list(filter=f"emailaddress1 eq '{MAIL}' and lastname eq '{NAME}'"),
    lambda portal: portal.contacts.get("11111111-2222-3333-4444-555555555555"),
    lambda portal: portal.contacts.create({"lastname": NAME, "emailaddress1": MAIL}),
    lambda portal: portal.contacts.get(MAIL),
    lambda portal: portal.contacts.update(MAIL, {"lastname": NAME}),
    lambda portal: portal.contacts.create({"lastname": [NAME], "emailaddress1": MAIL}),
    lambda portal: portal.new_certifications.get({"_new_mentor_value": MAIL, "new_type": NAME}),
    lambda portal: portal.new_certifications.create({"new_Mentor@odata.bind": {"x": MAIL}}),
    lambda portal: portal.contacts.update("11111111-2222-3333-4444-555555555555", {}, if_match=f"Å{MAIL}"),
]


def search(output: str) -> None:
    lowered = output.lower()
    assert [planted for planted in PLANTED if planted.lower() in lowered] == []


def outputs(error: DynamicsPortalClientException) -> str:
    """All that is printed of an exception, however it is printed: frames come with their source lines."""
    own = traceback.TracebackException.from_exception(error)
    return "\n".join([str(error), repr(error), repr(error.args), *own.format_exception_only()])


def raised(action: Callable[[], Any]) -> DynamicsPortalClientException | None:
    """The exception that an action ends with, if it does."""
    try:
        action()
    except DynamicsPortalClientException as error:
        return error
    return None


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
@pytest.mark.parametrize("verb", VERBS)
def test_no_log_and_no_exception_shows_what_was_planted(
    verb: Callable[[Any], Any], answer: Any, shell: Shell, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer(answer)
    service.token_answers = [token(TOKEN)]
    with caplog.at_level(logging.DEBUG):
        failed = raised(lambda: shell(verb(shell.portal)))
    if failed is not None:
        search(outputs(failed))
        assert failed.__cause__ is None
        assert failed.__context__ is None or failed.__suppress_context__
    search(caplog.text + json.dumps([vars(record) for record in caplog.records], default=str))
    search(repr(shell.portal) + repr(shell.portal.contacts))


TOKEN_ANSWERS: list[Any] = [
    httpx2.Response(401, json={"error": "invalid_client", "error_description": f"AADSTS7000215: {ECHO}"}),
    httpx2.Response(400, json={"error": NAME, "error_description": ECHO}),
    httpx2.Response(400, json={"error": ECHO}),
    httpx2.Response(200, json={"access_token": f"{TOKEN} {SECRET}"}),
    httpx2.Response(200, content=ECHO.encode()),
    httpx2.Response(500, content=ECHO.encode()),
    httpx2.ConnectError(ECHO),
]


@pytest.mark.parametrize("answer", TOKEN_ANSWERS, ids=lambda answer: type(answer).__name__)
def test_no_refusal_of_a_token_shows_what_was_planted(
    answer: Any, shell: Shell, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.token_answers = [answer]
    with caplog.at_level(logging.DEBUG), pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.who_am_i())
    search(outputs(caught.value))
    search(caplog.text + json.dumps([vars(record) for record in caplog.records], default=str))


class Failing:
    def get_credentials(self) -> ClientCredentials:
        raise RuntimeError(ECHO)


def test_no_failure_of_a_provider_shows_what_was_planted(make_shell: Callable[..., Shell]) -> None:
    shell = make_shell(credentials=Failing())
    with pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.who_am_i())
    search(outputs(caught.value) + caught.value.message)


def test_no_printer_of_locals_finds_the_secret(shell: Shell, service: Service, clock: Clock) -> None:
    """The frames of a traceback are printed with their variables: those of the call's way hold no secret."""
    service.answer(problem(400, "0x0", ECHO))
    service.token_answers = [token(TOKEN)]
    with pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.contacts.get("11111111-2222-3333-4444-555555555555"))
    error = caught.value
    console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115 # closed below
    with console.file:
        console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    shown = console.export_text()
    assert "_caller" in shown  # the frames of the way are there
    for planted in (SECRET, TOKEN):
        assert planted not in shown


def test_a_pickled_exception_holds_no_secret(shell: Shell, service: Service) -> None:
    service.answer(problem(400, "0x0", "text"))
    service.token_answers = [token(TOKEN)]
    with pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.who_am_i())
    stored = pickle.dumps(caught.value)
    assert SECRET.encode() not in stored
    assert TOKEN.encode() not in stored
