"""Emulators for these tests, and a plain HTTP client that has a token for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import pytest
from tests.conftest import PROJECT
from tests.unit.emulator.depot import DEPOT
from tests.unit.emulator.documents import SHOP

from dynamics_portal_emulator import Clock, Emulator, running_emulator

HLF = PROJECT / "spec" / "hlf" / "metadata.xml"
NOW = 1_718_200_000.0  # 2024-06-12 13:46:40 UTC, a Wednesday


class Browser:
    """An HTTP client of one emulator, authenticated; paths are below the root of the Web API."""

    def __init__(self, emulator: Emulator, http: httpx2.Client | None = None) -> None:
        self.emulator = emulator
        self.http = http or httpx2.Client(base_url=emulator.base_url, verify=emulator.ssl_context())
        self.token = self.ask_token().json()["access_token"]

    def ask_token(self, *, tenant: str | None = None, **changes: str) -> httpx2.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.emulator.client_id,
            "client_secret": self.emulator.client_secret,
            "scope": f"{self.emulator.base_url}/.default",
            **changes,
        }
        return self.http.post(f"/{tenant or self.emulator.tenant_id}/oauth2/v2.0/token", data=form)

    def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **keywords: Any
    ) -> httpx2.Response:
        address = path if path.startswith("https:") else f"/api/data/v9.2/{path}"
        authorized = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return self.http.request(method, address, headers=authorized, **keywords)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.send("GET", path, headers=headers)

    def rows(self, path: str, **headers: str) -> list[dict[str, Any]]:
        response = self.get(path, **headers)
        assert response.status_code == 200, response.text
        value: list[dict[str, Any]] = response.json()["value"]
        return value

    def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        return self.send("POST", path, headers=headers, json=body)

    def patch(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        return self.send("PATCH", path, headers=headers, json=body)

    def delete(self, path: str, **headers: str) -> httpx2.Response:
        return self.send("DELETE", path, headers=headers)


def error_of(response: httpx2.Response) -> tuple[int, str, str]:
    """Status, code and message of an error in Dataverse's shape."""
    assert response.headers.get("Content-Type", "").startswith("application/json"), (
        response.status_code,
        response.text,
    )
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


@pytest.fixture(scope="session", name="shop_emulator")
def shop_emulator_fixture() -> Iterator[Emulator]:
    with running_emulator(SHOP, clock=Clock(lambda: NOW)) as emulator:
        yield emulator


@pytest.fixture
def shop(shop_emulator: Emulator) -> Iterator[Browser]:
    """A client of an emulator of the small document, whose clock stands still at NOW."""
    yield from fresh(shop_emulator)


@pytest.fixture(scope="session", name="portal_emulator")
def portal_emulator_fixture() -> Iterator[Emulator]:
    with running_emulator(HLF, choices=HLF.with_name("choices.json"), clock=Clock(lambda: NOW)) as emulator:
        yield emulator


@pytest.fixture
def portal(portal_emulator: Emulator) -> Iterator[Browser]:
    """A client of an emulator of the contract, with its choices."""
    yield from fresh(portal_emulator)


@pytest.fixture(scope="session", name="depot_emulator")
def depot_emulator_fixture() -> Iterator[Emulator]:
    with running_emulator(DEPOT, clock=Clock(lambda: NOW)) as emulator:
        yield emulator


@pytest.fixture
def depot(depot_emulator: Emulator) -> Iterator[Browser]:
    """A client of an emulator of a document for writing, whose clock stands still at NOW."""
    yield from fresh(depot_emulator)


def fresh(emulator: Emulator) -> Iterator[Browser]:
    """A client of an emulator without rows."""
    emulator.reset()
    with closing(httpx2.Client(base_url=emulator.base_url, verify=emulator.ssl_context())) as http:
        yield Browser(emulator, http)
