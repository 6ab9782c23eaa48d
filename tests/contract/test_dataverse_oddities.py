"""What a real `$metadata` of Dataverse holds that one would not expect, as the generated package has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import shared_data
from tests.packages import DYNAMICS, Package, Packages

from dynamics_portal_generator.csdl import Metadata, read_metadata
from dynamics_portal_generator.openapi import to_openapi
from dynamics_portal_generator.select import select
from dynamics_portal_generator.selection import Selection, Wanted, WantedTable

CRM = "Microsoft.Dynamics.CRM."
ID = UUID(int=9)


@pytest.fixture(scope="module")
def whole() -> Metadata:
    return read_metadata(shared_data("metadata", DYNAMICS))


@pytest.fixture(scope="module")
def package(packages: Packages, whole: Metadata) -> Package:
    """A package of the whole organisation: what is odd about it only shows there."""
    return packages.of_document("oddities", to_openapi(whole).document)


def models(package: Package) -> Iterator[Any]:
    for name in package.module("registry").TYPES.values():
        yield package.model(name)


def test_a_table_keeps_the_name_that_differs_by_case_only_from_a_complex_types(package: Package) -> None:
    types = package.module("registry").TYPES
    for table, complex_type in (("solution", "Solution"), ("serviceplan", "ServicePlan")):
        assert types[CRM + complex_type] == f"{complex_type}_2"
        assert package.model(types[CRM + table]).__table__ is not None
        assert package.model(types[CRM + complex_type]).__type__ == CRM + complex_type


def test_feedback_has_both_of_its_ids(package: Package) -> None:
    """One is a column, the other a relationship; both belong to `feedback`."""
    feedback = package.model("Feedback")
    attributes = {column.attribute for column in feedback.__columns__.values()}
    link = feedback.navigation()["FeedbackId"]
    (link_attribute,) = [name for name, value in vars(feedback).items() if value is link]
    assert "feedbackid" in attributes
    assert link_attribute not in attributes
    row = {"feedbackid": str(ID), "FeedbackId": {"x": 1}}
    read = feedback.from_dict(row)
    assert read.feedbackid == ID
    assert read.to_dict() == row


def test_abstract_types_have_classes_and_no_tables(package: Package) -> None:
    for name in ("Crmbaseentity", "Crmmodelbaseentity", "Principal", "MetadataBase"):
        assert package.model(name).__table__ is None
        with pytest.raises(TypeError, match="without a table"):
            package.model(name).path(ID)


def test_the_keyless_open_type_keeps_whatever_it_is_sent(package: Package) -> None:
    expando = package.model("Expando")
    row = {"anything": 1, "at all": [{"x": None}]}
    assert expando.from_dict(row).to_dict() == row
    assert expando.__table__ is None


def test_every_function_that_is_overloaded_has_a_class_for_each_overload(package: Package, whole: Metadata) -> None:
    overloaded = {name: items for name, items in whole.operations.items() if len(items) > 1}
    assert sorted(map(len, overloaded.values()))[-2:] == [12, 12]
    made = [package.operation(name).__operation__ for name in package.module("registry").OPERATIONS.values()]
    for name, overloads in overloaded.items():
        assert len([info for info in made if info.name == name]) == len(overloads), name


def test_every_operation_that_something_leads_to_has_one_class_and_one_method(package: Package) -> None:
    operations = package.module("registry").OPERATIONS
    assert len(set(operations.values())) == len(operations)
    assert all(name.isidentifier() for name in operations)


def test_members_called_none_are_members(package: Package, whole: Metadata) -> None:
    with_none = [enum for enum in whole.enum_types.values() if any(member.name == "None" for member in enum.members)]
    assert len(with_none) == 15
    for enum in with_none:
        made = package.model(enum.local_name)
        assert len({*made.__members__}) == len(enum.members)
        assert made.NONE_ is not None


def test_every_member_of_every_enumeration_is_there(package: Package, whole: Metadata) -> None:
    for enum in whole.enum_types.values():
        made = package.model(enum.local_name)
        assert len(made.__members__) == len(enum.members), enum.name


def test_a_parameter_of_any_table_takes_a_row_and_says_of_which(package: Package) -> None:
    queue = package.model("Queue")
    where = package.module("models").Contact
    request = package.operation("AddToQueue")(ID, target_=where(contactid=ID)).request()
    assert request.path == f"{queue.table().entity_set}({ID})/{CRM}AddToQueue"
    assert request.body == {"Target": {"@odata.type": f"#{CRM}contact", "contactid": str(ID)}}
    by_reference = package.operation("AddToQueue")(ID, target_={"@odata.id": f"contacts({ID})"}).request()
    assert by_reference.body == {"Target": {"@odata.id": f"contacts({ID})"}}


def test_a_composite_alternate_key_addresses_a_row(package: Package) -> None:
    composite = [
        (model, key)
        for model in models(package)
        if getattr(model, "__table__", None)
        for key in model.__table__.alternate_keys
        if len(key) > 1
    ]
    assert composite
    for model, key in composite:
        moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
        values = {"Edm.Guid": ID, "Edm.String": "a", "Edm.Int32": 1, "Edm.DateTimeOffset": moment}
        given = {name: values[model.__columns__[name].type] for name in key}
        assert model.path(given).startswith(f"{model.table().entity_set}({key[0]}=")


def test_a_parameter_that_is_optional_may_be_left_out(package: Package) -> None:
    request = package.operation("RetrieveMetadataChanges")().request()
    assert (request.path, request.query) == ("RetrieveMetadataChanges()", "")


def test_navigation_is_followed_also_where_it_is_contained_or_bound_to_a_set_that_does_not_exist(
    package: Package, whole: Metadata
) -> None:
    contained = 0
    for type_ in whole.entity_types.values():
        model = package.model(package.module("registry").TYPES[type_.name])
        assert {*model.navigation()} == {*whole.all_navigation(type_.name)}
        contained += sum(link.contains_target for link in type_.navigation.values())
    assert contained == 5
    owner = package.model("Account").from_dict({"ownerid": {"@odata.type": f"#{CRM}systemuser", "fullname": "x"}})
    assert type(owner.ownerid) is package.model("Systemuser")


def test_no_lookup_is_required_though_every_one_says_that_it_is_not_nullable(package: Package) -> None:
    required = [column.name for model in models(package) for column in model.__columns__.values() if column.required]
    assert [name for name in required if name.startswith("_")] == []
    assert package.model("Contact").encode_write({"lastname": "x"}, "create") == {"lastname": "x"}


def test_a_selection_of_the_organisation_gives_a_small_package(packages: Packages, whole: Metadata) -> None:
    wanted = Selection(
        tables={name: WantedTable(name) for name in ("contact", "account")},
        operations={"WhoAmI": Wanted("WhoAmI")},
    )
    small = packages.of_document("two_tables", to_openapi(select(whole, wanted).metadata).document)
    assert set(small.module("registry").TABLES) >= {"contacts", "accounts"}
    assert len(small.modules()) < 60
