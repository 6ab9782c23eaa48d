"""Definitions through the whole client, over real TLS: what the organisation says of itself fits the contract."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.wrapper.support import Shell

from dynamics_portal import NotFoundError
from dynamics_portal_api.models import ContactMentorStatus, DynamicsCertificationRecord


def test_a_table_has_the_columns_and_keys_of_the_contract(shell: Shell, portal: Any) -> None:
    details = shell(portal.definitions.table("new_certification"))
    table = DynamicsCertificationRecord.table()
    assert details.table.entity_set == table.entity_set
    assert [key.columns for key in details.keys.values()] == [("new_mentor", "new_type")]
    lookups = {name[1:].removesuffix("_value") for name in DynamicsCertificationRecord.__columns__ if name[0] == "_"}
    plain = {name for name in DynamicsCertificationRecord.__columns__ if name[0] != "_"}
    assert lookups | plain <= set(details.columns)
    assert details.columns["new_mentor"].type == "Lookup"
    mentor = next(item for item in details.relationships if item.navigation == "new_Mentor")
    assert (mentor.kind, mentor.table, mentor.column) == ("many-to-one", "contact", "new_mentor")


def test_a_relationship_of_many_to_many_is_told_from_this_side(shell: Shell, portal: Any) -> None:
    found = shell(portal.definitions.table("new_chapter")).relationships
    (coordinators,) = [item for item in found if item.kind == "many-to-many"]
    assert coordinators.table == "systemuser"


def test_choices_are_those_of_the_package(shell: Shell, portal: Any) -> None:
    choice = shell(portal.definitions.choices(["contact"]))["contact"]["new_mentor_status"]
    known = {member.value: (member.label, member.label_in(1044)) for member in ContactMentorStatus}
    assert {option.value: (option.label, option.labels[1044]) for option in choice.options} == known


def test_a_table_that_the_organisation_lacks_is_not_found(shell: Shell, portal: Any) -> None:
    for attempt in (portal.definitions.table, lambda name: portal.definitions.choices([name])):
        with pytest.raises(NotFoundError):
            shell(attempt("nothing"))
