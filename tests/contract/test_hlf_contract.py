"""The contract with HLF as checked in: it holds what the portal needs, and says of everything whether it is assumed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dynamics_portal_generator.choices import load_choices
from dynamics_portal_generator.csdl import Metadata, read_metadata
from dynamics_portal_generator.openapi import to_openapi
from dynamics_portal_generator.overlay import apply_overlay, load_overlay
from dynamics_portal_generator.select import select
from dynamics_portal_generator.selection import load_selection

SPEC = Path(__file__).resolve().parents[2] / "spec" / "hlf"
ASSUMED = "HLF.Contract.V1.Assumed"
CRM = "Microsoft.Dynamics.CRM."


@pytest.fixture(scope="module")
def metadata() -> Metadata:
    return read_metadata(SPEC / "metadata.xml")


@pytest.fixture(scope="module")
def openapi(metadata: Metadata) -> dict[str, Any]:
    selected = select(metadata, load_selection(SPEC / "selection.yaml")).metadata
    described = to_openapi(selected, load_choices(SPEC / "choices.json", selected))
    return apply_overlay(described.document, load_overlay(SPEC / "overlay.yaml"))


def own_elements(metadata: Metadata) -> Iterator[tuple[str, Any]]:
    """Everything in the contract that is not Dataverse's own: what carries the publisher's prefix, and its parts."""
    for type_ in itertools.chain(metadata.entity_types.values(), metadata.complex_types.values()):
        ours = type_.local_name.startswith("new_")
        if ours and not type_.local_name.endswith("Response"):
            yield type_.name, type_
        members = itertools.chain(type_.properties.items(), type_.navigation.items())
        for name, member in members:
            if name.lower().lstrip("_").startswith("new_") or type_.local_name.startswith("new_Set"):
                yield f"{type_.name}/{name}", member
    for operation in metadata.all_operations():
        if operation.local_name.startswith("new_"):
            yield operation.name, operation
            for parameter in operation.own_parameters:
                yield f"{operation.name}({parameter.name})", parameter


def test_everything_that_is_not_dataverses_own_says_why_it_is_assumed(metadata: Metadata) -> None:
    silent = [name for name, element in own_elements(metadata) if not element.annotations.get(ASSUMED)]
    assert silent == []
    assert len(list(own_elements(metadata))) > 30


def test_nothing_of_dataverses_own_is_marked_as_assumed(metadata: Metadata) -> None:
    own = {id(element) for _, element in own_elements(metadata)}
    for type_ in metadata.entity_types.values():
        members: list[Any] = [*type_.properties.values(), *type_.navigation.values()]
        for member in members:
            assert id(member) in own or ASSUMED not in member.annotations, member.name


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "contact",
            "contactid firstname lastname fullname emailaddress1 mobilephone statecode statuscode new_mentor_status"
            " new_pause_start_date new_pause_end_date new_pause_reason new_certification_expiry new_website_visible",
        ),
        (
            "new_certification",
            "new_certificationid _new_mentor_value new_type new_issued_on new_expires_on new_status"
            " new_renewal_history",
        ),
        (
            "new_assignment",
            "_new_mentor_value _new_coordinator_value _new_chapter_value new_start_date new_end_date new_status",
        ),
        ("new_chapter", "new_name new_website_url new_chapter_coordinators"),
    ],
)
def test_the_described_contract_holds_the_columns_that_the_portal_needs(
    openapi: dict[str, Any], table: str, columns: str
) -> None:
    properties = openapi["components"]["schemas"][CRM + table]["properties"]
    assert set(columns.split()) <= set(properties)


def test_models_carry_the_names_of_the_portals_documents(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    assert schemas[f"{CRM}new_certification"]["title"] == "DynamicsCertificationRecord"
    assert schemas[f"{CRM}new_SetWebsiteVisibilityResponse"]["title"] == "DynamicsHlfSyncResponse"


def test_a_certification_is_reached_by_mentor_and_type(metadata: Metadata, openapi: dict[str, Any]) -> None:
    (key,) = metadata.alternate_keys_of(f"{CRM}new_certification")
    assert [part.path for part in key] == ["_new_mentor_value", "new_type"]
    path = "/new_certifications(_new_mentor_value={_new_mentor_value},new_type={new_type})"
    assert "x-assumed" in openapi["paths"][path]


def test_setting_the_visibility_may_be_repeated(openapi: dict[str, Any]) -> None:
    path = f"/contacts({{contactid}})/{CRM}new_SetWebsiteVisibility"
    assert openapi["paths"][path]["post"]["x-dynamics-idempotent"] is True


def test_relationships_can_be_followed_both_ways(metadata: Metadata) -> None:
    for name, type_ in metadata.entity_types.items():
        for link in type_.navigation.values():
            partner = metadata.all_navigation(link.type.name)[link.partner or ""]
            assert partner.partner == link.name, f"{name}/{link.name}"


def test_a_choice_of_ours_says_that_its_values_are_assumed() -> None:
    choices = json.loads((SPEC / "choices.json").read_text("utf-8"))
    for table, columns in choices.items():
        for column, choice in columns.items():
            assert ("assumed" in choice) == column.startswith("new_"), f"{table}.{column}"
