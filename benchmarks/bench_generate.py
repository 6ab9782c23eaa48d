"""How generation grows: a whole package for 250, 500, 1,000 and 2,000 tables, each in a fresh process.

The peer is ourselves at 250 tables: seconds and megabytes a table must not grow with the number of tables. The floor
of the process (imports, templates) is measured with one table and subtracted.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.dataverse_shaped import make_metadata
from benchmarks.measure import Sample, probe

SIZES = (250, 500, 1000, 2000)
RUNS = 2
CODE = """
from pathlib import Path
from dynamics_portal_generator.client import generate
from dynamics_portal_generator.pipeline import derive
generate(derive(Path({source!r})).document, "many", Path({output!r}))
"""


def main() -> None:
    """Print the figures."""
    print(f"generating a package (openapi-python-client {version('openapi-python-client')}, best of {RUNS} runs)")
    floor = _measure(1)
    base: float | None = None
    for tables in SIZES:
        sample = _measure(tables)
        each = (sample.wall - floor.wall) / tables * 1e3
        memory = (sample.memory - floor.memory) / tables
        base = base or each
        print(
            f"  {tables:5} tables: {sample.wall:6.1f} s, {sample.memory:6.0f} MB; "
            f"{each:5.1f} ms and {memory:5.2f} MB a table, {each / base:.2f} of the time a table at {SIZES[0]}"
        )


def _measure(tables: int) -> Sample:
    best: Sample | None = None
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        source = Path(name) / "metadata.xml"
        source.write_bytes(make_metadata(tables))
        for run in range(RUNS):
            sample = probe(CODE.format(source=str(source), output=str(Path(name) / f"run{run}")))
            best = sample if best is None or sample.wall < best.wall else best
    assert best is not None
    return best


if __name__ == "__main__":
    main()
