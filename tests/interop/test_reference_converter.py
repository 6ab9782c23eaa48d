"""Our OpenAPI beside that of the OASIS reference converter (npm `odata-openapi`), on the same documents.

Whatever one has and the other lacks (a path, a method of a path, a schema, a property of a schema) must be explained by
a rule of the tables below. A difference without a rule fails, and so does a rule that explains nothing.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import PROJECT, node_command, shared_data
from tests.interop.descriptions import CAPABILITIES, METHODS, Pair, names, properties, type_of

from dynamics_portal_generator.csdl import read_metadata
from dynamics_portal_generator.openapi import file_columns, to_openapi

KEPT = (
    "contacts",
    "teams",
    "queues",
    "systemusers",
    "canvasapps",
    "recurringappointmentmasters",
    "workflows",
    "workflowbinaries",
    "WhoAmI",
)
"""What the reference converter is asked to keep of a whole organisation, for it unrolls navigation into 63 MB."""

DOCUMENTS: dict[str, tuple[str, ...]] = {
    "hlf": (),
    "oasis-ExampleService.xml": (),
    "oasis-csdl-16.1.xml": (),
    "oasis-annotations.xml": (),
    "northwind-v4.xml": (),
    "trippin.xml": (),
    "dynamics-crm4-v9.1.xml": KEPT,
}


# Paths


def spelled(pair: Pair, path: str) -> str:
    """A path in one spelling: namespaces for aliases, function arguments without their values."""
    segments = path.split("/")
    for number, segment in enumerate(segments[2:], 2):
        name, bracket, arguments = segment.partition("(")
        namespace, _, local = name.rpartition(".")
        for full, alias in pair.metadata.namespaces.items():
            if alias and namespace == alias:
                segments[number] = f"{full}.{local}{bracket}{arguments}"
    return re.sub(r"(\w+)=(?:\{\w+\}|@\w+)", r"\1", "/".join(segments))


def is_spelled_otherwise(pair: Pair, path: str) -> bool:
    here, there = (pair.our_paths, pair.reference["paths"])
    if path in here:
        here, there = there, here
    return spelled(pair, path) in {spelled(pair, other) for other in here if other not in there}


def has_implicit_aliases(pair: Pair, path: str) -> bool:
    last = names(path)[-1]
    imports = {item.name: item.operation for item in pair.metadata.container.imports}
    overloads = pair.metadata.operations.get(imports.get(last, last), ())
    return any(
        operation.kind == "function" and all(item.nullable or item.optional for item in operation.own_parameters)
        for operation in overloads
        if operation.own_parameters
    )


def is_alternate_key(pair: Pair, path: str) -> bool:
    found = re.fullmatch(r"/(\w+)\((.+)\)", path)
    entity_set = pair.metadata.container.entity_sets.get(found[1]) if found else None
    if found is None or entity_set is None:
        return False
    key = re.findall(r"(\w+)=", found[2])
    return key in [[part.name for part in own] for own in pair.metadata.alternate_keys_of(entity_set.entity_type)]


def is_restricted(pair: Pair, path: str) -> bool:
    if path == "/$batch":
        return any(term.startswith(f"{CAPABILITIES}BatchSupport") for term in pair.metadata.container.annotations)
    container = pair.metadata.container
    holder = container.entity_sets.get(names(path)[0]) or container.singletons.get(names(path)[0])
    return holder is not None and all(
        pair.restricts(holder, method) for method in pair.ours["paths"][path] if method in METHODS
    )


def has_stream(pair: Pair, type_name: str) -> bool:
    return any(getattr(part, "has_stream", False) for part in pair.metadata.ancestry(type_name))


def is_media(pair: Pair, path: str) -> bool:
    entity_set = pair.metadata.container.entity_sets.get(names(path)[0])
    return path.endswith("/$value") and entity_set is not None and has_stream(pair, entity_set.entity_type)


# Schemas and properties


def is_insert_restricted(pair: Pair, schema: str) -> bool:
    name, use = type_of(schema)
    holders = list(pair.holders(name))
    return use == "create" and bool(holders) and all(pair.restricts(holder, "post") for holder in holders)


def is_media_create(pair: Pair, schema: str) -> bool:
    name, use = type_of(schema)
    return use == "create" and has_stream(pair, name)


def is_not_led_to(pair: Pair, schema: str) -> bool:
    return schema not in pair.our_reach


def is_count(pair: Pair, schema: str, name: str) -> bool:
    link = pair.metadata.all_navigation(type_of(schema)[0]).get(name.partition("@")[0])
    return name.endswith(("@odata.count", "@count")) and link is not None and link.type.collection


def is_deep_insert(pair: Pair, schema: str, name: str) -> bool:
    type_name, use = type_of(schema)
    return use == "create" and name in pair.metadata.all_navigation(type_name)


def is_written_lookup(pair: Pair, schema: str, name: str) -> bool:
    type_name, use = type_of(schema)
    column = pair.metadata.all_properties(type_name).get(name)
    lookup = column is not None and column.type.name == "Edm.Guid" and re.fullmatch("_.+_value", name) is not None
    return bool(use) and lookup


def is_file(pair: Pair, schema: str, name: str) -> bool:
    type_name, use = type_of(schema)
    return bool(use) and (type_name.rpartition(".")[2], name) in file_columns(pair.metadata)


def is_read_only_key(pair: Pair, schema: str, name: str) -> bool:
    type_name, use = type_of(schema)
    column = pair.metadata.all_properties(type_name).get(name)
    key = [part.path for part in pair.metadata.key_of(type_name)]
    return use == "create" and column is not None and column.computed and name in key


def is_etag(pair: Pair, schema: str, name: str) -> bool:
    return name == "@odata.etag" and schema in pair.metadata.entity_types


def is_bind(pair: Pair, schema: str, name: str) -> bool:
    type_name, use = type_of(schema)
    link = pair.metadata.all_navigation(type_name).get(name.removesuffix("@odata.bind"))
    return bool(use) and name.endswith("@odata.bind") and link is not None and not link.type.collection


@dataclass(frozen=True)
class Rule:
    """Why a difference is meant to be."""

    only_in: str
    reason: str
    explains: Callable[..., bool]


RULES: dict[str, tuple[Rule, ...]] = {
    "paths": (
        Rule(
            "reference",
            "Navigation is not unrolled into paths: it multiplies a description, and $expand reaches the same rows.",
            lambda pair, path: any(kind == "navigation" for _, kind in pair.steps(path)),
        ),
        Rule(
            "reference",
            "The stream of a media entity is not described: Dataverse keeps files in columns of their own.",
            is_media,
        ),
        Rule(
            "reference",
            "Changes to all rows that a filter selects are not offered: Dataverse has none.",
            lambda pair, path: "/$each" in path,
        ),
        Rule(
            "reference",
            "Namespaces are written out (Dataverse takes no alias), arguments of functions go by parameter aliases.",
            is_spelled_otherwise,
        ),
        Rule(
            "reference", "Arguments that may be left out are given all the same, by their alias.", has_implicit_aliases
        ),
        Rule("ours", "See the reference's: the same path, spelled otherwise.", is_spelled_otherwise),
        Rule("ours", "See the reference's: the same function, its arguments given.", has_implicit_aliases),
        Rule("ours", "Rows are reached by their alternate keys as well.", is_alternate_key),
        Rule("ours", "Capabilities are not consulted: who may do what is for the service to say.", is_restricted),
    ),
    "methods": (
        Rule(
            "ours",
            "Capabilities are not consulted, here for one method of a path.",
            lambda pair, path, method: any(
                pair.restricts(holder, method)
                for holder in (
                    *pair.metadata.container.entity_sets.values(),
                    *pair.metadata.container.singletons.values(),
                )
                if holder.name == names(path)[0]
            ),
        ),
    ),
    "schemas": (
        Rule(
            "reference",
            "Shapes that its own paths share (count, entityReference, geoPoint) have no type in the document.",
            lambda pair, schema: "." not in schema,
        ),
        Rule(
            "reference",
            "A complex value is written in the shape in which it is read, so it has one schema.",
            lambda pair, schema: type_of(schema)[0] in pair.metadata.complex_types and type_of(schema)[1] != "",
        ),
        Rule("ours", "A type is described even where no path leads to it.", is_not_led_to),
        Rule(
            "ours",
            "Asked to keep a part of a document, the reference puts stubs in the place of other types.",
            lambda pair, schema: schema in pair.stubs,
        ),
        Rule(
            "ours", "Capabilities are not consulted, so a row can be created as far as we know.", is_insert_restricted
        ),
        Rule("ours", "A media entity is created from its columns; the reference sends its stream.", is_media_create),
    ),
    "properties": (
        Rule("reference", "The number of expanded rows is an annotation, which a client keeps apart.", is_count),
        Rule("reference", "Rows are created one by one, and bound to each other.", is_deep_insert),
        Rule("reference", "A lookup is written by reference; Dataverse refuses _x_value in a body.", is_written_lookup),
        Rule("reference", "A file is uploaded to its column; Dataverse takes none with the row.", is_file),
        Rule("ours", "A key is given on create, though rows that are there keep theirs.", is_read_only_key),
        Rule("ours", "A row carries its version.", is_etag),
        Rule("ours", "A row is bound to another by reference (OData 4.0's odata.bind).", is_bind),
    ),
}


@dataclass
class Account:
    """Differences that no rule explains, and the rules that explained one."""

    unexplained: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def judge(self, pair: Pair, kind: str, only_in: str, *what: str) -> None:
        for rule in RULES[kind]:
            if rule.only_in == only_in and rule.explains(pair, *what):
                self.used.add(rule.reason)
                return
        self.unexplained.append(f"{kind}: only in {only_in}: {' '.join(what)}")


def compare(pair: Pair) -> Account:
    account = Account()
    theirs, ours = pair.reference["paths"], pair.our_paths
    for path in theirs.keys() - ours.keys():
        account.judge(pair, "paths", "reference", path)
    for path in ours.keys() - theirs.keys():
        account.judge(pair, "paths", "ours", path)
    for path in theirs.keys() & ours.keys():
        for method in METHODS:
            if (method in theirs[path]) != (method in ours[path]):
                account.judge(pair, "methods", "reference" if method in theirs[path] else "ours", path, method)
    theirs, ours = pair.reference["components"]["schemas"], pair.ours["components"]["schemas"]
    for schema in theirs.keys() - ours.keys():
        account.judge(pair, "schemas", "reference", schema)
    for schema in ours.keys() - theirs.keys() - {"error"}:
        account.judge(pair, "schemas", "ours", schema)
    for schema in theirs.keys() & ours.keys():
        left, right = properties(schema, theirs), properties(schema, ours)
        for name in left.keys() - right.keys():
            account.judge(pair, "properties", "reference", schema, name)
        for name in right.keys() - left.keys():
            account.judge(pair, "properties", "ours", schema, name)
    account.unexplained.sort()
    return account


def converter() -> list[str]:
    """The command of the reference converter; skips where there is none."""
    return node_command("odata-openapi", "lib/cli.js")


@functools.cache
def account_of(document: str) -> Account:
    path = PROJECT / "spec" / "hlf" / "metadata.xml" if document == "hlf" else shared_data("metadata", document)
    kept = DOCUMENTS[document]
    limits = [option for name in kept for option in ("--keep", name)] + (["--levels", "2"] if kept else [])
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "reference.json"
        command = [*converter(), "--openapi-version", "3.1.0", *limits, "--target", str(target), str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        reference = json.loads(target.read_bytes())
    metadata = read_metadata(path)
    return compare(Pair(metadata, reference, to_openapi(metadata).document, kept))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_difference_to_the_reference_converter_is_explained(document: str) -> None:
    assert account_of(document).unexplained == []


def test_every_rule_explains_something() -> None:
    used = set().union(*(account_of(document).used for document in DOCUMENTS))
    assert {rule.reason for rules in RULES.values() for rule in rules} - used == set()
