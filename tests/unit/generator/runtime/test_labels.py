"""Labels of choices by language, lookups of a row that was read, and what a file column holds."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from tests.archive import CSDL, archive
from tests.packages import Packages, packages

from dynamics_portal_generator.csdl import read_metadata
from dynamics_portal_generator.openapi import file_columns, to_openapi

__all__ = ["packages"]  # a fixture

ID = UUID("11111111-2222-3333-4444-555555555555")
ANNOTATED = {
    "_new_parent_value": str(ID),
    "_new_parent_value@OData.Community.Display.V1.FormattedValue": "Kari Nordmann",
    "_new_parent_value@Microsoft.Dynamics.CRM.lookuplogicalname": "new_case",
    "_new_parent_value@Microsoft.Dynamics.CRM.associatednavigationproperty": "new_parent",
}


@pytest.fixture(name="models", scope="module")
def models_fixture(packages: Packages) -> Any:
    module: ModuleType = archive(packages)
    return module.models


def test_a_choice_has_its_label_in_each_language(models: Any) -> None:
    high = models.CaseGrade.HIGH
    assert (high.label, high.label_in(1033), high.label_in(1044)) == ("High", "High", "Høy")


def test_a_label_that_is_not_there_is_none(models: Any) -> None:
    assert models.CaseGrade.HIGH.label_in(1053) is None
    assert models.CaseTopic.TINNITUS.label_in(1044) is None
    assert (models.CaseGrade(99).label, models.CaseGrade(99).label_in(1044)) == (None, None)


def test_a_set_of_choices_keeps_what_the_package_does_not_know(models: Any) -> None:
    row = models.NewCase.from_dict({"new_topics": "10,99"})
    assert row.new_topics == frozenset({models.CaseTopic.HEARING, 99})
    assert sorted(str(topic.label) for topic in row.new_topics) == ["Hearing", "None"]
    assert row.to_dict() == {"new_topics": "10,99"}


def test_a_lookup_has_id_name_table_and_navigation(models: Any) -> None:
    lookup = models.NewCase.from_dict(ANNOTATED).lookup("_new_parent_value")
    assert (lookup.id, lookup.name, lookup.table, lookup.navigation) == (ID, "Kari Nordmann", "new_case", "new_parent")
    assert repr(lookup) == "<Lookup: new_case>"


def test_a_lookup_without_annotations_has_its_id_alone(models: Any) -> None:
    lookup = models.NewCase.from_dict({"_new_parent_value": str(ID)}).lookup("_new_parent_value")
    assert (lookup.id, lookup.name, lookup.table, lookup.navigation) == (ID, None, None, None)
    assert repr(lookup) == "<Lookup: of a row>"


@pytest.mark.parametrize("data", [{}, {"_new_parent_value": None}, {"_new_parent_value@odata.bind": "x"}])
def test_a_lookup_that_is_empty_or_was_not_read_is_none(models: Any, data: dict[str, Any]) -> None:
    assert models.NewCase.from_dict(data).lookup("_new_parent_value") is None
    assert models.NewCase.from_dict(data).lookup("new_name") is None
    assert models.NewCase.from_dict(data).lookup("nothing") is None


def test_a_copy_keeps_its_lookups(models: Any) -> None:
    row = copy.copy(models.NewCase.from_dict(ANNOTATED))
    assert row.lookup("_new_parent_value").name == "Kari Nordmann"


def test_a_file_columns_value_is_the_files_id_and_an_images_its_thumbnail(models: Any) -> None:
    row = models.NewCase.from_dict({"new_document": str(ID), "new_portrait": "iVBORw=="})
    assert (row.new_document, row.new_portrait) == (ID, b"\x89PNG")


def test_a_file_is_not_written_with_the_row(models: Any) -> None:
    with pytest.raises(ValueError, match=r"NewCase\.new_document is not writable on update"):
        models.NewCase.encode_write({"new_document": b"x"}, "update")
    assert models.NewCase.encode_write({"new_portrait": b"\x89PNG"}, "update") == {"new_portrait": "iVBORw=="}


def test_file_columns_are_told_by_their_companions() -> None:
    assert file_columns(read_metadata(CSDL)) == {("new_case", "new_document")}
    renamed = CSDL.replace(b'"new_document_name"', b'"new_other_name"')
    assert file_columns(read_metadata(renamed)) == set()
    schema = to_openapi(read_metadata(renamed), files={("new_case", "new_document")}).document["components"]["schemas"]
    assert schema["Microsoft.Dynamics.CRM.new_case"]["properties"]["new_document"]["x-dynamics-file"] is True
