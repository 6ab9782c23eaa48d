"""Addresses: HTTPS without exception, and nothing in them but where the service is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal._base_url import authority_root, service_root

ROOT = "https://hlf.crm4.dynamics.com/api/data/v9.2/"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://hlf.crm4.dynamics.com",
        "https://hlf.crm4.dynamics.com/",
        "HTTPS://HLF.crm4.dynamics.com:443",
        "https://hlf.crm4.dynamics.com./",
        "https://hlf.crm4.dynamics.com/api/data/v9.2",
        "https://hlf.crm4.dynamics.com/api/data/v9.2/",
    ],
)
def test_the_root_is_found_with_or_without_the_path(base_url: str) -> None:
    root = service_root(base_url)
    assert (root.url, root.origin) == (ROOT, "https://hlf.crm4.dynamics.com")
    assert root.default_scope == "https://hlf.crm4.dynamics.com/.default"


def test_another_version_and_another_port_are_kept() -> None:
    assert service_root("https://[::1]:8443/api/data/v9.1").url == "https://[::1]:8443/api/data/v9.1/"


@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        ("http://hlf.crm4.dynamics.com", "https://"),
        ("http://localhost", "https://"),
        ("http://127.0.0.1:8080", "https://"),
        ("hlf.crm4.dynamics.com", "https://"),
        ("ftp://x", "https://"),
        ("", "https://"),
        ("https://", "no host"),
        ("https://x:0", "no host"),
        ("https://x:port", "not an address"),
        ("https://user:s3cr3t@x", "user name"),
        ("https://x/?s3cr3t", "query"),
        ("https://x/#s3cr3t", "fragment"),
        ("https://x/s3cr3t", "path"),
        ("https://x/api/data/v9.2/contacts", "path"),
        ("https://x\n/", "character"),
        (" https://x", "character"),
        ("https://å.no", "character"),
        ("https://x\\@y", "no host"),
        (None, "must be text"),
    ],
)
def test_what_is_no_organisations_address_is_refused(base_url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        service_root(base_url)
    assert "s3cr3t" not in str(caught.value)


@given(st.text())
def test_whatever_is_taken_is_https(text: str) -> None:
    try:
        root = service_root(text)
    except ValueError:
        return
    assert root.url.startswith("https://")
    assert "@" not in root.url


@pytest.mark.parametrize(
    "authority",
    ["https://login.microsoftonline.us", "https://login.microsoftonline.us/", "https://127.0.0.1:8443/adfs/"],
)
def test_an_authority_may_have_a_path(authority: str) -> None:
    assert authority_root(authority) == authority.rstrip("/")


def test_an_authority_is_https_as_well() -> None:
    with pytest.raises(ValueError, match="the authority must start with https://"):
        authority_root("http://login.microsoftonline.com")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        (f"{ROOT}contacts?$skiptoken=2", f"{ROOT}contacts?$skiptoken=2"),
        ("contacts?$skiptoken=2", f"{ROOT}contacts?$skiptoken=2"),
        ("/api/data/v9.2/contacts?x", f"{ROOT}contacts?x"),
        ("https://HLF.crm4.dynamics.com:443/x", "https://HLF.crm4.dynamics.com:443/x"),
    ],
)
def test_links_on_the_same_origin_are_followed(link: str, target: str) -> None:
    assert service_root(ROOT).follow(link, f"{ROOT}contacts") == target


@pytest.mark.parametrize(
    "link",
    [
        "//elsewhere.example/x",
        "https://elsewhere.example",
        "https://hlf.crm4.dynamics.com:444/",
        "http://x",
        "https://a@b",
    ],
)
def test_links_elsewhere_are_refused(link: str) -> None:
    with pytest.raises(ValueError, match="link to the next page"):
        service_root(ROOT).follow(link, f"{ROOT}contacts")
