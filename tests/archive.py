"""A small organisation with what HLF's contract lacks: file and image columns, a multi-select choice, a text column
with a binary twin."""

from __future__ import annotations

from types import ModuleType

from tests.packages import Packages

from dynamics_portal_generator.choices import ChoiceColumn, Option

CSDL = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
<EntityType Name="crmbaseentity" Abstract="true"/>
<EntityType Name="new_case" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="new_caseid"/></Key>
<Property Name="new_caseid" Type="Edm.Guid"/><Property Name="new_name" Type="Edm.String"/>
<Property Name="new_topics" Type="Edm.String"/><Property Name="new_grade" Type="Edm.Int32"/>
<Property Name="new_document" Type="Edm.Binary"/><Property Name="new_document_name" Type="Edm.String"/>
<Property Name="new_portrait" Type="Edm.Binary"/><Property Name="new_portraitid" Type="Edm.Guid"/>
<Property Name="new_portrait_timestamp" Type="Edm.Int64"/><Property Name="new_portrait_url" Type="Edm.String"/>
<Property Name="body" Type="Edm.String"/><Property Name="body_binary" Type="Edm.Binary"/>
<Property Name="_new_parent_value" Type="Edm.Guid"/>
<NavigationProperty Name="new_parent" Type="mscrm.new_case"><ReferentialConstraint Property="_new_parent_value"
ReferencedProperty="new_caseid"/></NavigationProperty></EntityType>
<EntityContainer Name="System"><EntitySet Name="new_cases" EntityType="mscrm.new_case">
<NavigationPropertyBinding Path="new_parent" Target="new_cases"/></EntitySet></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""

GRADES = (
    Option(1, "Low", {"1033": "Low", "1044": "Lav"}),
    Option(2, "High", {"1033": "High", "1044": "Høy"}),
)
TOPICS = (Option(10, "Hearing", {"1033": "Hearing", "1044": "Hørsel"}), Option(11, "Tinnitus"))
CHOICES = {
    ("new_case", "new_grade"): ChoiceColumn("new_case", "new_grade", "CaseGrade", GRADES),
    ("new_case", "new_topics"): ChoiceColumn("new_case", "new_topics", "CaseTopic", TOPICS, multi=True),
}


def archive(packages: Packages) -> ModuleType:
    """The organisation's generated package."""
    return packages.of_csdl("archive", CSDL, CHOICES).module()
