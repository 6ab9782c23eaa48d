"""What changed between two contracts, and whom it concerns: every rule, from CSDL and from OpenAPI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import PROJECT, shared_data
from tests.unit.generator.documents import SHOP, csdl, read

from dynamics_portal_generator.choices import load_choices
from dynamics_portal_generator.contract import ContractError
from dynamics_portal_generator.contract_reader import contract_of, read_contract
from dynamics_portal_generator.csdl import read_metadata
from dynamics_portal_generator.drift import Change, Drift, compare, diff
from dynamics_portal_generator.openapi import dump, to_openapi

CHOICES: dict[str, Any] = {
    "customer": {
        "mood": {
            "name": "Mood",
            "options": [
                {"value": 1, "label": "Good", "labels": {"1044": "God"}},
                {"value": 2, "label": "Bad", "labels": {"1044": "Dårlig"}},
            ],
        }
    }
}
REGION_TITLE = '<Property Name="title" Type="Edm.String"/>'
CUSTOMER_NAME = '<Property Name="name" Type="Edm.String" MaxLength="100"/>'
ALTERNATE = '<PropertyValue Property="Name" PropertyPath="code"/><PropertyValue Property="Alias" String="code"/>'
KEY_BEGINS = '\n    <PropertyValue Property="Key"><Collection><Record>'
KEY_ENDS = "</Record></Collection></PropertyValue>"
MOVE = '<Action Name="Move"><Parameter Name="to" Type="A.region" Nullable="false"/></Action>'
COUNT = '<Function Name="Count"><ReturnType Type="Edm.Int32" Nullable="false"/></Function>'
CLOSE = '<Parameter Name="why" Type="Edm.String"/>'
REGIONS = '<EntitySet Name="regions" EntityType="A.region"/>'
DESCRIBED = '<Annotation Term="Org.OData.Core.V1.Description" String="Told"/>'


@dataclass(frozen=True)
class Edit:
    """One edit of the shop's document (`old` becomes `new`), and the change that it is."""

    kind: str
    severity: str
    subject: str
    old: str
    new: str
    beside: str = ""
    """What else the edit puts into the schema."""


EDITS = [
    Edit("column-removed", "breaking", "N.region/title", REGION_TITLE, ""),
    Edit("column-type-changed", "breaking", "N.region/title", REGION_TITLE, REGION_TITLE.replace("String", "Int32")),
    Edit(
        "column-type-changed",
        "breaking",
        "N.region/title",
        REGION_TITLE,
        REGION_TITLE.replace("Edm.String", "Collection(Edm.String)"),
    ),
    Edit(
        "column-required-changed",
        "breaking",
        "N.region/title",
        REGION_TITLE,
        REGION_TITLE.replace("/>", ' Nullable="false"/>'),
    ),
    Edit(
        "became-read-only",
        "breaking",
        "N.region/title",
        REGION_TITLE,
        f'{REGION_TITLE[:-2]}><Annotation Term="Org.OData.Core.V1.Computed"/></Property>',
    ),
    Edit(
        "became-read-only",
        "breaking",
        "N.region/title",
        REGION_TITLE,
        f'{REGION_TITLE[:-2]}><Annotation Term="Org.OData.Core.V1.Immutable"/></Property>',
    ),
    Edit(
        "description-changed",
        "documentation",
        "N.region/title",
        REGION_TITLE,
        f"{REGION_TITLE[:-2]}>{DESCRIBED}</Property>",
    ),
    Edit(
        "assumption-changed",
        "documentation",
        "N.region/title",
        REGION_TITLE,
        f'{REGION_TITLE[:-2]}><Annotation Term="HLF.Contract.V1.Assumed" String="why"/></Property>',
    ),
    Edit(
        "required-column-added",
        "breaking",
        "N.region/code",
        REGION_TITLE,
        f'{REGION_TITLE}<Property Name="code" Type="Edm.String" Nullable="false"/>',
    ),
    Edit(
        "column-added",
        "compatible",
        "N.region/code",
        REGION_TITLE,
        f'{REGION_TITLE}<Property Name="code" Type="Edm.String"/>',
    ),
    Edit(
        "column-added",
        "compatible",
        "N.region/code",
        REGION_TITLE,
        f'{REGION_TITLE}<Property Name="code" Type="Edm.String" Nullable="false" DefaultValue="x"/>',
    ),
    Edit("column-length-changed", "breaking", "N.customer/name", CUSTOMER_NAME, CUSTOMER_NAME.replace("100", "50")),
    Edit("column-length-changed", "compatible", "N.customer/name", CUSTOMER_NAME, CUSTOMER_NAME.replace("100", "200")),
    Edit(
        "column-nullable-changed",
        "breaking",
        "N.customer/code",
        '<Property Name="code" Type="Edm.String" Nullable="false"/>',
        '<Property Name="code" Type="Edm.String"/>',
    ),
    Edit("column-removed", "breaking", "N.Receipt/at", '<Property Name="at" Type="Edm.DateTimeOffset"/>', ""),
    Edit(
        "required-column-added",
        "breaking",
        "N.Address/zip",
        '<ComplexType Name="Address">',
        '<ComplexType Name="Address"><Property Name="zip" Type="Edm.String" Nullable="false"/>',
    ),
    Edit(
        "column-added",
        "compatible",
        "N.Receipt/number",
        '<ComplexType Name="Receipt">',
        '<ComplexType Name="Receipt"><Property Name="number" Type="Edm.Int32" Nullable="false"/>',
    ),
    Edit("entity-set-removed", "breaking", "N.region", REGIONS, ""),
    Edit(
        "entity-set-added",
        "compatible",
        "N.region",
        REGIONS,
        f'{REGIONS}<EntitySet Name="areas" EntityType="A.region"/>',
    ),
    Edit(
        "table-added",
        "compatible",
        "N.city",
        REGIONS,
        f'{REGIONS}<EntitySet Name="cities" EntityType="A.city"/>',
        '<EntityType Name="city"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid"/></EntityType>',
    ),
    Edit(
        "key-changed",
        "breaking",
        "N.region",
        '<PropertyRef Name="regionid"/>',
        '<PropertyRef Name="regionid"/><PropertyRef Name="title"/>',
    ),
    Edit("alternate-key-removed", "breaking", "N.customer", ALTERNATE, ""),
    Edit(
        "alternate-key-added",
        "compatible",
        "N.customer",
        f"<Collection><Record>{KEY_BEGINS}",
        f"<Collection><Record>{KEY_BEGINS}{ALTERNATE.replace('code', 'name')}{KEY_ENDS}</Record><Record>{KEY_BEGINS}",
    ),
    Edit("open-type-changed", "compatible", "N.region", 'Name="region"', 'Name="region" OpenType="true"'),
    Edit(
        "navigation-removed",
        "breaking",
        "N.customer/orders",
        '<NavigationProperty Name="orders" Type="Collection(A.order)" Partner="customer"/>',
        "",
    ),
    Edit(
        "navigation-added",
        "compatible",
        "N.region/customers",
        REGION_TITLE,
        f'{REGION_TITLE}<NavigationProperty Name="customers" Type="Collection(A.customer)"/>',
    ),
    Edit(
        "navigation-type-changed",
        "breaking",
        "N.customer/region",
        '<NavigationProperty Name="region" Type="A.region">',
        '<NavigationProperty Name="region" Type="A.order">',
    ),
    Edit("enumeration-value-removed", "breaking", "N.Color", '<Member Name="Green" Value="2"/>', ""),
    Edit(
        "enumeration-value-added",
        "compatible",
        "N.Color",
        '<Member Name="Green" Value="2"/>',
        '<Member Name="Green" Value="2"/><Member Name="Blue" Value="3"/>',
    ),
    Edit("enumeration-number-changed", "breaking", "N.Color", 'Name="Green" Value="2"', 'Name="Green" Value="9"'),
    Edit(
        "enumeration-flags-changed",
        "breaking",
        "N.Color",
        '<EnumType Name="Color">',
        '<EnumType Name="Color" IsFlags="true">',
    ),
    Edit("enumeration-removed", "breaking", "N.Unused", '<EnumType Name="Unused"><Member Name="One"/></EnumType>', ""),
    Edit(
        "enumeration-added",
        "compatible",
        "N.Fresh",
        MOVE,
        f'{MOVE}<EnumType Name="Fresh"><Member Name="A"/></EnumType>',
    ),
    Edit("operation-removed", "breaking", "action Move", '<ActionImport Name="Move" Action="A.Move"/>', ""),
    Edit("operation-removed", "breaking", "action N.Close on N.order", '<Action Name="Close"', '<Action Name="Shut"'),
    Edit(
        "operation-added",
        "compatible",
        "action Reset",
        REGIONS,
        f'{REGIONS}<ActionImport Name="Reset" Action="A.Reset"/>',
        '<Action Name="Reset"/>',
    ),
    Edit(
        "required-parameter-added",
        "breaking",
        "action N.Close on N.order/who",
        CLOSE,
        f'{CLOSE}<Parameter Name="who" Type="Edm.String" Nullable="false"/>',
    ),
    Edit(
        "parameter-added",
        "compatible",
        "action N.Close on N.order/who",
        CLOSE,
        f'{CLOSE}<Parameter Name="who" Type="Edm.String"/>',
    ),
    Edit("parameter-removed", "breaking", "action N.Close on N.order/why", CLOSE, ""),
    Edit(
        "parameter-type-changed", "breaking", "action N.Close on N.order/why", CLOSE, CLOSE.replace("String", "Int32")
    ),
    Edit(
        "parameter-required-changed",
        "breaking",
        "action N.Close on N.order/why",
        CLOSE,
        CLOSE.replace("/>", ' Nullable="false"/>'),
    ),
    Edit("parameter-required-changed", "compatible", "action Move/to", MOVE, MOVE.replace(' Nullable="false"', "")),
    Edit("result-changed", "breaking", "function Count", COUNT, COUNT.replace("Int32", "Int64")),
    Edit("result-changed", "breaking", "function Count", COUNT, COUNT.replace("Edm.Int32", "Collection(Edm.Int32)")),
    Edit("result-changed", "breaking", "action N.Close on N.order", '<ReturnType Type="A.Receipt"/>', ""),
    Edit("result-nullable-changed", "breaking", "function Count", COUNT, COUNT.replace(' Nullable="false"', "")),
    Edit(
        "description-changed",
        "documentation",
        "action N.Close on N.order",
        '<Action Name="Close" IsBound="true">',
        f'<Action Name="Close" IsBound="true">{DESCRIBED}',
    ),
    Edit(
        "overload-added",
        "compatible",
        "function Count",
        COUNT,
        f'{COUNT}<Function Name="Count"><Parameter Name="of" Type="Edm.String"/>'
        '<ReturnType Type="Edm.Int32"/></Function>',
    ),
    Edit(
        "navigation-column-changed",
        "breaking",
        "N.customer/region",
        'Property="_region_value" ReferencedProperty="regionid"',
        'Property="_parent_value" ReferencedProperty="regionid"',
    ),
    Edit(
        "description-changed",
        "documentation",
        "N.Color",
        '<EnumType Name="Color">',
        f'<EnumType Name="Color">{DESCRIBED}',
    ),
    Edit(
        "singleton-added",
        "compatible",
        "me",
        REGIONS,
        f'{REGIONS}<Singleton Name="me" Type="A.customer"/>',
    ),
]


FORMS = [("csdl", "csdl"), ("yaml", "yaml"), ("csdl", "json"), ("json", "csdl")]


def edited(*edits: Edit) -> str:
    body = SHOP
    for edit in edits:
        assert edit.old in body, f"{edit.kind} of {edit.subject} has nothing to edit"
        body = edit.beside + body.replace(edit.old, edit.new)
    return body


def written(folder: Path, form: str, body: str, choices: object = None) -> Path:
    """A contract as a file of its own folder, as CSDL or as the OpenAPI document derived from it."""
    folder.mkdir()
    metadata = folder / "metadata.xml"
    metadata.write_bytes(csdl(body))
    listed = folder / "choices.json"
    if choices:
        listed.write_text(json.dumps(choices), encoding="utf-8")
    if form == "csdl":
        return metadata
    model = read_metadata(metadata)
    path = folder / f"openapi.{form}"
    path.write_text(dump(to_openapi(model, load_choices(listed, model) if choices else {}).document, path), "utf-8")
    return path


def drift_of(old: str, new: str) -> Drift:
    return compare(contract_of(to_openapi(read(old)).document), contract_of(to_openapi(read(new)).document))


def told(drift: Drift) -> set[tuple[str, str, str]]:
    return {(change.kind, change.severity, change.subject) for change in drift.changes}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.kind} {edit.subject}")
@pytest.mark.parametrize(
    "forms", [("csdl", "csdl"), ("yaml", "yaml"), ("csdl", "json"), ("json", "csdl")], ids="-".join
)
def test_each_kind_of_change_is_told_with_its_severity(edit: Edit, forms: tuple[str, str], tmp_path: Path) -> None:
    drift = diff(written(tmp_path / "old", forms[0], SHOP), written(tmp_path / "new", forms[1], edited(edit)))
    assert (edit.kind, edit.severity, edit.subject) in told(drift), drift.to_text()
    assert bool(drift.breaking) == (edit.severity == "breaking")


BACKWARDS = {
    "column-removed": ("column-added", "compatible"),
    "column-added": ("column-removed", "breaking"),
    "table-added": ("table-removed", "breaking"),
    "enumeration-value-added": ("enumeration-value-removed", "breaking"),
    "operation-added": ("operation-removed", "breaking"),
    "overload-added": ("overload-removed", "breaking"),
    "navigation-added": ("navigation-removed", "breaking"),
    "became-read-only": ("became-writable", "compatible"),
    "singleton-added": ("singleton-removed", "breaking"),
    "open-type-changed": ("open-type-changed", "breaking"),
    "entity-set-added": ("entity-set-removed", "breaking"),
}


@pytest.mark.parametrize("edit", [edit for edit in EDITS if edit.kind in BACKWARDS], ids=lambda edit: edit.kind)
def test_the_same_change_backwards_is_told_as_its_opposite(edit: Edit) -> None:
    kind, severity = BACKWARDS[edit.kind]
    assert (kind, severity, edit.subject) in told(drift_of(edited(edit), SHOP))


HARMLESS = [edit for edit in EDITS if edit.severity != "breaking"]
GRAVE = [edit for edit in EDITS if edit.severity == "breaking"]


def apart(edits: list[Edit]) -> list[Edit]:
    """Of edits that touch the same text the first one only, so that all of them can be made."""
    kept: list[Edit] = []
    for edit in edits:
        if not any(edit.old in other.old or other.old in edit.old for other in kept):
            kept.append(edit)
    return kept


@given(st.lists(st.sampled_from(EDITS), max_size=5))
def test_a_contract_does_not_differ_from_itself_whatever_is_in_it(edits: list[Edit]) -> None:
    body = edited(*apart(edits))
    assert drift_of(body, body).changes == ()


@given(st.lists(st.sampled_from(HARMLESS), max_size=4))
def test_harmless_changes_together_break_nothing(edits: list[Edit]) -> None:
    assert drift_of(SHOP, edited(*apart(edits))).breaking == ()


@given(st.sampled_from(GRAVE), st.lists(st.sampled_from(HARMLESS), max_size=4))
def test_a_breaking_change_is_found_among_harmless_ones(grave: Edit, harmless: list[Edit]) -> None:
    drift = drift_of(SHOP, edited(*apart([grave, *harmless])))
    assert (grave.kind, "breaking", grave.subject) in told(drift)


def changed_choices(**options: Any) -> dict[str, Any]:
    """The choices, with each option's members overridden by its number (`_1={"label": …}`; None removes it)."""
    first = CHOICES["customer"]["mood"]
    kept = [
        {**option, **(options.get(f"_{option['value']}", {}))}
        for option in first["options"]
        if options.get(f"_{option['value']}", {}) is not None
    ]
    return {
        "customer": {"mood": {**first, "options": kept + options.get("more", []), "name": options.get("name", "Mood")}}
    }


@pytest.mark.parametrize(
    ("choices", "kind", "severity"),
    [
        (changed_choices(_2=None), "choice-value-removed", "breaking"),
        (changed_choices(more=[{"value": 3, "label": "So-so"}]), "choice-value-added", "compatible"),
        (changed_choices(_1={"label": "Fine"}), "choice-label-changed", "documentation"),
        (changed_choices(_1={"labels": {"1044": "Fin"}}), "choice-label-changed", "documentation"),
        (changed_choices(name="Temper"), "choice-renamed", "compatible"),
        (None, "choice-values-unknown", "documentation"),
    ],
)
@pytest.mark.parametrize(
    "forms", [("csdl", "csdl"), ("yaml", "yaml"), ("csdl", "yaml"), ("yaml", "csdl")], ids="-".join
)
def test_values_and_labels_of_choices_are_compared(
    choices: object, kind: str, severity: str, forms: tuple[str, str], tmp_path: Path
) -> None:
    old = written(tmp_path / "old", forms[0], SHOP, CHOICES)
    new = written(tmp_path / "new", forms[1], SHOP, choices)
    assert told(diff(old, new)) == {(kind, severity, "N.customer/mood")}


def test_a_portal_operation_that_an_overlay_added_is_compared(tmp_path: Path) -> None:
    document = to_openapi(read(SHOP)).document
    with_portal = {**document, "paths": {**document["paths"], "/portal/ping": {"post": {"responses": {"204": {}}}}}}
    drift = compare(contract_of(with_portal), contract_of(document))
    assert told(drift) == {("operation-removed", "breaking", "POST /portal/ping")}


def test_a_verb_that_is_taken_away_breaks() -> None:
    document = to_openapi(read(SHOP)).document
    paths = {path: dict(item) for path, item in document["paths"].items()}
    del paths["/regions({regionid})"]["delete"]
    drift = compare(contract_of(document), contract_of({**document, "paths": paths}))
    assert told(drift) == {("verb-removed", "breaking", "N.region")}
    back = compare(contract_of({**document, "paths": paths}), contract_of(document))
    assert told(back) == {("verb-added", "compatible", "N.region")}


def test_a_singleton_of_another_type_breaks() -> None:
    old = SHOP.replace(REGIONS, f'{REGIONS}<Singleton Name="me" Type="A.customer"/>')
    drift = drift_of(old, old.replace('"me" Type="A.customer"', '"me" Type="A.order"'))
    assert told(drift) == {("singleton-type-changed", "breaking", "me")}


def test_utf16_metadata_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "contract"
    path.write_bytes(csdl(SHOP).decode().encode("utf-16"))
    assert read_contract(path) == contract_of(to_openapi(read(SHOP)).document)


def test_text_and_json_tell_the_same(tmp_path: Path) -> None:
    drift = drift_of(SHOP, edited(EDITS[0], next(edit for edit in EDITS if edit.kind == "enumeration-value-added")))
    assert drift.to_text() == (
        "breaking: 1\n  N.region/title: the column is gone\ncompatible: 1\n  N.Color: a new member Blue"
    )
    assert json.loads(drift.to_json()) == {
        "breaking": 1,
        "compatible": 1,
        "documentation": 0,
        "changes": [
            {
                "kind": "column-removed",
                "severity": "breaking",
                "subject": "N.region/title",
                "message": "the column is gone",
            },
            {
                "kind": "enumeration-value-added",
                "severity": "compatible",
                "subject": "N.Color",
                "message": "a new member Blue",
            },
        ],
    }
    assert drift.breaking == (Change("column-removed", "breaking", "N.region/title", "the column is gone"),)
    assert Drift(()).to_text() == "no changes"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"contract: is not an OpenAPI document"),
        (b"hello: 1\n", r"contract: is not an OpenAPI document"),
        (b"a: [\n", r"contract:2: is not YAML"),
        (b"<html/>", r"contract:1: not an OData \$metadata document"),
        (csdl('<EntityType Name="a" BaseType="A.gone"/>'), r"contract:2: the base type of N\.a refers to"),
        (b"openapi: 3.1.0\npaths: [1]\n", r"contract: an OpenAPI document of another shape than expected"),
    ],
)
def test_what_is_no_contract_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "contract"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=message) as caught:
        read_contract(path)
    assert "\n" not in str(caught.value)


def test_a_contract_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"absent\.yaml: cannot be read: No such file or directory$"):
        diff(tmp_path / "absent.yaml", tmp_path / "absent.yaml")


def test_the_derived_document_of_the_project_does_not_break_its_metadata() -> None:
    drift = diff(PROJECT / "spec" / "hlf" / "openapi.yaml", PROJECT / "spec" / "hlf" / "metadata.xml")
    assert drift.breaking == ()


@pytest.mark.parametrize(
    "name",
    ["northwind-v4.xml", "trippin.xml", "oasis-ExampleService.xml", "oasis-csdl-16.1.xml", "oasis-annotations.xml"],
)
def test_a_real_document_equals_the_openapi_document_derived_from_it(name: str, tmp_path: Path) -> None:
    path = shared_data("metadata", name)
    derived = tmp_path / "openapi.json"
    derived.write_text(dump(to_openapi(read_metadata(path)).document, derived), "utf-8")
    assert diff(path, derived).changes == diff(derived, path).changes == ()


def test_a_whole_organisation_equals_itself_and_breaks_without_a_table(tmp_path: Path) -> None:
    path = shared_data("metadata", "dynamics-crm4-v9.1.xml")
    whole = read_contract(path)
    assert compare(whole, whole).changes == ()
    smaller = path.read_text("utf-8").replace('Name="firstname" Type="Edm.String"', 'Name="firstname" Type="Edm.Guid"')
    edited_path = tmp_path / "metadata.xml"
    edited_path.write_text(smaller, "utf-8")
    changed = compare(whole, read_contract(edited_path)).breaking
    assert {change.kind for change in changed} == {"column-type-changed"}
    assert "Microsoft.Dynamics.CRM.contact/firstname" in {change.subject for change in changed}
