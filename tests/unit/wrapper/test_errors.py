"""The exception: its kinds, what it shows, and that it travels."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from dynamics_portal import (
    AuthFailureError,
    ConflictError,
    DuplicateError,
    DynamicsPortalClientException,
    ErrorCode,
    ForbiddenError,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    VersionMismatchError,
)
from dynamics_portal.errors import invalid

KINDS = {
    ErrorCode.AUTH_FAILURE: AuthFailureError,
    ErrorCode.FORBIDDEN: ForbiddenError,
    ErrorCode.NOT_FOUND: NotFoundError,
    ErrorCode.INVALID_REQUEST: InvalidRequestError,
    ErrorCode.CONFLICT: ConflictError,
    ErrorCode.RATE_LIMITED: RateLimitedError,
    ErrorCode.SERVER_ERROR: ServerError,
    ErrorCode.NETWORK_ERROR: NetworkError,
}
ECHO = "A record with emailaddress1 = kari@example.org exists"


def full(code: ErrorCode = ErrorCode.CONFLICT, dynamics_code: str | None = "0x80040237") -> Any:
    return DynamicsPortalClientException(
        code,
        ECHO,
        explanation="why",
        status_code=412,
        dynamics_code=dynamics_code,
        request_id="1f-1",
        correlation_id="c-1",
        retry_after=2.5,
        attempts=3,
        may_have_run=True,
    )


@pytest.mark.parametrize("code", ErrorCode)
def test_each_code_is_a_kind_to_except_by(code: ErrorCode) -> None:
    error = full(code, dynamics_code=None)
    assert type(error) is KINDS[code]
    assert isinstance(error, DynamicsPortalClientException)
    assert isinstance(error, ValueError) == (code is ErrorCode.INVALID_REQUEST)


def test_it_shows_facts_and_of_the_servers_text_the_words_that_are_known() -> None:
    error = full()
    assert str(error) == (
        "conflict: why: a record with *** = *** exists (status 412, dynamics code 0x80040237 DuplicateRecord, "
        "request id 1f-1, correlation id c-1, retry after 2.5 s, attempts 3, it may have run)"
    )
    assert error.message == ECHO


@pytest.mark.parametrize(
    "shown",
    [
        str,
        repr,
        "{}".format,
        lambda error: repr(error.args),
        lambda error: "".join(traceback.format_exception(error)),
        lambda error: repr(ExceptionGroup("several", [error])),
        lambda error: "".join(traceback.format_exception(ExceptionGroup("several", [error]))),
        lambda error: pprint.pformat(vars(error)),
        lambda error: json.dumps(vars(error), default=repr),
        lambda error: repr([getattr(error, name) for name in error.__dict__]),
    ],
)
def test_nothing_that_prints_it_shows_the_servers_text(shown: Callable[[Any], str]) -> None:
    assert "kari" not in shown(full())
    assert "emailaddress1" not in shown(full())


def test_a_conflict_says_which(service_says: Callable[..., Any]) -> None:
    version, duplicate = service_says("0x80060882"), service_says("0x80060892")
    assert (type(version), type(duplicate)) == (VersionMismatchError, DuplicateError)
    assert type(service_says("0x80040333")) is type(service_says("0X80040237")) is DuplicateError
    assert type(service_says("0x80071154")) is type(service_says(None)) is ConflictError
    assert issubclass(VersionMismatchError, ConflictError)
    assert version.dynamics_name == "ConcurrencyVersionMismatch"


@pytest.fixture
def service_says() -> Callable[..., Any]:
    return lambda code: DynamicsPortalClientException(ErrorCode.CONFLICT, status_code=412, dynamics_code=code)


def test_the_clients_own_words_are_shown_once() -> None:
    assert str(invalid("$top must be at least 1")) == "invalid request: $top must be at least 1"
    assert invalid("$top must be at least 1").message == "$top must be at least 1"


def test_an_unknown_code_has_no_name() -> None:
    assert full(dynamics_code="0x1").dynamics_name is full(dynamics_code=None).dynamics_name is None


def test_without_facts_it_says_the_kind() -> None:
    assert str(DynamicsPortalClientException(ErrorCode.SERVER_ERROR)) == "server error"


@pytest.mark.parametrize("code", ErrorCode)
def test_it_can_be_pickled_and_copied(code: ErrorCode) -> None:
    error = full(code)
    travelled = pickle.loads(pickle.dumps(error))  # noqa: S301 # our own bytes
    for twin in (travelled, copy.copy(error), copy.deepcopy(error), error.copy()):
        assert type(twin) is type(error)
        assert vars(twin) == vars(error)
        assert twin.message == ECHO


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_notes_travel_with_it(protocol: int) -> None:
    error = full()
    error.add_note("in the nightly job")
    travelled = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 # our own bytes
    assert travelled.__notes__ == copy.deepcopy(error).__notes__ == ["in the nightly job"]
    assert pickle.loads(pickle.dumps(ExceptionGroup("several", [error]))).exceptions[0].code is ErrorCode.CONFLICT  # noqa: S301


def test_a_code_may_be_its_value() -> None:
    assert type(DynamicsPortalClientException("not_found")) is NotFoundError  # type: ignore[arg-type] # as read from text


def test_codes_and_ids_of_another_form_are_masked() -> None:
    error = DynamicsPortalClientException(ErrorCode.SERVER_ERROR, dynamics_code="Kari", request_id="Nordmann")
    assert str(error) == "server error (dynamics code ***, request id ***)"
    assert (error.dynamics_code, error.request_id) == ("Kari", "Nordmann")


@pytest.mark.parametrize("code", ["0x80040217", "9004010A", "AADSTS7000215", "invalid_client"])
def test_codes_of_a_known_form_are_shown(code: str) -> None:
    assert code in str(DynamicsPortalClientException(ErrorCode.SERVER_ERROR, dynamics_code=code))
