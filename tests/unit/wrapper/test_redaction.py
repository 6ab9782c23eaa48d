"""Redaction: what is shown of URLs and headers is what is known to be harmless."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wrapper.support import API, KNOWN, words_of

from dynamics_portal import Secret
from dynamics_portal._vocabulary import CAPITALS, SHY, WORDS
from dynamics_portal.redaction import (
    MAX_SHOWN,
    SHOWN_HEADERS,
    redact_headers,
    redact_message,
    redact_names,
    redact_url,
    secrets_of,
    without_secrets,
)

TENANT = "https://login.microsoftonline.com/hlf.onmicrosoft.com/oauth2/v2.0/token"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"{API}contacts", f"{API}contacts"),
        (f"{API}contacts(1f7c)", f"{API}contacts(***)"),
        (f"{API}contacts(emailaddress1='kari%2Fx@example.org')/parent", f"{API}contacts(***)/parent"),
        (f"{API}WhoAmI()", f"{API}WhoAmI()"),
        (f"{API}contacts/$count?$filter=x eq 1", f"{API}contacts/$count?$filter=***"),
        (f"{API}contacts?$select=a,b&$orderby=a%20desc&$top=3", f"{API}contacts?$select=a,b&$orderby=a desc&$top=3"),
        (f"{API}contacts?$expand=parent", f"{API}contacts?$expand=parent"),
        (f"{API}contacts?$expand=parent($filter=name eq 'Kari')", f"{API}contacts?$expand=***"),
        (f"{API}contacts?$top=3'&$select='x'", f"{API}contacts?$top=***&$select=***"),
        (f"{API}contacts?$skiptoken=%3Ckari%3E&@p1='Kari'&kari", f"{API}contacts?$skiptoken=***&***=***&***=***"),
        (f"{API}F(A=@p1)?@p1='Kari'", f"{API}F(***)?***=***"),
        (f"{API}kari@example.org", f"{API}***"),
        (f"{API}a/", f"{API}a/"),
        ("https://user:pw@hlf.crm4.dynamics.com:8443/", "https://hlf.crm4.dynamics.com:8443/"),
        ("https://[::1]:8443/api/data/v9.2/contacts", "https://[::1]:8443/api/data/v9.2/contacts"),
        ("https://ka ri/", "https://***/"),
        ("https://x:port/", "***"),
        (TENANT, "https://login.microsoftonline.com/***"),
    ],
)
def test_a_url_shows_names_and_no_values(url: str, shown: str) -> None:
    assert redact_url(url) == shown


PLANTED = st.text(min_size=3, max_size=30).map(lambda text: "Kari Nordmann'" + text)


@given(PLANTED, st.sampled_from(["$filter", "$expand", "$select", "$orderby", "$top", "$apply", "q", "@p1"]))
def test_no_value_of_a_query_is_shown(planted: str, option: str) -> None:
    shown = redact_url(f"{API}contacts?{option}={quote(planted)}")
    assert "Kari" not in shown
    assert redact_url(f"{API}contacts?{quote(planted)}={option}").count("Kari") == 0


@given(PLANTED)
def test_no_key_is_shown(planted: str) -> None:
    for path in (f"contacts('{quote(planted, safe='')}')", f"contacts(a='{quote(planted)}',b=1)/x", quote(planted)):
        assert "Kari" not in redact_url(API + path)


@given(st.text())
def test_nothing_breaks_it(url: str) -> None:
    assert isinstance(redact_url(url), str)
    assert isinstance(redact_url(API + url), str)


@given(st.dictionaries(st.text(min_size=1) | st.sampled_from(sorted(SHOWN_HEADERS)), st.text()))
def test_only_known_headers_are_shown_and_only_values_of_their_form(headers: dict[str, str]) -> None:
    for name, value in redact_headers(headers).items():
        assert value == "***" or re.fullmatch(SHOWN_HEADERS[name], value)


@pytest.mark.parametrize("name", sorted(SHOWN_HEADERS))
@pytest.mark.parametrize("planted", ["Kari Nordmann", "kari@example.org", "+47 99 88 77 66", "Bearer eyJ0", "Ask"])
def test_a_known_header_does_not_show_what_is_not_of_its_form(name: str, planted: str) -> None:
    assert redact_headers({name: planted}) == {name: "***"}


def test_known_headers_are_shown() -> None:
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json; odata.metadata=minimal",
        "OData-Version": "4.0",
        "Prefer": 'odata.maxpagesize=500,odata.include-annotations="*"',
        "Retry-After": "12",
        "Date": "Thu, 01 Jan 2026 00:00:30 GMT",
        "x-ms-service-request-id": "1f7c-2,1f7c-3",
        "x-ms-ratelimit-time-remaining-xrm-requests": "1,200.00",
        "User-Agent": "dynamics-portal/0.1.0",
    }
    assert redact_headers(headers) == {name.lower(): value for name, value in headers.items()}
    hidden = {"Authorization": "Bearer x", "Cookie": "x", "If-Match": 'W/"1"', "Location": API}
    assert set(redact_headers(hidden).values()) == {"***"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Entity 'contact' With Id = 5b4c Does Not Exist", "entity *** with id = *** does not exist"),
        ("A record with matching key values already exists.", "a record with matching key values already exists."),
        ("Resource not found for the segment 'Kari'.", "resource not found for the segment ***."),
        ("The user kari@example.org (tel. +47 99 88 77 66) exists", "the user ***) exists"),
        ("user team.role@value.set exists", "user *** exists"),
        ("Record with “required value” or `the key` exists", "record with *** or *** exists"),
        ("Are does not exist. Are you able to read", "*** does not exist. *** you able to read"),
        ("record of Mark Read exists", "record of *** exists"),
        ("The user can't read", "the user can't read"),
        ("Kari: hearing loss", ""),
        ("*** ***", ""),
        ("", ""),
    ],
)
def test_of_a_message_known_words_are_shown(text: str, shown: str) -> None:
    assert redact_message(text) == shown


NAMES = "Ask Are Bo Dag Even Else Ida Line Liv Mark Odd Per Rose Siv Tone Tor Will May Grant Bill Art Joy Grace Kim Max"
OF_A_PERSON = "deaf hearing blind disabled pregnant ill sick diagnosis paused expired resigned suspended mentor monday"


def test_no_known_word_is_a_name_or_says_something_of_a_person() -> None:
    assert {name.lower() for name in NAMES.split()} & {word.lower() for word in WORDS | CAPITALS} == set()
    assert set(OF_A_PERSON.split()) & KNOWN == set()
    assert {word for word in SHY if redact_message(f"the {word.title()} exists") != "the *** exists"} == set()
    assert all(word == word.lower() and not set(word) & set("0123456789_@") for word in WORDS | SHY)


SENTENCES = st.sampled_from(
    [
        "Entity '{}' With Id = {} Does Not Exist",
        "A record with {}={} already exists",
        "{}",
        "{} {}",
        "the user {}, {} is required: {}",
        '"{}" ({}) <{}>',
        "({},{})",
    ]
)


@given(SENTENCES, st.text() | st.text("abcdefgæøåABCÆ0123456789 .,'\"@-_=:;()*\n", max_size=40))
def test_whatever_is_planted_in_a_message_only_known_words_are_shown(sentence: str, planted: str) -> None:
    shown = redact_message(sentence.format(planted, planted, planted))
    assert words_of(shown) <= KNOWN
    assert len(shown) <= MAX_SHOWN
    assert not set(shown) - set("abcdefghijklmnopqrstuvwxyz' .,;:=()[]{}<>!?-*\u2026")


@given(SENTENCES, st.text("klmnopqrstuvwxyzæøå", min_size=3).filter(lambda text: text not in KNOWN))
def test_no_planted_word_is_shown(sentence: str, planted: str) -> None:
    assert planted not in words_of(redact_message(sentence.format(planted, planted.title(), planted.upper())))


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        ("Contact has no column 'fistname'; did you mean 'firstname'?", None),
        ("Contact has no column 'kari@example.org'", "Contact has no column ***"),
        ("""Contact has no navigation property "O'Brien Kari\"""", "Contact has no navigation property ***"),
        ("Contact has no column 'new_Mentor@odata.bind'", None),
        (
            "contact has no key (name, kari@example.org); its keys are (contactid)",
            "contact has no key (name, ***); its keys are (contactid)",
        ),
        ("unknown keyword 'a b'", "unknown keyword ***"),
        ('if_match: expected a version like W/"123", as a row\'s etag has it', None),
    ],
)
def test_an_unknown_name_is_shown_where_it_has_the_form_of_one(problem: str, shown: str | None) -> None:
    assert redact_names(problem) == (problem if shown is None else shown)


def test_a_long_message_is_cut_between_words() -> None:
    shown = redact_message("the required property does not exist " * 1000)
    assert len(shown) <= MAX_SHOWN
    assert shown.endswith(" …")


TOKENS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=20, max_size=80)
WRITTEN: dict[str, tuple[Callable[[str], str], int]] = {
    "plain": (str, 0),
    "percent": (lambda text: quote(text, safe=""), 0),
    "percent, lower case": (lambda text: re.sub("%..", lambda match: match[0].lower(), quote(text, safe="")), 0),
    "percent, twice": (lambda text: quote(quote(text, safe=""), safe=""), 0),
    "form": (quote_plus, 0),
    "json": (lambda text: json.dumps({"x": text}), 9),
    "xml": (escape, 0),
    "base64": (lambda text: b64encode(text.encode()).decode(), 3),
    "basic": (lambda text: b64encode(f"client:{text}".encode()).decode(), 13),
    "basic, other place": (lambda text: b64encode(f"client1:{text}:x".encode()).decode(), 17),
    "base64 for URLs": (lambda text: urlsafe_b64encode(f"12345:{text}!".encode()).decode(), 13),
    "cut": (lambda text: text[:17], 0),
}
"""How a secret may be written, and how many characters beside it may be left."""


@pytest.mark.parametrize(("write", "beside"), WRITTEN.values(), ids=WRITTEN)
@given(TOKENS)
def test_no_secret_is_left_however_it_is_written(write: Callable[[str], str], beside: int, secret: str) -> None:
    cleaned = without_secrets(f"The value \n{write(secret)}\n is not valid", [Secret(secret)])
    left = cleaned.split("\n")[1].replace("***", "")
    assert len(left) <= beside


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_secret_of_any_form_is_left_nowhere(secret: str, text: str) -> None:
    cleaned = without_secrets(f"{text}{secret}{text}", [Secret(secret)])
    assert secret not in cleaned.replace("***", "\x00") or set(secret) <= {"*"}


def test_a_secret_at_a_cut_end_is_left_nowhere() -> None:
    secret = "s3cr3t-that-nobody-may-see"
    for length in range(4, len(secret)):
        assert without_secrets("bad: " + secret[:length], [Secret(secret)]) == "bad: ***"


def test_without_a_secret_nothing_changes() -> None:
    assert without_secrets("as it was", ()) == without_secrets("as it was", [Secret("other")]) == "as it was"


def test_the_secrets_of_a_request_are_its_token_and_what_its_form_proves_itself_with() -> None:
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    found = secrets_of([("authorization", "Bearer abc"), *form], b"client_secret=a%20b&client_assertion=c&scope=d")
    assert [secret.reveal() for secret in found] == ["abc", "a b", "c"]
    assert secrets_of([("Content-Type", "application/json")], b"client_secret=a") == secrets_of(form, None) == ()
