"""What retry, log and authentication add to a call that succeeds at once: microseconds of CPU.

The same request, prepared once, goes over a wire that answers in memory: through the whole way of a call (retry,
throttling, token, hooks, log at its default level), and by the exchange alone, which sends it and reads the answer.
Reach: at most 5 us more.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import alternate_calls, spread

RUNS = 7
COUNT = 20_000
WIRE = """
from dynamics_portal import PortalClient, StaticCredentialProvider
from dynamics_portal._call import STANDING_HEADERS
import dynamics_portal_api
class Reply:
    status, headers = 200, {"content-type": "application/json"}
    def __init__(self, content):
        self.content = content
    def part(self):
        content, self.content = self.content, None
        return content
    def close(self):
        pass
class Wire:
    errors = (OSError,)
    def send(self, method, url, headers, content, timeouts):
        assert headers
        return Reply(b'{"token_type":"Bearer","expires_in":86400,"access_token":"t"}' if content else b"{}")
    def close(self):
        pass
provider = StaticCredentialProvider(tenant_id="tenant", client_id="client", client_secret="secret")
portal = PortalClient("https://localhost", provider, api=dynamics_portal_api)
caller, settings = portal._caller, portal._settings
portal._wire = caller._exchange._wire = Wire()
key = "11111111-2222-3333-4444-555555555555"
prepared = portal.table("contacts")._requests.read(key, None, None, annotations=False)
"""
WHOLE = (
    WIRE
    + """
def call():
    return caller.call(prepared)
assert call().content == b"{}"
"""
)
BARE = (
    WIRE
    + """
headers = [("Accept", prepared.accept), *STANDING_HEADERS, ("x-correlation-id", prepared.correlation_id)]
headers.append(("Authorization", "Bearer t"))
send, timeouts, correlation_id = caller._exchange.send, settings.timeouts, prepared.correlation_id
def call():
    return send(prepared.method, prepared.url, headers, None, timeouts, correlation_id=correlation_id, attempt=1)
assert call().content == b"{}"
"""
)


def main() -> None:
    """Print the figures."""
    root = Path(__file__).parent.parent
    path = [root, root / "generated_client"]
    whole, bare = alternate_calls(WHOLE, BARE, runs=RUNS, count=COUNT, path=path)
    print(
        f"retry, log and authentication added to a call that succeeds (us of CPU, median (minimum-maximum) of {RUNS} "
        f"processes; dynamics-portal {version('dynamics-portal')})"
    )
    print(f"  the whole way of a call    {spread(whole)}")
    print(f"  the exchange alone         {spread(bare)}")
    print(f"  added                      {spread([mine - other for mine, other in zip(whole, bare, strict=True)])}")


if __name__ == "__main__":
    main()
