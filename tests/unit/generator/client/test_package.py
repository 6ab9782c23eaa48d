"""The generated package, as far as a document decides it: names, choices, texts, types."""

from __future__ import annotations

import ast
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from tests.packages import HLF, Package, Packages, mypy, python, syntax, tree
from tests.unit.generator.documents import SHOP, csdl, read
from tests.unit.generator.kinds import KIND_CHOICES, KINDS

from dynamics_portal_generator.choices import ChoiceColumn, Option
from dynamics_portal_generator.client import GenerationError, generate
from dynamics_portal_generator.client.plan import make_plan
from dynamics_portal_generator.client.render import Renderer, _docstring_text
from dynamics_portal_generator.csdl import read_metadata
from dynamics_portal_generator.openapi import to_openapi
from dynamics_portal_generator.pipeline import derive

NASTY = [
    "quote \" and '",
    'three """ quotes',
    "''' too",
    "ends in a backslash \\",
    'ends in a quote"',
    "a\nline\r\nand \x0b\x0c more",
    "{{ 7*7 }} {% raise %} {# no #}",
    "a\u2028b\u2029c\u0085d",
    "\\N{BULLET} \\x41 \\u0041",
    '"""\nimport os; os.system("echo hacked")\n"""',
    "# type: ignore",
    "\u202eright to left",
    "",
    " ",
    "\x00\x01".replace("\x00", "\ufffd"),
]


def table_with(**texts: str) -> dict[str, Any]:
    """A document whose every free text is the given one."""
    document = to_openapi(read(SHOP), shop_choices(texts.get("label", "Good"))).document
    text = texts.get("text", "")

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: text if k in ("description", "summary", "x-assumed") else replaced(v) for k, v in value.items()}
        return [replaced(item) for item in value] if isinstance(value, list) else value

    result: dict[str, Any] = replaced(document)
    result["info"] = {"title": text or "x", "version": text or "x"}
    for schema in result["components"]["schemas"].values():
        schema["description"] = text
        for column in schema.get("properties", {}).values():
            if "$ref" not in column:
                column["description"] = text
    return result


def shop_choices(label: str) -> dict[tuple[str, str], ChoiceColumn]:
    return {("customer", "mood"): ChoiceColumn("customer", "mood", "Mood", (Option(1, label), Option(2, "Bad")))}


def rendered(document: dict[str, Any]) -> Iterator[tuple[str, ast.Module]]:
    for path, text in Renderer(make_plan(document)).files():
        yield path, ast.parse(text)


def skeleton(module: ast.Module) -> list[str]:
    """What a module does, texts aside."""
    return [
        type(node).__name__ if not isinstance(node, ast.Name) else node.id
        for node in ast.walk(module)
        if not isinstance(node, (ast.Constant, ast.JoinedStr))
    ]


# Texts


@pytest.fixture(scope="module")
def plain() -> dict[str, list[str]]:
    return {path: skeleton(module) for path, module in rendered(table_with(text="x", label="Good"))}


@pytest.mark.parametrize("text", NASTY)
def test_no_text_of_the_metadata_becomes_code(plain: dict[str, list[str]], text: str) -> None:
    """The same statements, whatever the texts say."""
    found = {path: skeleton(module) for path, module in rendered(table_with(text=text))}
    assert found.keys() == plain.keys()
    for path, module in found.items():
        expected = [name for name in plain[path] if name != "Expr"]
        assert [name for name in module if name != "Expr"] == expected, path


@given(text=st.text(st.sampled_from("'\"\\\n\r{}%#u0N \u2028\x00\x1f\x85\ud800ø"), max_size=12))
def test_no_made_up_text_ends_its_own_docstring(text: str) -> None:
    quoted = f'"""{_docstring_text(text)}"""'
    read = ast.literal_eval(quoted)
    assert "".join(read.split()) == "".join(re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", " ", text).split())
    quoted.encode()


@pytest.mark.parametrize("number", range(len(NASTY)))
def test_a_label_reads_as_it_was_written(packages: Packages, number: int) -> None:
    package = packages.of_document(f"label_{number}", table_with(label=NASTY[number], text=NASTY[number]))
    mood = package.model("Mood")
    assert mood(1).label == NASTY[number]
    assert len(mood) == 2


NASTY_NAMES = [
    "a b",
    "a-b",
    "class",
    "1a",
    "a'b",
    'a"b',
    "a\\b",
    "__init__",
    "self",
    "data",
    "name",
    "_extra",
    "æ",
    "a.b",
]


def test_text_that_no_encoding_has_is_written_all_the_same(packages: Packages) -> None:
    package = packages.of_document("half", table_with(label="half \ud800 and \x00", text="half \ud800 and \x00"))
    assert package.model("Mood")(1).label == "half \ud800 and \x00"


def test_columns_of_any_name_are_columns(packages: Packages) -> None:
    """OData wants identifiers; an OpenAPI document can say anything."""
    document = to_openapi(read(SHOP)).document
    columns = document["components"]["schemas"]["N.region"]["properties"]
    for name in NASTY_NAMES:
        columns[name] = {"type": ["string", "null"]}
    region = packages.of_document("nasty_names", document).model("Region")
    row = region.from_dict({name: name for name in NASTY_NAMES})
    assert {column.name for column in region.__columns__.values()} >= set(NASTY_NAMES)
    assert row.to_dict() == {name: name for name in NASTY_NAMES}
    assert not row.additional_properties


# Choices


@settings(max_examples=20)
@given(st.dictionaries(st.integers(-(2**31), 2**31 - 1), st.text(max_size=6), min_size=1, max_size=6))
def test_as_many_members_come_out_as_values_went_in(labels: dict[int, str]) -> None:
    options = tuple(Option(value, label) for value, label in labels.items())
    choice = {("customer", "mood"): ChoiceColumn("customer", "mood", "Mood", options)}
    text = dict(Renderer(make_plan(to_openapi(read(SHOP), choice).document)).files())["models/customer.py"]
    (mood,) = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == "Mood"]
    values = [ast.literal_eval(node.value) for node in mood.body if isinstance(node, ast.Assign)]
    assert sorted(values) == sorted(labels)


def test_equal_labels_and_labels_that_are_no_names_have_members(packages: Packages) -> None:
    options = (Option(1, "1 - High"), Option(2, "1 - high"), Option(3, "!"), Option(4, "?"), Option(5, "name"))
    choice = {("customer", "mood"): ChoiceColumn("customer", "mood", "Mood", options)}
    mood = packages.of_document("labels", to_openapi(read(SHOP), choice).document).model("Mood")
    assert {member.name: member.value for member in mood} == {
        "X1_HIGH_1": 1,
        "X1_HIGH_2": 2,
        "VALUE_3": 3,
        "VALUE_4": 4,
        "NAME": 5,
    }
    assert mood(2).label == "1 - high"


def test_a_choice_that_two_tables_share_is_one_class(packages: Packages) -> None:
    body = SHOP.replace('Name="title" Type="Edm.String"', 'Name="title" Type="Edm.Int32"')
    choices = {
        (table, column): ChoiceColumn(table, column, "Shared", (Option(1, "One"),))
        for table, column in (("customer", "mood"), ("region", "title"))
    }
    package = packages.of_document("shared_choice", to_openapi(read(body), choices).document)
    shared = package.model("Shared")
    assert shared.__module__ == "shared_choice.models.shared"
    assert package.model("Customer").from_dict({"mood": 1}).mood is shared.ONE
    assert package.model("Region").from_dict({"title": 1}).title is shared.ONE


# Names that collide


COLLIDING = """
<EntityType Name="solution"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid"/>
  <Property Name="FeedbackId" Type="Edm.Guid"/><Property Name="feedbackid" Type="Edm.Guid"/>
  <Property Name="feedback_id" Type="Edm.Guid"/><Property Name="_owner_value" Type="Edm.Guid"/>
  <Property Name="owner_value" Type="Edm.String"/><Property Name="None" Type="Edm.String"/>
  <Property Name="to_dict" Type="Edm.String"/></EntityType>
<ComplexType Name="Solution"><Property Name="a" Type="Edm.String"/></ComplexType>
<EntityType Name="table"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid"/></EntityType>
<Action Name="solutions"/><Action Name="execute"/><Action Name="Batch"/>
<Function Name="Get"><ReturnType Type="A.Solution"/></Function>
<EntityContainer Name="C"><EntitySet Name="solutions" EntityType="A.solution"/>
  <EntitySet Name="table" EntityType="A.table"/><EntitySet Name="class" EntityType="A.table"/>
  <ActionImport Name="solutions_" Action="A.solutions"/><ActionImport Name="execute" Action="A.execute"/>
  <ActionImport Name="batch" Action="A.Batch"/><FunctionImport Name="Get" Function="A.Get"/></EntityContainer>
"""


def test_names_that_collide_are_resolved_and_told(packages: Packages) -> None:
    package = packages.of_csdl("colliding", csdl(COLLIDING))
    registry = package.module("registry")
    assert registry.TYPES == {"N.Solution": "Solution_2", "N.solution": "Solution", "N.table": "Table_"}
    assert registry.ATTRIBUTES == {"class_": "class", "solutions": "solutions", "table_": "table"}
    assert set(registry.OPERATIONS) == {"solutions_2", "execute_", "batch_", "get"}
    assert package.operation("Get").result({"a": "x"}).a == "x"
    told = "\n".join(package.notes)
    for renamed in ("Solution_2", "solutions_2", "feedback_id_2", "owner_value_"):
        assert f"is called {renamed} in Python" in told
    row = {"FeedbackId": None, "feedbackid": None, "feedback_id": None, "_owner_value": None, "owner_value": "x"}
    assert package.model("Solution").from_dict(row).to_dict() == row


def test_names_do_not_depend_on_the_order_of_the_document(tmp_path: Path) -> None:
    document = to_openapi(read_metadata(csdl(COLLIDING))).document
    shuffled = json.loads(json.dumps(document))
    generator = random.Random(1)
    for part in (shuffled["components"], shuffled):
        key = "schemas" if "schemas" in part else "paths"
        items = list(part[key].items())
        generator.shuffle(items)
        part[key] = dict(items)
    notes = [generate(item, "p", tmp_path / name)[1] for item, name in ((document, "x"), (shuffled, "y"))]
    assert set(notes[0]) == set(notes[1])
    first, second = (tree(tmp_path / name) for name in "xy")
    assert {path for path, text in first.items() if second.get(path) != text} <= {"p/registry.py", "p/portal.py"}


# What the document contradicts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda schemas: schemas.pop("N.Address"), r"N.customer.home refers to the schema 'N.Address'"),
        (lambda schemas: schemas.pop("N.order"), r"N.customer.orders refers to the schema 'N.order'"),
        (lambda schemas: schemas.pop("N.Receipt"), r"refers to the schema 'N.Receipt', which does not exist"),
    ],
)
def test_a_reference_to_nothing_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    document = to_openapi(read(SHOP)).document
    change(document["components"]["schemas"])
    with pytest.raises(GenerationError, match=message):
        generate(document, "p", tmp_path)
    assert tree(tmp_path) == {}


def test_a_document_of_another_make_gives_a_package_without_tables(packages: Packages) -> None:
    document = {"openapi": "3.1.0", "info": {"title": "Other", "version": "1"}, "paths": {"/a": {"get": {}}}}
    package = packages.of_document("other_make", document)
    assert package.module("registry").TABLES == {}
    assert package.module("models").__dir__()


# Types


def test_the_package_of_every_kind_passes_mypy(kinds: Package, mypy_cache: Path) -> None:
    assert mypy(mypy_cache, kinds.folder, "-p", kinds.name) == []


def test_indexes_are_lazy(kinds: Package) -> None:
    program = f"import sys, {kinds.name} as api; print(*(m for m in sys.modules if m.startswith('{kinds.name}.')))"
    assert python(kinds.folder, program).split() == []
    assert set(dir(kinds.module())) >= {"Portal", "AsyncPortal", "models", "operations", "registry", "UNSET"}
    assert {"Thing", "Color"} <= set(dir(kinds.module("models")))
    for module in ("", "models", "operations"):
        with pytest.raises(AttributeError, match="nothing"):
            _ = kinds.module(module).nothing


def test_what_rows_are_written_as_can_be_imported_by_a_program_as_well(kinds: Package) -> None:
    models = kinds.module("models")
    assert models.ThingWrite(name="a") == {"name": "a"}
    assert models.ThingColumn is str
    for name in ("NothingWrite", "Thing_Write", "Write"):
        with pytest.raises(AttributeError, match=name):
            getattr(models, name)


# The stock tool

STOCK_DIFFERENCES = {
    "float": "Decimal",  # exact, where the format is decimal
    "datetime.datetime": "_dt.datetime",
    "datetime.date": "_dt.date",
    "str": "UUID",  # only in the union of the two
}
"""Its spelling of a type, and ours where we differ on purpose."""


def stock(document: dict[str, Any]) -> GeneratorData:
    config = Config.from_sources(
        ConfigFile(), MetaType.NONE, document_source=Path("x"), file_encoding="utf-8", overwrite=True, output_path=None
    )
    data = GeneratorData.from_dict(json.loads(json.dumps(document)), config=config)
    assert not isinstance(data, GeneratorError), data
    return data


ACCEPTED = {
    "hlf": lambda: derive(HLF / "metadata.xml", overlay=HLF / "overlay.yaml").document,
    "shop": lambda: to_openapi(read(SHOP), shop_choices("Good")).document,
    "kinds": lambda: to_openapi(read_metadata(KINDS), KIND_CHOICES).document,
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_stock_tool_accepts_the_document(name: str) -> None:
    data = stock(ACCEPTED[name]())
    assert [error.detail for error in data.errors] == []
    warnings = {
        f"{tag}: {(warning.detail or '')}" for tag, part in data.endpoint_collections_by_tag.items()
        for warning in part.parse_errors
    }  # fmt: skip
    unexplained = {text for text in warnings if "multipart/mixed" not in text}  # `$batch` is no JSON
    assert unexplained == set()


def bare(annotation: str) -> frozenset[str]:
    """The alternatives of a type, whatever their order and the spelling of a missing one."""
    names = (part.strip().strip("\"'") for part in annotation.replace("Unset", "").split("|"))
    return frozenset(name for name in names if name)


def test_types_are_those_of_the_stock_tool_but_for_decimals_and_dates(packages: Packages) -> None:
    document = ACCEPTED["kinds"]()
    models = {model.class_info.name: model for model in stock(document).models}
    package = packages.of_csdl("kinds_api", KINDS, KIND_CHOICES)
    tried = 0
    for schema, name in (("NThing", "thing"), ("NAddress", "address"), ("NSeat", "seat")):
        stock_model = next(model for key, model in models.items() if key.replace("_", "") in (schema, schema[1:]))
        ours = {
            node.target.id: ast.unparse(node.annotation)
            for body in syntax(package.path / "models" / f"{name}.py").body
            if isinstance(body, ast.ClassDef)
            for node in body.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        columns = package.model(name.capitalize()).__columns__
        for prop in [*(stock_model.required_properties or ()), *(stock_model.optional_properties or ())]:
            column = columns.get(prop.name.get_untrusted_value())
            if column is None or column.model or column.type.startswith("Collection"):
                continue
            theirs = bare(prop.get_type_string(no_optional=True).as_unembedded_code())
            mine = bare(ours[column.attribute])
            translated = {
                {"datetime.datetime": "_dt.datetime", "datetime.date": "_dt.date"}.get(item, item) for item in theirs
            }
            special = {"Edm.Decimal": ("float", "Decimal"), "Edm.TimeOfDay": ("str", "_dt.time")}
            special |= {"Edm.Duration": ("str", "_dt.timedelta"), "Edm.Binary": ("str", "bytes")}
            if column.type in special:
                old, new = special[column.type]
                translated = {new if item == old else item for item in translated}
            assert mine == translated, column
            tried += 1
    assert tried > 20
