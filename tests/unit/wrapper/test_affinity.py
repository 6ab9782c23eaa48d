"""Affinity: which cookie is sent back to whom, and that none is unless it is asked for."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from tests.unit.wrapper.support import API, BASE_URL, Service, Shell, rows

from dynamics_portal import InvalidRequestError
from dynamics_portal._affinity import Affinity

COOKIES = [
    ("Set-Cookie", "ReqClientId=11111111; expires=Wed, 25-Nov-2076 19:00:00 GMT; path=/; secure; HttpOnly"),
    ("Set-Cookie", "ARRAffinity=0123abcd; path=/; secure; HttpOnly"),
    ("Set-Cookie", "ARRAffinitySameSite=4567ef; SameSite=None; path=/"),
]


def page() -> httpx2.Response:
    return httpx2.Response(200, headers=COOKIES, json={"value": []})


def test_the_affinity_cookie_is_sent_back_where_it_is_asked_for(
    make_shell: Callable[..., Shell], service: Service
) -> None:
    service.answer(page())
    shell = make_shell(affinity=True)
    for _ in range(2):
        shell(shell.portal.contacts.list())
    assert [request.headers.get("cookie") for request in service.requests] == [
        None,
        "ARRAffinity=0123abcd; ARRAffinitySameSite=4567ef",
    ]
    assert all("cookie" not in request.headers for request in service.token_requests)


def test_no_cookie_is_sent_back_by_default(shell: Shell, service: Service) -> None:
    service.answer(page(), rows())
    for _ in range(2):
        shell(shell.portal.contacts.list())
    assert all("cookie" not in request.headers for request in service.requests)


def test_another_web_server_takes_the_place_of_the_first() -> None:
    affinity = Affinity(API)
    affinity.learn(API, (), {"set-cookie": "ARRAffinity=one; path=/"})
    sent = affinity.header(API)
    affinity.learn(API, (), {"set-cookie": "ARRAffinity=late; path=/"})
    affinity.learn(API, sent, {})
    assert affinity.header(API) == sent == (("Cookie", "ARRAffinity=one"),)
    affinity.learn(API, sent, {"set-cookie": "x=y; expires=Wed, 25-Nov-2076 19:00:00 GMT,ARRAffinity=two"})
    assert affinity.header(f"{API}accounts") == (("Cookie", "ARRAffinity=two"),)
    assert "two" not in repr(affinity)


@pytest.mark.parametrize(
    "said",
    ["Session=ARRAffinity=one", "xARRAffinity=one", "ARRAffinity=", "ARRAffinity=a b", "ARRAffinity=" + "a" * 300],
)
def test_what_is_no_affinity_cookie_is_not_kept(said: str) -> None:
    affinity = Affinity(API)
    affinity.learn(API, (), {"set-cookie": said})
    assert affinity.header(API) == ()


def test_nobody_but_the_service_says_or_is_told_it() -> None:
    affinity = Affinity(API)
    affinity.learn("https://login.microsoftonline.com/t/oauth2/v2.0/token", (), {"set-cookie": "ARRAffinity=theirs"})
    assert affinity.header(API) == ()
    affinity.learn(API, (), {"set-cookie": "ARRAffinity=ours"})
    assert affinity.header("https://login.microsoftonline.com/t/oauth2/v2.0/token") == ()
    assert affinity.header(f"{BASE_URL}.example/api/data/v9.2/contacts") == ()


def test_an_option_that_makes_no_sense_is_refused(make_shell: Callable[..., Shell]) -> None:
    with pytest.raises(InvalidRequestError, match="affinity: expected True or False"):
        make_shell(affinity="no")
