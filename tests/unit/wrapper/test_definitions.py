"""Definitions: tables and choices as the organisation tells them, and the batches that ask for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.unit.wrapper.support import API, Service, Shell, problem, rows

from dynamics_portal import ForbiddenError, InvalidRequestError, NotFoundError, ServerError

KINDS = ["Picklist", "State", "Status", "MultiSelectPicklist"]


def option(value: int, own: str | None = "Own", **labels: str) -> dict[str, Any]:
    localized = [{"LanguageCode": int(code[1:]), "Label": text} for code, text in labels.items()]
    return {
        "Value": value,
        "Label": {"LocalizedLabels": localized, "UserLocalizedLabel": None if own is None else {"Label": own}},
    }


def column(name: str, *options: dict[str, Any], **facts: Any) -> dict[str, Any]:
    choice = {"Name": f"acme_{name}", "IsGlobal": False, "Options": list(options)}
    return {"LogicalName": name, "IsValidODataAttribute": True, "OptionSet": choice, "GlobalOptionSet": None, **facts}


def part(answer: httpx2.Response) -> bytes:
    head = f"HTTP/1.1 {answer.status_code} X\r\nContent-Type: application/json\r\n\r\n"
    return b"Content-Type: application/http\r\n\r\n" + head.encode() + answer.content


def batch(*answers: httpx2.Response) -> httpx2.Response:
    """The answer to a batch."""
    body = b"".join(b"--edge\r\n" + part(answer) + b"\r\n" for answer in answers) + b"--edge--\r\n"
    return httpx2.Response(200, headers={"Content-Type": "multipart/mixed; boundary=edge"}, content=body)


def asked(request: httpx2.Request) -> list[str]:
    """The addresses of a batch's questions, relative to the service's root."""
    return re.findall(rf"(?m)^GET {re.escape(API)}(\S+) HTTP/1.1", request.content.decode())


def test_tables_have_their_names_and_their_key(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(
        rows(
            {"LogicalName": "zebra", "SchemaName": "Zebra", "EntitySetName": "zebras", "PrimaryIdAttribute": "zebraid"},
            {"LogicalName": "ant", "EntitySetName": None, "ChangeTrackingEnabled": True},
        )
    )
    ant, zebra = shell(portal.definitions.tables())
    assert (zebra.schema_name, zebra.entity_set, zebra.primary_id, zebra.primary_name) == (
        "Zebra",
        "zebras",
        "zebraid",
        None,
    )
    assert (ant.logical_name, ant.entity_set, ant.change_tracking) == ("ant", None, True)
    assert service.last.url.path.endswith("/EntityDefinitions")


DETAILS = {
    "LogicalName": "ant",
    "SchemaName": "Ant",
    "EntitySetName": "ants",
    "DisplayName": {"LocalizedLabels": [{"Label": "Maur", "LanguageCode": 1044}], "UserLocalizedLabel": None},
    "Attributes": [
        {
            "LogicalName": "name",
            "SchemaName": "Name",
            "AttributeTypeName": {"Value": "StringType"},
            "RequiredLevel": {"Value": "ApplicationRequired"},
            "DisplayName": {"UserLocalizedLabel": {"Label": "Name"}},
            "IsPrimaryName": True,
            "IsValidForRead": True,
            "IsValidForCreate": True,
        },
        {"LogicalName": "antid", "AttributeTypeName": None, "IsPrimaryId": True, "DisplayName": None},
    ],
    "Keys": [
        {"LogicalName": "ant_key", "KeyAttributes": ["name", "hill"], "EntityKeyIndexStatus": "Active"},
        {"LogicalName": "ant_other", "KeyAttributes": ["name"], "EntityKeyIndexStatus": "Pending"},
    ],
    "OneToManyRelationships": [
        {
            "SchemaName": "ant_parent",
            "ReferencingEntity": "ant",
            "ReferencingAttribute": "parent",
            "ReferencedEntityNavigationPropertyName": "children",
        }
    ],
    "ManyToOneRelationships": [
        {
            "SchemaName": "ant_parent",
            "ReferencedEntity": "ant",
            "ReferencingAttribute": "parent",
            "ReferencingEntityNavigationPropertyName": "parent",
        }
    ],
    "ManyToManyRelationships": [
        {
            "SchemaName": "hill_ant",
            "Entity1LogicalName": "hill",
            "Entity1NavigationPropertyName": "hill_ant",
            "Entity2LogicalName": "ant",
            "Entity2NavigationPropertyName": "ant_hill",
        }
    ],
}


def test_a_table_is_told_in_detail_by_one_request(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, json=DETAILS))
    ant = shell(portal.definitions.table("ant"))
    assert (ant.table.entity_set, ant.table.display_name) == ("ants", "Maur")
    assert list(ant.columns) == ["antid", "name"]
    name = ant.columns["name"]
    assert (name.type, name.required, name.display_name) == ("String", "ApplicationRequired", "Name")
    assert (name.is_primary_name, name.readable, name.creatable, name.updatable) == (True, True, True, False)
    assert (ant.columns["antid"].type, ant.columns["antid"].required) == ("", "None")
    assert ant.keys["ant_key"].columns == ("name", "hill")
    assert (ant.keys["ant_key"].active, ant.keys["ant_other"].active) == (True, False)
    assert [(item.kind, item.table, item.navigation, item.column) for item in ant.relationships] == [
        ("one-to-many", "ant", "children", "parent"),
        ("many-to-one", "ant", "parent", "parent"),
        ("many-to-many", "hill", "ant_hill", None),
    ]
    assert service.last.url.path.endswith("/EntityDefinitions(LogicalName='ant')")


def test_a_table_that_is_not_there_or_cannot_be_is_told(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(problem(404, "0x80060888", "no"))
    with pytest.raises(NotFoundError):
        shell(portal.definitions.table("ant"))
    with pytest.raises(InvalidRequestError, match="expected logical names"):
        shell(portal.definitions.table("an')t"))
    service.answers = [httpx2.Response(200, json={"LogicalName": "ant"})]
    with pytest.raises(ServerError, match="not what the contract says"):
        shell(portal.definitions.table("ant"))
    assert len(service.requests) == 2


def test_the_choices_of_a_table_are_asked_for_kind_by_kind_in_one_request(
    shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(
        batch(
            rows(column("grade", option(1, "Low", _1033="Low", _1044="Lav"), option(2, "High", _1044="Høy"))),
            rows(column("statecode", option(0))),
            rows(),
            rows(column("topics", option(7))),
        )
    )
    found = shell(portal.definitions.choices(["ant"]))
    assert list(found) == ["ant"]
    assert sorted(found["ant"]) == ["grade", "statecode", "topics"]
    grade, topics = found["ant"]["grade"], found["ant"]["topics"]
    assert (grade.name, grade.multi, grade.is_global, topics.multi) == ("acme_grade", False, False, True)
    assert [(item.value, item.label, dict(item.labels)) for item in grade.options] == [
        (1, "Low", {1033: "Low", 1044: "Lav"}),
        (2, "High", {1044: "Høy"}),
    ]
    assert service.last.headers["prefer"] == "odata.continue-on-error"
    assert [url.partition("?")[0] for url in asked(service.last)] == [
        f"EntityDefinitions(LogicalName='ant')/Attributes/Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
        for kind in KINDS
    ]


def test_many_tables_take_few_requests(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(lambda request: batch(*[rows()] * len(asked(request))))
    found = shell(portal.definitions.choices(f"table{number}" for number in range(60)))
    assert len(found) == 60
    assert [len(asked(request)) for request in service.requests] == [100, 100, 40]


def test_a_table_that_is_named_twice_is_asked_for_once(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(lambda request: batch(*[rows()] * len(asked(request))))
    shell(portal.definitions.choices(["ant", "ant"]))
    assert len(asked(service.last)) == 4


def test_no_tables_take_no_request(shell: Shell, portal: Any, service: Service) -> None:
    assert shell(portal.definitions.choices([])) == {}
    assert service.requests == []


def test_a_global_choice_is_taken_where_the_column_has_no_options_of_its_own(
    shell: Shell, portal: Any, service: Service
) -> None:
    shared = {"Name": "acme_shared", "IsGlobal": True, "Options": [option(5)]}
    columns = [
        column("a", OptionSet=None, GlobalOptionSet=shared),
        column("b", GlobalOptionSet=shared),
        column("c", option(1), GlobalOptionSet=shared),
    ]
    service.answer(batch(rows(*columns), rows(), rows(), rows()))
    found = shell(portal.definitions.choices(["ant"]))["ant"]
    assert {name: (choice.name, choice.is_global) for name, choice in found.items()} == {
        "a": ("acme_shared", True),
        "b": ("acme_shared", True),
        "c": ("acme_c", False),
    }


def test_columns_that_the_web_api_leaves_out_and_choices_without_options_are_passed_over(
    shell: Shell, portal: Any, service: Service
) -> None:
    hidden = column("hidden", option(1), IsValidODataAttribute=False)
    service.answer(batch(rows(hidden, column("empty")), rows(), rows(), rows()))
    assert shell(portal.definitions.choices(["ant"])) == {"ant": {}}


def test_a_label_falls_back_to_one_that_is_there(shell: Shell, portal: Any, service: Service) -> None:
    bare = {"Value": 3, "Label": None}
    service.answer(
        batch(rows(column("a", option(1, None, _1044="Lav"), option(2, None), bare)), rows(), rows(), rows())
    )
    found = shell(portal.definitions.choices(["ant"]))["ant"]["a"]
    assert [item.label for item in found.options] == ["Lav", "", ""]


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (["a b"], "expected logical names"),
        (["a')/x"], "expected logical names"),
        ([5], "got int"),
        (["høy"], "expected"),
    ],
)
def test_what_is_no_logical_name_never_becomes_part_of_an_address(
    tables: list[Any], told: str, shell: Shell, portal: Any, service: Service
) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        shell(portal.definitions.choices(tables))
    assert service.requests == []


def test_a_question_that_failed_is_the_exception_that_it_would_be_alone(
    shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(batch(problem(404, "0x80060888", "no"), *[rows()] * 3), batch(rows(), problem(403), rows(), rows()))
    with pytest.raises(NotFoundError):
        shell(portal.definitions.choices(["nothing"]))
    with pytest.raises(ForbiddenError):
        shell(portal.definitions.choices(["ant"]))


@pytest.mark.parametrize(
    "answer",
    [
        batch(rows()),
        batch(*[rows()] * 5),
        batch(rows({"IsValidODataAttribute": True, "OptionSet": {"Options": [{}]}}), rows(), rows(), rows()),
        batch(httpx2.Response(200, json=[]), rows(), rows(), rows()),
        httpx2.Response(200, json={}),
    ],
)
def test_an_answer_that_cannot_be_understood_is_the_services_fault(
    answer: httpx2.Response, shell: Shell, portal: Any, service: Service
) -> None:
    service.answer(answer)
    with pytest.raises(ServerError, match="not what the contract says"):
        shell(portal.definitions.choices(["ant"]))


def test_a_lost_answer_is_asked_for_again(shell: Shell, portal: Any, service: Service) -> None:
    service.answer(httpx2.ReadTimeout(""), batch(rows(), rows(), rows(), rows()))
    assert shell(portal.definitions.choices(["ant"])) == {"ant": {}}


def test_a_client_that_does_nothing_knows_no_definitions(client_class: Any) -> None:
    shell = Shell(client_class.no_op())
    assert shell(shell.portal.definitions.tables()) == []
    assert shell(shell.portal.definitions.choices(["ant"])) == {"ant": {}}
    with pytest.raises(InvalidRequestError, match="a client that does nothing knows no table"):
        shell(shell.portal.definitions.table("ant"))
    assert shell.portal.recorded == ()
    shell.close()


def test_a_closed_client_asks_nothing(make_shell: Callable[..., Shell], service: Service) -> None:
    shell = make_shell()
    definitions = shell.portal.definitions
    shell(shell.portal.aclose() if hasattr(shell.portal, "aclose") else shell.portal.close())
    with pytest.raises(InvalidRequestError, match="closed"):
        shell(definitions.tables())
    assert service.requests == []
