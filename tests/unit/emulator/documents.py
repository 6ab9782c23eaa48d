"""A small `$metadata` document with what Dataverse's documents hold and the contract's does not."""

from __future__ import annotations

NAMESPACE = "Microsoft.Dynamics.CRM"

SHOP = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
      <EntityType Name="crmbaseentity" Abstract="true"/>
      <EntityType Name="expando" BaseType="mscrm.crmbaseentity" OpenType="true"/>
      <EntityType Name="activitypointer" BaseType="mscrm.crmbaseentity" Abstract="true">
        <Key><PropertyRef Name="activityid"/></Key>
        <Property Name="activityid" Type="Edm.Guid"/>
        <Property Name="subject" Type="Edm.String" MaxLength="20"/>
        <Property Name="_regardingobjectid_value" Type="Edm.Guid"/>
        <NavigationProperty Name="regardingobjectid_account" Type="mscrm.account" Partner="Account_Activities">
          <ReferentialConstraint Property="_regardingobjectid_value" ReferencedProperty="accountid"/>
        </NavigationProperty>
        <NavigationProperty Name="regardingobjectid_product" Type="mscrm.product" Partner="Product_Activities">
          <ReferentialConstraint Property="_regardingobjectid_value" ReferencedProperty="productid"/>
        </NavigationProperty>
      </EntityType>
      <EntityType Name="task" BaseType="mscrm.activitypointer">
        <Property Name="percent" Type="Edm.Int32"/>
      </EntityType>
      <EntityType Name="email" BaseType="mscrm.activitypointer"/>
      <EntityType Name="account" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="accountid"/></Key>
        <Property Name="accountid" Type="Edm.Guid"/>
        <Property Name="name" Type="Edm.String"/>
        <Property Name="revenue" Type="Edm.Decimal" Scale="Variable"/>
        <Property Name="score" Type="Edm.Double"/>
        <Property Name="visits" Type="Edm.Int64"/>
        <Property Name="size" Type="Edm.Int32"/>
        <Property Name="active" Type="Edm.Boolean"/>
        <Property Name="founded" Type="Edm.Date"/>
        <Property Name="seen" Type="Edm.DateTimeOffset"/>
        <Property Name="logo" Type="Edm.Binary"/>
        <Property Name="colours" Type="Edm.String"/>
        <Property Name="allowance" Type="Edm.Int32"/>
        <Property Name="NAME" Type="Edm.String"/>
        <Property Name="address" Type="mscrm.Address"/>
        <Property Name="kind" Type="mscrm.Kind"/>
        <Property Name="createdon" Type="Edm.DateTimeOffset"/>
        <Property Name="_parentaccountid_value" Type="Edm.Guid"/>
        <NavigationProperty Name="parentaccountid" Type="mscrm.account" Nullable="false" Partner="children">
          <ReferentialConstraint Property="_parentaccountid_value" ReferencedProperty="accountid"/>
        </NavigationProperty>
        <NavigationProperty Name="children" Type="Collection(mscrm.account)" Partner="parentaccountid"/>
        <NavigationProperty Name="products" Type="Collection(mscrm.product)" Partner="accounts"/>
        <NavigationProperty Name="Account_Activities" Type="Collection(mscrm.activitypointer)"
                            Partner="regardingobjectid_account"/>
      </EntityType>
      <EntityType Name="product" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="productid"/></Key>
        <Property Name="productid" Type="Edm.Guid"/>
        <Property Name="name" Type="Edm.String" Nullable="false"/>
        <NavigationProperty Name="accounts" Type="Collection(mscrm.account)" Partner="products"/>
        <NavigationProperty Name="Product_Activities" Type="Collection(mscrm.activitypointer)"
                            Partner="regardingobjectid_product"/>
      </EntityType>
      <EntityType Name="line">
        <Key><PropertyRef Name="Order"/><PropertyRef Name="Position"/></Key>
        <Property Name="Order" Type="Edm.String" Nullable="false"/>
        <Property Name="Position" Type="Edm.Int32" Nullable="false"/>
        <Property Name="Text" Type="Edm.String"/>
      </EntityType>
      <EntityType Name="counter">
        <Key><PropertyRef Name="Number"/></Key>
        <Property Name="Number" Type="Edm.Int32" Nullable="false"/>
        <Property Name="Text" Type="Edm.String"/>
      </EntityType>
      <EntityType Name="note" OpenType="true">
        <Key><PropertyRef Name="noteid"/></Key>
        <Property Name="noteid" Type="Edm.Guid"/>
      </EntityType>
      <ComplexType Name="Address"><Property Name="City" Type="Edm.String"/>
        <Property Name="Rent" Type="Edm.Decimal"/></ComplexType>
      <ComplexType Name="Total"><Property Name="Amount" Type="Edm.Decimal"/></ComplexType>
      <EnumType Name="Kind" IsFlags="true"><Member Name="None" Value="0"/><Member Name="Big" Value="1"/>
        <Member Name="Old" Value="2"/></EnumType>
      <Action Name="Rename" IsBound="true">
        <Parameter Name="entity" Type="mscrm.account"/>
        <Parameter Name="Name" Type="Edm.String" Nullable="false"/>
        <Parameter Name="Fee" Type="Edm.Decimal"/>
      </Action>
      <Action Name="Sweep" IsBound="true">
        <Parameter Name="entity" Type="Collection(mscrm.account)"/>
        <ReturnType Type="Edm.Int32"/>
      </Action>
      <Action Name="Restart"/>
      <Function Name="Sum"><Parameter Name="From" Type="Edm.Int32"/><ReturnType Type="mscrm.Total"/></Function>
      <Function Name="Sum"><Parameter Name="From" Type="Edm.Int32"/><Parameter Name="To" Type="Edm.Int32"/>
        <ReturnType Type="mscrm.Total"/></Function>
      <Function Name="Names" IsBound="true"><Parameter Name="entity" Type="mscrm.account"/>
        <Parameter Name="Like" Type="Edm.String"/><ReturnType Type="Collection(Edm.String)"/></Function>
      <Action Name="Paint">
        <Parameter Name="Kind" Type="mscrm.Kind" Nullable="false"/>
        <Parameter Name="Target" Type="mscrm.crmbaseentity"/>
        <Parameter Name="Place" Type="mscrm.Address"/>
        <Parameter Name="Places" Type="Collection(mscrm.Address)"/>
        <Parameter Name="Fees" Type="Collection(Edm.Decimal)"/>
        <Parameter Name="Day" Type="Edm.Date"/>
        <ReturnType Type="Collection(mscrm.Total)"/>
      </Action>
      <Function Name="KindOf"><Parameter Name="Kind" Type="mscrm.Kind"/>
        <Parameter Name="Target" Type="mscrm.crmbaseentity"/><Parameter Name="Names" Type="Collection(Edm.String)"/>
        <Parameter Name="At" Type="Edm.DateTimeOffset"/><ReturnType Type="mscrm.Kind"/></Function>
      <Function Name="Best" IsBound="true" IsComposable="true">
        <Parameter Name="entity" Type="Collection(mscrm.account)"/>
        <ReturnType Type="Collection(mscrm.account)"/></Function>
      <Function Name="Twin" IsBound="true"><Parameter Name="entity" Type="mscrm.crmbaseentity"/>
        <ReturnType Type="mscrm.account"/></Function>
      <Function Name="Fees"><ReturnType Type="Collection(Edm.Decimal)"/></Function>
      <EntityContainer Name="System">
        <EntitySet Name="accounts" EntityType="mscrm.account"/>
        <EntitySet Name="products" EntityType="mscrm.product"/>
        <EntitySet Name="activitypointers" EntityType="mscrm.activitypointer"/>
        <EntitySet Name="tasks" EntityType="mscrm.task"/>
        <EntitySet Name="emails" EntityType="mscrm.email"/>
        <EntitySet Name="lines" EntityType="mscrm.line"/>
        <EntitySet Name="counters" EntityType="mscrm.counter"/>
        <EntitySet Name="notes" EntityType="mscrm.note"/>
        <ActionImport Name="Restart" Action="mscrm.Restart"/>
        <ActionImport Name="Paint" Action="mscrm.Paint"/>
        <FunctionImport Name="Sum" Function="mscrm.Sum"/>
        <FunctionImport Name="KindOf" Function="mscrm.KindOf"/>
        <FunctionImport Name="Fees" Function="mscrm.Fees"/>
      </EntityContainer>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
"""

PEOPLE = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
      <EntityType Name="principal" Abstract="true">
        <Key><PropertyRef Name="ownerid"/></Key>
        <Property Name="ownerid" Type="Edm.Guid"/>
      </EntityType>
      <EntityType Name="systemuser" BaseType="mscrm.principal">
        <Property Name="systemuserid" Type="Edm.Guid"/>
        <Property Name="fullname" Type="Edm.String"/>
        <Property Name="_parentsystemuserid_value" Type="Edm.Guid"/>
        <NavigationProperty Name="parentsystemuserid" Type="mscrm.systemuser" Nullable="false">
          <ReferentialConstraint Property="_parentsystemuserid_value" ReferencedProperty="systemuserid"/>
        </NavigationProperty>
        <NavigationProperty Name="teammembership_association" Type="Collection(mscrm.team)"
                            Partner="teammembership_association"/>
      </EntityType>
      <EntityType Name="team" BaseType="mscrm.principal">
        <Property Name="teamid" Type="Edm.Guid"/>
        <Property Name="name" Type="Edm.String"/>
        <NavigationProperty Name="teammembership_association" Type="Collection(mscrm.systemuser)"
                            Partner="teammembership_association"/>
      </EntityType>
      <EntityType Name="teammembership">
        <Key><PropertyRef Name="teammembershipid"/></Key>
        <Property Name="teammembershipid" Type="Edm.Guid"/>
        <Property Name="systemuserid" Type="Edm.Guid"/>
        <Property Name="teamid" Type="Edm.Guid"/>
      </EntityType>
      <EntityType Name="ticket">
        <Key><PropertyRef Name="ticketid"/></Key>
        <Property Name="ticketid" Type="Edm.Guid"/>
        <Property Name="name" Type="Edm.String"/>
        <Property Name="_ownerid_value" Type="Edm.Guid"/>
        <Property Name="_unit_value" Type="Edm.Guid"/>
        <NavigationProperty Name="ownerid" Type="mscrm.principal" Nullable="false">
          <ReferentialConstraint Property="_ownerid_value" ReferencedProperty="ownerid"/>
        </NavigationProperty>
      </EntityType>
      <EntityContainer Name="System">
        <EntitySet Name="systemusers" EntityType="mscrm.systemuser"/>
        <EntitySet Name="teams" EntityType="mscrm.team"/>
        <EntitySet Name="tickets" EntityType="mscrm.ticket"/>
      </EntityContainer>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
"""
"""Users with managers, teams, and tickets that one of them owns."""
