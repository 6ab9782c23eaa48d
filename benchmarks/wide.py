"""A table of 41 columns as Dataverse has them, its generated package, and rows of it as the service sends them.

The columns are those of a made-up order of assistive devices: the key, 8 lookups, 12 texts, 6 choices, 6 moments and a
date, 2 decimals, 2 whole numbers, 2 yes/no, and the row's version. The same number gives the same row.
"""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path
from typing import Any

from dynamics_portal_generator.client import generate
from dynamics_portal_generator.pipeline import derive

PACKAGE = "wide"
ENTITY_SET = "new_orders"
_COLUMNS: dict[str, str] = {
    "new_orderid": "Edm.Guid",
    **{f"_new_lookup{number}_value": "Edm.Guid" for number in range(8)},
    **{f"new_text{number:02}": "Edm.String" for number in range(12)},
    **{f"new_choice{number}": "Edm.Int32" for number in range(6)},
    **{f"new_moment{number}": "Edm.DateTimeOffset" for number in range(6)},
    "new_day": "Edm.Date",
    **{f"new_amount{number}": "Edm.Decimal" for number in range(2)},
    **{f"new_number{number}": "Edm.Int32" for number in range(2)},
    **{f"new_flag{number}": "Edm.Boolean" for number in range(2)},
    "versionnumber": "Edm.Int64",
}
COLUMNS = tuple(_COLUMNS)
WRITABLE = tuple(name for name in COLUMNS if not name.startswith("_") and name not in ("new_orderid", "versionnumber"))
assert len(COLUMNS) == 41

_CHOICES = {100000000: "Ordered", 100000001: "In stock", 100000002: "Sent", 100000003: "Returned"}


def make_package(folder: Path) -> None:
    """Generate the package `wide` in a folder, from a spec folder beside it."""
    spec = folder / "spec"
    spec.mkdir()
    (spec / "metadata.xml").write_text(_document(), "utf-8")
    (spec / "choices.json").write_text(json.dumps({"new_order": _choices()}), "utf-8")
    generate(derive(spec / "metadata.xml").document, PACKAGE, folder)


def make_row(number: int) -> dict[str, Any]:
    """A row as JSON, without annotations."""
    chance = random.Random(number)
    return {name: _value(name, kind, chance) for name, kind in _COLUMNS.items()}


def make_page(first: int, size: int, next_link: str | None) -> bytes:
    """A page of rows as the service sends it."""
    rows = [{"@odata.etag": f'W/"{7000000 + number}"', **make_row(number)} for number in range(first, first + size)]
    page = {"@odata.context": f"$metadata#{ENTITY_SET}", "value": rows}
    if next_link is not None:
        page["@odata.nextLink"] = next_link
    return json.dumps(page, separators=(",", ":"), ensure_ascii=False).encode()


def _value(name: str, kind: str, chance: random.Random) -> Any:
    if chance.random() < 0.2 and name not in ("new_orderid", "versionnumber"):
        return None
    match kind:
        case "Edm.Guid":
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        case "Edm.String":
            return " ".join(chance.choice(_WORDS) for _ in range(chance.randint(1, 4)))
        case "Edm.DateTimeOffset":
            return f"{_day(chance)}T08:{chance.randint(10, 59)}:07Z"
        case "Edm.Date":
            return _day(chance)
        case "Edm.Decimal":
            return chance.randint(100, 9_999_999) / 100
        case "Edm.Boolean":
            return chance.random() < 0.5
        case "Edm.Int64":
            return chance.randint(10**6, 10**8)
    return chance.choice(list(_CHOICES)) if name.startswith("new_choice") else chance.randint(0, 10**6)


_WORDS = (
    "høreapparat",
    "batteri",
    "slynge",
    "mikrofon",
    "forsterker",
    "ring",
    "telefon",
    "Oslo",
    "Tromsø",
    "reparasjon",
)


def _day(chance: random.Random) -> str:
    return f"20{chance.randint(10, 26)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"


def _choices() -> dict[str, Any]:
    options = [{"value": value, "label": label} for value, label in _CHOICES.items()]
    names = [name for name in COLUMNS if name.startswith("new_choice")]
    return {name: {"name": f"new_order_{name}", "multi": False, "options": options} for name in names}


def _document() -> str:
    columns = "\n".join(f'<Property Name="{name}" Type="{kind}"{_facet(kind)}/>' for name, kind in _COLUMNS.items())
    lookups = [name for name in COLUMNS if name.startswith("_")]
    navigation = "\n".join(
        f'<NavigationProperty Name="{name[1:-6]}" Type="mscrm.new_order" Nullable="false">'
        f'<ReferentialConstraint Property="{name}" ReferencedProperty="new_orderid"/></NavigationProperty>'
        for name in lookups
    )
    bindings = "\n".join(f'<NavigationPropertyBinding Path="{name[1:-6]}" Target="new_orders"/>' for name in lookups)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Microsoft.Dynamics.CRM" Alias="mscrm">
<EntityType Name="crmbaseentity" Abstract="true"/>
<EntityType Name="new_order" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="new_orderid"/></Key>
{columns}
{navigation}
</EntityType>
<EntityContainer Name="System"><EntitySet Name="new_orders" EntityType="Microsoft.Dynamics.CRM.new_order">
{bindings}
</EntitySet></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>
"""


def _facet(kind: str) -> str:
    return {"Edm.String": ' Unicode="false"', "Edm.Decimal": ' Scale="Variable"'}.get(kind, "")
