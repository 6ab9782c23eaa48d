"""`EntityDefinitions`: what is told about tables, columns and choices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conftest import shared_data
from tests.integration.emulator.conftest import HLF, Browser

from dynamics_portal_emulator import running_emulator

PICKLISTS = "Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"


@pytest.fixture(name="either", params=["without types of its own", "with types of its own"])
def either_fixture(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """The contract, which leaves the metadata tables out, or a real organisation, which declares them."""
    path = HLF if request.param.startswith("without") else shared_data("metadata", "dynamics-crm4-v9.1.xml")
    choices = {
        "contact": {
            "new_mentor_status": {
                "name": "ContactMentorStatus",
                "options": [{"value": 1, "label": "Active", "labels": {"1033": "Active", "1044": "Aktiv"}}],
            },
            "familystatuscode": {"options": [{"value": 1, "label": "Single"}]},
        }
    }
    with running_emulator(path, choices=choices) as emulator:
        browser = Browser(emulator)
        yield browser
        browser.http.close()


def test_a_table_is_found_by_its_logical_name(either: Browser) -> None:
    (row,) = either.rows(
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute"
        "&$filter=LogicalName eq 'contact'"
    )
    assert (row["EntitySetName"], row["PrimaryIdAttribute"], row["PrimaryNameAttribute"]) == (
        "contacts",
        "contactid",
        "fullname",
    )
    assert either.get("EntityDefinitions(LogicalName='contact')").json()["MetadataId"] == row["MetadataId"]
    assert either.get(f"EntityDefinitions({row['MetadataId']})?$select=LogicalName").json()["LogicalName"] == "contact"
    assert either.get("EntityDefinitions(LogicalName='nothing')").status_code == 404


def test_columns_belong_to_their_table(either: Browser) -> None:
    column = "Attributes(LogicalName='createdon')?$select=EntityLogicalName,AttributeType"
    path = "EntityDefinitions(LogicalName='{}')/" + column

    for table in ("contact", "systemuser"):
        found = either.get(path.format(table))
        if found.status_code == 404:
            continue
        assert (found.json()["EntityLogicalName"], found.json()["AttributeType"]) == (table, "DateTime")
    columns = either.rows("EntityDefinitions(LogicalName='contact')/Attributes?$select=LogicalName,IsPrimaryId")
    assert [row["LogicalName"] for row in columns if row["IsPrimaryId"]] == ["contactid"]


def test_choices_are_told_with_their_labels(either: Browser) -> None:
    rows = either.rows(f"EntityDefinitions(LogicalName='contact')/{PICKLISTS}?$select=LogicalName&$expand=OptionSet")

    (row,) = rows
    (option,) = row["OptionSet"]["Options"]
    assert option["Value"] == 1
    assert option["Label"]["UserLocalizedLabel"]["LanguageCode"] == 1033
    if row["LogicalName"] == "new_mentor_status":
        labels = [(label["LanguageCode"], label["Label"]) for label in option["Label"]["LocalizedLabels"]]
        assert labels == [(1033, "Active"), (1044, "Aktiv")]


def test_definitions_are_none_of_the_documents_own_tables(portal: Browser) -> None:
    assert "EntityDefinitions" not in portal.emulator.metadata.container.entity_sets
    assert b"EntityMetadata" not in portal.get("$metadata").content
