"""Selecting from a document: what stays, what it needs, what goes, and what is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from tests.conftest import shared_data
from tests.unit.generator.documents import EDM, SHOP, document, read

from dynamics_portal_generator.csdl import Metadata, local_name, read_metadata
from dynamics_portal_generator.csdl.check import check
from dynamics_portal_generator.select import Selected, SelectionError, load_selection, select
from dynamics_portal_generator.selection import Selection, Wanted, WantedTable

SHOP_METADATA = read(SHOP)


def wanted(tables: dict[str, list[str]] | None = None, operations: list[str] | None = None) -> Selection:
    """A selection as a file would give it; every name on a line of its own."""
    return Selection(
        "selection.yaml",
        {
            name: WantedTable(name, line, tuple(Wanted(column, line) for column in columns))
            for line, (name, columns) in enumerate((tables or {}).items(), 2)
        },
        {name: Wanted(name, 9) for name in operations or ()},
    )


def picked(tables: dict[str, list[str]] | None = None, operations: list[str] | None = None) -> Selected:
    return select(SHOP_METADATA, wanted(tables, operations))


def names(found: object) -> list[str]:
    assert isinstance(found, dict)
    return [local_name(name) for name in found]


def test_an_empty_selection_keeps_the_document_as_it_is() -> None:
    chosen = picked()
    assert chosen.metadata is SHOP_METADATA
    assert chosen.report.is_empty
    assert chosen.report.to_text() == "nothing was dropped"


def test_a_table_keeps_its_base_types_columns_and_their_types() -> None:
    metadata = picked({"customer": []}).metadata
    assert names(metadata.entity_types) == ["base", "customer"]
    assert names(metadata.complex_types) == ["Address"]
    assert names(metadata.enum_types) == ["Color"]
    assert list(metadata.container.entity_sets) == ["customers"]
    assert metadata.operations == {}
    assert metadata.container.imports == ()


@pytest.mark.parametrize("name", ["customer", "customers", "N.customer"])
def test_a_table_is_named_by_its_logical_its_qualified_or_its_set_name(name: str) -> None:
    assert list(picked({name: []}).metadata.container.entity_sets) == ["customers"]


def test_keys_alternate_keys_and_lookups_are_kept_with_listed_columns_and_told() -> None:
    chosen = picked({"customer": ["name"]})
    customer = chosen.metadata.entity_types["N.customer"]
    assert list(customer.properties) == ["customerid", "name", "code", "_parent_value"]
    assert customer.alternate_keys == SHOP_METADATA.entity_types["N.customer"].alternate_keys
    assert "kept though not asked for, columns: 3" in chosen.report.to_text(names=False)
    assert chosen.report.added == ("N.customer/customerid", "N.customer/code", "N.customer/_parent_value")
    assert chosen.metadata.complex_types == {}
    assert chosen.metadata.enum_types == {}
    assert chosen.report.dropped["columns"] == ("N.customer/home", "N.customer/mood", "N.customer/_region_value")


def test_navigation_stays_between_kept_tables_only() -> None:
    metadata = picked({"customer": ["name"], "orders": ["color"]}).metadata
    customer, order = metadata.entity_types["N.customer"], metadata.entity_types["N.order"]
    assert list(customer.navigation) == ["parent", "children", "orders"]
    assert list(order.navigation) == ["customer"]
    assert order.navigation["customer"].partner == "orders"
    assert "_customer_value" in order.properties
    assert metadata.container.entity_sets["customers"].bindings == {"orders": "orders", "parent": "customers"}


def test_a_lookup_may_be_named_by_its_navigation_property() -> None:
    customer = picked({"customer": ["parent"]}).metadata.entity_types["N.customer"]
    assert "_parent_value" in customer.properties


def test_an_operation_keeps_the_overloads_of_kept_tables_and_the_types_it_needs() -> None:
    metadata = picked({"order": []}, ["Touch", "N.Close", "Count"]).metadata
    assert names(metadata.operations) == ["Close", "Count", "Touch"]
    assert [str(item.binding) for item in metadata.operations["N.Touch"]] == ["N.order"]
    assert names(metadata.complex_types) == ["Receipt"]
    assert [item.name for item in metadata.container.imports] == ["Count"]


def test_a_table_that_only_an_operation_needs_is_kept_with_its_key_and_told() -> None:
    chosen = picked({"order": []}, ["Move"])
    region = chosen.metadata.entity_types["N.region"]
    assert (list(region.properties), region.navigation) == (["regionid"], {})
    assert "regions" not in chosen.metadata.container.entity_sets
    assert chosen.report.key_only == ("N.region",)
    assert "kept with their key only, entity types: 1 (N.region)" in chosen.report.to_text()


def test_operations_alone_can_be_selected() -> None:
    metadata = picked(operations=["Count"]).metadata
    assert (names(metadata.operations), metadata.entity_types, metadata.container.entity_sets) == (["Count"], {}, {})


def test_what_was_dropped_is_told_by_count_and_name() -> None:
    report = picked({"order": []}).report
    assert report.dropped["entity sets"] == ("customers", "regions")
    assert "N.Touch (N.order)" in report.dropped["operations"]
    assert "dropped entity sets: 2 (customers, regions)" in report.to_text().splitlines()
    assert "dropped entity sets: 2" in report.to_text(names=False).splitlines()


@pytest.mark.parametrize(
    ("tables", "operations", "message"),
    [
        ({"custmer": []}, [], "2: the document has no table 'custmer' (nearest: 'customer')"),
        ({"Customers": []}, [], "2: the document has no table 'Customers' (nearest: 'customers')"),
        ({"order": [], "zzzzz": []}, [], "3: the document has no table 'zzzzz'"),
        ({"customer": ["nmae"]}, [], "2: the table 'customer' has no column 'nmae' (nearest: 'name')"),
        ({"customer": [], "customers": []}, [], "3: 'customers' and 'customer' are the same table"),
        ({"order": []}, ["Cuont"], "9: the document has no operation 'Cuont' (nearest: 'Count')"),
        ({"region": []}, ["Close"], "9: the operation 'Close' is bound to N.order, which is not selected"),
    ],
)
def test_what_the_document_does_not_have_is_told_with_the_nearest_name(
    tables: dict[str, list[str]], operations: list[str], message: str
) -> None:
    with pytest.raises(SelectionError) as caught:
        picked(tables, operations)
    assert str(caught.value) == f"selection.yaml:{message}"


def test_the_partner_of_a_dropped_navigation_property_is_forgotten() -> None:
    body = """<EntityType Name="a"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32"/>
        <NavigationProperty Name="to" Type="A.b" Partner="A.c/back"/></EntityType>
      <EntityType Name="b"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32"/></EntityType>
      <EntityType Name="c" BaseType="A.b"><NavigationProperty Name="back" Type="A.a"/></EntityType>
      <EntityContainer Name="C"/>"""
    chosen = select(read(body), wanted({"a": [], "b": []}))
    assert chosen.metadata.entity_types["N.a"].navigation["to"].partner is None


def test_navigation_to_a_base_type_of_a_kept_table_stays() -> None:
    body = """<EntityType Name="owner" Abstract="true"><Key><PropertyRef Name="ownerid"/></Key>
        <Property Name="ownerid" Type="Edm.Guid"/><Property Name="title" Type="Edm.String"/></EntityType>
      <EntityType Name="user" BaseType="A.owner"><Property Name="mail" Type="Edm.String"/></EntityType>
      <EntityType Name="row"><Key><PropertyRef Name="rowid"/></Key><Property Name="rowid" Type="Edm.Guid"/>
        <Property Name="_owner_value" Type="Edm.Guid"/><NavigationProperty Name="owner" Type="A.owner">
        <ReferentialConstraint Property="_owner_value" ReferencedProperty="ownerid"/></NavigationProperty></EntityType>
      <EntityContainer Name="C"/>"""
    with_user = select(read(body), wanted({"row": ["rowid"], "user": ["mail"]})).metadata
    assert list(with_user.entity_types["N.row"].navigation) == ["owner"]
    assert list(with_user.entity_types["N.owner"].properties) == ["ownerid"]
    alone = select(read(body), wanted({"row": ["rowid"]})).metadata
    assert alone.entity_types["N.row"].navigation == {}


def test_a_logical_name_in_two_namespaces_has_to_be_qualified() -> None:
    two = "".join(f'<Schema xmlns="{EDM}" Namespace="{name}"><EntityType Name="a"/></Schema>' for name in ("N1", "N2"))
    metadata = read_metadata(document(two))
    with pytest.raises(SelectionError, match=r"'a' is in more than one namespace; name one of N1\.a, N2\.a$"):
        select(metadata, wanted({"a": []}))
    assert list(select(metadata, wanted({"N2.a": []})).metadata.entity_types) == ["N2.a"]


def test_bindings_through_dropped_types_and_members_go() -> None:
    body = SHOP.replace(
        '<NavigationPropertyBinding Path="orders" Target="orders"/>',
        '<NavigationPropertyBinding Path="A.vip/orders" Target="orders"/>'
        '<NavigationPropertyBinding Path="home/lost" Target="orders"/>',
    ).replace("<EntityContainer", '<EntityType Name="vip" BaseType="A.customer"/><EntityContainer')
    chosen = select(read(body), wanted({"customer": ["name"], "order": []})).metadata
    assert chosen.container.entity_sets["customers"].bindings == {"parent": "customers"}
    chosen = select(read(body), wanted({"customer": ["name"], "order": [], "vip": []})).metadata
    assert "N.vip/orders" in chosen.container.entity_sets["customers"].bindings


def test_a_singleton_stays_with_its_table() -> None:
    body = SHOP.replace("</EntityContainer>", '<Singleton Name="me" Type="A.customer"/></EntityContainer>')
    assert list(select(read(body), wanted({"me": ["name"]})).metadata.container.singletons) == ["me"]
    assert select(read(body), wanted({"order": []})).report.dropped["singletons"] == ("me",)


def test_a_file_and_a_real_document_work_together(tmp_path: Path) -> None:
    path = tmp_path / "selection.yaml"
    path.write_text("tables:\n  contact: [firstname]\n  emails: [subject]\noperations: [WhoAmI, SendEmail]\n")
    metadata = read_metadata(shared_data("metadata", "dynamics-crm4-v9.1.xml"))
    chosen = select(metadata, load_selection(path)).metadata
    assert list(chosen.container.entity_sets) == ["contacts", "emails"]
    assert {"firstname", "contactid"} <= chosen.all_properties("Microsoft.Dynamics.CRM.contact").keys()
    assert "subject" in chosen.entity_types["Microsoft.Dynamics.CRM.activitypointer"].properties
    assert names(chosen.complex_types) == ["SendEmailResponse", "WhoAmIResponse"]


TABLES = {
    "customer": ["name", "home", "mood", "parent", "orders", "region"],
    "order": ["color", "customer"],
    "region": [],
}
OPERATIONS = ["Close", "Move", "Count", "Touch"]


@given(
    tables=st.dictionaries(st.sampled_from(sorted(TABLES)), st.lists(st.integers(0, 5), max_size=3)),
    operations=st.lists(st.sampled_from(OPERATIONS), unique=True),
)
def test_what_is_left_is_always_a_whole_document(tables: dict[str, list[int]], operations: list[str]) -> None:
    columns = {
        name: list(dict.fromkeys(TABLES[name][number] for number in numbers if number < len(TABLES[name])))
        for name, numbers in tables.items()
    }
    try:
        metadata: Metadata = picked(columns, operations).metadata
    except SelectionError:  # an operation of a table that is not selected
        reject()
    assert check(metadata) == ()  # every reference still leads somewhere
    again = select(metadata, wanted({name: [] for name in columns}, operations))
    assert again.metadata.entity_types == metadata.entity_types
