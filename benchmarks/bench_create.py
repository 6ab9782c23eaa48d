"""What it costs to create 2,000 rows of 31 columns in chunks of 100, in CPU of the client's process, on the service of
`service`: by `create_many`, of typed values (`datetime`, `date`, `Decimal`, choices, texts, numbers), given once as
mappings and once as objects of the row class, each row checked and given its id, each result taken with its key.

Against `httpx2.Client.post` and `json.dumps` of a CreateMultiple, and the ids of its answer: no token, no retries, no
checks, no result for each row. Its rows are once the same typed mappings, whose values `json.dumps` has to convert, and
once made ready for JSON beforehand, at no cost. All send one chunk at a time.
Reach: at most 0.50 of it with the extra `fast` (msgspec), over plain HTTP, where nothing but the clients differs;
without the extra, and over TLS, it is printed as well.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from importlib.metadata import version
from pathlib import Path

from benchmarks import wide
from benchmarks.measure import alternate_calls, ratios, spread
from benchmarks.service import Address, Reply, running_service

RUNS = 4
ROWS = 2_000
CHUNK = 100
PATH = f"/api/data/v9.2/{wide.ENTITY_SET}/Microsoft.Dynamics.CRM.CreateMultiple"
PEER = "httpx2 + json.dumps, typed values"
READY = "httpx2 + json.dumps, ready values"

OURS = """
import wide
from benchmarks.plain import open_client
from benchmarks.wide import WRITABLE, make_row
from dynamics_portal import PortalClient
from wide.models import NewOrder
portal = open_client(wide.Portal, PortalClient, {https!r}, {ca_file!r})
EACH = {rows}
typed = [NewOrder.from_dict(make_row(number)) for number in range(EACH)]
rows = [{{name: getattr(row, name) for name in WRITABLE}} for row in typed]
def call():
    results = portal.new_orders.create_many(rows, chunk_size={chunk}, concurrency=1)
    return [result.key for result in results if result.ok]
assert len(set(call())) == EACH
"""
OBJECTS = OURS.replace("def call", "rows = [NewOrder(**row) for row in rows]\ndef call", 1)
_WITHOUT_FAST = "import sys\nsys.modules['msgspec'] = None\n"
WITHOUT = {"ours, mappings, without": _WITHOUT_FAST + OURS, "ours, objects, without": _WITHOUT_FAST + OBJECTS}
_HTTPX2 = """
import httpx2, json, ssl
from benchmarks.wide import WRITABLE, make_row
headers = {{"Authorization": "Bearer benchmark", "Content-Type": "application/json"}}
client = httpx2.Client(verify=ssl.create_default_context(cafile={ca_file!r}), headers=headers)
EACH = {rows}
kind = {{"@odata.type": "Microsoft.Dynamics.CRM.new_order"}}
made = [make_row(number) for number in range(EACH)]
rows = [{{**kind, **{{name: row[name] for name in WRITABLE}}}} for row in made]
dumps = json.dumps
{typed}
def call():
    ids = []
    for start in range(0, EACH, {chunk}):
        answer = client.post({url!r}, content=dumps({{"Targets": rows[start : start + {chunk}]}}))
        ids += json.loads(answer.content)["Ids"]
    return ids
assert len(call()) == EACH
"""
_TYPED = """
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from wide.models import NewOrder
rows = [{**kind, **{name: getattr(NewOrder.from_dict(row), name) for name in WRITABLE}} for row in made]
def plain(value):
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError
dumps = partial(json.dumps, default=plain)
"""


def main() -> None:
    """Print the figures."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("dynamics-portal", "httpx2", "msgspec"))
    print(f"creating {ROWS:,} rows (us of CPU a row, median (minimum-maximum) of {RUNS} processes; {versions})")
    ids = json.dumps({"Ids": [str(uuid.UUID(int=number)) for number in range(CHUNK)]}).encode()
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        wide.make_package(Path(name))
        for what, tls in (("plain HTTP", False), ("TLS", True)):
            with running_service({f"POST {PATH}": Reply(ids)}, tls=tls) as address:
                _report(what, address, Path(name))


def _report(what: str, address: Address, folder: Path) -> None:
    codes = {
        "ours, mappings, with fast": OURS,
        "ours, objects, with fast": OBJECTS,
        **(WITHOUT if address.ca_file is None else {}),
        PEER: _HTTPX2.replace("{typed}", _TYPED.replace("{", "{{").replace("}", "}}")),
        READY: _HTTPX2.replace("{typed}", ""),
    }
    places = {
        "ca_file": address.ca_file,
        "https": f"https://localhost:{address.port}",
        "url": address.origin + PATH,
        "rows": ROWS,
        "chunk": CHUNK,
    }
    root = Path(__file__).parent.parent
    found = alternate_calls(
        *(code.format(**places) for code in codes.values()), runs=RUNS, count=5 * ROWS, path=[folder, root]
    )
    samples = dict(zip(codes, found, strict=True))
    for name, values in samples.items():
        to = [f"{ratios(values, samples[peer])} to {peer.split()[-2]}" for peer in (PEER, READY)]
        against = "" if name in (PEER, READY) else f"; {', '.join(to)}"
        print(f"  {what}, {name:34} {spread(values)}{against}")


if __name__ == "__main__":
    main()
