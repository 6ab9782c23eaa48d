"""Microsoft's own Python SDK (PyPI `PowerPlatform-Dataverse-Client`), unchanged, before the emulator.

It knows Dataverse and not us, so that what it does tells whether the emulator behaves like Dataverse; and what it reads
and writes is what our client reads. It speaks as its documentation says; nothing of it is replaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.conftest import by_name, plain

from dynamics_portal import PortalClient
from dynamics_portal_emulator import Emulator

_REASON = "needs PowerPlatform-Dataverse-Client, which the extra dev brings"
sdk = pytest.importorskip("PowerPlatform.Dataverse.client", reason=_REASON)
errors = pytest.importorskip("PowerPlatform.Dataverse.core.errors", reason=_REASON)
models = pytest.importorskip("PowerPlatform.Dataverse.models", reason=_REASON)
credentials = pytest.importorskip("azure.core.credentials", reason=_REASON)

ACTIVE, PAUSED = 100_000_000, 100_000_001
NAMES = ["firstname", "lastname", "emailaddress1", "new_mentor_status", "new_certification_expiry"]
NOBODY = "99999999-0000-0000-0000-000000000000"


class Credential:
    """A credential of Azure's kind, that asks the emulator."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask

    def get_token(self, *scopes: str, **keywords: Any) -> Any:
        assert len(scopes) == 1
        assert scopes[0].endswith("/.default")
        return credentials.AccessToken(self._ask(), int(time.time()) + 3600)


@pytest.fixture
def theirs(emulator: Emulator, token: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Microsoft's client."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(emulator.ca_file))
    with sdk.DataverseClient(emulator.base_url, Credential(token)) as client:
        yield client


@pytest.fixture
def crowd(theirs: Any) -> list[str]:
    """Twelve contacts made by the SDK in one request, half of them paused."""
    made: list[str] = theirs.records.create(
        "contact",
        [
            {
                "firstname": f"No. {number:02}",
                "lastname": "O'Hara & Ødegård",
                "emailaddress1": f"no{number}@example.org",
                "new_mentor_status": PAUSED if number % 2 else ACTIVE,
                "new_certification_expiry": f"2026-01-{number + 1:02}",
            }
            for number in range(12)
        ],
    )
    return made


def test_a_row_is_created_and_read_alike(theirs: Any, ours: PortalClient) -> None:
    made = theirs.records.create("contact", {"firstname": "Kari", "lastname": "Ærlig", "new_website_visible": True})
    read = theirs.records.retrieve("contact", made, include_annotations="*")
    mine = ours.table("contacts").get(made, annotations=True)
    assert (read["firstname"], read["new_website_visible"]) == ("Kari", True)
    assert plain(read) == plain(mine)
    assert read.etag == mine.etag
    assert theirs.records.retrieve("contact", NOBODY) is None


def test_a_label_is_written_as_the_value_that_the_definitions_tell(theirs: Any, ours: PortalClient) -> None:
    made = theirs.records.create("contact", {"firstname": "Kari", "new_mentor_status": "Pauset"})
    assert ours.table("contacts").get(made).new_mentor_status == PAUSED


def test_many_rows_are_created_and_listed_over_pages(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    mine = by_name(ours.table("contacts").list(select=NAMES, page_size=5), "firstname")
    pages = [list(page) for page in theirs.records.list_pages("contact", select=NAMES, page_size=5)]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert by_name([row for page in pages for row in page], "firstname") == mine
    assert by_name(theirs.records.list("contact", select=NAMES, count=True, page_size=5), "firstname") == mine
    assert {row["contactid"] for row in mine} == set(crowd)


@pytest.mark.parametrize(
    ("condition", "text", "count"),
    [
        (lambda col: (col("new_mentor_status") == PAUSED) & (col("firstname") >= "No. 06"), None, 3),
        (lambda col: col("firstname").startswith("No. 1") | col("firstname").endswith("00"), None, 3),
        (lambda col: ~(col("lastname") == "O'Hara & Ødegård"), None, 0),
        (lambda col: col("lastname").contains("hara &"), "contains(lastname,'hara &')", 12),
        (lambda col: col("emailaddress1").is_null(), "emailaddress1 eq null", 0),
        (lambda col: col("firstname").between("No. 02", "No. 04"), None, 3),
        (
            lambda col: col("new_mentor_status").in_([ACTIVE]),
            "Microsoft.Dynamics.CRM.In(PropertyName='new_mentor_status',PropertyValues=['100000000'])",
            6,
        ),
        (lambda col: col("new_mentor_status").not_in([ACTIVE]), None, 6),
        (lambda col: col("firstname").like("No. 0%"), None, 10),
    ],
)
def test_conditions_mean_the_same(
    condition: Callable[[Any], Any], text: str | None, count: int, theirs: Any, ours: PortalClient, crowd: list[str]
) -> None:
    query = theirs.query.builder("contact").select(*NAMES).where(condition(models.col)).order_by("firstname")
    found = [plain(row) for row in query.execute()]
    assert len(found) == count
    written = text or condition(models.col).to_odata()
    assert found == [
        plain(row) for row in ours.table("contacts").list(filter=written, select=NAMES, order_by="firstname")
    ]


def test_an_order_and_a_limit_are_kept(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    query = theirs.query.builder("contact").select("firstname").order_by("firstname", descending=True).top(4)
    mine = ours.table("contacts").list(select=["firstname"], order_by="firstname desc", top=4)
    found = [plain(row) for row in query.execute()]
    assert found == [plain(row) for row in mine]
    assert found[0]["firstname"] == "No. 11"


def test_related_rows_are_read_along(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    for number, mentor in enumerate(crowd[:3]):
        bound = {"new_name": f"C{number}", "new_Mentor@odata.bind": f"/contacts({mentor})"}
        theirs.records.create("new_certification", bound)
    up = theirs.records.list("new_certification", select=["new_name"], expand=["new_Mentor($select=firstname)"])
    mine = ours.table("new_certifications").list(select=["new_name"], expand=["new_Mentor($select=firstname)"])
    assert by_name(up, "new_name") == by_name(mine, "new_name")
    assert by_name(up, "new_name")[2]["new_Mentor"]["firstname"] == "No. 02"
    option = models.ExpandOption("new_certification_Mentor_contact").select("new_name").order_by("new_name")
    query = theirs.query.builder("contact").select("firstname").order_by("firstname").expand(option).top(3)
    links = "new_certification_Mentor_contact($select=new_name;$orderby=new_name)"
    down = ours.table("contacts").list(select=["firstname"], order_by="firstname", expand=[links], top=3)
    found = [plain(row) for row in query.execute()]
    assert found == [plain(row) for row in down]
    assert [row["new_certification_Mentor_contact"][0]["new_name"] for row in found] == ["C0", "C1", "C2"]


def test_rows_are_updated_alone_alike_and_in_pairs(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    theirs.records.update("contact", crowd[0], {"firstname": "Alone"})
    theirs.records.update("contact", crowd[1:4], {"new_pause_reason": "Alike"})
    theirs.records.update("contact", crowd[4:6], [{"firstname": "Left"}, {"firstname": "Right"}])
    rows = {str(row.contactid): row for row in ours.table("contacts").list(select=[*NAMES, "new_pause_reason"])}
    assert rows[crowd[0]].firstname == "Alone"
    assert [key for key in crowd if rows[key].new_pause_reason == "Alike"] == crowd[1:4]
    assert [rows[key].firstname for key in crowd[4:6]] == ["Left", "Right"]
    with pytest.raises(errors.HttpError) as caught:
        theirs.records.update("contact", NOBODY, {"firstname": "Nobody"})
    assert caught.value.status_code == 404


def test_rows_are_upserted_by_an_alternate_key(theirs: Any, ours: PortalClient) -> None:
    def upsert(**named: str) -> None:
        items = [models.UpsertItem({"emailaddress1": mail}, {"firstname": first}) for first, mail in named.items()]
        theirs.records.upsert("contact", items)

    contacts = ours.table("contacts")
    upsert(Kari="o'kari@example.org")
    made = contacts.get({"emailaddress1": "o'kari@example.org"})
    upsert(Karin="o'kari@example.org")
    upsert(Karina="o'kari@example.org", Ola="ola@example.org")
    assert contacts.get(made.contactid).firstname == "Karina"
    assert sorted(row.firstname for row in contacts.list(select=["firstname"])) == ["Karina", "Ola"]


def test_rows_are_deleted_alone_and_in_a_job(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    theirs.records.delete("contact", crowd[0])
    assert theirs.records.delete("contact", crowd[1:4])  # the job's id
    theirs.records.delete("contact", crowd[4:6], use_bulk_delete=False)
    left = {str(row.contactid) for row in ours.table("contacts").list(select=["contactid"])}
    assert left == set(crowd[6:])


def test_a_batch_holds_any_mix(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    batch = theirs.batch.new()
    batch.records.create("contact", {"firstname": "In a batch"})
    batch.records.retrieve("contact", crowd[0], select=NAMES)
    batch.records.list("contact", filter="firstname eq 'No. 02'", select=["firstname"])
    batch.records.update("contact", crowd[1], {"firstname": "Changed"})
    batch.records.delete("contact", crowd[2])
    batch.records.create("contact", [{"firstname": "One of two"}, {"firstname": "Two of two"}])
    batch.records.upsert("contact", [models.UpsertItem({"emailaddress1": "u@example.org"}, {"firstname": "Upserted"})])
    batch.tables.get("contact")
    with batch.changeset() as changes:
        mentor = changes.records.create("contact", {"firstname": "Mentor"})
        changes.records.create("new_certification", {"new_name": "Bound", "new_Mentor@odata.bind": mentor})
        changes.records.update("contact", mentor, {"lastname": "Changed at once"})
        changes.records.delete("contact", crowd[3])
    result = batch.execute()
    assert [item.status_code for item in result.responses] == [
        204,
        200,
        200,
        204,
        204,
        200,
        204,
        200,
        204,
        204,
        204,
        204,
    ]
    contacts, certifications = ours.table("contacts"), ours.table("new_certifications")
    assert plain(result.responses[1].data) == plain(contacts.get(crowd[0], select=NAMES))
    assert result.responses[2].data["value"][0]["contactid"] == crowd[2]
    names = {row.firstname for row in contacts.list(select=["firstname"])}
    assert names >= {"In a batch", "Changed", "One of two", "Two of two", "Upserted", "Mentor"}
    assert not names & {"No. 01", "No. 02", "No. 03"}
    (bound,) = certifications.list(select=["new_name"], expand=["new_Mentor($select=lastname)"])
    assert bound.new_mentor.lastname == "Changed at once"


def test_a_change_set_that_fails_leaves_nothing(theirs: Any, ours: PortalClient) -> None:
    batch = theirs.batch.new()
    with batch.changeset() as changes:
        changes.records.create("contact", {"firstname": "Gone"})
        changes.records.update("contact", NOBODY, {"firstname": "Nobody"})
    batch.records.list("contact", top=1)
    result = batch.execute(continue_on_error=True)
    assert [(item.status_code, item.error_code) for item in result.responses] == [(404, "0x80040217"), (200, None)]
    assert list(ours.table("contacts").list(select=["contactid"])) == []


@pytest.mark.parametrize(("mode", "size"), [("small", 70_000), ("chunk", 9_000_001)])
def test_a_file_is_uploaded(mode: str, size: int, theirs: Any, ours: PortalClient, tmp_path: Path) -> None:
    key = theirs.records.create("new_certification", {"new_name": "With a file"})
    path = tmp_path / "bevis 1.pdf"
    path.write_bytes(bytes(range(251)) * (size // 251))
    theirs.files.upload("new_certification", key, "new_Document", str(path), mode=mode)
    download = ours.table("new_certifications").files.download(key, "new_document")
    assert (download.name, download.read()) == (path.name, path.read_bytes())
    path.write_bytes(b"%PDF-1.7 shorter")
    theirs.files.upload("new_certification", key, "new_document", str(path), mode=mode, if_none_match=False)
    assert ours.table("new_certifications").files.download(key, "new_document").read() == b"%PDF-1.7 shorter"


def test_fetchxml_is_paged(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    query = (
        "<fetch{}><entity name='contact'><attribute name='firstname'/><attribute name='contactid'/>"
        "<filter><condition attribute='new_mentor_status' operator='eq' value='100000001'/></filter>"
        "<order attribute='firstname'/></entity></fetch>"
    )
    pages = list(theirs.query.fetchxml(query.format(" count='4'")).execute_pages())
    assert [len(list(page)) for page in pages] == [4, 2]
    mine = ours.table("contacts").fetch_xml(query.format(""), page_size=4)
    assert [plain(row) for page in pages for row in page] == [plain(row) for row in mine]


def test_sql_is_answered(theirs: Any, ours: PortalClient, crowd: list[str]) -> None:
    theirs.records.create("new_certification", {"new_name": "C", "new_Mentor@odata.bind": f"/contacts({crowd[7]})"})
    columns = theirs.query.sql("SELECT firstname, contactid FROM contact WHERE new_mentor_status = 100000001")
    mine = ours.table("contacts").list(filter="new_mentor_status eq 100000001", select=["firstname"])
    assert by_name(columns, "firstname") == by_name(mine, "firstname")
    joined = (
        "SELECT m.firstname, COUNT(c.new_name) AS number FROM contact AS m "
        "LEFT JOIN new_certification AS c ON m.contactid = c.new_mentor GROUP BY m.firstname ORDER BY m.firstname"
    )
    groups = {row["firstname"]: row["number"] for row in theirs.query.sql(joined)}
    assert groups == {f"No. {number:02}": int(number == 7) for number in range(12)}


def test_tables_columns_keys_and_relationships_are_told_alike(theirs: Any, ours: PortalClient) -> None:
    told, mine = theirs.tables.get("contact"), ours.definitions.table("contact")
    names = (told.logical_name, told.entity_set_name, told.primary_id_attribute, told.primary_name_attribute)
    table = mine.table
    assert names == (table.logical_name, table.entity_set, table.primary_id, table.primary_name)
    columns = {row["LogicalName"]: row["AttributeType"] for row in theirs.tables.list_columns("contact")}
    assert columns == {name: column.type for name, column in mine.columns.items()}
    assert {row["name"] for row in theirs.query.sql_columns("contact", include_system=True)} <= set(columns)
    (key,) = theirs.tables.get_alternate_keys("contact")
    assert (key.key_attributes, key.status) == (["emailaddress1"], "Active")
    assert [list(own.columns) for own in mine.keys.values()] == [key.key_attributes]
    relationship = theirs.tables.get_relationship("new_chapter_coordinators")
    assert relationship.relationship_type == "many_to_many"
    tables = {row["LogicalName"] for row in theirs.tables.list()}
    assert tables >= {"contact", "new_certification", "new_assignment", "new_chapter", "systemuser"}
    assert theirs.tables.get("nothing") is None


def test_an_error_is_told_alike(theirs: Any, ours: PortalClient) -> None:
    with pytest.raises(errors.HttpError) as caught:
        theirs.records.list("contact", select=["nonsense"])
    assert caught.value.status_code == 400
    assert caught.value.details["service_error_code"] == "0x80060888"
    assert "nonsense" in caught.value.message
