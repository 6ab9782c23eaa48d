"""What the CSDL reader makes of each construct of CSDL XML 4.0 and 4.01."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import shared_data
from tests.unit.generator.documents import EDM, SHOP, csdl, document, included, read

from dynamics_portal_generator.csdl import EnumValue, PropertyRef, TypeRef, read_metadata
from dynamics_portal_generator.csdl.names import PRIMITIVES


def test_a_document_can_come_as_bytes_a_path_or_a_stream(tmp_path: Path) -> None:
    data = csdl(SHOP)
    path = tmp_path / "metadata.xml"
    path.write_bytes(data)
    as_bytes, as_path, as_stream = read_metadata(data), read_metadata(path), read_metadata(BytesIO(data))
    assert as_bytes.entity_types == as_path.entity_types == as_stream.entity_types
    assert (as_bytes.source, as_path.source) == ("$metadata", str(path))
    assert as_path.size == len(data)


def test_utf16_is_read() -> None:
    text = csdl('<EntityType Name="størrelse"/>').decode()
    assert "N.størrelse" in read_metadata(text.encode("utf-16")).entity_types


def test_every_primitive_type_is_known() -> None:
    body = "".join(f'<Property Name="p{n}" Type="{name}"/>' for n, name in enumerate(sorted(PRIMITIVES)))
    properties = read(f'<ComplexType Name="all">{body}</ComplexType>').complex_types["N.all"].properties
    assert {item.type.name for item in properties.values()} == PRIMITIVES
    assert {"Edm.Untyped", "Edm.Stream", "Edm.GeographyPoint", "Edm.PrimitiveType"} <= PRIMITIVES


def test_facets_of_a_property_are_read() -> None:
    body = """<ComplexType Name="c">
      <Property Name="a" Type="Edm.String" Nullable="false" MaxLength="40" Unicode="false" DefaultValue="x"/>
      <Property Name="b" Type="Edm.Decimal" Precision="10" Scale="Variable"/>
      <Property Name="c" Type="Edm.Decimal" Scale="4"/>
      <Property Name="d" Type="Collection(A.c)"/>
      <Property Name="e" Type="Edm.String" MaxLength="max"/>
      <Property Name="f" Type="Edm.GeographyPoint" SRID="4326"/>
    </ComplexType>"""
    a, b, c, d, e, f = read(body).complex_types["N.c"].properties.values()
    assert (a.nullable, a.max_length, a.unicode, a.default) == (False, 40, False, "x")
    assert (b.precision, b.scale, b.nullable) == (10, "variable", True)
    assert c.scale == 4
    assert d.type == TypeRef("N.c", collection=True)
    assert str(d.type) == "Collection(N.c)"
    assert e.max_length is None
    assert f.srid == "4326"


def test_aliases_become_namespaces_everywhere_even_before_they_are_declared() -> None:
    first = f"""<Schema xmlns="{EDM}" Namespace="First.V1" Alias="f">
      <EntityType Name="a" BaseType="s.b"><NavigationProperty Name="to" Type="Collection(f.a)" Partner="s.b/x"/>
      </EntityType>
      <EntityContainer Name="C"><EntitySet Name="as" EntityType="f.a">
        <NavigationPropertyBinding Path="f.a/to" Target="f.C/as"/></EntitySet></EntityContainer>
      <Annotations Target="f.a/to"><Annotation Term="s.Mark" Path="s.b/x"/></Annotations></Schema>"""
    second = f"""<Schema xmlns="{EDM}" Namespace="Second" Alias="s">
      <EntityType Name="b"><NavigationProperty Name="x" Type="f.a"/></EntityType>
      <Term Name="Mark" Type="Edm.String"/></Schema>"""
    metadata = read_metadata(document(first + second))
    a = metadata.entity_types["First.V1.a"]
    assert a.base == "Second.b"
    assert a.navigation["to"].type == TypeRef("First.V1.a", collection=True)
    assert a.navigation["to"].partner == "Second.b/x"
    assert a.navigation["to"].annotations == {"Second.Mark": "Second.b/x"}
    assert metadata.container.entity_sets["as"].bindings == {"First.V1.a/to": "First.V1.C/as"}
    assert metadata.namespaces == {"First.V1": "f", "Second": "s"}
    assert metadata.warnings == ()


def test_inheritance_joins_members_and_the_key() -> None:
    body = """<EntityType Name="a" Abstract="true"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Int32"/></EntityType>
      <EntityType Name="b" BaseType="A.a" OpenType="true" HasStream="true"><Property Name="x" Type="Edm.Int32"/>
      </EntityType>
      <EntityType Name="c" BaseType="A.b"/>"""
    metadata = read(body)
    assert [part.local_name for part in metadata.ancestry("N.c")] == ["a", "b", "c"]
    assert list(metadata.all_properties("N.c")) == ["id", "x"]
    assert metadata.key_of("N.c") == (PropertyRef("id"),)
    assert metadata.entity_types["N.a"].abstract
    assert metadata.entity_types["N.b"].has_stream
    assert metadata.is_open("N.c")
    assert not metadata.is_open("N.a")


def test_a_key_can_have_aliases_and_paths_into_complex_properties() -> None:
    body = """<ComplexType Name="inner"><Property Name="no" Type="Edm.Int32"/></ComplexType>
      <EntityType Name="a"><Key><PropertyRef Name="part/no" Alias="number"/></Key>
      <Property Name="part" Type="A.inner"/></EntityType>"""
    (reference,) = read(body).key_of("N.a")
    assert (reference.path, reference.name) == ("part/no", "number")


def test_enumerations_count_on_from_the_value_before() -> None:
    body = """<EnumType Name="e" UnderlyingType="Edm.Int64" IsFlags="true">
      <Member Name="None"/><Member Name="Next"/><Member Name="Minus" Value="-5"/><Member Name="After"/></EnumType>"""
    enum = read(body).enum_types["N.e"]
    assert [(member.name, member.value) for member in enum.members] == [
        ("None", 0),
        ("Next", 1),
        ("Minus", -5),
        ("After", -4),
    ]
    assert (enum.is_flags, enum.underlying, enum.local_name) == (True, "Edm.Int64", "e")


def test_type_definitions_are_read() -> None:
    body = """<TypeDefinition Name="t" UnderlyingType="Edm.String" MaxLength="9"/>
      <ComplexType Name="c"><Property Name="p" Type="A.t"/></ComplexType>"""
    definition = read(body).type_definitions["N.t"]
    assert (definition.underlying, definition.max_length) == ("Edm.String", 9)


def test_navigation_keeps_partner_containment_constraints_and_what_a_deletion_does() -> None:
    body = """<EntityType Name="a"><Property Name="x" Type="Edm.Int32"/><Property Name="y" Type="Edm.Int32"/>
      <NavigationProperty Name="to" Type="A.a" Nullable="false" Partner="from" ContainsTarget="true">
        <OnDelete Action="Cascade"/><ReferentialConstraint Property="x" ReferencedProperty="y"/>
      </NavigationProperty><NavigationProperty Name="from" Type="Collection(A.a)"/></EntityType>"""
    link = read(body).entity_types["N.a"].navigation["to"]
    assert (link.nullable, link.partner, link.contains_target, link.on_delete) == (False, "from", True, "Cascade")
    assert link.constraints == (("x", "y"),)


@pytest.mark.parametrize("vocabulary", ["OData.Community.Keys.V1", "Org.OData.Core.V1"])
def test_alternate_keys_of_both_vocabularies_are_read(vocabulary: str) -> None:
    body = """<EntityType Name="a"><Property Name="x" Type="Edm.Int32"/><Property Name="y" Type="Edm.Int32"/>
      <Annotation Term="K.AlternateKeys"><Collection>
        <Record Type="K.AlternateKey"><PropertyValue Property="Key"><Collection>
          <Record><PropertyValue Property="Alias" String="x"/><PropertyValue Property="Name" PropertyPath="x"/></Record>
          <Record><PropertyValue Property="Alias" String="why"/><PropertyValue Property="Name">
          <PropertyPath>y</PropertyPath></PropertyValue></Record>
        </Collection></PropertyValue></Record>
        <Record><PropertyValue Property="Key"><Collection><Record>
        <PropertyValue Property="Name" PropertyPath="y"/></Record></Collection></PropertyValue></Record>
      </Collection></Annotation></EntityType>"""
    metadata = read(body, references=included(vocabulary, "K"))
    assert metadata.alternate_keys_of("N.a") == ((PropertyRef("x"), PropertyRef("y", "why")), (PropertyRef("y"),))


def test_an_alternate_key_over_a_missing_property_is_left_out_and_told() -> None:
    body = """<EntityType Name="a"><Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection><Record>
      <PropertyValue Property="Key"><Collection><Record><PropertyValue Property="Name" PropertyPath="gone"/>
      </Record></Collection></PropertyValue>
      </Record></Collection></Annotation></EntityType>"""
    metadata = read(body)
    assert metadata.alternate_keys_of("N.a") == ()
    assert "it.xml:2: an alternate key of N.a is left out: gone does not exist" in metadata.warnings


def test_operations_keep_their_overloads_binding_and_result() -> None:
    body = """<EntityType Name="a"/>
      <Function Name="f" IsBound="true" IsComposable="true" EntitySetPath="it/to">
      <Parameter Name="it" Type="A.a"/><ReturnType Type="Edm.String" Nullable="false"/></Function>
      <Function Name="f" IsBound="true"><Parameter Name="it" Type="Collection(A.a)"/>
      <Parameter Name="n" Type="Edm.Int32" Nullable="false"/><ReturnType Type="Collection(A.a)"/></Function>
      <Function Name="f"><Parameter Name="n" Type="Edm.Int32">
      <Annotation Term="Org.OData.Core.V1.OptionalParameter"/></Parameter><ReturnType Type="Edm.Int32"/></Function>
      <Action Name="act"/>"""
    metadata = read(body)
    first, second, third = metadata.operations["N.f"]
    assert (first.kind, first.composable, first.entity_set_path) == ("function", True, "it/to")
    assert first.binding == TypeRef("N.a")
    assert (first.return_type, first.return_nullable) == (TypeRef("Edm.String"), False)
    assert second.binding == TypeRef("N.a", collection=True)
    assert [item.name for item in second.own_parameters] == ["n"]
    assert third.binding is None
    assert third.parameters[0].optional
    (action,) = metadata.operations["N.act"]
    assert (action.kind, action.return_type, action.local_name) == ("action", None, "act")
    assert len(list(metadata.all_operations())) == 4


def test_a_container_holds_sets_singletons_and_imports() -> None:
    body = """<EntityType Name="a"><NavigationProperty Name="to" Type="A.a"/></EntityType>
      <Action Name="act"/><Function Name="f"><ReturnType Type="A.a"/></Function>
      <EntityContainer Name="C"><EntitySet Name="as" EntityType="A.a">
      <NavigationPropertyBinding Path="to" Target="as"/></EntitySet>
      <Singleton Name="me" Type="A.a"/><ActionImport Name="act" Action="A.act"/>
      <FunctionImport Name="f" Function="A.f" EntitySet="as"/></EntityContainer>"""
    container = read(body).container
    assert container.name == "N.C"
    assert container.entity_sets["as"].bindings == {"to": "as"}
    assert container.singletons["me"].type == "N.a"
    assert [(item.kind, item.name, item.operation, item.entity_set) for item in container.imports] == [
        ("action", "act", "N.act", None),
        ("function", "f", "N.f", "as"),
    ]


def test_a_container_inherits_what_it_extends() -> None:
    body = """<EntityType Name="a"/><EntityContainer Name="Base"><EntitySet Name="as" EntityType="A.a"/>
    </EntityContainer>
      <EntityContainer Name="Whole" Extends="A.Base"><EntitySet Name="more" EntityType="A.a"/></EntityContainer>"""
    container = read(body).container
    assert (container.name, list(container.entity_sets)) == ("N.Whole", ["as", "more"])


def test_a_second_container_is_told() -> None:
    body = '<EntityContainer Name="One"/><EntityContainer Name="Two"/>'
    metadata = read(body)
    assert metadata.container.name == "N.One"
    assert metadata.warnings == ("it.xml:2: the container N.Two is left out: N.One is the service's",)


def test_annotation_values_of_every_kind_become_python_values() -> None:
    body = """<EntityType Name="a">
      <Annotation Term="T.Tag"/><Annotation Term="T.Text" String=" kept "/><Annotation Term="T.TextElement">
      <String>x</String></Annotation>
      <Annotation Term="T.No" Bool="false"/><Annotation Term="T.Whole" Int="-3"/>
      <Annotation Term="T.Exact" Decimal="1.10"/>
      <Annotation Term="T.Float"><Float>INF</Float></Annotation><Annotation Term="T.Day" Date="2026-01-31"/>
      <Annotation Term="T.Flags" EnumMember="A.e/Read A.e/Write"/>
      <Annotation Term="T.Path" Path="A.a/x"/><Annotation Term="T.Link">
      <NavigationPropertyPath>to</NavigationPropertyPath></Annotation>
      <Annotation Term="T.List"><Collection><String>a</String><Record><PropertyValue Property="p" Bool="true"/>
      </Record></Collection></Annotation>
      <Annotation Term="T.Null"><Null/></Annotation>
      <Annotation Term="T.Choice"><If><Path>x</Path><String>a</String><String>b</String></If></Annotation>
      <Annotation Term="T.Call"><Apply Function="odata.concat"><String>a</String></Apply></Annotation>
      <Annotation Term="T.Text" Qualifier="short" String="s"/>
      <Annotation Term="T.Limit" Int="1"><Annotation Term="T.Exclusive"/></Annotation>
    </EntityType>"""
    annotations = read(body, references=included("Terms.V1", "T")).entity_types["N.a"].annotations
    assert {key.removeprefix("Terms.V1."): value for key, value in annotations.items()} == {
        "Tag": True,
        "Text": " kept ",
        "TextElement": "x",
        "No": False,
        "Whole": -3,
        "Exact": Decimal("1.10"),
        "Float": Decimal("Infinity"),
        "Day": "2026-01-31",
        "Flags": EnumValue(("Read", "Write")),
        "Path": "N.a/x",
        "Link": "to",
        "List": ("a", {"p": True}),
        "Null": None,
        "Choice": None,
        "Call": None,
        "Text#short": "s",
        "Limit": 1,
        "Limit@Terms.V1.Exclusive": True,
    }


def test_annotations_with_a_target_move_to_it() -> None:
    targets = (
        "A.a",
        "A.a/p",
        "A.a/to",
        "A.e/One",
        "A.f(Edm.Int32)",
        "A.f(Edm.Int32)/n",
        "A.act",
        "A.C",
        "A.C/as",
        "A.C/act",
    )
    outside = '<Annotations Target="{0}"><Annotation Term="T.At" String="{0}"/></Annotations>'
    body = f"""{"".join(outside.format(target) for target in targets)}
      <EnumType Name="e"><Member Name="One"/></EnumType>
      <EntityType Name="a"><Property Name="p" Type="A.e"/><NavigationProperty Name="to" Type="A.a"/></EntityType>
      <Function Name="f"><Parameter Name="n" Type="Edm.Int32"/><ReturnType Type="Edm.Int32"/></Function>
      <Function Name="f"><Parameter Name="n" Type="Edm.String"/><ReturnType Type="Edm.Int32"/></Function>
      <Action Name="act"/>
      <EntityContainer Name="C"><EntitySet Name="as" EntityType="A.a"/><ActionImport Name="act" Action="A.act"/>
      </EntityContainer>"""
    metadata = read(body)
    a, (f, other), container = metadata.entity_types["N.a"], metadata.operations["N.f"], metadata.container
    found: list[Any] = [
        a,
        a.properties["p"],
        a.navigation["to"],
        metadata.enum_types["N.e"].members[0],
        f,
        f.parameters[0],
        metadata.operations["N.act"][0],
        container,
        container.entity_sets["as"],
        container.imports[0],
    ]
    assert tuple(item.annotations["T.At"] for item in found) == targets
    assert other.annotations == other.parameters[0].annotations == {}
    assert metadata.warnings == ()


def test_an_annotation_inside_its_element_wins_over_one_from_outside() -> None:
    body = """<EntityType Name="a"><Annotation Term="T.At" String="inside"/></EntityType>
      <Annotations Target="A.a" Qualifier="q"><Annotation Term="T.At" String="qualified"/></Annotations>
      <Annotations Target="A.a"><Annotation Term="T.At" String="outside"/></Annotations>"""
    assert read(body).entity_types["N.a"].annotations == {"T.At": "inside", "T.At#q": "qualified"}


def test_a_target_that_does_not_exist_is_told_and_one_elsewhere_is_not() -> None:
    body = '<Annotations Target="A.gone"/>\n<Annotations Target="E.thing"/>\n<EntityContainer Name="C"/>'
    warnings = read(body, references=included("Else.V1", "E")).warnings
    assert warnings == ("it.xml:2: annotations target 'N.gone', which the document does not declare",)


def test_computed_immutable_permissions_and_descriptions_are_understood() -> None:
    body = """<ComplexType Name="c">
      <Property Name="a" Type="Edm.Int32"><Annotation Term="C.Computed"/></Property>
      <Property Name="b" Type="Edm.Int32"><Annotation Term="C.Permissions" EnumMember="C.Permission/Read"/></Property>
      <Property Name="c" Type="Edm.Int32"><Annotation Term="C.Permissions">
      <EnumMember>C.Permission/Read C.Permission/Write</EnumMember></Annotation></Property>
      <Property Name="d" Type="Edm.Int32"><Annotation Term="C.Immutable" Bool="true"/>
      <Annotation Term="C.LongDescription" String="long"/></Property>
      <Property Name="e" Type="Edm.Int32"><Annotation Term="C.Computed" Bool="false"/>
      <Annotation Term="C.Description" String="short"/></Property>
    </ComplexType>"""
    a, b, c, d, e = read(body, references=included("Org.OData.Core.V1", "C")).complex_types["N.c"].properties.values()
    assert [item.computed for item in (a, b, c, d, e)] == [True, True, False, False, False]
    assert d.immutable
    assert (d.description, e.description, a.description) == ("long", "short", None)


def test_a_type_of_an_included_namespace_is_accepted() -> None:
    body = """<EntityType Name="a" BaseType="E.base"><Property Name="p" Type="Collection(E.thing)"/>
      <NavigationProperty Name="to" Type="E.other"/></EntityType>"""
    metadata = read(body, references=included("Else.V1", "E"))
    assert metadata.external_namespaces == {"Else.V1"}
    assert metadata.entity_types["N.a"].properties["p"].type == TypeRef("Else.V1.thing", collection=True)


def test_bindings_to_missing_sets_are_accepted_and_told_once() -> None:
    body = """<EntityType Name="a"><NavigationProperty Name="x" Type="A.a"/>
    <NavigationProperty Name="y" Type="A.a"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="as" EntityType="A.a">
<NavigationPropertyBinding Path="x" Target="owners"/><NavigationPropertyBinding Path="y" Target="owners"/>
  </EntitySet></EntityContainer>"""
    metadata = read(body)
    assert metadata.warnings == (
        "it.xml:4: 2 navigation property bindings lead to the entity set 'owners', which does not exist",
    )
    assert metadata.container.entity_sets["as"].bindings == {"x": "owners", "y": "owners"}


def test_elements_and_attributes_of_other_namespaces_are_passed_over() -> None:
    body = """<EntityType Name="a" xmlns:x="urn:x" x:Name="other"><x:Property/><!-- a comment --><?note?>
      <Property Name="p" Type="Edm.Int32" x:Kept="no"/></EntityType>"""
    assert list(read(body).entity_types["N.a"].properties) == ["p"]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("dynamics-crm4-v9.1.xml", (300, 269, 184, 198)),
        ("northwind-v4.xml", (26, 26, 0, 0)),
        ("trippin.xml", (9, 4, 2, 4)),
        ("oasis-ExampleService.xml", (17, 14, 2, 0)),
        ("oasis-csdl-16.1.xml", (4, 4, 0, 1)),
        ("oasis-annotations.xml", (2, 9, 0, 0)),
    ],
)
def test_the_real_documents_are_read_whole(name: str, counts: tuple[int, ...]) -> None:
    metadata = read_metadata(shared_data("metadata", name))
    kinds = [operation.kind for operation in metadata.all_operations()]
    found = (
        len(metadata.entity_types),
        len(metadata.container.entity_sets),
        kinds.count("action"),
        kinds.count("function"),
    )
    assert found == counts


def test_a_container_may_be_extended_by_its_local_name_and_from_elsewhere() -> None:
    body = """<EntityType Name="a"/><EntityContainer Name="Base"><EntitySet Name="as" EntityType="A.a"/>
      </EntityContainer>
      <EntityContainer Name="Whole" Extends="Base"/>"""
    assert list(read(body).container.entity_sets) == ["as"]
    elsewhere = read('<EntityContainer Name="C" Extends="E.D"/>', references=included("Else.V1", "E"))
    assert elsewhere.warnings == ("it.xml:2: the container Else.V1.D, which is extended, is elsewhere",)


def test_annotations_reach_one_overload_of_an_action_by_its_binding() -> None:
    body = """<EntityType Name="a"/><Action Name="act"/>
      <Action Name="act" IsBound="true"><Parameter Name="it" Type="A.a"/></Action>
      <Annotations Target="A.act()"><Annotation Term="T.At" String="unbound"/></Annotations>
      <Annotations Target="A.act(A.a)"><Annotation Term="T.At" String="bound"/></Annotations>"""
    unbound, bound = read(body).operations["N.act"]
    assert (unbound.annotations, bound.annotations) == ({"T.At": "unbound"}, {"T.At": "bound"})


def test_annotations_of_terms_annotations_and_results_have_no_place_and_are_not_told() -> None:
    body = """<Term Name="t" Type="Edm.String"/><EntityType Name="a"/>
      <Function Name="f"><ReturnType Type="Edm.Int32"/></Function><EntityContainer Name="C"/>
      <Annotations Target="A.t"/><Annotations Target="A.a/@A.t"/><Annotations Target="A.f/$ReturnType"/>"""
    assert read(body).warnings == ()


def test_what_is_odd_but_harmless_is_told() -> None:
    body = """<EntityType Name="a"><Property Name="x" Type="Edm.Int32"/></EntityType>
<EntityType Name="b" BaseType="A.a"><Property Name="x" Type="Edm.String"/>
<NavigationProperty Name="to" Type="A.a"><ReferentialConstraint Property="gone" ReferencedProperty="x"/>
</NavigationProperty></EntityType>
<Function Name="f"/><EntityContainer Name="C"/>"""
    assert read(body).warnings == (
        "it.xml:3: N.b declares x again, which its base type has already",
        "it.xml:4: the referential constraint of N.b/to names 'gone', which does not exist",
        "it.xml:6: the function N.f has no ReturnType",
    )


def test_an_alternate_key_may_lead_through_navigation_and_casts() -> None:
    path = "to/A.b/inner/no"
    body = f"""<ComplexType Name="c"><Property Name="no" Type="Edm.Int32"/></ComplexType>
      <EntityType Name="a"><NavigationProperty Name="to" Type="A.a"/>
      <Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection><Record><PropertyValue Property="Key">
      <Collection><Record><PropertyValue Property="Name" PropertyPath="{path}"/></Record></Collection></PropertyValue>
      </Record></Collection></Annotation></EntityType>
      <EntityType Name="b" BaseType="A.a"><Property Name="inner" Type="A.c"/></EntityType><EntityContainer Name="C"/>"""
    metadata = read(body)
    assert metadata.alternate_keys_of("N.a") == ((PropertyRef("to/N.b/inner/no"),),)
    assert metadata.warnings == ()


def test_a_missing_member_of_an_open_type_or_of_one_with_a_base_elsewhere_may_exist() -> None:
    for attributes in ('OpenType="true"', 'BaseType="E.x"'):
        body = f"""<EntityType Name="a" {attributes}><Key><PropertyRef Name="any"/></Key></EntityType>
          <EntityContainer Name="C"/>"""
        assert read(body, references=included("Else.V1", "E")).warnings == ()


def test_labels_and_floating_scales_are_read() -> None:
    body = """<ComplexType Name="c"><Property Name="p" Type="Edm.Decimal" Scale="floating"/>
      <Annotation Term="T.Labelled"><LabeledElement Name="l" String="x"/></Annotation>
      <Annotation Term="T.OfTerm" AnnotationPath="to/@A.Mark#q"/></ComplexType>"""
    complex_type = read(body).complex_types["N.c"]
    assert complex_type.properties["p"].scale == "floating"
    assert complex_type.annotations == {"T.Labelled": "x", "T.OfTerm": "to/@N.Mark#q"}
