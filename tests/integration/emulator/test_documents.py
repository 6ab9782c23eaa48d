"""Real documents: each is served whole, and its sets take rows, whatever their keys."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import shared_data
from tests.integration.emulator.conftest import Browser

from dynamics_portal_emulator import Emulator, running_emulator
from dynamics_portal_emulator.schema import DEFINITIONS, Table

SAMPLES = {
    "Edm.String": "Ærlig",
    "Edm.Guid": "aaaaaaaa-0000-0000-0000-000000000001",
    "Edm.Boolean": True,
    "Edm.Byte": 7,
    "Edm.SByte": -7,
    "Edm.Int16": 300,
    "Edm.Int32": 70000,
    "Edm.Int64": 2**40,
    "Edm.Decimal": 12.5,
    "Edm.Double": 0.25,
    "Edm.Single": 0.5,
    "Edm.Date": "2024-02-29",
    "Edm.DateTimeOffset": "2024-02-29T12:00:00Z",
    "Edm.TimeOfDay": "12:30:00",
    "Edm.Duration": "PT5M",
    "Edm.Binary": "aGVp",
}
SERVER = {
    *("createdon", "modifiedon", "versionnumber", "fullname", "statecode", "statuscode"),
    *("_createdby_value", "_modifiedby_value"),
}
OTHERS = ["northwind-v4.xml", "trippin.xml", "oasis-ExampleService.xml", "oasis-csdl-16.1.xml", "oasis-annotations.xml"]


@pytest.fixture(scope="module", name="crm")
def crm_fixture() -> Iterator[Browser]:
    with running_emulator(shared_data("metadata", "dynamics-crm4-v9.1.xml")) as emulator:
        browser = Browser(emulator)
        yield browser
        browser.http.close()


def sample(emulator: Emulator, table: Table) -> dict[str, Any]:
    """A row with a value in every column that a client may write."""
    row: dict[str, Any] = {}
    for name, declared in table.properties.items():
        kind = emulator.schema.primitive(declared.type)
        lookup = name in table.lookups and name.startswith("_")
        key = name in [part.path for part in table.key]
        if kind in emulator.metadata.complex_types and not declared.nullable and not declared.type.collection:
            row[name] = {}
        if kind not in SAMPLES or lookup or (declared.computed and not key) or name == table.mirror:
            continue
        if name in table.images | table.told_of_files:
            continue  # they hold what test_files uploads
        value = SAMPLES[kind]
        if isinstance(value, str) and declared.max_length:
            value = value[: declared.max_length]
        row[name] = [value] if declared.type.collection else value
    if len(table.key) == 1 and emulator.schema.primitive(table.properties[table.key[0].path].type) == "Edm.Guid":
        row.pop(table.key[0].path, None)
    return row


def tables(emulator: Emulator) -> list[tuple[str, Table]]:
    """The sets that rows can be added to; definitions, which have no ETags, are no rows of the organisation's."""
    found = ((name, emulator.schema.set_table(name)) for name in emulator.metadata.container.entity_sets)
    kept = [(name, table) for name, table in found if table is not None and table.key and not table.abstract]
    return [(name, table) for name, table in kept if table.family != DEFINITIONS]


def live(browser: Browser, name: str, table: Table) -> None:
    """Creates, reads, lists, changes and deletes a row of a set."""
    given = sample(browser.emulator, table)
    created = browser.post(name, given)
    assert created.status_code == 204, (name, created.text)
    address = created.headers["OData-EntityId"]
    row = browser.get(address).json()
    kept = {key: value for key, value in given.items() if key not in SERVER and value != {}}
    assert {key: row[key] for key in kept} == kept
    assert row["@odata.etag"] in [item["@odata.etag"] for item in all_rows(browser, name)]
    keys = {part.path for part in table.key} | {part.path for key in table.alternate_keys for part in key}
    changes = {key: value for key, value in given.items() if key not in keys}
    assert browser.patch(address, changes, **{"If-Match": row["@odata.etag"]}).status_code == 204, name
    assert browser.get(address).json()["@odata.etag"] != row["@odata.etag"]
    assert browser.delete(address).status_code == 204
    assert browser.get(address).status_code == 404


def all_rows(browser: Browser, path: str) -> Iterator[dict[str, Any]]:
    """The rows of all pages."""
    following: str | None = path
    while following:
        page = browser.get(following, Prefer="odata.maxpagesize=50").json()
        yield from page["value"]
        following = page.get("@odata.nextLink")


def test_a_whole_organisation_starts_within_two_seconds(crm: Browser) -> None:
    assert crm.emulator.start_seconds < 2.0
    assert len(crm.get("").json()["value"]) == 269


def test_tables_of_an_organisation_chosen_at_random_live(crm: Browser) -> None:
    for name, table in random.Random(4).sample(tables(crm.emulator), 25):
        live(crm, name, table)


@pytest.mark.slow
def test_every_table_of_an_organisation_lives(crm: Browser) -> None:
    for name, table in tables(crm.emulator):
        live(crm, name, table)


def test_an_owner_is_bound_though_the_set_owners_does_not_exist(crm: Browser) -> None:
    (user,) = crm.emulator.seed("systemusers", [{"firstname": "Ola", "lastname": "Leder"}])
    created = crm.post("contacts", {"lastname": "N", "ownerid@odata.bind": f"/systemusers({user})"})

    row = crm.get(f"{created.headers['OData-EntityId']}?$expand=ownerid,owninguser").json()
    assert row["_ownerid_value"] == user
    assert row["ownerid"]["@odata.type"] == "#Microsoft.Dynamics.CRM.systemuser"
    assert crm.get("owners").status_code == 404
    shown = crm.get(f"systemusers({user})?$select=systemuserid,fullname").json()
    assert (shown["systemuserid"], shown["fullname"]) == (user, "Ola Leder")


def test_names_that_differ_by_case_only_are_two(crm: Browser) -> None:
    (parent,) = crm.emulator.seed("feedback", [{"title": "first"}])
    created = crm.post("feedback", {"feedbackid": SAMPLES["Edm.Guid"], "FeedbackId@odata.bind": f"/feedback({parent})"})

    row = crm.get(f"{created.headers['OData-EntityId']}?$expand=FeedbackId($select=title)").json()
    assert row["feedbackid"] == SAMPLES["Edm.Guid"]
    assert row["FeedbackId"]["title"] == "first"


def test_a_composite_alternate_key_of_an_organisation_addresses_a_row(crm: Browser) -> None:
    for name, table in tables(crm.emulator):
        for key in table.alternate_keys:
            parts = [table.key_property(part) for part in key]
            if len(key) > 1 and all(part is not None and part.type.name == "Edm.String" for part in parts):
                text = ",".join(f"{part.name}='{part.name} ''%C3%A6'" for part in key)
                assert crm.patch(f"{name}({text})", {}).status_code == 204
                row = crm.get(f"{name}({text})").json()
                assert row[key[0].path] == f"{key[0].name} 'æ"
                return
    pytest.skip("the document has no composite key of texts")


def test_a_function_of_an_organisation_is_routed(crm: Browser) -> None:
    crm.emulator.on_action("RetrieveVersion", lambda emulator, given, row: {"Version": f"9.2 {given}"})

    assert crm.get("RetrieveVersion()").json()["Version"] == "9.2 {}"


def test_an_overload_with_a_parameter_for_any_table_is_routed(crm: Browser) -> None:
    overloaded = max(crm.emulator.metadata.operations.values(), key=len)
    assert len(overloaded) == 12
    table = crm.emulator.schema.table(overloaded[0].binding.name) if overloaded[0].binding else None
    assert table is not None
    assert crm.get(f"{table.name}s/{overloaded[0].name}()").status_code in (400, 404, 501)


@pytest.mark.parametrize("document", OTHERS)
def test_the_sets_of_a_plain_odata_document_live(document: str) -> None:
    path: Path = shared_data("metadata", document)
    with running_emulator(path) as emulator:
        browser = Browser(emulator)
        with closing(browser.http):
            for name, table in tables(emulator):
                live(browser, name, table)
