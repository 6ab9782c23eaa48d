"""What it costs to read 100,000 rows of 41 columns in pages of 5,000 into Arrow, in CPU of the client's process, on the
service of `service`.

Ours: `portal.new_orders.read_arrow`, a batch of each page, moments, days and amounts as such. Against what is done
without it: `httpx2.Client.get`, `json.loads` to dictionaries, and a table (pyarrow) or a data frame (pandas) of them,
page by page, in which these are texts and floats; and against our own rows of `list`, made into a table. All keep the
batches of all pages. Over plain HTTP, so that TLS hides nothing. There is no reach but the first.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks import wide
from benchmarks.bench_read import COUNT, pages, places
from benchmarks.measure import alternate_calls, ratios, spread
from benchmarks.service import Address, running_service

RUNS = 3

CLIENT = """
import pyarrow as pa, wide
from benchmarks.plain import open_client
from dynamics_portal import PortalClient, arrow_schema
portal = open_client(wide.Portal, PortalClient, {https!r})
"""
OURS = (
    CLIENT
    + """
def call():
    table = portal.new_orders.read_arrow(page_size={size}, top=EACH).read_all()
    assert table.num_rows == EACH
"""
)
OF_LIST = (
    CLIENT
    + """
from uuid import UUID
schema = arrow_schema(wide.models.NewOrder)
names = [(name, column.attribute) for name, column in wide.models.NewOrder.__columns__.items()]
def plain(value):
    return str(value) if type(value) is UUID else value
def call():
    batches = []
    for page in portal.new_orders.list(page_size={size}, top=EACH).pages():
        columns = [[plain(getattr(row, attribute)) for row in page] for _, attribute in names]
        batches.append(pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema)], schema=schema))
    assert pa.Table.from_batches(batches).num_rows == EACH
"""
)
PLAIN = """
import httpx2, json
client = httpx2.Client(headers={{"Authorization": "Bearer benchmark"}})
def rows():
    done, url = 0, {origin!r} + {path!r}
    while done < EACH:
        page = json.loads(client.get(url, headers={{"Prefer": "odata.maxpagesize={size}"}}).content)
        yield page["value"]
        done += len(page["value"])
        url = {origin!r} + page["@odata.nextLink"]
"""
PYARROW = (
    PLAIN
    + """
import pyarrow as pa
def call():
    assert pa.concat_tables([pa.Table.from_pylist(page) for page in rows()]).num_rows == EACH
"""
)
PANDAS = (
    PLAIN
    + """
import pandas as pd
def call():
    assert len(pd.concat([pd.DataFrame(page) for page in rows()])) == EACH
"""
)


def main() -> None:
    """Print the figures."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("dynamics-portal", "httpx2", "pyarrow", "pandas"))
    print(
        f"reading {COUNT:,} rows of 41 columns in pages of 5,000 into Arrow "
        f"(us of CPU a row, median (minimum-maximum) of {RUNS} processes; {versions})"
    )
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        wide.make_package(Path(name))
        with running_service(pages(), tls=False) as address:
            _report(address, Path(name))


def _report(address: Address, folder: Path) -> None:
    codes = {
        "ours, read_arrow": OURS,
        "ours, list, made into a table": OF_LIST,
        "httpx2 + json.loads + pyarrow.Table.from_pylist": PYARROW,
        "httpx2 + json.loads + pandas.DataFrame": PANDAS,
    }
    made = [f"EACH = {COUNT // 5}\n" + code.format(**places(address)) for code in codes.values()]
    found = alternate_calls(*made, runs=RUNS, count=COUNT, path=[folder, Path(__file__).parent.parent])
    for number, (name, values) in enumerate(zip(codes, found, strict=True)):
        against = f"; ours to it {ratios(found[0], values)}" if number else ""
        print(f"  {name:50} {spread(values)}{against}")


if __name__ == "__main__":
    main()
