"""Each part of the Web API, as a user of the client writes it.

It works on HLF's contract; `keep` on an organisation whose contract has what HLF's lacks. The functions make rows and
leave some behind: they are for a test organisation or the emulator, where `tests/integration/test_whole_api.py` runs
them. `docs/web-api.md` says what else there is.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from dynamics_portal import (
    AsyncDynamicsPortalClient,
    Changed,
    DynamicsPortalClient,
    DynamicsPortalClientException,
    PortalClient,
    RetryPolicy,
    VersionMismatchError,
    count,
)
from dynamics_portal_api.models import CertificationStatus, CertificationType, Contact, ContactMentorStatus
from dynamics_portal_api.operations import WhoAmI

TODAY = date(2026, 6, 1)


def write(portal: DynamicsPortalClient) -> UUID:
    """Rows are made with what belongs to them, changed under a condition, and told by an alternate key."""
    contacts, certifications = portal.contacts, portal.new_certifications
    kari = contacts.create(
        {
            "firstname": "Kari",
            "new_mentor_status": ContactMentorStatus.ACTIVE,
            "new_certification_Mentor_contact": [{"new_name": "First", "new_type": CertificationType.PEER_MENTOR}],
        },
        return_row=True,
        select=["firstname", "new_mentor_status"],
    )
    contacts.update(kari.contactid, {"new_certification_expiry": TODAY}, if_match=kari.etag)
    try:
        contacts.update(kari.contactid, {"firstname": "Karin"}, if_match=kari.etag)
    except VersionMismatchError as error:
        print(f"{error.dynamics_name}: read it again")
    mentor = {"_new_mentor_value": kari.contactid, "new_type": CertificationType.TINNITUS_CONTACT}
    second = certifications.upsert(mentor, {"new_status": CertificationStatus.ACTIVE}, return_row=True)
    print(f"created: {second.created}")
    contacts.set_value(kari.contactid, contacts.c.mobilephone, "+47 22 00 00 00")
    print(contacts.get_value(kari.contactid, contacts.c.mobilephone))
    contacts.clear_value(kari.contactid, contacts.c.mobilephone)
    return kari.contactid


def many(portal: DynamicsPortalClient) -> None:
    """Rows of any number, in chunks: each has a result of its own, and a run that has ended early can be taken up."""
    rows = (Contact(firstname=f"No. {number}", new_website_visible=True) for number in range(250))
    run = portal.contacts.create_many(rows)
    made = [result.key for result in run if result.key is not None]
    print(len(made), len(run.checkpoint) > 0)
    changes = ((key, Contact(new_website_visible=False)) for key in made)
    failed = portal.contacts.update_many(changes, chunk_size=50, concurrency=2).run()
    print([result.error for result in failed])
    portal.contacts.delete_many(made[4:]).run()
    portal.contacts.delete_where(("firstname", "Equal", "No. 3"), job_name="No. 3, by the service itself")


def relate(portal: DynamicsPortalClient, mentor: UUID) -> None:
    """Rows are bound as they are made, and related and parted later."""
    chapter = portal.new_chapters.create({"new_name": "Oslo"})
    assignment = portal.new_assignments.create(
        {"new_Mentor@odata.bind": portal.contacts.reference(mentor), "new_start_date": TODAY}
    )
    c = portal.new_assignments.c
    portal.new_assignments.associate(assignment, c.new_chapter, portal.new_chapters.reference(chapter))
    row = portal.new_assignments.get(assignment, expand=[c.new_chapter.expand(select=["new_name"])])
    print(row.new_chapter.new_name if row.new_chapter else "nowhere")
    portal.new_assignments.disassociate(assignment, c.new_chapter)


def ask(portal: DynamicsPortalClient) -> None:
    """Conditions of columns, related rows, orders, groups, counts; pages that another process goes on with."""
    c = portal.contacts.c
    soon = c.new_certification_expiry.between(TODAY, TODAY + timedelta(days=30)) & ~c.firstname.startswith("X")
    certified = c.new_certification_mentor_contact.any(lambda one: one.new_status == CertificationStatus.ACTIVE)
    certificates = c.new_certification_mentor_contact.expand(
        select=lambda one: [one.new_type], order_by=lambda one: [one.new_type.desc()]
    )
    for mentor in portal.contacts.list(
        filter=soon & certified, select=[c.firstname], order_by=[c.lastname, c.firstname.desc()], expand=[certificates]
    ):
        print(mentor.firstname, [one.new_type for one in mentor.new_certification_mentor_contact or ()])
    print(portal.contacts.count(filter=c.new_mentor_status == ContactMentorStatus.ACTIVE))
    for group in portal.contacts.aggregate(
        group_by=[c.new_mentor_status], number=count(), last=c.new_certification_expiry.max()
    ):
        print(group["new_mentor_status"], group["number"], group["last"])
    rows = portal.contacts.list(select=[c.firstname], page_size=1, count=True)
    page = rows.page()
    rest = portal.contacts.resume(str(rows.state))
    print(f"{len(page)} of {page.total}, and {len(list(rest))} later")


def fetch(portal: DynamicsPortalClient, view: UUID) -> None:
    """FetchXML, with values that need no escaping, and views that the organisation has stored."""
    query = (
        "<fetch><entity name='contact'><attribute name='firstname'/>"
        "<filter><condition attribute='firstname' operator='eq' value='{name}'/></filter></entity></fetch>"
    )
    print([row.firstname for row in portal.contacts.fetch_xml(query, values={"name": "Kari"})])
    print([row.firstname for row in portal.contacts.saved_query(view)])


def batch(portal: DynamicsPortalClient, mentor: UUID) -> None:
    """Many operations in one request; a change set happens as a whole or not at all."""
    with portal.batch() as batch:
        who = batch.execute(WhoAmI())
        found = batch.contacts.list(select=["firstname"], top=3)
        with batch.change_set() as changes:
            made = changes.contacts.create({"firstname": "Ola"})
            changes.new_certifications.create({"new_Mentor@odata.bind": changes.contacts.reference(made)})
        batch.contacts.update(mentor, {"new_pause_reason": "Parental leave"})
    print(who.result().user_id is not None, len(found.result()))


def follow(portal: DynamicsPortalClient, mentor: UUID) -> None:
    """A copy elsewhere is kept current: everything once, then what has changed."""
    first = portal.contacts.changes(select=["firstname"])
    copy = {change.row.contactid: change.row for change in first if isinstance(change, Changed)}
    portal.contacts.update(mentor, {"firstname": "Karin"})
    portal.contacts.delete(next(key for key in copy if key != mentor))
    for change in portal.contacts.changes(first.token, select=["firstname"]):
        match change:
            case Changed(row):
                print(f"changed: {row.firstname}")
            case _:
                print("removed")


def call(portal: DynamicsPortalClient, mentor: UUID) -> None:
    """Operations of the contract; calls in another's name, without custom logic, with limits of their own."""
    print(portal.new_set_website_visibility(mentor, visible=False, reason="Paused").sync_status)
    quiet = portal.with_options(bypass_plugins="sync", suppress_flows=True, detect_duplicates=True, deadline=5.0)
    quiet.contacts.update(mentor, {"new_website_visible": False})
    patient = portal.with_options(retry=RetryPolicy(max_attempts=5), correlation_id="nightly-job-7")
    print(patient.contacts.get(mentor, select=["new_mentor_status"], annotations=True).formatted("new_mentor_status"))
    answer = portal.with_raw_response.contacts.get(mentor, select=["firstname"])
    print(answer.status_code, answer.attempts, answer.parse().firstname)
    watched: list[str] = []
    portal.with_options(on_response=lambda event: watched.append(event.request.method)).contacts.count()
    print(watched)


def describe(portal: DynamicsPortalClient) -> None:
    """What the organisation says of itself: tables, columns, choices with labels in each language."""
    table = portal.definitions.table("contact")
    print(table.table.entity_set, table.columns["new_mentor_status"].type)
    print(portal.definitions.choices(["contact"])["contact"]["new_mentor_status"].options[1].labels[1044])
    print(ContactMentorStatus.PAUSED.label_in(1044))


def keep(archive: PortalClient, folder: Path) -> None:
    """Files, and partitions of an elastic table, where the contract has them: any generated package will do."""
    items: Any = archive.table("dep_items")
    key = items.create({"dep_name": "Lamp"})
    items.files.upload(key, "dep_manual", b"%PDF-1.7", name="bruksanvisning på norsk.pdf")
    download = items.files.download(key, "dep_manual")
    download.save(folder / download.name)
    print((folder / download.name).stat().st_size)
    device: Any = archive.table("dep_readings").partition("device-1")
    print(device.get(device.create({"dep_value": 7})).dep_value)


async def wait(portal: AsyncDynamicsPortalClient) -> None:
    """The same verbs, awaited."""
    async with portal:
        contacts, names = portal.contacts, ["Ida", "Per"]
        made = await asyncio.gather(*(contacts.create({"firstname": name}) for name in names))
        async for mentor in contacts.list(filter=contacts.c.firstname.in_(names), order_by="firstname"):
            print(mentor.firstname)
        for key in made:
            await contacts.delete(key)


def main(portal: DynamicsPortalClient, view: UUID) -> None:
    """Everything, one after the other."""
    mentor = write(portal)
    many(portal)
    relate(portal, mentor)
    ask(portal)
    fetch(portal, view)
    batch(portal, mentor)
    follow(portal, mentor)
    call(portal, mentor)
    describe(portal)
    try:
        portal.contacts.delete(mentor)
        portal.contacts.get(mentor)
    except DynamicsPortalClientException as error:
        print(error.code, error.request_id is not None)
