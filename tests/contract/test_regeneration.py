"""A change of the spec needs regeneration only: what is added there is callable and typed, with nothing else edited."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.packages import HLF, Package, mypy, python, run

CLI = "from dynamics_portal_generator.cli import main; main()"
LAST_TYPE = '<ComplexType Name="WhoAmIResponse"'
VENUE = """
<EntityType Name="new_venue" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="new_venueid"/></Key>
  <Property Name="new_venueid" Type="Edm.Guid"/><Property Name="new_seats" Type="Edm.Int32"/></EntityType>
<Action Name="new_Book" IsBound="true"><Parameter Name="entity" Type="mscrm.new_venue"/>
  <Parameter Name="Day" Type="Edm.Date" Nullable="false"/><ReturnType Type="Edm.Int32" Nullable="false"/></Action>
"""


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Package, str]:
    """The package of the contract plus a column, a choice value, a table and an action, by the two commands of
    `make generate`; and what they told."""
    folder = tmp_path_factory.mktemp("regenerated")
    spec = Path(shutil.copytree(HLF, folder / "spec"))
    edit(spec / "metadata.xml", LAST_TYPE, VENUE + LAST_TYPE)
    nickname = '<Property Name="new_nickname" Type="Edm.String"/>'
    edit(spec / "metadata.xml", '<Property Name="new_pause_reason"', nickname + '<Property Name="new_pause_reason"')
    venues = '<EntitySet Name="new_venues" EntityType="mscrm.new_venue"/>'
    edit(spec / "metadata.xml", '<EntitySet Name="contacts"', venues + '<EntitySet Name="contacts"')
    choices = json.loads((spec / "choices.json").read_text("utf-8"))
    choices["contact"]["new_mentor_status"]["options"].append({"value": 100000004, "label": "På vent"})
    (spec / "choices.json").write_text(json.dumps(choices), "utf-8")
    edit(spec / "selection.yaml", "    - new_pause_reason\n", "    - new_pause_reason\n    - new_nickname\n")
    edit(spec / "selection.yaml", "  new_chapter:\n", "  new_chapter:\n  new_venue:\n")
    edit(spec / "selection.yaml", "  - WhoAmI\n", "  - WhoAmI\n  - new_Book\n")
    parts = ["--metadata", "spec/metadata.xml", "--selection", "spec/selection.yaml", "--overlay", "spec/overlay.yaml"]
    told = ""
    for arguments in (
        ["openapi", *parts, "-o", "spec/openapi.yaml"],
        ["generate", "--spec", "spec/openapi.yaml", "--package", "acme_api", "-o", "."],
    ):
        result = run([sys.executable, "-c", CLI, *arguments], folder)
        assert result.returncode == 0, result.stderr
        told += result.stderr
    return Package(folder, "acme_api"), told


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")


USE = """
from __future__ import annotations
import datetime as dt
import json
from collections.abc import Callable
from uuid import UUID
import httpx2
import acme_api
from acme_api.models import Contact, ContactMentorStatus, NewVenue
from dynamics_portal import DynamicsPortalClient, StaticCredentialProvider

VENUE = UUID(int=5)
seen: list[str] = []

def answer(request: httpx2.Request) -> httpx2.Response:
    if request.url.path.endswith("/token"):
        return httpx2.Response(200, json={"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
    seen.append(f"{request.method} {request.url.path.partition('v9.2/')[2]} {request.content.decode()}")
    if "new_Book" in request.url.path:
        return httpx2.Response(200, json={"value": 7})
    if "new_venues" in request.url.path:
        return httpx2.Response(200, json={"new_venueid": str(VENUE), "new_seats": 40})
    return httpx2.Response(204)

provider = StaticCredentialProvider(tenant_id="t", client_id="c", client_secret="s")
transport = httpx2.MockTransport(answer)
client = DynamicsPortalClient("https://acme.crm4.dynamics.com", provider, transport=transport, api=acme_api)
with client as portal:
    venues = portal.table(NewVenue)
    venue = venues.get(VENUE)
    seats: object = venue.new_seats
    portal.table(Contact).update(VENUE, {"new_nickname": "Kari", "new_mentor_status": ContactMentorStatus.PA_VENT})
    booked: int = portal.execute(acme_api.operations.NewBook(VENUE, day=dt.date(2024, 2, 29)))
    print(json.dumps({"seats": seats, "booked": booked, "seen": seen}))
"""


def test_what_was_added_is_called_through_the_client(regenerated: tuple[Package, str]) -> None:
    found = json.loads(python(regenerated[0].folder, USE))
    venue = "00000000-0000-0000-0000-000000000005"
    assert (found["seats"], found["booked"]) == (40, 7)
    read, update, book = found["seen"]
    assert read.split() == ["GET", f"new_venues({venue})"]
    assert update.startswith(f"PATCH contacts({venue}) ")
    assert json.loads(update.split(" ", 2)[2]) == {"new_nickname": "Kari", "new_mentor_status": 100000004}
    assert book.startswith(f"POST new_venues({venue})/Microsoft.Dynamics.CRM.new_Book ")
    assert json.loads(book.split(" ", 2)[2]) == {"Day": "2024-02-29"}


def test_what_was_added_is_typed(regenerated: tuple[Package, str], mypy_cache: Path) -> None:
    folder = regenerated[0].folder
    (folder / "program.py").write_text(USE, "utf-8")
    assert mypy(mypy_cache, folder, "program.py") == []
    wrong: dict[str, Callable[[str], str]] = {
        "nickname": lambda text: text.replace('"new_nickname": "Kari"', '"new_nickname": 5'),
        "column": lambda text: text.replace("new_nickname", "new_nicknam"),
        "choice": lambda text: text.replace("PA_VENT", "PAA_VENT"),
        "table": lambda text: text.replace("NewVenue", "NewVenu"),
        "parameter": lambda text: text.replace("day=dt.date(2024, 2, 29)", "day='2024-02-29'"),
        "result": lambda text: text.replace("booked: int", "booked: str"),
    }
    for name, change in wrong.items():
        (folder / f"wrong_{name}.py").write_text(change(USE), "utf-8")
    told = mypy(mypy_cache, folder, *(f"wrong_{name}.py" for name in wrong))
    assert {name for name in wrong if any(line.startswith(f"wrong_{name}.py:") for line in told)} == set(wrong)


def test_nothing_else_of_the_package_changed(regenerated: tuple[Package, str]) -> None:
    old = HLF.parents[1] / "generated_client" / "dynamics_portal_api"
    new = regenerated[0].path
    changed = {
        file.relative_to(new).as_posix()
        for file in new.rglob("*.py")
        if not (old / file.relative_to(new)).is_file()
        or (old / file.relative_to(new)).read_bytes() != file.read_bytes()
    }
    assert changed == {
        "columns/__init__.py",
        "columns/contact.py",
        "columns/new_venue.py",
        "models/__init__.py",
        "models/contact.py",
        "models/new_venue.py",
        "operations/__init__.py",
        "operations/new_book.py",
        "portal.py",
        "registry.py",
    }
