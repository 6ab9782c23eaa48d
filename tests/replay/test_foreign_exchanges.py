"""Answers that nobody here wrote: what others recorded of real organisations is decoded by matching generated models,
encoded back without loss, and played through either client. Which model matches is read from the answer's own context.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.conftest import SHARED_DATA, shared_data
from tests.packages import Package, packages
from tests.replay.scenarios import NOBODY
from tests.unit.wrapper.support import API, BASE_URL, Clock, Service, Shell, make_portal

from dynamics_portal import (
    AsyncPortalClient,
    DynamicsPortalClientException,
    ErrorCode,
    PortalClient,
    RetryPolicy,
    _json,
    _multipart,
    cassettes,
)
from dynamics_portal._entity_id import key_of
from dynamics_portal._failures import failure
from dynamics_portal._multipart import PartAnswer
from dynamics_portal.cassettes import Exchange, Request, Response
from dynamics_portal_generator.pipeline import derive

__all__ = ["packages"]

SELECTION = """
tables:
  {account: , asyncoperation: , contact: , mailbox: , organization: , publisher: , role: , solution: , task: ,
  EntityMetadata: , AttributeMetadata: , PicklistAttributeMetadata: , StateAttributeMetadata: ,
  StatusAttributeMetadata: , StringAttributeMetadata: , BooleanAttributeMetadata: , DateTimeAttributeMetadata: ,
  IntegerAttributeMetadata: , LookupAttributeMetadata: , MemoAttributeMetadata: , EntityNameAttributeMetadata: ,
  UniqueIdentifierAttributeMetadata: , OneToManyRelationshipMetadata: , ManyToManyRelationshipMetadata: }
operations: [WhoAmI]
"""
"""Of the real document, what the answers are about."""

NO_MODEL = {
    "RetrieveSettingListResponse": "the operation came after the document, which is of version 9.1",
    "StageSolutionResponse": "the operation came after the document, which is of version 9.1",
    "ImportSolutionAsyncResponse": "the operation came after the document, which is of version 9.1",
    "RetrieveSolutionImportResultResponse": "the operation came after the document, which is of version 9.1",
}
"""Types that no model matches, and why."""

WITHOUT_CONTEXT = {
    "contact-lookup-annotations-excerpt.json": "contacts",
    "Validate_Delete__get_account_00000000-0000-0000-0000-000000000020_ref.json": "contacts",
    "Validate_Update_Relationships__get_account_00000000-0000-0000-0000-000000000020_ref_2.json": "contacts",
}
"""Answers whose context names no table (an excerpt, lists of references), and the table that they are about."""

REPAIRED = {
    "get_mailbox_00000000-0000-0000-0000-000000000010.json": (
        '"mailboxid": "get_contact_00000000-0000-0000-0000-000000000010"',
        '"mailboxid": "00000000-0000-0000-0000-000000000010"',
    ),
}
"""Answers that whoever made them anonymous broke: the text that no service can have sent, and what it was."""

_ORIGIN = re.compile(r"https://[\w.-]+")
_SELECT = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Foreign:
    """An answer: its JSON text, the objects in it, and the path of its context below the root, without lists of columns
    and keys. `origin`: the organisation that gave it. `listed`: whether it is a page of a list."""

    name: str
    content: bytes
    objects: tuple[dict[str, Any], ...]
    path: str
    origin: str
    listed: bool


def files() -> list[Path]:
    return sorted((SHARED_DATA / "exchanges").rglob("*.json"))


def of_file(mapping: dict[str, Any], name: str) -> Any:
    """The entry for a file, whose name begins with where it was found."""
    return next((value for end, value in mapping.items() if name.endswith(end)), None)


def read(path: Path) -> Foreign:
    text = re.sub(r"\[Organization URI\]", BASE_URL, path.read_text("utf-8-sig"), flags=re.IGNORECASE)
    old, new = of_file(REPAIRED, path.name) or ("", "")
    content = text.replace(old, new).encode() if old else text.encode()
    document = _json.decode(content)
    rows = document.get("value")
    found = _ORIGIN.match(document.get("@odata.context", ""))
    table = of_file(WITHOUT_CONTEXT, path.name) or document["@odata.context"].partition("#")[2].removesuffix("/$entity")
    while _SELECT.search(table):
        table = _SELECT.sub("", table)
    objects = tuple(rows) if isinstance(rows, list) else (document,)
    return Foreign(path.name, content, objects, table, found[0] if found else BASE_URL, isinstance(rows, list))


FILES = files()
FOREIGN = [read(path) for path in FILES]
MATCHED = [item for item in FOREIGN if item.path.rpartition(".")[2] not in NO_MODEL]
EACH = pytest.mark.parametrize("foreign", MATCHED, ids=lambda item: item.name.rpartition("__tests__")[2])


@pytest.fixture(scope="session")
def package(packages: Any, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package of the real organisation's document."""
    selection = tmp_path_factory.mktemp("selection") / "selection.yaml"
    selection.write_text(SELECTION)
    document = derive(shared_data("metadata", "dynamics-crm4-v9.1.xml"), selection=selection).document
    found: Package = packages.of_document("foreign_exchanges", document)
    return found


def model_of(foreign: Foreign, package: Package) -> Any:
    """The class for an answer's objects: a type, or a table and the navigation and the casts that follow it."""
    registry = package.module("registry")
    first, *steps = foreign.path.split("/")
    if "." in first:
        return package.model(registry.TYPES[first])
    model = package.model(registry.TABLES[first])
    for step in steps:
        name = registry.TYPES[step] if "." in step else model.navigation()[step].target
        model = package.model(name)
    return model


def decoded(model: Any, item: dict[str, Any]) -> Any:
    """A row with everything in it decoded, what was expanded, too."""
    row = model.from_dict(item)
    for navigation in model.navigation().values() if hasattr(model, "navigation") else ():
        navigation.read(row)
    return row


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Where two JSON documents differ, in any digit of a number as well. The order of members does not count."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            if name in before and name in after:
                yield from differences(before[name], after[name], f"{place}/{name}")
            else:
                yield f"{place}/{name}: {'lost' if name in before else 'added'}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{place}/{index}")
    elif type(before) is not type(after) or before != after or str(before) != str(after):
        yield f"{place}: {before!r} became {after!r}"


def test_there_are_answers() -> None:
    shared_data("exchanges")
    assert len(MATCHED) >= 48


def test_what_no_model_matches_is_listed_with_the_reason(package: Package) -> None:
    types = package.module("registry").TYPES
    named = {item.path for item in FOREIGN if item.path.startswith("Microsoft.")}
    assert {name.rpartition(".")[2] for name in named if name not in types} == set(NO_MODEL)


def test_what_had_to_be_told_or_repaired_is_still_there() -> None:
    shared_data("exchanges")
    texts = {path.name: path.read_text("utf-8-sig") for path in FILES}
    for end, (old, _) in REPAIRED.items():
        assert any(name.endswith(end) and old in text for name, text in texts.items()), end
    for end in WITHOUT_CONTEXT:
        assert any(name.endswith(end) for name in texts), end


@EACH
def test_an_answer_is_decoded_and_encoded_back_without_loss(foreign: Foreign, package: Package) -> None:
    model = model_of(foreign, package)
    for item in foreign.objects:
        again = _json.decode(_json.encode(decoded(model, item).to_dict()))
        assert list(differences(item, again)) == []


@EACH
def test_its_columns_are_known_to_the_model(foreign: Foreign, package: Package) -> None:
    """Not everything may end up among the unknown: the model must be the one that matches."""
    model = model_of(foreign, package)
    for item in foreign.objects:
        names = [name for name in item if "@" not in name]
        known = [name for name in names if name in model.__columns__]
        assert len(known) * 2 >= len(names)


@pytest.fixture(params=[PortalClient, AsyncPortalClient], ids=["sync", "async"])
def play(request: pytest.FixtureRequest, package: Package) -> Iterator[Callable[..., Shell]]:
    """Makes a client of the package on a service with these answers."""
    shells: list[Shell] = []

    def make(*answers: httpx2.Response, base_url: str = BASE_URL) -> Shell:
        service = Service()
        service.answer(*answers)
        options = {"api": package.module(), "retry": RetryPolicy(max_attempts=1), "base_url": base_url}
        shells.append(Shell(make_portal(request.param, service, Clock(), **options)))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


def played(shell: Shell, foreign: Foreign, model: Any, package: Package) -> list[Any]:
    """The rows that a client makes of an answer."""
    if model.__name__ == "WhoAmIResponse":
        return [shell(shell.portal.execute(package.operation("WhoAmI")()))]
    table = shell.portal.table(model)
    return list(shell(table.list(annotations=True))) if foreign.listed else [shell(table.get(NOBODY))]


@EACH
def test_it_plays_through_the_client(foreign: Foreign, package: Package, play: Callable[..., Shell]) -> None:
    model = model_of(foreign, package)
    if getattr(model, "__table__", None) is None and model.__name__ != "WhoAmIResponse":
        assert "Attributes" in foreign.path, "only columns' definitions have no table of their own"
        return
    last = httpx2.Response(200, content=b'{"value":[]}')
    shell = play(httpx2.Response(200, content=foreign.content), last, base_url=foreign.origin)
    rows = played(shell, foreign, model, package)
    assert [type(row) for row in rows] == [type(model.from_dict(item)) for item in foreign.objects]
    for item, row in zip(foreign.objects, rows, strict=True):
        assert list(differences(item, _json.decode(_json.encode(row.to_dict())))) == []


@EACH
def test_scrubbed_it_still_decodes(foreign: Foreign, package: Package) -> None:
    model = model_of(foreign, package)
    response = Response(200, (("Content-Type", "application/json"),), foreign.content)
    (scrubbed,) = cassettes.scrub([Exchange(Request("GET", f"{API}things", (), b""), response)])
    document = _json.decode(scrubbed.response.body)
    objects = document["value"] if foreign.listed else [document]
    for before, after in zip(foreign.objects, objects, strict=True):
        again = decoded(model, after).to_dict()
        assert set(again) == set(before)
        kept = {
            name for name in before if isinstance(before[name], str) and before[name] and before[name] == after[name]
        }
        assert all("@" in name for name in kept), kept


# Batches


def batches() -> list[Path]:
    return sorted((SHARED_DATA / "exchanges").rglob("*.http"))


def answers_of(path: Path) -> list[PartAnswer]:
    """The answers in one to a batch, in order. The documentation does not print the header that has the boundary."""
    text = re.sub(r"\[Organization URI\]", BASE_URL, path.read_bytes().decode(), flags=re.IGNORECASE)
    body = text.partition("\r\n\r\n" if "\r\n\r\n" in text else "\n\n")[2].encode()
    boundary = body.split(maxsplit=1)[0].removeprefix(b"--").decode()
    exchange = Exchange(
        Request("POST", f"{API}$batch", (), b""),
        Response(200, (("Content-Type", f"multipart/mixed; boundary={boundary}"),), body),
    )
    (scrubbed,) = cassettes.scrub([exchange])
    plain = _multipart.decode(f"multipart/mixed; boundary={boundary}", body)
    again = _multipart.decode(dict(scrubbed.response.headers)["content-type"], scrubbed.response.body)
    assert shape(plain) == shape(again), "scrubbing changes no status and no order"
    return [part for item in plain for part in (item if isinstance(item, list) else [item])]


def shape(items: list[PartAnswer | list[PartAnswer]]) -> list[Any]:
    return [
        item.answer.status if isinstance(item, PartAnswer) else [part.answer.status for part in item] for item in items
    ]


@pytest.mark.parametrize("path", batches(), ids=lambda path: path.name)
def test_each_answer_in_a_batch_is_decoded(path: Path, package: Package) -> None:
    task = package.model("Task")
    for part in answers_of(path):
        answer = part.answer
        if answer.status == 204:
            assert isinstance(key_of(task, answer.headers), UUID)
        elif answer.status == 200:
            rows = _json.decode_object(answer.content)["value"]
            assert rows
            for row in rows:
                assert list(differences(row, _json.decode(_json.encode(decoded(task, row).to_dict())))) == []
        else:
            error = failure(answer, "")
            assert (error.code, error.dynamics_code) == (ErrorCode.INVALID_REQUEST, "0x80044331")


def test_every_file_is_one_of_those_that_are_tried() -> None:
    known = {*files(), *batches()}
    folder = shared_data("exchanges")
    assert {path.name for path in folder.rglob("*") if path.is_file() and path not in known} == {"SOURCES.txt"}


# Errors


def errors() -> list[dict[str, Any]]:
    path = SHARED_DATA / "errors.json"
    return list(json.loads(path.read_text("utf-8"))) if path.exists() else []


@pytest.mark.parametrize("entry", errors(), ids=lambda entry: f"{entry['status']}-{str(entry['body'])[:40]}")
def test_an_error_becomes_the_same_exception_scrubbed_or_not(entry: dict[str, Any], play: Callable[..., Shell]) -> None:
    content = b"" if entry["body"] is None else json.dumps(entry["body"]).encode()
    headers = {name: value for name, value in entry["headers"].items() if name.lower() != "content-length"}
    response = Response(entry["status"] or 400, tuple(headers.items()), content)
    (scrubbed,) = cassettes.scrub([Exchange(Request("GET", f"{API}WhoAmI()", (), b""), response)])
    found = [fails(play, response), fails(play, scrubbed.response)]
    assert found[0].status_code == response.status
    assert found[0].code is found[1].code
    assert found[0].retry_after == found[1].retry_after


def fails(play: Callable[..., Shell], response: Response) -> DynamicsPortalClientException:
    shell = play(httpx2.Response(response.status, headers=list(response.headers), content=response.body))
    with pytest.raises(DynamicsPortalClientException) as caught:
        shell(shell.portal.table("contacts").get(NOBODY))
    return caught.value
