"""Options that become headers: whose name, which logic, headers of one's own; and what may not be set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.unit.wrapper.support import MENTOR, Service, Shell

from dynamics_portal import InvalidRequestError

VERBS: list[Callable[[Any], Any]] = [
    lambda portal: portal.contacts.get(MENTOR),
    lambda portal: portal.who_am_i(),
    lambda portal: portal.contacts.list(),
]
USER = UUID("77777777-2222-3333-4444-555555555555")


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"act_as": USER}, {"callerobjectid": str(USER)}),
        ({"act_as": str(USER).upper()}, {"callerobjectid": str(USER)}),
        ({"act_as_user": USER}, {"mscrmcallerid": str(USER)}),
        ({"detect_duplicates": True}, {"mscrm.suppressduplicatedetection": "false"}),
        ({"bypass_plugins": True}, {"mscrm.bypassbusinesslogicexecution": "CustomSync,CustomAsync"}),
        ({"bypass_plugins": "sync"}, {"mscrm.bypassbusinesslogicexecution": "CustomSync"}),
        ({"bypass_plugins": "async"}, {"mscrm.bypassbusinesslogicexecution": "CustomAsync"}),
        ({"suppress_flows": True}, {"mscrm.suppresscallbackregistrationexpanderjob": "true"}),
        ({"headers": {"x-gateway-key": "k 1"}}, {"x-gateway-key": "k 1"}),
        ({"detect_duplicates": False, "bypass_plugins": False, "suppress_flows": False, "headers": None}, {}),
    ],
)
def test_an_option_is_sent_as_its_header(
    options: Any, sent: dict[str, str], make_shell: Callable[..., Shell], service: Service
) -> None:
    service.answer(httpx2.Response(200, json={"value": []}))
    shell = make_shell()
    shell(shell.portal.contacts.get(MENTOR))
    plain = set(service.last.headers)
    for portal in (make_shell(**options).portal, shell.portal.with_options(**options)):
        for verb in VERBS:
            shell(verb(portal))
            headers = dict(service.last.headers)
            assert {name: headers[name] for name in set(headers) - plain} == sent
            assert all(name not in request.headers for request in service.token_requests for name in sent)


def test_options_add_up_and_the_later_one_wins(make_shell: Callable[..., Shell], service: Service) -> None:
    service.answer(httpx2.Response(200, json={}))
    shell = make_shell(act_as=USER, suppress_flows=True, headers={"x-a": "1"})
    portal = shell.portal.with_options(act_as_user=MENTOR).with_options(headers={"x-b": "2"})
    shell(portal.who_am_i())
    headers = service.last.headers
    assert (headers["mscrmcallerid"], headers["x-b"]) == (str(MENTOR), "2")
    assert headers["mscrm.suppresscallbackregistrationexpanderjob"] == "true"
    assert "callerobjectid" not in headers
    assert "x-a" not in headers
    shell(portal.with_options(act_as_user=None).who_am_i())
    assert "mscrmcallerid" not in service.last.headers


def test_a_read_that_goes_as_a_batch_has_them_where_they_count(
    make_shell: Callable[..., Shell], service: Service
) -> None:
    service.answer(httpx2.Response(400))
    shell = make_shell(act_as=USER)
    with pytest.raises(InvalidRequestError):
        shell(shell.portal.contacts.list(filter=f"firstname eq '{'x' * 40_000}'"))
    assert service.last.url.path.endswith("/$batch")
    assert f"CallerObjectId: {USER}".encode() in service.last.content


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"headers": {"Authorization": "Bearer x"}}, "authenticates itself"),
        ({"headers": {"cookie": "a=b"}}, "authenticates itself"),
        ({"headers": {"Host": "elsewhere.example.org"}}, "HTTP's own"),
        ({"headers": {"Content-Length": "1"}}, "HTTP's own"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "HTTP's own"),
        ({"headers": {"Accept": "text/html"}}, "what it can read"),
        ({"headers": {"Prefer": "return=representation"}}, "return_row"),
        ({"headers": {"If-Match": "*"}}, "if_match"),
        ({"headers": {"X-Correlation-Id": "1"}}, "option correlation_id"),
        ({"headers": {"callerobjectid": str(USER)}}, "option act_as"),
        ({"headers": {"MSCRM.BypassCustomPluginExecution": "true"}}, "option bypass_plugins"),
        ({"headers": {"x-a": "1", "X-A": "2"}}, "twice"),
        ({"headers": {"x a": "1"}}, "a name is letters"),
        ({"headers": {"x-a\r\nx-b": "1"}}, "a name is letters"),
        ({"headers": {"x-a": "s3cr3t\r\nx-b: 2"}}, "x-a: expected 1 to 4,096 printable"),
        ({"headers": {"x-a": "s3cr3t\u00e5"}}, "printable ASCII"),
        ({"headers": {"x-a": b"s3cr3t"}}, "expected a text, got bytes"),
        ({"headers": [("x-a", "1")]}, "expected a mapping"),
        ({"act_as": "s3cr3t"}, "act_as: expected a user's id"),
        ({"act_as_user": 7}, "act_as_user: expected a user's id"),
        ({"act_as": USER, "act_as_user": USER}, "give one of them"),
        ({"bypass_plugins": "all"}, "bypass_plugins: expected"),
        ({"bypass_plugins": 1}, "bypass_plugins: expected"),
        ({"suppress_flows": "yes"}, "suppress_flows: expected True or False"),
        ({"detect_duplicates": None}, "detect_duplicates: expected True or False"),
    ],
)
def test_what_may_not_be_set_is_refused(options: Any, told: str, make_shell: Callable[..., Shell]) -> None:
    for attempt in (lambda: make_shell(**options), lambda: make_shell().portal.with_options(**options)):
        with pytest.raises(InvalidRequestError, match=told) as caught:
            attempt()
        assert "s3cr3t" not in str(caught.value)


def test_no_representation_shows_a_header(make_shell: Callable[..., Shell]) -> None:
    portal = make_shell(headers={"x-gateway-key": "s3cr3t"}, act_as=USER).portal
    shown = repr(portal) + repr(portal._settings) + repr(vars(portal))
    assert "s3cr3t" not in shown
    assert str(USER) not in shown
    assert "x-gateway-key" in repr(portal._settings.extra_headers)
