"""The exception: its kinds, what it shows, and that it travels."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from dynamics_portal import (
    AuthFailureError,
    ConflictError,
    DynamicsPortalClientException,
    ErrorCode,
    ForbiddenError,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    ServerError,
)

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


def full(code: ErrorCode = ErrorCode.CONFLICT) -> DynamicsPortalClientException:
    return DynamicsPortalClientException(
        code,
        ECHO,
        explanation="why",
        status_code=412,
        dynamics_code="0x80040237",
        request_id="1f-1",
        correlation_id="c-1",
        retry_after=2.5,
        attempts=3,
        may_have_run=True,
    )


@pytest.mark.parametrize("code", ErrorCode)
def test_each_code_is_a_kind_to_except_by(code: ErrorCode) -> None:
    error = full(code)
    assert type(error) is KINDS[code]
    assert isinstance(error, DynamicsPortalClientException)
    assert isinstance(error, ValueError) == (code is ErrorCode.INVALID_REQUEST)


def test_it_shows_facts_and_not_the_servers_text() -> None:
    error = full()
    assert str(error) == (
        "conflict: why (status 412, dynamics code 0x80040237, request id 1f-1, correlation id c-1, retry after 2.5 s, "
        "attempts 3, it may have run)"
    )
    assert error.message == ECHO
    shown = str(error) + repr(error) + repr(error.args) + "".join(traceback.format_exception(error))
    assert "kari" not in shown


def test_without_facts_it_says_the_kind() -> None:
    assert str(DynamicsPortalClientException(ErrorCode.SERVER_ERROR)) == "server error"


@pytest.mark.parametrize("code", ErrorCode)
def test_it_can_be_pickled_and_copied(code: ErrorCode) -> None:
    error = full(code)
    travelled = pickle.loads(pickle.dumps(error))  # noqa: S301 # our own bytes
    for twin in (travelled, copy.copy(error), copy.deepcopy(error), error.copy()):
        assert type(twin) is type(error)
        assert vars(twin) == vars(error)


def test_a_code_may_be_its_value() -> None:
    assert type(DynamicsPortalClientException("not_found")) is NotFoundError  # type: ignore[arg-type] # as read from text


def test_codes_and_ids_of_another_form_are_masked() -> None:
    error = DynamicsPortalClientException(ErrorCode.SERVER_ERROR, dynamics_code="Kari", request_id="Nordmann")
    assert str(error) == "server error (dynamics code ***, request id ***)"
    assert (error.dynamics_code, error.request_id) == ("Kari", "Nordmann")


@pytest.mark.parametrize("code", ["0x80040217", "9004010A", "AADSTS7000215", "invalid_client"])
def test_codes_of_a_known_form_are_shown(code: str) -> None:
    assert code in str(DynamicsPortalClientException(ErrorCode.SERVER_ERROR, dynamics_code=code))
