"""What it costs to read 100,000 rows of 41 columns in pages of 5,000, every field of every row used, in CPU of the
client's process, on the service of `service`; five times 20,000, after as many that are not measured.

Ours: `portal.new_orders.list`, rows typed to the last column. Against `httpx2.Client.get` and `json.loads`, which give
dictionaries with texts for ids, moments and amounts. Using a field is reading it by its name: `row.new_text00` on our
side, `row["new_text00"]` on the other, as a program would. Both over plain HTTP, so that TLS hides nothing.
Reach: at most 0.55 of it with the extra `fast` (msgspec), at most 1.0 without.
"""

from __future__ import annotations

import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import wide
from benchmarks.measure import alternate_calls, ratios, spread
from benchmarks.service import Address, Reply, running_service

RUNS = 3
SIZE = 5_000
COUNT = 100_000
ROW = wide.make_row(1)
KEY = ROW["new_orderid"]
PATH = f"/api/data/v9.2/{wide.ENTITY_SET}"

OURS = """
import wide
from benchmarks.plain import open_client
from dynamics_portal import PortalClient
portal = open_client(wide.Portal, PortalClient, {https!r})
{use_attributes}
def one():
    portal.new_orders.get({key!r})
def call(count=EACH):
    done = 0
    for row in portal.new_orders.list(page_size={size}, top=count):
        use(row)
        done += 1
    assert done == count
"""
WITHOUT_FAST = "import sys\nsys.modules['msgspec'] = None\n" + OURS
HTTPX2 = """
import httpx2, json
client = httpx2.Client(headers={{"Authorization": "Bearer benchmark"}})
{use_items}
def one():
    json.loads(client.get({origin!r} + {path!r} + "({key})").content)
def call(count=EACH):
    done, url = 0, {origin!r} + {path!r}
    while done < count:
        page = json.loads(client.get(url, headers={{"Prefer": "odata.maxpagesize={size}"}}).content)
        for row in page["value"]:
            use(row)
            done += 1
        url = {origin!r} + page["@odata.nextLink"]
    assert done == count
"""


def pages() -> dict[str, Reply]:
    """A first page, and two more that lead to each other for ever; beside them, a row by itself."""
    links = {PATH: "odd", f"{PATH}?$skiptoken=odd": "even", f"{PATH}?$skiptoken=even": "odd"}
    made = {
        f"GET {path}": Reply(wide.make_page(0, SIZE, f"{PATH}?$skiptoken={following}"))
        for path, following in links.items()
    }
    return {f"GET {PATH}(": Reply(json.dumps(ROW).encode()), **made}


def _use(form: str) -> str:
    """A function that reads every field of a row, by name."""
    return "def use(row):\n" + "".join(f"    {form.format(name)}\n" for name in wide.COLUMNS)


def main() -> None:
    """Print the figures."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("dynamics-portal", "httpx2", "msgspec"))
    print(
        f"reading {COUNT:,} rows of 41 columns in pages of {SIZE:,} "
        f"(us of CPU a row, median (minimum-maximum) of {RUNS} processes; {versions})"
    )
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        wide.make_package(Path(name))
        with running_service(pages(), tls=False) as address:
            _report(address, Path(name))


def places(address: Address) -> dict[str, Any]:
    """What is filled into the measured codes."""
    return {
        "key": KEY,
        "https": f"https://localhost:{address.port}",
        "origin": address.origin,
        "path": PATH,
        "size": SIZE,
        "use_attributes": _use("row.{}"),
        "use_items": _use("row[{!r}]"),
    }


def _report(address: Address, folder: Path) -> None:
    codes = {"ours, with fast": OURS, "ours, without": WITHOUT_FAST, "httpx2.Client.get + json.loads": HTTPX2}
    made = [f"EACH = {COUNT // 5}\n" + code.format(**places(address)) for code in codes.values()]
    found = alternate_calls(*made, runs=RUNS, count=COUNT, path=[folder, Path(__file__).parent.parent])
    for name, values in zip(codes, found, strict=True):
        against = f"; to httpx2 {ratios(values, found[-1])}" if name.startswith("ours") else ""
        print(f"  {name:40} {spread(values)}{against}")


if __name__ == "__main__":
    main()
