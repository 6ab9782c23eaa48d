"""The OpenAPI document: valid for each real input, the same bytes each time, and what it says of tables and calls."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.conftest import shared_data
from tests.packages import DYNAMICS, HLF, SHARED_DOCUMENTS
from tests.unit.generator.documents import SHOP, read
from tests.unit.generator.kinds import KIND_CHOICES, KINDS

from dynamics_portal_generator.choices import ChoiceColumn, Option
from dynamics_portal_generator.csdl import read_metadata
from dynamics_portal_generator.openapi import DocumentError, OpenApi, dump, edm_type, load, to_openapi
from dynamics_portal_generator.openapi.schemas import PRIMITIVES, nullable, primitive
from dynamics_portal_generator.pipeline import derive
from dynamics_portal_generator.select import select
from dynamics_portal_generator.selection import Selection, Wanted, WantedTable

MOOD = {
    ("customer", "mood"): ChoiceColumn(
        "customer", "mood", "Mood", (Option(1, "Good", {"1044": "God"}), Option(2, "1 - Bad")), assumed="ours"
    )
}


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    return to_openapi(read(SHOP), MOOD).document


@pytest.fixture(scope="module")
def everything() -> OpenApi:
    return to_openapi(read_metadata(KINDS), KIND_CHOICES)


@pytest.fixture(scope="module")
def dynamics() -> OpenApi:
    return derive(shared_data("metadata", DYNAMICS))


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


# As a whole


@pytest.mark.parametrize("name", ["hlf", "kinds", *SHARED_DOCUMENTS])
def test_the_document_is_valid_openapi(name: str, everything: OpenApi) -> None:
    if name == "hlf":
        document = derive(HLF / "metadata.xml", overlay=HLF / "overlay.yaml").document
    elif name == "kinds":
        document = everything.document
    else:
        document = derive(shared_data("metadata", name)).document
    OpenAPIV31SpecValidator(document).validate()


def test_the_document_of_a_real_organisation_is_valid_openapi() -> None:
    """Its oddest tables and what they need: the validator takes most of a minute for all of them."""
    names = ("feedback", "solution", "postregarding", "queue")
    wanted = Selection(tables={name: WantedTable(name) for name in names}, operations={"WhoAmI": Wanted("WhoAmI")})
    selected = select(read_metadata(shared_data("metadata", DYNAMICS)), wanted).metadata
    OpenAPIV31SpecValidator(to_openapi(selected).document).validate()


def test_the_same_input_gives_the_same_bytes(dynamics: OpenApi) -> None:
    again = derive(shared_data("metadata", DYNAMICS))
    assert json.dumps(again.document) == json.dumps(dynamics.document)
    assert again.notes == dynamics.notes


def test_the_document_of_a_whole_organisation_stays_within_five_times_its_size(dynamics: OpenApi) -> None:
    size = shared_data("metadata", DYNAMICS).stat().st_size
    for name in ("a.yaml", "a.json"):
        assert len(dump(dynamics.document, Path(name)).encode()) <= 5 * size


def test_a_document_is_written_out_in_full_and_reads_back(everything: OpenApi) -> None:
    text = dump(everything.document)
    assert "*id" not in text
    assert text == dump(everything.document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", r"a.yaml:\d: is not YAML"),
        ("- 1", "is not an OpenAPI document"),
        ("openapi: 3", "'openapi' is missing"),
        ("!!python/object/apply:os.system [echo]", "is not YAML"),
    ],
)
def test_what_is_no_openapi_document_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DocumentError, match=message):
        load(tmp_path / "a.yaml")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DocumentError, match="cannot be read"):
        load(tmp_path / "a.json")


# Types


def test_each_primitive_type_leads_back_to_itself() -> None:
    for name in [*PRIMITIVES, "Edm.Untyped", "Edm.GeographyPoint", "Edm.Stream"]:
        assert edm_type(primitive(name)) == name
        assert edm_type(nullable(primitive(name))) == name
    assert edm_type({"type": "object"}) == ""


def test_a_choice_carries_its_values_names_labels_and_languages(shop: dict[str, Any]) -> None:
    assert schema(shop, "choice.Mood") == {
        "title": "Mood",
        "type": "integer",
        "format": "int32",
        "enum": [1, 2],
        "x-enum-varnames": ["GOOD", "X1_BAD"],
        "x-dynamics-choice": {"1": "Good", "2": "1 - Bad"},
        "x-dynamics-labels": {"1": {"1044": "God"}},
        "x-assumed": "ours",
    }
    assert schema(shop, "N.customer")["properties"]["mood"] == {
        "anyOf": [{"$ref": "#/components/schemas/choice.Mood"}, {"type": "null"}]
    }


def test_a_multi_select_choice_is_text_that_names_its_choice(everything: OpenApi) -> None:
    column = schema(everything.document, "N.thing")["properties"]["tags"]
    assert column == {"type": ["string", "null"], "x-dynamics-choices": "choice.ThingTags"}


def test_enumerations_keep_their_numbers_and_flags_are_no_closed_list(everything: OpenApi) -> None:
    color = schema(everything.document, "N.Color")
    assert (color["enum"], color["x-dynamics-values"]) == (["None", "Red", "Blue"], {"None": 0, "Red": 1, "Blue": -2})
    rights = schema(everything.document, "N.Rights")
    assert "enum" not in rights
    assert rights["x-dynamics-flags"] == {"Default": 1, "Read": 1, "Write": 2, "Share": 4, "All": 7}


# Tables


def test_reading_and_writing_have_shapes_of_their_own(everything: OpenApi) -> None:
    read_, create, update = (
        set(schema(everything.document, f"N.thing{suffix}")["properties"]) for suffix in ("", "-create", "-update")
    )
    assert {"@odata.etag", "_parent_value", "Parent", "children", "made", "file"} <= read_
    assert not {"_parent_value", "made", "file", "Parent", "children", "@odata.etag"} & (create | update)
    assert {"Parent@odata.bind", "anything@odata.bind"} == {name for name in create if name.endswith("@odata.bind")}
    assert create - update == {"thingid", "once"}
    assert update < create
    assert schema(everything.document, "N.thing-create")["required"] == ["must"]
    assert "required" not in schema(everything.document, "N.thing-update")
    columns = schema(everything.document, "N.thing")["properties"]
    assert {name for name, shape in columns.items() if shape.get("readOnly")} == {"made", "file", "_parent_value"}


def test_what_openapi_cannot_say_stands_in_extensions(shop: dict[str, Any]) -> None:
    customer = schema(shop, "N.customer")
    assert customer["x-dynamics-table"] == {
        "name": "customer",
        "entitySet": "customers",
        "key": ["customerid"],
        "alternateKeys": [["code"]],
    }
    assert customer["x-dynamics-navigation"]["parent"] == {"column": "_parent_value", "partner": "children"}
    assert (customer["x-dynamics-kind"], customer["x-dynamics-base"]) == ("entity", "N.base")
    assert schema(shop, "N.base")["x-dynamics-abstract"] is True
    assert schema(shop, "N.Address")["x-dynamics-kind"] == "complex"


def test_a_keyless_open_type_has_a_shape_and_no_paths(everything: OpenApi) -> None:
    assert schema(everything.document, "N.expando")["x-dynamics-open"] is True
    assert not [path for path in everything.document["paths"] if "expando" in path]


def test_a_set_has_paths_for_its_rows_by_every_key_and_for_nothing_else(everything: OpenApi) -> None:
    paths = {path: sorted(set(item) - {"parameters"}) for path, item in everything.document["paths"].items()}
    own = {path: methods for path, methods in paths.items() if path.startswith("/things") and "/N." not in path}
    assert own == {
        "/things": ["get", "post"],
        "/things({thingid})": ["delete", "get", "patch"],
        "/things(text='{text}')": ["delete", "get", "patch"],
        "/things(_parent_value={_parent_value},status={status})": ["delete", "get", "patch"],
    }
    assert "/seats(hall='{hall}',number={number})" in paths
    assert paths["/$batch"] == ["post"]


def test_every_operation_id_is_used_once(everything: OpenApi, dynamics: OpenApi) -> None:
    for document in (everything.document, dynamics.document):
        ids = [
            operation["operationId"]
            for item in document["paths"].values()
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert len(ids) == len(set(ids))


# Operations


def test_operations_are_found_by_their_binding(everything: OpenApi) -> None:
    paths = everything.document["paths"]
    assert "post" in paths["/things({thingid})/N.Paint"]
    assert "post" in paths["/things/N.Clear"]
    assert "post" in paths["/Purge"]
    assert "get" in paths["/things({thingid})/N.Size()"]
    assert "get" in paths["/things/N.Mean()"]
    find = paths[next(path for path in paths if path.startswith("/Find("))]["get"]
    assert [(item["name"], item["required"]) for item in find["parameters"]] == [
        ("@Text", True),
        ("@At", True),
        ("@Limit", False),
        ("@Colors", False),
        ("@Home", False),
        ("@Target", False),
        ("@Rights", False),
    ]


def test_an_actions_body_requires_what_is_neither_nullable_nor_optional(everything: OpenApi) -> None:
    body = everything.document["paths"]["/things({thingid})/N.Paint"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["required"] == ["Color", "Others"]


def test_an_operation_says_what_it_is_and_what_it_gives(everything: OpenApi) -> None:
    paths = everything.document["paths"]
    assert paths["/things({thingid})/N.Paint"]["post"]["x-dynamics-operation"] == {
        "class": "Paint",
        "name": "N.Paint",
        "kind": "action",
        "binding": "N.thing",
        "result": "N.Report",
    }
    assert "204" in paths["/Purge"]["post"]["responses"]
    total = paths["/Total()"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert total["properties"]["value"] == {"type": "number", "format": "decimal"}


def test_overloads_are_named_after_what_tells_them_apart(shop: dict[str, Any]) -> None:
    classes = {
        operation["x-dynamics-operation"]["class"]
        for item in shop["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "x-dynamics-operation" in operation
    }
    assert classes == {"Close", "Move", "Count", "TouchForCustomer", "TouchForOrder"}


def test_an_operation_that_no_set_leads_to_is_told() -> None:
    body = SHOP.replace('<EntitySet Name="regions" EntityType="A.region"/>', "").replace(
        '<NavigationPropertyBinding Path="region" Target="regions"/>', ""
    )
    alone = body.replace(
        "<EntityContainer",
        '<Action Name="Visit" IsBound="true"><Parameter Name="entity" Type="A.region"/></Action><EntityContainer',
    )
    assert to_openapi(read(alone)).notes == ("N.Visit is bound to N.region, which no entity set holds",)


# Descriptions and assumptions


def test_assumptions_are_marked_wherever_the_metadata_marks_them() -> None:
    document = derive(HLF / "metadata.xml", overlay=HLF / "overlay.yaml").document
    contact = schema(document, "Microsoft.Dynamics.CRM.contact")
    assert contact["properties"]["new_website_visible"]["x-assumed"].startswith("A yes/no column")
    assert "x-assumed" not in contact["properties"]["firstname"]
    assert schema(document, "Microsoft.Dynamics.CRM.new_certification")["x-assumed"]
    action = document["paths"]["/contacts({contactid})/Microsoft.Dynamics.CRM.new_SetWebsiteVisibility"]["post"]
    assert action["x-assumed"]
    assert action["description"].startswith("Show a mentor")


def test_mapping_a_whole_organisation_takes_seconds(dynamics: OpenApi) -> None:
    metadata = read_metadata(shared_data("metadata", DYNAMICS))
    start = time.perf_counter()
    to_openapi(metadata)
    assert time.perf_counter() - start < 20
