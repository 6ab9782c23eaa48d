"""The clients: what they are made of, and how names lead to tables and operations."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.unit.wrapper.support import API, BASE_URL, MENTOR, SECRET, Client, Clock, Service, Shell, make_portal

import dynamics_portal
import dynamics_portal_api
from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AsyncPortalClient,
    DynamicsPortalClient,
    InvalidRequestError,
    NotFoundError,
    PortalClient,
    StaticCredentialProvider,
)
from dynamics_portal_api.models import Contact, WhoAmIResponse

ACME = {
    "registry.py": """
TABLES = {"accounts": "Account", "Execute": "Account"}
ATTRIBUTES = {"accounts": "accounts"}
TYPES = {"acme.account": "Account", "acme.thing": "Thing"}
OPERATIONS = {}
""",
    "models.py": """
class Table:
    name, entity_set, key, alternate_keys = "account", "accounts", ("number",), ()
class Column:
    type, access, attribute, required, nullable = "Edm.Int32", "create", "number", False, False
class Account:
    __columns__ = {"number": Column()}
    @classmethod
    def table(cls): return Table()
    @classmethod
    def path(cls, key): return f"accounts({key})"
    @classmethod
    def navigation(cls): return {}
    @classmethod
    def from_dict(cls, data): return dict(data)
    @classmethod
    def from_json(cls, content): return None
    @classmethod
    def list_from_json(cls, content): return None
    @classmethod
    def encode_write(cls, values, write): return dict(values)
    @classmethod
    def _query_(cls, **options): return []
class Thing(Account):
    @classmethod
    def table(cls): raise TypeError("Thing is a type without a table of its own")
""",
    "__init__.py": """
class Portal:
    __dynamics_api__ = __name__
class AsyncPortal:
    __dynamics_api__ = __name__
""",
    "operations.py": "",
}


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Another organisation's package, made of nothing but what the seam asks for."""
    folder = tmp_path / "acme_crm"
    folder.mkdir()
    for name, text in ACME.items():
        folder.joinpath(name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import acme_crm  # type: ignore[import-not-found] # written just now

    yield acme_crm
    for name in [name for name in sys.modules if name.startswith("acme_crm")]:
        del sys.modules[name]


def test_a_table_is_found_by_attribute_by_name_and_by_class(portal: Any) -> None:
    tables = [portal.contacts, portal.table("contacts"), portal.table("contact"), portal.table(Contact)]
    assert {table.entity_set for table in tables} == {"contacts"}
    assert portal.contacts is portal.contacts
    assert portal.table("contact") is portal.table("contact")


def test_a_wrong_name_is_told_with_the_nearest_one(portal: Any) -> None:
    with pytest.raises(AttributeError, match="did you mean 'contacts'"):
        _ = portal.contcts
    with pytest.raises(AttributeError, match="did you mean 'who_am_i'"):
        _ = portal.whoami
    with pytest.raises(InvalidRequestError, match="did you mean 'contacts'"):
        portal.table("contactss")
    assert not hasattr(portal, "_contacts")


@pytest.mark.parametrize("wrong", [7, str, WhoAmIResponse, None])
def test_what_is_no_table_is_refused(wrong: Any, portal: Any) -> None:
    with pytest.raises(InvalidRequestError):
        portal.table(wrong)


def test_an_editor_sees_tables_and_operations(portal: Any) -> None:
    names = set(dir(portal))
    assert {"contacts", "new_certifications", "who_am_i", "new_set_website_visibility", "execute", "table"} <= names


def test_an_operation_is_a_method_with_its_fields(portal: Any) -> None:
    assert portal.who_am_i.__name__ == "who_am_i"
    with pytest.raises(TypeError, match="visible"):
        portal.new_set_website_visibility(MENTOR)


def test_an_operation_can_be_executed_as_an_object(shell: Shell, portal: Any, service: Service) -> None:
    from dynamics_portal_api.operations import WhoAmI

    service.answer(httpx2.Response(200, json={"UserId": str(MENTOR)}))
    assert shell(portal.execute(WhoAmI())).user_id == MENTOR


def test_a_parameter_that_does_not_fit_is_an_invalid_request(shell: Shell, portal: Any, service: Service) -> None:
    with pytest.raises(InvalidRequestError, match="expected bool, got str"):
        shell(portal.new_set_website_visibility(MENTOR, visible="yes"))
    assert service.requests == []


def test_another_package_is_given_as_api(make_shell: Callable[..., Shell], service: Service, acme: ModuleType) -> None:
    shell = make_shell(api=acme)
    service.answer(httpx2.Response(200, json={"number": 7}))
    assert shell(shell.portal.accounts.get(7)) == {"number": 7}
    assert not hasattr(shell.portal, "contacts")
    assert shell.portal.table("Execute").name == "account"
    with pytest.raises(InvalidRequestError, match="without a table"):
        shell.portal.table(acme.models.Thing)


@pytest.mark.parametrize("base", [PortalClient, AsyncPortalClient])
def test_a_class_of_ones_own_works_on_the_package_that_it_inherits_from(
    base: Client, service: Service, clock: Clock, acme: ModuleType
) -> None:
    mixin = acme.AsyncPortal if issubclass(base, AsyncPortalClient) else acme.Portal
    portal = make_portal(type("AcmePortal", (mixin, base), {}), service, clock)
    assert portal.accounts.entity_set == "accounts"
    assert repr(portal) == f"AcmePortal('{BASE_URL}')"


def test_a_key_that_is_no_id_is_the_services_to_choose(
    make_shell: Callable[..., Shell], service: Service, acme: ModuleType
) -> None:
    shell = make_shell(api=acme)
    service.answer(httpx2.Response(201, headers={"Location": f"{API}accounts(7)"}))
    assert shell(shell.portal.accounts.create({})) == 7
    service.answers[:] = [httpx2.ReadTimeout("x")]
    with pytest.raises(dynamics_portal.NetworkError):
        shell(shell.portal.accounts.create({}))
    assert len(service.requests) == 2  # the second one was not repeated


def test_a_key_that_a_row_brings_is_returned(
    make_shell: Callable[..., Shell], service: Service, acme: ModuleType
) -> None:
    shell = make_shell(api=acme)
    service.answer(httpx2.Response(204))
    assert shell(shell.portal.accounts.create({"number": 0})) == 0


@pytest.mark.parametrize("base", [PortalClient, AsyncPortalClient])
def test_a_client_without_a_package_is_refused(base: Client, service: Service, clock: Clock) -> None:
    with pytest.raises(InvalidRequestError, match="no generated package"):
        make_portal(base, service, clock)


@pytest.mark.parametrize("module", [httpx2, dynamics_portal])
def test_what_is_no_generated_package_is_refused(module: ModuleType, make_shell: Callable[..., Shell]) -> None:
    with pytest.raises(ImportError, match="is no generated package"):
        make_shell(api=module)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"base_url": "http://hlf.crm4.dynamics.com"}, "https://"),
        ({"base_url": "http://localhost:8080"}, "https://"),
        ({"authority": "http://x"}, "the authority must start with https://"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"timeout": "1"}, "timeout: expected seconds"),
        ({"timeout": True}, "timeout: expected seconds"),
        ({"retry": 3}, "retry: expected a RetryPolicy"),
        ({"correlation_id": "a\r\nb"}, "correlation_id"),
        ({"correlation_id": ""}, "correlation_id"),
        ({"correlation_id": 7}, "correlation_id"),
        ({"authorty": "https://x"}, "did you mean 'authority'"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_constructor(
    options: dict[str, Any], told: str, make_shell: Callable[..., Shell]
) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        make_shell(**options)


def test_timeouts_are_seconds_or_phases(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(200, json={}))
    for timeout, read in ((7, 7), (httpx2.Timeout(5, read=None), None), (None, None)):
        shell = make_shell(timeout=timeout)
        shell(shell.portal.contacts.get(MENTOR))
        assert service.last.extensions["timeout"]["read"] == read


def test_standing_headers_go_with_every_request(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json={}))
    shell(portal.contacts.get(MENTOR, annotations=True))
    headers = service.last.headers
    assert headers["accept"] == "application/json"
    assert headers["odata-version"] == headers["odata-maxversion"] == "4.0"
    assert headers["user-agent"] == f"dynamics-portal/{dynamics_portal.__version__}"
    assert headers["prefer"] == 'odata.include-annotations="*"'
    assert "content-type" not in headers


def test_no_redirect_is_followed_and_no_cookie_is_kept(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(302, headers={"Location": "https://elsewhere.example/", "Set-Cookie": "a=b"}))
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="redirect"):
            shell(portal.contacts.get(MENTOR))
    assert [request.url.host for request in service.requests] == ["hlf.crm4.dynamics.com"] * 2
    assert "cookie" not in service.last.headers


def test_compressed_answers_are_read(shell: Shell, portal: Any, service: Service) -> None:
    import gzip

    content = gzip.compress(b'{"firstname": "Kari"}')

    def compressed(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx2.ByteStream(content))

    service.answer(compressed)
    assert shell(portal.contacts.get(MENTOR)).firstname == "Kari"


class BreaksOff(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The start of a body, and then the end of the connection."""

    def __init__(self, start: bytes) -> None:
        self.start = start

    def __iter__(self) -> Any:
        yield self.start
        raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


@pytest.mark.parametrize(
    ("headers", "stream"),
    [
        ({"Content-Encoding": "gzip"}, httpx2.ByteStream(b"not gzip at all")),
        ({"Content-Encoding": "gzip"}, httpx2.ByteStream(b"\x1f\x8b\x08\x00cut")),
        ({}, BreaksOff(b'{"error": {"code": "0x80040')),
        ({}, BreaksOff(b"")),
    ],
)
def test_of_an_error_whose_body_cannot_be_read_the_status_is_told(
    shell: Shell, portal: Any, service: Service, headers: dict[str, str], stream: Any
) -> None:
    service.answer(lambda request: httpx2.Response(404, headers=headers, stream=stream))
    with pytest.raises(NotFoundError) as caught:
        shell(portal.contacts.get(MENTOR))
    assert (caught.value.status_code, caught.value.attempts) == (404, 1)


def test_a_success_whose_body_breaks_off_is_tried_again(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(
        lambda request: httpx2.Response(200, stream=BreaksOff(b'{"firstname": "Ka')),
        httpx2.Response(200, json={"firstname": "Kari"}),
    )
    assert shell(portal.contacts.get(MENTOR)).firstname == "Kari"


def test_an_error_without_end_is_not_read_to_its_end(make_shell: Callable[..., Shell], service: Service) -> None:
    class Endless(httpx2.SyncByteStream, httpx2.AsyncByteStream):
        def __init__(self) -> None:
            self.closed = 0

        def __iter__(self) -> Any:
            while True:
                yield b"x" * 65536

        async def __aiter__(self) -> Any:
            while True:
                yield b"x" * 65536

        def close(self) -> None:
            self.closed += 1

        async def aclose(self) -> None:
            self.closed += 1

    stream = Endless()
    service.answer(lambda request: httpx2.Response(400, stream=stream))
    shell = make_shell()
    with pytest.raises(InvalidRequestError):
        shell(shell.portal.contacts.get(MENTOR))
    assert stream.closed


def test_a_url_that_the_service_would_refuse_is_not_sent(shell: Shell, portal: Any, service: Service) -> None:
    with pytest.raises(InvalidRequestError, match="65536"):
        portal.contacts.list(filter="firstname eq '" + "x" * 70_000 + "'")
    assert service.requests == []


def test_a_client_is_a_context(client_class: Client, service: Service, clock: Clock) -> None:
    shell = Shell(make_portal(client_class, service, clock))

    async def tasks() -> Any:
        async with shell.portal as entered:
            return entered

    if isinstance(shell.portal, AsyncPortalClient):
        assert shell(tasks()) is shell.portal
    else:
        with shell.portal as entered:
            assert entered is shell.portal
    with pytest.raises(InvalidRequestError, match="closed"):
        shell(shell.portal.who_am_i())
    shell.close()


@pytest.mark.parametrize("own", [DynamicsPortalClient, AsyncDynamicsPortalClient])
def test_a_client_closes_the_transport_that_it_made(own: Client) -> None:
    portal: Any = own(BASE_URL, StaticCredentialProvider(tenant_id="t", client_id="c", client_secret="s"))
    assert portal._wire is not None
    Shell(portal).close()


ENVIRONMENT = {
    "DYNAMICS_BASE_URL": BASE_URL,
    "DYNAMICS_TENANT_ID": "t",
    "DYNAMICS_CLIENT_ID": "c",
    "DYNAMICS_CLIENT_SECRET": SECRET,
}


def test_a_client_is_made_from_the_environment(
    client_class: Any, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DYNAMICS_AUTHORITY", "https://login.microsoftonline.us")
    monkeypatch.setenv("DYNAMICS_SCOPE", "https://x/.default")
    service.answer(httpx2.Response(200, json={}))
    shell = Shell(client_class.from_environment(transport=service.transport, correlation_id=uuid4()))
    shell(shell.portal.who_am_i())
    shell.close()
    assert service.token_requests[0].url.host == "login.microsoftonline.us"
    assert b"scope=https%3A%2F%2Fx%2F.default" in service.token_requests[0].content


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"DYNAMICS_BASE_URL": ""}, "set DYNAMICS_BASE_URL in the environment"),
        ({"DYNAMICS_CLIENT_SECRET": ""}, "set DYNAMICS_CLIENT_SECRET in the environment"),
        ({"DYNAMICS_BASE_URL": "http://x"}, "https://"),
        (
            {"SUPABASE_URL": "http://x", "SUPABASE_SERVICE_ROLE_KEY": SECRET},
            "the Supabase URL must start with https://",
        ),
        ({"SUPABASE_URL": "https://x", "DYNAMICS_CLIENT_ID": ""}, "set SUPABASE_SERVICE_ROLE_KEY in the environment"),
        ({"SUPABASE_SERVICE_ROLE_KEY": SECRET, "DYNAMICS_TENANT_ID": ""}, "set SUPABASE_URL in the environment"),
    ],
)
def test_an_environment_that_cannot_be_used_says_what_is_wrong(
    changes: dict[str, str], told: str, client_class: Any
) -> None:
    with pytest.raises(InvalidRequestError, match=told) as caught:
        client_class.from_environment(environ={**ENVIRONMENT, **changes})
    assert SECRET not in str(caught.value)


def test_the_default_package_is_hlfs(portal: Any) -> None:
    assert portal._package.name == dynamics_portal_api.__name__
