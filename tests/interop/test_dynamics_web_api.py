"""npm's `dynamics-web-api`, unchanged, before the emulator: the library that scripts and services in Node use.

Nobody here wrote it, so that what it does tells whether the emulator behaves like Dataverse; and what it reads and
writes is what our client reads. It runs in Node of its own, which does what a test says line by line.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import node_command
from tests.interop.conftest import by_name, plain

from dynamics_portal import Changed, PortalClient, Removed
from dynamics_portal_emulator import Emulator

SCRIPT = Path(__file__).with_name("dynamics_web_api.mjs")
ACTIVE, PAUSED = 100_000_000, 100_000_001
NAMES = ["firstname", "new_mentor_status", "new_certification_expiry"]
NOBODY = "99999999-0000-0000-0000-000000000000"


class RefusedError(Exception):
    """What the library threw."""

    def __init__(self, told: Any) -> None:
        super().__init__(told)
        self.told = told


class Theirs:
    """The library, in a process of Node that goes on from call to call."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running = running
        self.token = ""

    def send(self, line: Any) -> None:
        assert self._running.stdin
        self._running.stdin.write(json.dumps(line) + "\n")
        self._running.stdin.flush()

    def ask(self, calls: list[list[Any]], batch: dict[str, Any] | None = None) -> Any:
        """What a call gives, or a batch of them. RefusedError for what is thrown."""
        self.send({"token": self.token, "calls": calls, "batch": batch})
        assert self._running.stdout
        line = self._running.stdout.readline()
        assert line, "Node has ended; its standard error says why"
        answer = json.loads(line)
        if "error" in answer:
            raise RefusedError(answer["error"])
        return answer.get("value")

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def call(*link: str, **request: Any) -> Any:
            return self.ask([[verb, request, *link]])

        return call

    def batch(self, *calls: list[Any], **options: Any) -> Any:
        return self.ask(list(calls), options or {"continueOnError": False})


@pytest.fixture(scope="module", name="node")
def node_fixture(organisation: Emulator) -> Iterator[Theirs]:
    command = node_command("dynamics-web-api", "dist/esm/dynamics-web-api.mjs")
    command.insert(1, str(SCRIPT))
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(organisation.ca_file)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", env=environment) as running:
        theirs = Theirs(running)
        theirs.send({"serverUrl": organisation.base_url, "dataApi": {"version": "9.2"}})
        yield theirs
        assert running.stdin
        running.stdin.close()
    assert running.returncode == 0


@pytest.fixture
def theirs(node: Theirs, emulator: Emulator, token: Callable[[], str]) -> Theirs:
    """The library on an organisation without rows."""
    node.token = token()
    return node


@pytest.fixture
def crowd(theirs: Theirs) -> list[str]:
    """Twelve contacts made one by one in a batch, half of them paused."""

    def row(number: int) -> dict[str, Any]:
        return {
            "firstname": f"No. {number:02}",
            "lastname": "Ødegård",
            "emailaddress1": f"no{number}@example.org",
            "new_mentor_status": PAUSED if number % 2 else ACTIVE,
            "new_certification_expiry": f"2026-01-{number + 1:02}",
        }

    made: list[str] = theirs.batch(*(["create", {"collection": "contacts", "data": row(n)}] for n in range(12)))
    return made


# Single rows


def test_a_row_is_created_read_and_deleted(theirs: Theirs, ours: PortalClient) -> None:
    made = theirs.create(collection="contacts", data={"firstname": "Kari", "lastname": "Ærlig & Co"})
    mine = ours.table("contacts").get(made)
    assert mine.lastname == "Ærlig & Co"
    assert plain(theirs.retrieve(collection="contacts", key=made)) == plain(mine)
    assert theirs.retrieve(collection="contacts", key=made, ifnonematch=mine.etag) is None
    assert theirs.deleteRecord(collection="contacts", key=made) is True
    with pytest.raises(RefusedError) as caught:
        theirs.retrieve(collection="contacts", key=made)
    assert (caught.value.told["status"], caught.value.told["code"]) == (404, "0x80040217")


def test_a_row_comes_back_from_its_creation_and_its_change(theirs: Theirs, ours: PortalClient) -> None:
    wanted = {"collection": "contacts", "returnRepresentation": True, "select": NAMES}
    made = theirs.create(data={"firstname": "Kari", "new_mentor_status": PAUSED}, **wanted)
    contacts = ours.table("contacts")
    assert plain(made) == plain(contacts.get(made["contactid"], select=NAMES))
    changed = theirs.update(key=made["contactid"], data={"new_certification_expiry": "2026-05-17"}, **wanted)
    assert plain(changed) == plain(contacts.get(made["contactid"], select=NAMES))
    assert changed["new_certification_expiry"] == "2026-05-17"


def test_formatted_values_and_lookups_are_told_alike(theirs: Theirs, ours: PortalClient) -> None:
    mentor = theirs.create(collection="contacts", data={"firstname": "Kari", "new_mentor_status": PAUSED})
    row = {"new_name": "First", "new_Mentor@odata.bind": f"/contacts({mentor})", "new_type": ACTIVE}
    made = theirs.create(collection="new_certifications", data=row)
    read = theirs.retrieve(collection="new_certifications", key=made, includeAnnotations="*")
    mine = ours.table("new_certifications").get(made, annotations=True)
    told = plain(mine)
    assert {name: read[name] for name in told} == told  # the library adds a short name for each annotation
    assert read["_new_mentor_value_Formatted"] == mine.lookup("_new_mentor_value").name == "Kari"
    assert read["new_type_Formatted"] == "Peer mentor"


def test_related_rows_are_made_with_a_row(theirs: Theirs, ours: PortalClient) -> None:
    nested = {"firstname": "Kari", "new_certification_Mentor_contact": [{"new_name": "C1"}, {"new_name": "C2"}]}
    expanded = {"property": "new_certification_Mentor_contact", "select": ["new_name"], "orderBy": ["new_name"]}
    made = theirs.create(collection="contacts", data=nested)
    read = theirs.retrieve(collection="contacts", key=made, select=["firstname"], expand=[expanded])
    links = "new_certification_Mentor_contact($select=new_name;$orderby=new_name)"
    assert plain(read) == plain(ours.table("contacts").get(made, select=["firstname"], expand=[links]))
    assert [row["new_name"] for row in read["new_certification_Mentor_contact"]] == ["C1", "C2"]
    (first, _) = read["new_certification_Mentor_contact"]
    up = theirs.retrieve(
        collection="new_certifications", key=first["new_certificationid"], navigationProperty="new_Mentor"
    )
    assert plain(up) == plain(ours.table("contacts").get(made))


def test_a_change_of_another_version_is_refused(theirs: Theirs, ours: PortalClient) -> None:
    contacts = ours.table("contacts")
    made = theirs.create(collection="contacts", data={"firstname": "Kari"})
    before = contacts.get(made, select=["firstname"])
    assert theirs.update(collection="contacts", key=made, data={"firstname": "Karin"}, ifmatch=before.etag) is True
    assert theirs.update(collection="contacts", key=made, data={"firstname": "Ola"}, ifmatch=before.etag) is False
    assert theirs.deleteRecord(collection="contacts", key=made, ifmatch=before.etag) is False
    assert contacts.get(made, select=["firstname"]).firstname == "Karin"


def test_a_single_column_is_set_and_emptied(theirs: Theirs, ours: PortalClient) -> None:
    contacts = ours.table("contacts")
    made = theirs.create(collection="contacts", data={"firstname": "Kari", "lastname": "Nordmann"})
    theirs.updateSingleProperty(collection="contacts", key=made, fieldValuePair={"firstname": "Ka'ri"})
    theirs.deleteRecord(collection="contacts", key=made, property="lastname")
    row = contacts.get(made, select=["firstname", "lastname"])
    assert (row.firstname, row.lastname) == ("Ka'ri", None)


def test_rows_are_upserted_by_alternate_keys(theirs: Theirs, ours: PortalClient) -> None:
    contacts = ours.table("contacts")
    mail = "emailaddress1='kari%40example.org'"
    for name in ("Kari", "Karin"):
        theirs.upsert(collection="contacts", key=mail, data={"firstname": name})
    (row,) = contacts.list(select=["firstname"])
    assert row.firstname == "Karin"
    assert plain(theirs.retrieve(collection="contacts", key=mail)) == plain(contacts.get(row.contactid))
    pair = f"_new_mentor_value={row.contactid},new_type={ACTIVE}"
    theirs.upsert(collection="new_certifications", key=pair, data={"new_name": "By two columns"})
    theirs.upsert(collection="new_certifications", key=pair, data={"new_status": PAUSED})
    (certification,) = ours.table("new_certifications").list(select=["new_name", "_new_mentor_value", "new_status"])
    assert certification.new_name == "By two columns"
    assert (certification.lookup("_new_mentor_value").id, certification.new_status) == (row.contactid, PAUSED)


def test_an_upsert_only_creates_or_only_updates(theirs: Theirs, ours: PortalClient) -> None:
    made = theirs.create(collection="contacts", data={"firstname": "Kari", "emailaddress1": "kari@example.org"})
    there, absent = ("emailaddress1='kari@example.org'", "emailaddress1='ola@example.org'")
    theirs.upsert(collection="contacts", key=there, data={"firstname": "Not me"}, ifnonematch="*")
    theirs.upsert(collection="contacts", key=absent, data={"firstname": "Nor me"}, ifmatch="*")
    (row,) = ours.table("contacts").list(select=["firstname"])
    assert (str(row.contactid), row.firstname) == (made, "Kari")


# Queries


def test_rows_are_listed_over_pages(theirs: Theirs, ours: PortalClient, crowd: list[str]) -> None:
    query = {"collection": "contacts", "select": NAMES, "maxPageSize": 5}
    first = theirs.retrieveMultiple(**query, count=True)
    second = theirs.ask([["retrieveMultiple", query, first["oDataNextLink"]]])
    assert (len(first["value"]), len(second["value"]), first["oDataCount"]) == (5, 5, 12)
    everything = by_name(theirs.retrieveAll(**query)["value"], "firstname")
    assert everything == by_name(ours.table("contacts").list(select=NAMES, page_size=5), "firstname")
    assert {row["contactid"] for row in everything} == set(crowd)


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("new_mentor_status eq 100000001 and firstname ge 'No. 06'", 3),
        ("contains(lastname,'degård') and not endswith(firstname,'1')", 10),
        ("new_certification_expiry lt 2026-01-04", 3),
        ("Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=['No. 01','No. 02'])", 2),
        ("new_certification_Mentor_contact/any(c:c/new_name eq 'C')", 1),
        ("lastname eq null", 0),
    ],
)
def test_filters_mean_the_same(
    condition: str, count: int, theirs: Theirs, ours: PortalClient, crowd: list[str]
) -> None:
    bound = {"new_name": "C", "new_Mentor@odata.bind": f"/contacts({crowd[4]})"}
    theirs.create(collection="new_certifications", data=bound)
    query = {"collection": "contacts", "select": NAMES, "filter": condition, "orderBy": ["firstname desc"], "top": 50}
    found = [plain(row) for row in theirs.retrieveMultiple(**query)["value"]]
    mine = ours.table("contacts").list(filter=condition, select=NAMES, order_by="firstname desc", top=50)
    assert found == [plain(row) for row in mine]
    assert len(found) == count
    assert theirs.count(collection="contacts", filter=condition) == ours.table("contacts").count(filter=condition)


def test_an_address_that_is_too_long_goes_through_a_batch(theirs: Theirs, ours: PortalClient, crowd: list[str]) -> None:
    condition = " or ".join(f"firstname eq 'No. {number:02} {'x' * 90}'" for number in range(400)) + " or true eq true"
    condition = condition.removesuffix(" or true eq true") + " or firstname eq 'No. 07'"
    found = theirs.retrieveMultiple(collection="contacts", select=NAMES, filter=condition)["value"]
    assert by_name(found, "firstname") == by_name(
        ours.table("contacts").list(filter=condition, select=NAMES), "firstname"
    )
    assert [row["firstname"] for row in found] == ["No. 07"]


def test_rows_are_counted_and_aggregated(theirs: Theirs, ours: PortalClient, crowd: list[str]) -> None:
    assert theirs.count(collection="contacts") == theirs.countAll(collection="contacts") == 12
    assert ours.table("contacts").count() == 12
    apply = "groupby((new_mentor_status),aggregate($count as number))"
    groups = theirs.retrieveMultiple(collection="contacts", apply=apply)["value"]
    assert {row["new_mentor_status"]: row["number"] for row in groups} == {ACTIVE: 6, PAUSED: 6}


def test_fetchxml_is_paged(theirs: Theirs, ours: PortalClient, crowd: list[str]) -> None:
    query = (
        "<fetch{}><entity name='contact'><attribute name='firstname'/><attribute name='contactid'/>"
        "<filter><condition attribute='new_mentor_status' operator='eq' value='100000001'/></filter>"
        "<order attribute='firstname'/></entity></fetch>"
    )
    annotations = {"includeAnnotations": "*"}  # which is how the service comes to tell its paging cookie
    asked = {"collection": "contacts", "fetchXml": query.format(" count='4'"), **annotations}
    first = theirs.fetch(**asked)
    assert len(first["value"]) == 4
    info = first["PagingInfo"]
    second = theirs.fetch(**asked, pageNumber=info["nextPage"], pagingCookie=info["cookie"])
    mine = [plain(row) for row in ours.table("contacts").fetch_xml(query.format(""), page_size=4)]
    assert [plain(row) for row in [*first["value"], *second["value"]]] == mine
    assert [plain(row) for row in theirs.fetchAll(**asked)["value"]] == mine


def test_changes_are_tracked(theirs: Theirs, ours: PortalClient, crowd: list[str]) -> None:
    query = {"collection": "contacts", "select": ["firstname"], "trackChanges": True}
    load, mine = theirs.retrieveMultiple(**query), ours.table("contacts").changes(select=["firstname"])
    loaded = by_name((change.row for change in mine if isinstance(change, Changed)), "firstname")
    assert by_name(load["value"], "firstname") == loaded
    assert len(loaded) == 12
    theirs.deleteRecord(collection="contacts", key=crowd[0])
    theirs.update(collection="contacts", key=crowd[1], data={"firstname": "Changed"})
    made = theirs.create(collection="contacts", data={"firstname": "New"})
    delta = theirs.ask([["retrieveMultiple", query, load["oDataDeltaLink"]]])
    removed = [item["id"] for item in delta["value"] if item.get("reason") == "deleted"]
    changed = by_name((item for item in delta["value"] if "contactid" in item), "firstname")
    assert removed == [crowd[0]]
    assert [(row["contactid"], row["firstname"]) for row in changed] == [(crowd[1], "Changed"), (made, "New")]
    changes = list(ours.table("contacts").changes(mine.token, select=["firstname"]))
    assert [str(change.id) for change in changes if isinstance(change, Removed)] == removed
    assert by_name((change.row for change in changes if isinstance(change, Changed)), "firstname") == changed
    nothing = theirs.ask([["retrieveMultiple", query, delta["oDataDeltaLink"]]])
    assert nothing["value"] == []


# Relationships, operations, files, batches


def test_rows_are_associated_and_disassociated(theirs: Theirs, ours: PortalClient, emulator: Emulator) -> None:
    (user,) = emulator.seed("systemusers", [{"systemuserid": NOBODY}])
    chapter = theirs.create(collection="new_chapters", data={"new_name": "Bergen"})
    link = {"collection": "new_chapters", "primaryKey": chapter, "relationshipName": "new_chapter_coordinators"}

    def coordinators() -> list[str]:
        row = ours.table("new_chapters").get(chapter, select=["new_name"], expand=["new_chapter_coordinators"])
        return [str(each.ownerid) for each in row.new_chapter_coordinators]

    theirs.associate(**link, relatedCollection="systemusers", relatedKey=user)
    assert coordinators() == [user]
    theirs.disassociate(**link, relatedKey=user)
    assert coordinators() == []


def test_a_lookup_is_set_and_emptied(theirs: Theirs, ours: PortalClient, crowd: list[str]) -> None:
    made = theirs.create(collection="new_certifications", data={"new_name": "C"})
    link = {"collection": "new_certifications", "primaryKey": made, "navigationProperty": "new_Mentor"}

    def mentor() -> Any:
        return ours.table("new_certifications").get(made, select=["_new_mentor_value"]).lookup("_new_mentor_value")

    theirs.associateSingleValued(**link, relatedCollection="contacts", relatedKey=crowd[0])
    assert str(mentor().id) == crowd[0]
    theirs.disassociateSingleValued(**link)
    assert mentor() is None


def test_functions_and_actions_answer_alike(theirs: Theirs, ours: Any, emulator: Emulator) -> None:
    def show(emulator: Emulator, parameters: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
        assert row is not None
        return {"MentorId": row["contactid"], "IsVisible": parameters["Visible"], "SyncStatus": parameters["Reason"]}

    emulator.on_action("new_SetWebsiteVisibility", show)
    made = theirs.create(collection="contacts", data={"firstname": "Kari"})
    who, mine = theirs.callFunction(functionName="WhoAmI"), ours.who_am_i()
    assert (who["UserId"], who["OrganizationId"]) == (str(mine.user_id), str(mine.organization_id))
    told = theirs.callAction(
        collection="contacts",
        key=made,
        actionName="Microsoft.Dynamics.CRM.new_SetWebsiteVisibility",
        action={"Visible": False, "Reason": "Paused"},
    )
    assert plain(told) == plain(ours.new_set_website_visibility(made, visible=False, reason="Paused"))


def test_a_call_is_made_in_the_name_of_a_user(theirs: Theirs, ours: Any, emulator: Emulator) -> None:
    in_directory = "77777777-0000-0000-0000-000000000001"
    user = emulator.add_user(object_id=in_directory)
    who = theirs.callFunction(functionName="WhoAmI", impersonateAAD=in_directory)
    assert who["UserId"] == str(ours.with_options(act_as=in_directory).who_am_i().user_id) == user
    again = theirs.callFunction(functionName="WhoAmI", impersonate=user)
    assert again["UserId"] == str(ours.with_options(act_as_user=user).who_am_i().user_id) == user
    with pytest.raises(RefusedError) as caught:
        theirs.callFunction(functionName="WhoAmI", impersonateAAD=NOBODY)
    assert caught.value.told["status"] == 403


def test_rows_are_made_and_changed_in_bulk(theirs: Theirs, ours: PortalClient) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}

    def call(action: str, *rows: dict[str, Any]) -> Any:
        targets = [{**row, **kind} for row in rows]
        name = f"Microsoft.Dynamics.CRM.{action}"
        return theirs.callAction(collection="contacts", actionName=name, action={"Targets": targets})

    made = call("CreateMultiple", {"firstname": "Kari"}, {"firstname": "Ola"})["Ids"]
    call("UpdateMultiple", *({"contactid": key, "lastname": f"No. {place}"} for place, key in enumerate(made)))
    call("UpsertMultiple", {"@odata.id": f"contacts({made[0]})", "firstname": "Karin"}, {"firstname": "Per"})
    rows = by_name(ours.table("contacts").list(select=["firstname", "lastname"]), "firstname")
    found = [(row["firstname"], row["lastname"]) for row in rows]
    assert found == [("Karin", "No. 0"), ("Ola", "No. 1"), ("Per", None)]


@pytest.mark.parametrize("size", [3, 9_000_001])
def test_a_file_travels_both_ways(size: int, theirs: Theirs, ours: PortalClient) -> None:
    files, place = ours.table("new_certifications").files, {"collection": "new_certifications"}
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    key = theirs.create(**place, data={"new_name": "With a file"})
    upload = {**place, "key": key, "property": "new_document", "fileName": "bevis.pdf"}
    theirs.uploadFile(**upload, data={"base64": base64.b64encode(content).decode()})
    assert files.download(key, "new_document").read() == content
    files.upload(key, "new_document", content[::-1], name="attest.pdf")
    back = theirs.downloadFile(**place, key=key, property="new_document")
    assert (back["fileName"], back["fileSize"]) == ("attest.pdf", size)
    assert base64.b64decode(back["data"]["base64"]) == content[::-1]
    theirs.deleteRecord(**place, key=key, property="new_document")
    assert ours.table("new_certifications").get(key, select=["new_document"]).new_document is None


def test_a_batch_holds_any_mix(theirs: Theirs, ours: Any, crowd: list[str]) -> None:
    made, page, one, count, who, changed = theirs.batch(
        ["create", {"collection": "contacts", "data": {"firstname": "In a batch"}, "inChangeSet": False}],
        ["retrieveMultiple", {"collection": "contacts", "select": ["firstname"], "filter": "firstname eq 'No. 03'"}],
        ["retrieve", {"collection": "contacts", "key": crowd[0], "select": NAMES}],
        ["count", {"collection": "contacts"}],
        ["callFunction", {"functionName": "WhoAmI"}],
        ["update", {"collection": "contacts", "key": crowd[1], "data": {"firstname": "Changed"}}],
    )
    contacts = ours.table("contacts")
    assert contacts.get(made, select=["firstname"]).firstname == "In a batch"
    assert page["value"][0]["contactid"] == crowd[3]
    assert plain(one) == plain(contacts.get(crowd[0], select=NAMES))
    assert (count, who["UserId"], changed) == (13, str(ours.who_am_i().user_id), True)
    assert contacts.get(crowd[1], select=["firstname"]).firstname == "Changed"


def test_a_change_set_refers_to_the_rows_it_makes(theirs: Theirs, ours: PortalClient) -> None:
    mentor, certification, changed = theirs.batch(
        ["create", {"collection": "contacts", "data": {"firstname": "Mentor"}, "contentId": "1"}],
        [
            "create",
            {
                "collection": "new_certifications",
                "data": {"new_name": "Bound", "new_Mentor@odata.bind": "$1"},
                "contentId": "2",
            },
        ],
        ["update", {"collection": "$1", "data": {"lastname": "Changed at once"}, "contentId": "3"}],
    )
    assert changed is True
    row = ours.table("new_certifications").get(certification, expand=["new_Mentor($select=lastname)"])
    assert (str(row.new_mentor.contactid), row.new_mentor.lastname) == (mentor, "Changed at once")


def test_a_change_set_that_fails_leaves_nothing(theirs: Theirs, ours: PortalClient) -> None:
    with pytest.raises(RefusedError) as caught:
        theirs.batch(
            ["create", {"collection": "contacts", "data": {"firstname": "Gone"}}],
            ["create", {"collection": "contacts", "data": {"nonsense": 1}}],
        )
    (told,) = caught.value.told
    assert (told["status"], told["code"]) == (400, "0x80048d19")
    assert list(ours.table("contacts").list(select=["contactid"])) == []


def test_a_batch_goes_on_after_an_error(theirs: Theirs, ours: PortalClient, crowd: list[str]) -> None:
    missing, found = theirs.batch(
        ["retrieve", {"collection": "contacts", "key": NOBODY}],
        ["retrieveMultiple", {"collection": "contacts", "select": ["firstname"], "top": 1}],
        continueOnError=True,
    )
    assert missing["status"] == 404
    assert plain(found["value"][0]) == plain(
        ours.table("contacts").get(found["value"][0]["contactid"], select=["firstname"])
    )


# Definitions


def test_definitions_are_told_alike(theirs: Theirs, ours: PortalClient) -> None:
    mine = ours.definitions.table("contact")
    table = theirs.retrieveEntity(key="LogicalName='contact'", select=["LogicalName", "EntitySetName"])
    assert (table["LogicalName"], table["EntitySetName"]) == (mine.table.logical_name, mine.table.entity_set)
    columns = theirs.retrieveAttributes(entityKey=table["MetadataId"], select=["LogicalName", "AttributeType"])
    assert {row["LogicalName"]: row["AttributeType"] for row in columns["value"]} == {
        name: column.type for name, column in mine.columns.items()
    }
    kind = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    expanded = [{"property": "OptionSet", "select": ["Options"]}]
    asked = {"entityKey": table["MetadataId"], "castType": kind, "select": ["LogicalName"], "expand": expanded}
    told = {
        row["LogicalName"]: [option["Value"] for option in row["OptionSet"]["Options"]]
        for row in theirs.retrieveAttributes(**asked)["value"]
    }
    choices = ours.definitions.choices(["contact"])["contact"]
    assert {name: [option.value for option in choices[name].options] for name in told} == told
    assert "new_mentor_status" in told
    links = theirs.retrieveRelationships(
        castType="Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", select=["SchemaName"]
    )
    assert [row["SchemaName"] for row in links["value"]] == ["new_chapter_coordinators"]
    assert re.match(r"<\?xml", theirs.retrieveCsdlMetadata())
    assert theirs.retrieveCsdlMetadata().encode() == ours.metadata()
