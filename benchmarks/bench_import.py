"""What importing the wrapper costs, and one table of a package of 800 and of HLF's, over `import httpx2`.

The peer is `import httpx2`, the HTTP library that any client needs. Reach: a table takes at most 20 ms and 5 MB more;
`import dynamics_portal` at most 1.3 of the peer. That loads next to nothing, since names are found when they are asked
for; so what a program does next, which loads httpx2 and a client, is printed as well.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.dataverse_shaped import make_metadata
from benchmarks.measure import Sample, alternate, spread
from dynamics_portal_generator.client import generate
from dynamics_portal_generator.csdl import read_metadata
from dynamics_portal_generator.openapi import to_openapi

TABLES = 800
RUNS = 15
PEER = "import httpx2"
OURS = "import httpx2\nfrom many.models import NewTable0100"
WRAPPER = "import dynamics_portal"
CLIENT = "from dynamics_portal import PortalClient"
HLF = "import httpx2\nfrom dynamics_portal_api.models import Contact"
ROOTS = [Path(__file__).parent.parent / "generated_client"]


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        folder = Path(name)
        generate(to_openapi(read_metadata(make_metadata(TABLES), name="many.xml")).document, "many", folder)
        peer, ours, hlf, wrapper, client = alternate(PEER, OURS, HLF, WRAPPER, CLIENT, runs=RUNS, path=[folder, *ROOTS])
    print(f"importing (httpx2 {version('httpx2')}; CPU, median (minimum-maximum) of {RUNS} fresh processes)")
    print(f"  {PEER:48} {spread([sample.cpu * 1e3 for sample in peer])} ms")
    _report(f"one table of {TABLES}", ours, peer)
    _report("HLF's contact", hlf, peer)
    _report(WRAPPER, wrapper, peer)
    _report(CLIENT, client, peer)


def _report(what: str, ours: list[Sample], peer: list[Sample]) -> None:
    pairs = list(zip(ours, peer, strict=True))
    extra = [(mine.cpu - other.cpu) * 1e3 for mine, other in pairs]
    memory = [mine.memory - other.memory for mine, other in pairs]
    ratio = [mine.cpu / other.cpu for mine, other in pairs]
    low, high = f"{min(ratio):.2f}", f"{max(ratio):.2f}"
    print(f"  {what + ', over it':48} {spread(extra)} ms, {spread(memory)} MB; ratio {low} to {high}")


if __name__ == "__main__":
    main()
