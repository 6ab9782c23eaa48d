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


def test_definitions_have_no_pages_and_no_etags(either: Browser) -> None:
    answer = either.get("EntityDefinitions?$select=LogicalName", Prefer="odata.maxpagesize=2").json()

    assert len(answer["value"]) > 2
    assert "@odata.nextLink" not in answer
    assert set(answer["value"][0]) == {"LogicalName", "MetadataId"}
    columns = either.get("EntityDefinitions(LogicalName='contact')?$expand=Attributes($select=LogicalName)").json()
    assert not [name for name in columns if name.endswith("nextLink")]


def test_definitions_are_filtered_by_enumerations_and_complex_columns(either: Browser) -> None:
    owned = "OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned' and LogicalName eq 'contact'"
    assert [row["LogicalName"] for row in either.rows(f"EntityDefinitions?$filter={owned}")] == ["contact"]

    of_contact = "EntityDefinitions(LogicalName='contact')"
    kind = "Microsoft.Dynamics.CRM.AttributeTypeCode'Uniqueidentifier'"
    nested = f"Attributes($select=LogicalName;$filter=AttributeType eq {kind} and IsPrimaryId eq true)"
    (row,) = either.get(f"{of_contact}?$select=LogicalName&$expand={nested}").json()["Attributes"]
    assert row["LogicalName"] == "contactid"
    required = "RequiredLevel/Value eq Microsoft.Dynamics.CRM.AttributeRequiredLevel'SystemRequired'"
    assert [row["LogicalName"] for row in either.rows(f"{of_contact}/Attributes?$filter={required}")] == ["contactid"]


def test_columns_of_a_kind_tell_what_only_they_have(portal: Browser) -> None:
    path = "EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.{}AttributeMetadata"

    days = portal.rows(path.format("DateTime") + "?$select=LogicalName,DateTimeBehavior")
    behaviours = {row["LogicalName"]: row["DateTimeBehavior"]["Value"] for row in days}
    assert behaviours["new_certification_expiry"] == "DateOnly"
    assert behaviours["createdon"] == "UserLocal"
    (shown,) = portal.rows(path.format("Boolean") + "?$select=LogicalName&$expand=OptionSet")
    assert shown["OptionSet"]["TrueOption"]["Label"]["UserLocalizedLabel"]["Label"] == "Yes"
    (state,) = portal.rows(path.format("State") + "?$select=LogicalName&$expand=OptionSet($select=Options,Name)")
    assert [option["Value"] for option in state["OptionSet"]["Options"]] == [0, 1]
    created = portal.get("EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='createdon')").json()
    assert created["@odata.type"] == "#Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
    assert (created["IsValidForCreate"], created["IsValidForRead"]) == (False, True)
    assert created["Description"]["UserLocalizedLabel"]["Label"] == "When the row was created."


def test_alternate_keys_are_told(portal: Browser) -> None:
    row = portal.get("EntityDefinitions(LogicalName='new_certification')?$select=LogicalName&$expand=Keys").json()

    (key,) = row["Keys"]
    assert key["KeyAttributes"] == ["new_mentor", "new_type"]
    assert key["EntityKeyIndexStatus"] == "Active"
    assert portal.rows("EntityDefinitions(LogicalName='contact')/Keys") == []


def test_relationships_are_told_from_both_sides(portal: Browser) -> None:
    wanted = {
        "SchemaName": "new_certification_Mentor_contact",
        "ReferencedEntity": "contact",
        "ReferencedAttribute": "contactid",
        "ReferencingEntity": "new_certification",
        "ReferencingAttribute": "new_mentor",
        "ReferencingEntityNavigationPropertyName": "new_Mentor",
    }
    to_one = "RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"
    by_table = f"{to_one}?$filter=ReferencedEntity eq 'contact' and ReferencingEntity eq 'new_certification'"
    many = "EntityDefinitions(LogicalName='contact')/OneToManyRelationships"
    one = "EntityDefinitions(LogicalName='new_certification')/ManyToOneRelationships"
    for path in (by_table, many, one):
        found = {row["SchemaName"]: row for row in portal.rows(path)}
        assert wanted.items() <= found["new_certification_Mentor_contact"].items(), path
    by_name = portal.get("RelationshipDefinitions(SchemaName='new_certification_Mentor_contact')").json()
    assert by_name["@odata.type"] == "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"

    to_many = "RelationshipDefinitions/Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata"
    (link,) = portal.rows(to_many)
    assert {link["Entity1LogicalName"], link["Entity2LogicalName"]} == {"new_chapter", "systemuser"}
    for table in ("new_chapter", "systemuser"):
        assert portal.rows(f"EntityDefinitions(LogicalName='{table}')/ManyToManyRelationships") == [
            {name: value for name, value in link.items() if name != "@odata.type"}
        ]


def test_a_choice_that_columns_share_is_a_global_one() -> None:
    shared = {"name": "Colour", "options": [{"value": 1, "label": "Red"}, {"value": 2, "label": "Blue"}]}
    choices = {"contact": {"new_mentor_status": shared}, "new_certification": {"new_type": shared}}
    with running_emulator(HLF, choices=choices) as emulator:
        browser = Browser(emulator)
        rows = browser.rows("GlobalOptionSetDefinitions?$select=Name,IsGlobal")
        assert [(row["Name"], row["IsGlobal"]) for row in rows] == [("Colour", True)]
        colour = browser.get("GlobalOptionSetDefinitions(Name='Colour')").json()
        assert [option["Value"] for option in colour["Options"]] == [1, 2]
        assert browser.get(f"GlobalOptionSetDefinitions({colour['MetadataId']})").json()["Name"] == "Colour"
        assert browser.get("GlobalOptionSetDefinitions(Name='Sound')").status_code == 404
        refused = browser.get("GlobalOptionSetDefinitions?$filter=Name eq 'Colour'")
        assert (refused.status_code, "$filter" in refused.text) == (400, True)

        expand = "$expand=OptionSet($select=Name),GlobalOptionSet($select=Name,Options)"
        (column,) = browser.rows(f"EntityDefinitions(LogicalName='contact')/{PICKLISTS}?$select=LogicalName&{expand}")
        assert (column["OptionSet"], column["GlobalOptionSet"]["Name"]) == (None, "Colour")
        browser.http.close()
