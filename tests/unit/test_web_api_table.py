"""The table of the Web API: each verb and each test that it names is there, and what is missing says so."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.conftest import PROJECT
from tests.unit.test_security_table import missing_tests

import dynamics_portal
from dynamics_portal import CallOptions, DynamicsPortalClient

PAGE = (PROJECT / "docs" / "web-api.md").read_text(encoding="utf-8")
ROWS = [
    line.strip("| ").split(" | ")
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| capability", "| ---"))
]
MISSING = [row for row in ROWS if row[1].startswith("missing: ")]
CODE = " ".join(re.findall(r"`([^`]+)`", " ".join(place for _, place, _ in ROWS)))
"""What the table shows of the client, without the tests."""
PROOF = re.compile(r"`tests/[\w/]+\.py::test_\w+`(?: · `tests/[\w/]+\.py::test_\w+`)*")


def test_every_test_that_is_named_exists() -> None:
    assert missing_tests(PAGE) == []


def test_every_row_has_a_proof_or_says_why_it_is_missing() -> None:
    assert len(ROWS) >= 75
    for capability, place, proof in ROWS:
        assert len(capability) >= 5, capability
        if place.startswith("missing: "):
            assert len(place) > 40, capability
            assert proof == "none", capability
        else:
            assert PROOF.fullmatch(proof), capability


def test_what_is_missing_is_counted() -> None:
    assert f"{len(MISSING)} of the {len(ROWS)} rows are missing" in PAGE


@pytest.fixture
def portal() -> Any:
    return DynamicsPortalClient.no_op()


def test_every_verb_that_is_named_exists(portal: Any) -> None:
    named = set(re.findall(r"\bportal((?:\.\w+)+)", CODE))
    assert len(named) >= 30
    for path in named:
        found = portal
        for name in path.removeprefix(".").split("."):
            found = getattr(found, name)


def test_every_option_that_is_named_exists() -> None:
    named = {name for call in re.findall(r"with_options\(([^)]*)\)", CODE) for name in re.findall(r"(\w+)=", call)}
    assert len(named) >= 6
    assert named <= set(CallOptions.__annotations__)


def test_every_class_of_the_client_that_is_named_exists() -> None:
    named = set(re.findall(r"\b([A-Z]\w+(?:Provider|Error|Exception|Policy))\b", CODE))
    assert len(named) >= 8
    assert named <= set(dynamics_portal.__all__)
