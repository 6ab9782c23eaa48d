"""What it costs to get one typed row of 41 columns, in CPU of the client's process, on the service of `service`.

Against `httpx2.Client.get` and `json.loads`, which is what one would write without us: no token, no retries, no types.
Reach: at most 0.70 of it, over plain HTTP, where nothing but the clients differs; over TLS it is printed as well.
Against `records.retrieve` of Microsoft's PowerPlatform-Dataverse-Client, over TLS, used as a context, in
which it keeps its connection. Reach: at most 0.50 of it.
Ours is measured with the extra `fast` (msgspec) and without it.
"""

from __future__ import annotations

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks import wide
from benchmarks.measure import alternate_calls, ratios, spread
from benchmarks.service import Address, Reply, running_service

RUNS = 5
COUNT = 500
ROW = wide.make_row(1)
KEY = ROW["new_orderid"]
BODY = json.dumps({"@odata.context": "$metadata#new_orders/$entity", "@odata.etag": 'W/"1"', **ROW}).encode()
PATH = f"/api/data/v9.2/{wide.ENTITY_SET}({KEY})"

OURS = """
import uuid, wide
from benchmarks.plain import open_client
from dynamics_portal import PortalClient
portal = open_client(wide.Portal, PortalClient, {https!r}, {ca_file!r})
key = uuid.UUID({key!r})
def call():
    return portal.new_orders.get(key)
assert str(call().new_orderid) == {key!r}
"""
WITHOUT_FAST = "import sys\nsys.modules['msgspec'] = None\n" + OURS
HTTPX2 = """
import httpx2, json, ssl
client = httpx2.Client(
    verify=ssl.create_default_context(cafile={ca_file!r}), headers={{"Authorization": "Bearer benchmark"}}
)
def call():
    return json.loads(client.get({url!r}).content)
assert call()["new_orderid"] == {key!r}
"""
MICROSOFT = """
import os, time
os.environ["REQUESTS_CA_BUNDLE"] = {ca_file!r}
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
class Credential:
    def get_token(self, *scopes, **keywords):
        return AccessToken("benchmark", int(time.time()) + 3600)
client = DataverseClient({https!r}, Credential()).__enter__()  # which keeps its connection
def call():
    return client.records.retrieve("new_order", {key!r})
assert call()["new_orderid"] == {key!r}
"""
ENTITY = {"LogicalName": "new_order", "EntitySetName": wide.ENTITY_SET, "PrimaryIdAttribute": "new_orderid"}
REPLIES = {
    f"GET /api/data/v9.2/{wide.ENTITY_SET}(": Reply(BODY),
    "GET /api/data/v9.2/EntityDefinitions": Reply(json.dumps({"value": [ENTITY]}).encode()),
}


def main() -> None:
    """Print the figures."""
    names = ("dynamics-portal", "httpx2", "msgspec", "PowerPlatform-Dataverse-Client")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"getting one row of 41 columns (us of CPU a call, median (minimum-maximum) of {RUNS} processes; {versions})")
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        folder = Path(name)
        wide.make_package(folder)
        with running_service(REPLIES, tls=False) as address:
            _report("plain HTTP", address, folder, {"httpx2.Client.get + json.loads": HTTPX2})
        with running_service(REPLIES) as address:
            peers = {"httpx2.Client.get + json.loads": HTTPX2, "PowerPlatform-Dataverse-Client": MICROSOFT}
            _report("TLS", address, folder, peers)


def _report(what: str, address: Address, folder: Path, peers: dict[str, str]) -> None:
    codes = {"ours, with fast": OURS, "ours, without": WITHOUT_FAST, **peers}
    places = {
        "ca_file": address.ca_file,
        "https": f"https://localhost:{address.port}",
        "key": KEY,
        "url": address.origin + PATH,
    }
    root = Path(__file__).parent.parent
    found = alternate_calls(
        *(code.format(**places) for code in codes.values()), runs=RUNS, count=COUNT, path=[folder, root]
    )
    samples = dict(zip(codes, found, strict=True))
    for name, values in samples.items():
        against = "".join(f"; to {peer.split()[0]} {ratios(values, samples[peer])}" for peer in peers)
        print(f"  {what}, {name:40} {spread(values)}{against if name.startswith('ours') else ''}")


if __name__ == "__main__":
    main()
