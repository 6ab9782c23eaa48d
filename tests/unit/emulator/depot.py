"""A small `$metadata` document with what writing needs: files, images, partitions, owners, jobs, cascades."""

from __future__ import annotations

DEPOT = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:Reference Uri="http://vocabularies.odata.org/OData.Community.Keys.V1.xml">
    <edmx:Include Namespace="OData.Community.Keys.V1" Alias="Keys"/>
  </edmx:Reference>
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
      <EntityType Name="crmbaseentity" Abstract="true"/>
      <EntityType Name="dep_item" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="dep_itemid"/></Key>
        <Property Name="dep_itemid" Type="Edm.Guid"/>
        <Property Name="dep_name" Type="Edm.String" MaxLength="40"/>
        <Property Name="dep_code" Type="Edm.String" MaxLength="10"/>
        <Property Name="dep_count" Type="Edm.Int32"/>
        <Property Name="dep_total" Type="Edm.Decimal">
          <Annotation Term="Org.OData.Core.V1.Permissions">
            <EnumMember>Org.OData.Core.V1.Permission/Read</EnumMember></Annotation>
        </Property>
        <Property Name="dep_built" Type="Edm.Date"/>
        <Property Name="dep_checked" Type="Edm.DateTimeOffset"/>
        <Property Name="dep_manual" Type="Edm.Binary"/>
        <Property Name="dep_manual_name" Type="Edm.String"/>
        <Property Name="dep_scan" Type="Edm.Stream"/>
        <Property Name="dep_scan_name" Type="Edm.String"/>
        <Property Name="dep_log_name" Type="Edm.String"/>
        <Property Name="dep_photo" Type="Edm.Binary"/>
        <Property Name="dep_photoid" Type="Edm.Guid"/>
        <Property Name="dep_photo_url" Type="Edm.String"/>
        <Property Name="dep_photo_timestamp" Type="Edm.Int64"/>
        <Property Name="createdon" Type="Edm.DateTimeOffset"/>
        <Property Name="modifiedon" Type="Edm.DateTimeOffset"/>
        <Property Name="versionnumber" Type="Edm.Int64"/>
        <Property Name="_createdby_value" Type="Edm.Guid"/>
        <Property Name="_createdonbehalfby_value" Type="Edm.Guid"/>
        <Property Name="_modifiedby_value" Type="Edm.Guid"/>
        <Property Name="_modifiedonbehalfby_value" Type="Edm.Guid"/>
        <Property Name="_ownerid_value" Type="Edm.Guid"/>
        <Property Name="_dep_shelf_value" Type="Edm.Guid"/>
        <NavigationProperty Name="dep_shelf" Type="mscrm.dep_shelf" Nullable="false" Partner="dep_shelf_items">
          <ReferentialConstraint Property="_dep_shelf_value" ReferencedProperty="dep_shelfid"/>
        </NavigationProperty>
        <NavigationProperty Name="dep_item_labels" Type="Collection(mscrm.dep_label)" Partner="dep_item_labels"/>
        <NavigationProperty Name="dep_item_FileAttachments" Type="Collection(mscrm.fileattachment)"
                            Partner="objectid_dep_item"/>
        <Annotation Term="Keys.AlternateKeys">
          <Collection><Record Type="Keys.AlternateKey"><PropertyValue Property="Key"><Collection>
            <Record Type="Keys.PropertyRef"><PropertyValue Property="Alias" String="dep_code"/>
              <PropertyValue Property="Name" PropertyPath="dep_code"/></Record>
          </Collection></PropertyValue></Record></Collection>
        </Annotation>
      </EntityType>
      <EntityType Name="dep_shelf" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="dep_shelfid"/></Key>
        <Property Name="dep_shelfid" Type="Edm.Guid"/>
        <Property Name="dep_name" Type="Edm.String"/>
        <Property Name="_dep_room_value" Type="Edm.Guid"/>
        <NavigationProperty Name="dep_room" Type="mscrm.dep_room" Nullable="false" Partner="dep_room_shelves">
          <ReferentialConstraint Property="_dep_room_value" ReferencedProperty="dep_roomid"/>
        </NavigationProperty>
        <NavigationProperty Name="dep_shelf_items" Type="Collection(mscrm.dep_item)" Partner="dep_shelf"/>
      </EntityType>
      <EntityType Name="dep_room" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="dep_roomid"/></Key>
        <Property Name="dep_roomid" Type="Edm.Guid"/>
        <Property Name="dep_name" Type="Edm.String"/>
        <NavigationProperty Name="dep_room_shelves" Type="Collection(mscrm.dep_shelf)" Partner="dep_room"/>
      </EntityType>
      <EntityType Name="dep_label" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="dep_labelid"/></Key>
        <Property Name="dep_labelid" Type="Edm.Guid"/>
        <Property Name="dep_name" Type="Edm.String"/>
        <NavigationProperty Name="dep_item_labels" Type="Collection(mscrm.dep_item)" Partner="dep_item_labels"/>
      </EntityType>
      <EntityType Name="dep_reading" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="dep_readingid"/></Key>
        <Property Name="dep_readingid" Type="Edm.Guid"/>
        <Property Name="dep_value" Type="Edm.Int32"/>
        <Property Name="dep_unit" Type="Edm.String" MaxLength="5"/>
        <Property Name="partitionid" Type="Edm.String"/>
        <Property Name="ttlinseconds" Type="Edm.Int32"/>
        <Property Name="createdon" Type="Edm.DateTimeOffset"/>
        <Property Name="modifiedon" Type="Edm.DateTimeOffset"/>
      </EntityType>
      <EntityType Name="systemuser" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="systemuserid"/></Key>
        <Property Name="systemuserid" Type="Edm.Guid"/>
        <Property Name="fullname" Type="Edm.String"/>
        <Property Name="azureactivedirectoryobjectid" Type="Edm.Guid"/>
      </EntityType>
      <EntityType Name="asyncoperation" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="asyncoperationid"/></Key>
        <Property Name="asyncoperationid" Type="Edm.Guid"/>
        <Property Name="name" Type="Edm.String"/>
        <Property Name="operationtype" Type="Edm.Int32"/>
        <Property Name="statecode" Type="Edm.Int32"/>
        <Property Name="statuscode" Type="Edm.Int32"/>
        <Property Name="completedon" Type="Edm.DateTimeOffset"/>
      </EntityType>
      <EntityType Name="bulkdeleteoperation" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="bulkdeleteoperationid"/></Key>
        <Property Name="bulkdeleteoperationid" Type="Edm.Guid"/>
        <Property Name="_asyncoperationid_value" Type="Edm.Guid"/>
        <Property Name="name" Type="Edm.String"/>
        <Property Name="successcount" Type="Edm.Int32"/>
        <Property Name="failurecount" Type="Edm.Int32"/>
        <Property Name="statuscode" Type="Edm.Int32"/>
      </EntityType>
      <EntityType Name="fileattachment" BaseType="mscrm.crmbaseentity">
        <Key><PropertyRef Name="fileattachmentid"/></Key>
        <Property Name="fileattachmentid" Type="Edm.Guid"/>
        <Property Name="filename" Type="Edm.String"/>
        <Property Name="mimetype" Type="Edm.String"/>
        <Property Name="filesizeinbytes" Type="Edm.Int64"/>
        <Property Name="regardingfieldname" Type="Edm.String"/>
        <Property Name="objecttypecode" Type="Edm.String"/>
        <Property Name="createdon" Type="Edm.DateTimeOffset"/>
        <Property Name="_objectid_value" Type="Edm.Guid"/>
        <NavigationProperty Name="objectid_dep_item" Type="mscrm.dep_item" Partner="dep_item_FileAttachments">
          <ReferentialConstraint Property="_objectid_value" ReferencedProperty="dep_itemid"/>
        </NavigationProperty>
      </EntityType>
      <EntityContainer Name="System">
        <EntitySet Name="dep_items" EntityType="mscrm.dep_item"/>
        <EntitySet Name="dep_shelfs" EntityType="mscrm.dep_shelf"/>
        <EntitySet Name="dep_rooms" EntityType="mscrm.dep_room"/>
        <EntitySet Name="dep_labels" EntityType="mscrm.dep_label"/>
        <EntitySet Name="dep_readings" EntityType="mscrm.dep_reading"/>
        <EntitySet Name="systemusers" EntityType="mscrm.systemuser"/>
        <EntitySet Name="asyncoperations" EntityType="mscrm.asyncoperation"/>
        <EntitySet Name="bulkdeleteoperations" EntityType="mscrm.bulkdeleteoperation"/>
        <EntitySet Name="fileattachments" EntityType="mscrm.fileattachment"/>
        <Singleton Name="dep_main" Type="mscrm.dep_room"/>
      </EntityContainer>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
"""
