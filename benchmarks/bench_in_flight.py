"""What a call costs with 50 of them in flight, in CPU of the client's process, on the service of `service`.

The asynchronous client gets 50 rows at a time, of 41 columns each; against our own synchronous client that gets one
after the other. Reach: at most 1.2 of it for each call. Over TLS, as services are called, and over plain HTTP.
httpx2's asynchronous client with `json.loads` is printed beside it.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks import wide
from benchmarks.bench_get import KEY, OURS, PATH, REPLIES
from benchmarks.measure import alternate_calls, ratios, spread
from benchmarks.service import running_service

RUNS = 4
COUNT = 1500
IN_FLIGHT = 50
MANY = """
import asyncio, uuid, wide
from benchmarks.plain import open_client
from dynamics_portal import AsyncPortalClient
portal = open_client(wide.AsyncPortal, AsyncPortalClient, {https!r}, {ca_file!r})
key = uuid.UUID({key!r})
EACH = {in_flight} * 5
runner = asyncio.Runner()
async def worker():
    for _ in range(5):
        row = await portal.new_orders.get(key)
    return row
async def together():
    return await asyncio.gather(*(worker() for _ in range({in_flight})))
def call():
    return runner.run(together())
assert call()[0].new_orderid == key
"""
HTTPX2 = """
import asyncio, httpx2, json, ssl
client = httpx2.AsyncClient(
    verify=ssl.create_default_context(cafile={ca_file!r}), headers={{"Authorization": "Bearer benchmark"}}
)
EACH = {in_flight} * 5
runner = asyncio.Runner()
async def worker():
    for _ in range(5):
        row = json.loads((await client.get({url!r})).content)
    return row
async def together():
    return await asyncio.gather(*(worker() for _ in range({in_flight})))
def call():
    return runner.run(together())
assert call()[0]["new_orderid"] == {key!r}
"""


def main() -> None:
    """Print the figures."""
    print(
        f"{IN_FLIGHT} calls in flight (us of CPU a call, median (minimum-maximum) of {RUNS} processes; "
        f"dynamics-portal {version('dynamics-portal')}, httpx2 {version('httpx2')})"
    )
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        folder = Path(name)
        wide.make_package(folder)
        for tls in (True, False):
            with running_service(REPLIES, tls=tls) as address:
                places = {
                    "ca_file": address.ca_file,
                    "https": f"https://localhost:{address.port}",
                    "in_flight": IN_FLIGHT,
                    "key": KEY,
                    "url": address.origin + PATH,
                }
                codes = [code.format(**places) for code in (MANY, OURS, HTTPX2)]
                path = [folder, Path(__file__).parent.parent]
                many, one, theirs = alternate_calls(*codes, runs=RUNS, count=COUNT, path=path)
            what = "TLS" if tls else "plain HTTP"
            print(f"  {what}, ours, 50 in flight                  {spread(many)}; ratio {ratios(many, one)}")
            print(f"  {what}, ours, one after the other           {spread(one)}")
            print(f"  {what}, httpx2.AsyncClient, 50 in flight    {spread(theirs)}; ours to it {ratios(many, theirs)}")


if __name__ == "__main__":
    main()
