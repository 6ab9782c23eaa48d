"""Small `$metadata` documents for the generator's tests."""

from __future__ import annotations

from dynamics_portal_generator.csdl import Metadata, read_metadata

EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
EDM = "http://docs.oasis-open.org/odata/ns/edm"
FIRST_LINE = 2
"""The line of a document on which the body given to `csdl` begins."""


def csdl(body: str, *, references: str = "", version: str = "4.0") -> bytes:
    """A document with one Schema, namespace `N`, alias `A`; the body begins on its second line."""
    return document(f'<Schema xmlns="{EDM}" Namespace="N" Alias="A">\n{body}</Schema>', references, version)


def document(schemas: str, references: str = "", version: str = "4.0") -> bytes:
    """A document with the given schemas."""
    edmx = f'<edmx:Edmx xmlns:edmx="{EDMX}" Version="{version}">{references}<edmx:DataServices>'
    return f"{edmx}{schemas}</edmx:DataServices></edmx:Edmx>".encode()


def read(body: str, *, references: str = "") -> Metadata:
    """The model of such a document; messages call it `it.xml`."""
    return read_metadata(csdl(body, references=references), name="it.xml")


def included(namespace: str, alias: str = "") -> str:
    """An `edmx:Reference` that includes a namespace."""
    called = f' Alias="{alias}"' if alias else ""
    return f'<edmx:Reference Uri="elsewhere"><edmx:Include Namespace="{namespace}"{called}/></edmx:Reference>'


SHOP = """
<EnumType Name="Color"><Member Name="Red" Value="1"/><Member Name="Green" Value="2"/></EnumType>
<EnumType Name="Unused"><Member Name="One"/></EnumType>
<ComplexType Name="Address"><Property Name="street" Type="Edm.String"/><Property Name="kind" Type="A.Color"/>
  </ComplexType>
<ComplexType Name="Receipt"><Property Name="at" Type="Edm.DateTimeOffset"/></ComplexType>
<EntityType Name="base" Abstract="true"/>
<EntityType Name="customer" BaseType="A.base">
  <Key><PropertyRef Name="customerid"/></Key>
  <Property Name="customerid" Type="Edm.Guid" Nullable="false"/>
  <Property Name="name" Type="Edm.String" MaxLength="100"/>
  <Property Name="code" Type="Edm.String" Nullable="false"/>
  <Property Name="home" Type="A.Address"/>
  <Property Name="mood" Type="Edm.Int32"/>
  <Property Name="_parent_value" Type="Edm.Guid"/>
  <Property Name="_region_value" Type="Edm.Guid"/>
  <NavigationProperty Name="parent" Type="A.customer" Partner="children">
    <ReferentialConstraint Property="_parent_value" ReferencedProperty="customerid"/>
  </NavigationProperty>
  <NavigationProperty Name="children" Type="Collection(A.customer)" Partner="parent"/>
  <NavigationProperty Name="orders" Type="Collection(A.order)" Partner="customer"/>
  <NavigationProperty Name="region" Type="A.region">
    <ReferentialConstraint Property="_region_value" ReferencedProperty="regionid"/>
  </NavigationProperty>
  <Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection><Record>
    <PropertyValue Property="Key"><Collection><Record>
      <PropertyValue Property="Name" PropertyPath="code"/><PropertyValue Property="Alias" String="code"/>
    </Record></Collection></PropertyValue>
  </Record></Collection></Annotation>
</EntityType>
<EntityType Name="order" BaseType="A.base">
  <Key><PropertyRef Name="orderid"/></Key>
  <Property Name="orderid" Type="Edm.Guid" Nullable="false"/>
  <Property Name="color" Type="A.Color"/>
  <Property Name="_customer_value" Type="Edm.Guid"/>
  <NavigationProperty Name="customer" Type="A.customer" Partner="orders">
    <ReferentialConstraint Property="_customer_value" ReferencedProperty="customerid"/>
  </NavigationProperty>
</EntityType>
<EntityType Name="region" BaseType="A.base">
  <Key><PropertyRef Name="regionid"/></Key>
  <Property Name="regionid" Type="Edm.Guid" Nullable="false"/>
  <Property Name="title" Type="Edm.String"/>
</EntityType>
<Action Name="Close" IsBound="true"><Parameter Name="entity" Type="A.order"/><Parameter Name="why" Type="Edm.String"/>
  <ReturnType Type="A.Receipt"/></Action>
<Action Name="Move"><Parameter Name="to" Type="A.region" Nullable="false"/></Action>
<Function Name="Count"><ReturnType Type="Edm.Int32" Nullable="false"/></Function>
<Function Name="Touch" IsBound="true"><Parameter Name="entity" Type="A.order"/><ReturnType Type="Edm.Boolean"/>
  </Function>
<Function Name="Touch" IsBound="true"><Parameter Name="entity" Type="A.customer"/>
  <ReturnType Type="Edm.Boolean"/></Function>
<EntityContainer Name="Shop">
  <EntitySet Name="customers" EntityType="A.customer">
    <NavigationPropertyBinding Path="orders" Target="orders"/>
    <NavigationPropertyBinding Path="region" Target="regions"/>
    <NavigationPropertyBinding Path="parent" Target="customers"/>
  </EntitySet>
  <EntitySet Name="orders" EntityType="A.order"><NavigationPropertyBinding Path="customer" Target="customers"/>
  </EntitySet>
  <EntitySet Name="regions" EntityType="A.region"/>
  <ActionImport Name="Move" Action="A.Move"/>
  <FunctionImport Name="Count" Function="A.Count"/>
</EntityContainer>
"""
"""Three tables, their relationships, a choice column (`mood`, a number), and operations of every binding."""
