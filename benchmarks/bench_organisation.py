"""Generating a whole organisation's package, against the stock tool on 50 of its tables.

Ours reads `$metadata` and writes the package of every table and operation. The peer is openapi-python-client as it
comes, without its post hooks, on the OpenAPI document that we make of 50 of those tables. Reading CSDL and formatting
what is written, by ruff in a process of its own, is in our time alone. Seconds are those on the wall; megabytes are the
process's own. Reach: the whole organisation in less time than the peer's 50 tables, at most 20 s and 300 MB.

Usage: `python -m benchmarks.bench_organisation [METADATA]`. Without a document of an organisation's own, one in the
proportions of a real one is made.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.dataverse_shaped import make_metadata
from benchmarks.measure import alternate, spread
from dynamics_portal_generator.csdl import Metadata, local_name, read_metadata
from dynamics_portal_generator.openapi import to_openapi
from dynamics_portal_generator.select import select
from dynamics_portal_generator.selection import Selection, WantedTable

TABLES = 269  # of the made document: as many as a real organisation has
PEER_TABLES = 50
RUNS = 2
OURS = """
from pathlib import Path
from dynamics_portal_generator.client import generate
from dynamics_portal_generator.pipeline import derive
generate(derive(Path({source!r})).document, "organisation", Path({output!r}))
"""
PEER = """
import contextlib, io
from openapi_python_client.cli import app
with contextlib.redirect_stdout(io.StringIO()):
    app(
        ["generate", "--path", {document!r}, "--config", {config!r}, "--meta", "none", "--output-path", {output!r},
         "--overwrite"],
        standalone_mode=False,
    )
"""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        folder = Path(name)
        source = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "metadata.xml"
        if len(sys.argv) < 2:
            source.write_bytes(make_metadata(TABLES))
        metadata = read_metadata(source)
        (folder / "fifty.json").write_text(json.dumps(to_openapi(_fifty(metadata)).document), "utf-8")
        (folder / "config.yaml").write_text("post_hooks: []\n", "utf-8")
        ours, peer = alternate(
            OURS.format(source=str(source), output=str(folder / "ours")),
            PEER.format(
                document=str(folder / "fifty.json"), config=str(folder / "config.yaml"), output=str(folder / "peer")
            ),
            runs=RUNS,
        )
    tables = len(metadata.container.entity_sets)
    print(f"generating (openapi-python-client {version('openapi-python-client')}; median (minimum-maximum) of {RUNS})")
    for what, samples in ((f"all {tables} tables, ours", ours), (f"{PEER_TABLES} tables, the stock tool", peer)):
        seconds, megabytes = spread([item.wall for item in samples]), spread([item.memory for item in samples])
        print(f"  {what:32} {seconds} s, {megabytes} MB")
    ratios = [mine.wall / other.wall for mine, other in zip(ours, peer, strict=True)]
    print(f"  ratio of times {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


def _fifty(metadata: Metadata) -> Metadata:
    names = [local_name(entry.entity_type) for entry in metadata.container.entity_sets.values()][:PEER_TABLES]
    return select(metadata, Selection(tables={name: WantedTable(name) for name in names})).metadata


if __name__ == "__main__":
    main()
