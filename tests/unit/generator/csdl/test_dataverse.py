"""A real organisation's `$metadata`, Web API v9.1: everything in it that surprises, counted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.conftest import shared_data

from dynamics_portal_generator.csdl import (
    EntityType,
    Metadata,
    NavigationProperty,
    Operation,
    StructuredType,
    TypeRef,
    local_name,
    read_metadata,
)

CRM = "Microsoft.Dynamics.CRM."


@pytest.fixture(scope="module", name="crm")
def crm_fixture() -> Metadata:
    return read_metadata(shared_data("metadata", "dynamics-crm4-v9.1.xml"))


def structured(crm: Metadata) -> Iterator[StructuredType]:
    yield from crm.entity_types.values()
    yield from crm.complex_types.values()


def navigation(crm: Metadata) -> list[NavigationProperty]:
    return [link for type_ in structured(crm) for link in type_.navigation.values()]


def bound(crm: Metadata, kind: str) -> list[Operation]:
    return [operation for operation in crm.all_operations() if operation.bound and operation.kind == kind]


READ = """
import resource, sys, time
from pathlib import Path
from dynamics_portal_generator.csdl import read_metadata
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
read_metadata(Path(sys.argv[1]))
print(time.process_time() - started, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_it_is_read_in_little_time_and_memory() -> None:
    """In a process of its own, which no coverage measurement slows down."""
    path = shared_data("metadata", "dynamics-crm4-v9.1.xml")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, ran.stdout.split())
    assert seconds < 1.5
    assert megabytes < 60


def test_it_has_8321_properties(crm: Metadata) -> None:
    assert sum(len(type_.properties) for type_ in structured(crm)) == 8321


def test_it_names_what_it_includes_by_namespace(crm: Metadata) -> None:
    assert crm.external_namespaces == {"OData.Community.Keys.V1", "OData.Community.Display.V1"}
    assert crm.namespaces == {"Microsoft.Dynamics.CRM": "mscrm"}
    assert crm.container.name == f"{CRM}System"
    every = {link.type.name for link in navigation(crm)}
    assert not any(name.startswith("mscrm.") for name in every)


def test_six_types_are_abstract_and_two_of_them_have_no_key(crm: Metadata) -> None:
    abstract = [type_.name for type_ in structured(crm) if type_.abstract]
    assert sorted(map(local_name, abstract)) == sorted(
        [
            "crmbaseentity",
            "crmmodelbaseentity",
            "activitypointer",
            "principal",
            "MetadataBase",
            "RelationshipMetadataBase",
        ]
    )
    assert sorted(local_name(name) for name in abstract if not crm.key_of(name)) == [
        "crmbaseentity",
        "crmmodelbaseentity",
    ]


def test_expando_is_concrete_open_and_keyless(crm: Metadata) -> None:
    expando = crm.entity_types[f"{CRM}expando"]
    assert (expando.abstract, expando.open, crm.key_of(expando.name)) == (False, True, ())
    assert [type_.local_name for type_ in structured(crm) if type_.open] == ["expando"]


def test_298_entity_types_and_25_complex_types_have_a_base_type(crm: Metadata) -> None:
    assert sum(type_.base is not None for type_ in crm.entity_types.values()) == 298
    assert sum(type_.base is not None for type_ in crm.complex_types.values()) == 25


def test_31_entity_types_have_no_entity_set(crm: Metadata) -> None:
    with_set = {entity_set.entity_type for entity_set in crm.container.entity_sets.values()}
    assert len(with_set) == len(crm.container.entity_sets) == 269
    assert len(crm.entity_types.keys() - with_set) == 31


def test_92_of_4817_bindings_lead_to_a_set_that_does_not_exist(crm: Metadata) -> None:
    sets = crm.container.entity_sets
    targets = Counter(target for item in sets.values() for target in item.bindings.values())
    assert targets.total() == 4817
    assert {target: count for target, count in targets.items() if target not in sets} == {"owners": 92}
    assert len(crm.warnings) == 1
    assert crm.warnings[0].endswith(
        "92 navigation property bindings lead to the entity set 'owners', which does not exist"
    )


def test_two_bindings_cast_to_a_type(crm: Metadata) -> None:
    casts = [path for item in crm.container.entity_sets.values() for path in item.bindings if "." in path]
    assert len(casts) == 2
    assert any(path.endswith(f"{CRM}EnumAttributeMetadata/GlobalOptionSet") for path in casts)


def test_every_single_valued_navigation_of_an_entity_says_that_it_is_not_nullable(crm: Metadata) -> None:
    links = [link for type_ in crm.entity_types.values() for link in type_.navigation.values()]
    single = [link for link in links if not link.type.collection]
    assert len(single) == 2442
    assert not any(link.nullable for link in single)


def test_only_eight_entity_properties_are_not_nullable(crm: Metadata) -> None:
    assert sum(not item.nullable for type_ in crm.entity_types.values() for item in type_.properties.values()) == 8


def test_names_differ_by_case_only(crm: Metadata) -> None:
    folded = Counter(local_name(name).lower() for name in (*crm.entity_types, *crm.complex_types))
    assert sum(count > 1 for count in folded.values()) == 3
    assert {f"{CRM}solution"} <= crm.entity_types.keys()
    assert {f"{CRM}Solution"} <= crm.complex_types.keys()
    assert "feedbackid" in crm.all_properties(f"{CRM}feedback")
    assert "FeedbackId" in crm.all_navigation(f"{CRM}feedback")


def test_enumerations_hold_flags_none_and_a_negative_value(crm: Metadata) -> None:
    enums = crm.enum_types.values()
    assert len(enums) == 51
    assert sum(enum.is_flags for enum in enums) == 6
    assert sum(any(member.name == "None" for member in enum.members) for enum in enums) == 15
    assert sum(any(member.value < 0 for member in enum.members) for enum in enums) == 1
    assert {enum.underlying for enum in enums} == {"Edm.Int32"}


def test_bound_operations_also_bind_to_collections(crm: Metadata) -> None:
    actions, functions = bound(crm, "action"), bound(crm, "function")
    assert (len(actions), len(functions)) == (52, 59)

    def on_collections(operations: list[Operation]) -> int:
        return sum(operation.parameters[0].type.collection for operation in operations)

    assert (on_collections(actions), on_collections(functions)) == (5, 21)


def test_seven_function_names_are_overloaded_two_of_them_twelve_times(crm: Metadata) -> None:
    counts = [len(overloads) for overloads in crm.operations.values() if len(overloads) > 1]
    assert len(counts) == 7
    assert counts.count(12) == 2
    assert {
        operation.kind for overloads in crm.operations.values() if len(overloads) > 1 for operation in overloads
    } == {"function"}


def test_77_parameters_and_several_results_are_any_table(crm: Metadata) -> None:
    anything = f"{CRM}crmbaseentity"
    parameters = [item for operation in crm.all_operations() for item in operation.own_parameters]
    assert sum(item.type.name == anything for item in parameters) == 77
    results = [operation.return_type for operation in crm.all_operations()]
    assert sum(result is not None and result.name == anything for result in results) > 1


def test_49_tables_have_alternate_keys_some_of_several_columns(crm: Metadata) -> None:
    keyed = [type_ for type_ in crm.entity_types.values() if type_.alternate_keys]
    assert len(keyed) == 49
    keys = [key for type_ in keyed for key in type_.alternate_keys]
    assert any(len(key) > 1 for key in keys)
    # The metadata tables repeat the keys that they inherit: 74 records, but one key for each of these types.
    assert (len(keys), sum(map(len, keys))) == (49, 82)
    assert all(len(crm.alternate_keys_of(type_.name)) == 1 for type_ in keyed)
    canvas = crm.entity_types[f"{CRM}canvasapp"]
    assert isinstance(canvas, EntityType)
    assert [reference.path for reference in canvas.alternate_keys[0]] == ["overwritetime", "name", "componentstate"]


def test_33_parameters_are_optional(crm: Metadata) -> None:
    assert sum(item.optional for operation in crm.all_operations() for item in operation.parameters) == 33


def test_scale_is_variable(crm: Metadata) -> None:
    scales = {item.scale for type_ in structured(crm) for item in type_.properties.values()}
    assert scales == {None, "variable"}


def test_192_collections_are_of_named_types(crm: Metadata) -> None:
    references: list[TypeRef] = [item.type for type_ in structured(crm) for item in type_.properties.values()]
    references += [item.type for operation in crm.all_operations() for item in operation.parameters]
    references += [operation.return_type for operation in crm.all_operations() if operation.return_type]
    assert sum(item.collection and not item.name.startswith("Edm.") for item in references) == 192


def test_five_navigation_properties_contain_their_target(crm: Metadata) -> None:
    assert sum(link.contains_target for link in navigation(crm)) == 5


def test_a_choice_is_a_number(crm: Metadata) -> None:
    assert crm.entity_types[f"{CRM}contact"].properties["statuscode"].type == TypeRef("Edm.Int32")
