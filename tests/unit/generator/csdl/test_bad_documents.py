"""Hostile and broken documents: each is refused with one line that says where and why."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
from tests.unit.generator.documents import EDM, FIRST_LINE, csdl, document, included

from dynamics_portal_generator.csdl import CsdlError, read_metadata


def refusal(data: bytes) -> str:
    """The message that a document is refused with."""
    with pytest.raises(CsdlError) as caught:
        read_metadata(data, name="it.xml")
    text = str(caught.value)
    assert "\n" not in text
    return text


DOCTYPE_REFUSED = "it.xml:1: a document type declaration (DOCTYPE) is not allowed in a $metadata document"


def test_entity_expansion_is_refused_before_it_costs_anything() -> None:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">{levels}]>'.encode() + csdl('<EntityType Name="&a29;"/>')
    tracemalloc.start()
    started = time.perf_counter()
    assert refusal(bomb) == DOCTYPE_REFUSED
    assert time.perf_counter() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_an_external_entity_is_never_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    for declaration in (
        f'[<!ENTITY x SYSTEM "{secret.as_uri()}">]',
        f'SYSTEM "{secret.as_uri()}"',
        'PUBLIC "a" "http://127.0.0.1:1/"',
    ):
        text = refusal(f"<!DOCTYPE Edmx {declaration}>".encode() + csdl("<EntityType Name='a'>&x;</EntityType>"))
        assert text == DOCTYPE_REFUSED
        assert "hunter2" not in text


def test_a_document_type_is_refused_in_any_encoding() -> None:
    text = "<!DOCTYPE Edmx [<!ENTITY a 'b'>]>" + csdl("").decode()
    assert "DOCTYPE" in refusal(text.encode("utf-16"))


def test_an_undeclared_entity_is_an_error() -> None:
    assert refusal(csdl('<EntityType Name="&a;"/>')) == "it.xml:2: not well-formed XML: Entity 'a' not defined"


def test_deep_nesting_is_refused() -> None:
    deep = "<Annotation>" * 200 + "</Annotation>" * 200
    assert "nested more than 100 deep" in refusal(csdl(f'<EntityType Name="a">{deep}</EntityType>'))


def test_a_document_beyond_the_size_limit_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dynamics_portal_generator.csdl.scan.MAX_SIZE", 100)
    assert "larger than" in refusal(csdl(""))


def test_a_document_of_many_megabytes_keeps_its_line_numbers() -> None:
    many = '<Property Name="p{}" Type="Edm.String"/>\n'
    types = "".join(
        f'<ComplexType Name="c{n}">\n{"".join(many.format(i) for i in range(99))}</ComplexType>\n' for n in range(700)
    )
    text = refusal(csdl(f'{types}<EntityType Name="late" BaseType="A.gone"/>\n'))
    line = FIRST_LINE + 101 * 700
    # libxml2 keeps 16 bits of a line with an element; beyond them the text after it tells the line, at its end.
    assert text.split(": ")[0] in (f"it.xml:{line}", f"it.xml:{line + 1}")
    assert "the base type of N.late refers to the entity type N.gone" in text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it.xml:1: not well-formed XML: Document is empty"),
        (b"hello", "it.xml:1: not well-formed XML: Start tag expected, '<' not found"),
        (b"\x89PNG\r\n\x1a\n", "it.xml:1: not well-formed XML: Start tag expected, '<' not found"),
        (b'{"value": 1}', "it.xml:1: this is JSON; a $metadata document in XML is needed"),
        (csdl("<EntityType>"), "it.xml:2: not well-formed XML: Opening and ending tag mismatch"),
        (b"<html/>", "it.xml:1: not an OData $metadata document: the root element is html"),
        (
            b'<Edmx xmlns="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0"/>',
            "it.xml:1: this is OData V2 or V3 metadata; only OData V4 is read",
        ),
        (document("", version="3.0"), "it.xml:1: OData version '3.0' is not supported; expected 4.0 or 4.01"),
        (
            document('\n<Schema xmlns="http://schemas.microsoft.com/ado/2009/11/edm" Namespace="N"/>'),
            "it.xml:2: the schema's XML namespace http://schemas.microsoft.com/ado/2009/11/edm is of OData V2 or V3",
        ),
        (document(""), "it.xml: the document declares no Schema in the OData V4 namespace"),
        (document(f'<Schema xmlns="{EDM}"/>'), "it.xml:1: Schema has no usable Namespace ('')"),
        (csdl("", references=included("Other", "a b")), "it.xml:1: edmx:Include Other has an unusable Alias ('a b')"),
        (csdl("", references=included("Other", "A")), "it.xml:1: the alias 'A' is declared for Other and for N"),
        (csdl("")[:-20], "it.xml:2: not well-formed XML"),
    ],
)
def test_what_is_no_v4_csdl_is_refused(data: bytes, message: str) -> None:
    assert refusal(data).startswith(message)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CsdlError, match=r"^\S+absent\.xml: cannot be read: No such file or directory$"):
        read_metadata(tmp_path / "absent.xml")


ENTITY = '<EntityType Name="a"><Property Name="p" Type="Edm.Int32"/></EntityType>\n'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            '<EntityType Name="contact"/>\n<ComplexType Name="c"><Property Name="p" Type="A.contcat"/></ComplexType>',
            "it.xml:3: N.c/p refers to the type N.contcat, which the document does not declare (nearest: 'N.contact')",
        ),
        (
            '\n<EntityType Name="b" BaseType="A.gone"/>',
            "it.xml:3: the base type of N.b refers to the entity type N.gone",
        ),
        ('<ComplexType Name="c"/>\n<EntityType Name="b" BaseType="A.c"/>', "it.xml:3: the base type of N.b refers to"),
        (
            '<EntityType Name="x" BaseType="A.y"/>\n<EntityType Name="y" BaseType="A.x"/>',
            "it.xml:2: base types form a cycle: N.x → N.y → N.x",
        ),
        ('<ComplexType Name="x" BaseType="A.x"/>', "it.xml:2: base types form a cycle: N.x → N.x"),
        (
            '<EntityType Name="x"/>\n<ComplexType Name="x"/>',
            "it.xml:3: N.x is declared twice (as EntityType and as ComplexType)",
        ),
        ('<Action Name="x"/>\n<Action Name="x"/>', "it.xml:3: action N.x is declared twice with the same parameters"),
        ('<Action Name="x"/>\n<EntityType Name="x"/>', "it.xml:3: N.x is declared twice (as action and as EntityType)"),
        (
            '<EntityType Name="x">\n<Property Name="p" Type="Edm.Int32"/>\n<Property Name="p" Type="Edm.Int32"/>'
            "</EntityType>",
            "it.xml:4: Property 'p' is declared twice",
        ),
        (
            '<EntityType Name="x"><Property Name="p" Type="Edm.Int32"/><NavigationProperty Name="p" Type="A.x"/>'
            "</EntityType>",
            "it.xml:2: 'p' is both a property and a navigation property of x",
        ),
        (
            '<EnumType Name="e"><Member Name="m"/><Member Name="m"/></EnumType>',
            "it.xml:2: Member 'm' is declared twice",
        ),
        (
            '<EnumType Name="e"><Member Name="m" Value="x"/></EnumType>',
            "it.xml:2: Value='x' of Member is no whole number",
        ),
        (
            '<EnumType Name="e" UnderlyingType="Edm.Byte"><Member Name="m" Value="-1"/></EnumType>',
            "it.xml:2: the value -1 of the member m does not fit Edm.Byte",
        ),
        (
            '<EnumType Name="e" UnderlyingType="Edm.String"/>',
            "it.xml:2: an enumeration cannot have the underlying type",
        ),
        ("<EntityType/>", "it.xml:2: EntityType has no Name"),
        ('<EntityType Name="../../etc"/>', "it.xml:2: EntityType has the name '../../etc', which is no identifier"),
        ('<EntityType Name="a"><Property Name="p"/></EntityType>', "it.xml:2: Property 'p' has no Type"),
        (
            '<EntityType Name="a"><Property Name="p" Type="Edm.DateTime"/></EntityType>',
            "it.xml:2: N.a/p has the type Edm.DateTime of OData V2 or V3; only V4 is read",
        ),
        ('<EntityType Name="a" Abstract="yes"/>', "it.xml:2: Abstract='yes' of EntityType is neither true nor false"),
        (
            '<EntityType Name="a"><Key><PropertyRef Name="idd"/></Key><Property Name="id" Type="Edm.Int32"/>'
            "</EntityType>",
            "it.xml:2: the Key of N.a refers to the property idd, which the document does not declare (nearest: 'id')",
        ),
        ('<EntityType Name="a"><Key/></EntityType>', "it.xml:2: the Key of a names no property"),
        ('<EntityType Name="a"><Key/><Key/></EntityType>', "it.xml:2: a has more than one Key"),
        (
            '<ComplexType Name="c"><NavigationProperty Name="n" Type="A.c"/></ComplexType>',
            "it.xml:2: N.c/n refers to the entity type N.c",
        ),
        ('<Action Name="x" IsBound="true"/>', "it.xml:2: the bound action x has no binding parameter"),
        (
            '<Action Name="x"><Parameter Name="p" Type="A.q"/></Action>',
            "it.xml:2: the parameter p of N.x refers to the type N.q",
        ),
        (
            '<Function Name="x"><ReturnType Type="A.q"/></Function>',
            "it.xml:2: the result of N.x refers to the type N.q",
        ),
        (
            '<EntityContainer Name="C">\n<EntitySet Name="s" EntityType="A.q"/></EntityContainer>',
            "it.xml:3: the entity set s refers to the entity type N.q",
        ),
        (
            '<EntityContainer Name="C"><Singleton Name="s" Type="A.q"/></EntityContainer>',
            "it.xml:2: the singleton s refers to",
        ),
        (
            f'{ENTITY}<EntityContainer Name="C"><EntitySet Name="s" EntityType="A.a"/>'
            '<Singleton Name="s" Type="A.a"/></EntityContainer>',
            "it.xml:3: Singleton 's' is declared twice",
        ),
        (
            '<Action Name="Send"/><EntityContainer Name="C"><ActionImport Name="s" Action="A.Sent"/></EntityContainer>',
            "it.xml:2: the action import s refers to the action N.Sent, which the document does not declare "
            "(nearest: 'N.Send')",
        ),
        ('<EntityContainer Name="C" Extends="A.D"/>', "it.xml:2: the container N.D, which is extended, is missing"),
        ('<EntityContainer Name="C" Extends="A.C"/>', "it.xml:2: the container N.C extends itself"),
        (
            '<EntityContainer Name="C" Extends="A.D"/><EntityContainer Name="D" Extends="A.E"/>'
            '<EntityContainer Name="E" Extends="A.D"/>',
            "it.xml:2: the container N.D extends itself",
        ),
        ('<TypeDefinition Name="t" UnderlyingType="A.t"/>', "it.xml:2: N.t has no primitive underlying type: N.t"),
        ('<EntityType Name="a"><Annotation Term="T.x" Int="one"/></EntityType>', "it.xml:2: 'one' is no Int value"),
        ('<EntityType Name="a"><Annotation String="x"/></EntityType>', "it.xml:2: an Annotation has no Term"),
        (
            '<EntityType Name="a"><Annotation Term="T.x"/><Annotation Term="T.x"/></EntityType>',
            "it.xml:2: the annotation T.x is given twice",
        ),
        (
            f'{ENTITY}<EntityContainer Name="B"><EntitySet Name="s" EntityType="A.a"/></EntityContainer>\n'
            '<EntityContainer Name="C" Extends="A.B"><EntitySet Name="s" EntityType="A.a"/></EntityContainer>',
            "it.xml:4: N.C declares 's', which it inherits already",
        ),
        ("<Annotations/>", "it.xml:2: Annotations has no Target"),
        ('<EntityType Name="a"><EntityType Name="b"/></EntityType>', "it.xml:2: EntityType stands outside a Schema"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(body: str, message: str) -> None:
    assert refusal(csdl(body)).startswith(message)


def test_a_missing_type_of_an_unknown_namespace_is_an_error_although_others_are_included() -> None:
    body = '<ComplexType Name="c"><Property Name="p" Type="Unknown.thing"/></ComplexType>'
    text = refusal(csdl(body, references=included("Else.V1")))
    assert text.startswith("it.xml:2: N.c/p refers to the type Unknown.thing")
