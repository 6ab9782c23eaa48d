"""One `$metadata` document that holds everything once: each type of column, each binding of an operation."""

from __future__ import annotations

from tests.unit.generator.documents import csdl

from dynamics_portal_generator.choices import ChoiceColumn, Option

PRIMITIVES = {
    "text": "Edm.String",
    "guid": "Edm.Guid",
    "yes": "Edm.Boolean",
    "tiny": "Edm.SByte",
    "octet": "Edm.Byte",
    "short": "Edm.Int16",
    "number": "Edm.Int32",
    "long": "Edm.Int64",
    "money": "Edm.Decimal",
    "real": "Edm.Double",
    "single": "Edm.Single",
    "moment": "Edm.DateTimeOffset",
    "day": "Edm.Date",
    "hour": "Edm.TimeOfDay",
    "span": "Edm.Duration",
    "blob": "Edm.Binary",
    "place": "Edm.GeographyPoint",
    "any": "Edm.Untyped",
}
"""Column of the table `thing` to its type."""

_COLUMNS = "".join(f'<Property Name="{name}" Type="{type_}"/>' for name, type_ in PRIMITIVES.items())
_COMPUTED = '<Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>'
_IMMUTABLE = '<Annotation Term="Org.OData.Core.V1.Immutable" Bool="true"/>'
_OPTIONAL = '<Annotation Term="Org.OData.Core.V1.OptionalParameter"/>'


def _alternate(*names: str) -> str:
    parts = "".join(f'<Record><PropertyValue Property="Name" PropertyPath="{name}"/></Record>' for name in names)
    return f'<Record><PropertyValue Property="Key"><Collection>{parts}</Collection></PropertyValue></Record>'


_KEYS = '<Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection>{}</Collection></Annotation>'

KINDS = csdl(f"""
<EnumType Name="Color"><Member Name="None" Value="0"/><Member Name="Red" Value="1"/><Member Name="Blue" Value="-2"/>
  </EnumType>
<EnumType Name="Rights" IsFlags="true"><Member Name="Default" Value="1"/><Member Name="Read" Value="1"/>
  <Member Name="Write" Value="2"/><Member Name="Share" Value="4"/><Member Name="All" Value="7"/></EnumType>
<ComplexType Name="Address"><Property Name="Street" Type="Edm.String"/><Property Name="Zip" Type="Edm.Int32"/>
  </ComplexType>
<ComplexType Name="Postbox" BaseType="A.Address"><Property Name="Box" Type="Edm.Int32"/></ComplexType>
<ComplexType Name="Report"><Property Name="At" Type="Edm.DateTimeOffset"/>
  <Property Name="Total" Type="Edm.Decimal" Nullable="false"/></ComplexType>
<EntityType Name="base" Abstract="true"/>
<EntityType Name="expando" BaseType="A.base" OpenType="true"/>
<EntityType Name="thing" BaseType="A.base">
  <Key><PropertyRef Name="thingid"/></Key>
  <Property Name="thingid" Type="Edm.Guid" Nullable="false"/>
  {_COLUMNS}
  <Property Name="must" Type="Edm.String" Nullable="false"/>
  <Property Name="made" Type="Edm.DateTimeOffset">{_COMPUTED}</Property>
  <Property Name="once" Type="Edm.String">{_IMMUTABLE}</Property>
  <Property Name="file" Type="Edm.Stream"/>
  <Property Name="status" Type="Edm.Int32"/>
  <Property Name="tags" Type="Edm.String"/>
  <Property Name="color" Type="A.Color"/>
  <Property Name="rights" Type="A.Rights"/>
  <Property Name="home" Type="A.Address"/>
  <Property Name="homes" Type="Collection(A.Address)"/>
  <Property Name="words" Type="Collection(Edm.String)"/>
  <Property Name="days" Type="Collection(Edm.Date)"/>
  <Property Name="colors" Type="Collection(A.Color)"/>
  <Property Name="_parent_value" Type="Edm.Guid"/>
  <NavigationProperty Name="Parent" Type="A.thing" Partner="children">
    <ReferentialConstraint Property="_parent_value" ReferencedProperty="thingid"/></NavigationProperty>
  <NavigationProperty Name="children" Type="Collection(A.thing)" Partner="Parent"/>
  <NavigationProperty Name="seats" Type="Collection(A.seat)"/>
  <NavigationProperty Name="anything" Type="A.base"/>
  {_KEYS.format(_alternate("text") + _alternate("_parent_value", "status"))}
</EntityType>
<EntityType Name="seat" BaseType="A.base">
  <Key><PropertyRef Name="hall"/><PropertyRef Name="number"/></Key>
  <Property Name="hall" Type="Edm.String" Nullable="false"/>
  <Property Name="number" Type="Edm.Int32" Nullable="false"/>
  <Property Name="taken" Type="Edm.Boolean"/>
</EntityType>
<Action Name="Paint" IsBound="true"><Parameter Name="entity" Type="A.thing"/>
  <Parameter Name="Color" Type="A.Color" Nullable="false"/>
  <Parameter Name="Note" Type="Edm.String">{_OPTIONAL}</Parameter>
  <Parameter Name="Where" Type="A.Address"/><Parameter Name="Target" Type="A.base"/>
  <Parameter Name="Others" Type="Collection(A.thing)" Nullable="false"/><ReturnType Type="A.Report"/></Action>
<Action Name="Clear" IsBound="true"><Parameter Name="entity" Type="Collection(A.thing)"/>
  <Parameter Name="Before" Type="Edm.Date"/></Action>
<Action Name="Reserve" IsBound="true"><Parameter Name="entity" Type="A.seat"/></Action>
<Action Name="Purge"><Parameter Name="Rights" Type="A.Rights" Nullable="false"/></Action>
<Function Name="Find"><Parameter Name="Text" Type="Edm.String" Nullable="false"/><Parameter Name="At" Type="Edm.Date"/>
  <Parameter Name="Limit" Type="Edm.Int32">{_OPTIONAL}</Parameter>
  <Parameter Name="Colors" Type="Collection(A.Color)">{_OPTIONAL}</Parameter>
  <Parameter Name="Home" Type="A.Address">{_OPTIONAL}</Parameter>
  <Parameter Name="Target" Type="A.base">{_OPTIONAL}</Parameter>
  <Parameter Name="Rights" Type="A.Rights">{_OPTIONAL}</Parameter>
  <ReturnType Type="Collection(A.thing)"/></Function>
<Function Name="Newest"><ReturnType Type="A.thing"/></Function>
<Function Name="Any"><ReturnType Type="A.base"/></Function>
<Function Name="Total"><ReturnType Type="Edm.Decimal" Nullable="false"/></Function>
<Function Name="Dates"><ReturnType Type="Collection(Edm.Date)"/></Function>
<Function Name="Favourite"><ReturnType Type="A.Color"/></Function>
<Function Name="Home"><ReturnType Type="A.Address"/></Function>
<Function Name="Size" IsBound="true"><Parameter Name="entity" Type="A.thing"/><ReturnType Type="Edm.Int64"/></Function>
<Function Name="Mean" IsBound="true"><Parameter Name="entity" Type="Collection(A.thing)"/>
  <ReturnType Type="Edm.Double"/></Function>
<EntityContainer Name="Kinds">
  <EntitySet Name="things" EntityType="A.thing"/><EntitySet Name="seats" EntityType="A.seat"/>
  <ActionImport Name="Purge" Action="A.Purge"/>
  {
    "".join(
        f'<FunctionImport Name="{name}" Function="A.{name}"/>'
        for name in ("Find", "Newest", "Any", "Total", "Dates", "Favourite", "Home")
    )
}
</EntityContainer>
""")

_STATUS = (Option(1, "Open"), Option(2, "Closed"), Option(-1, "Lost"))
_TAGS = (Option(10, "Old"), Option(20, "New"))
KIND_CHOICES = {
    ("thing", "status"): ChoiceColumn("thing", "status", "ThingStatus", _STATUS),
    ("thing", "tags"): ChoiceColumn("thing", "tags", "ThingTags", _TAGS, multi=True),
}
