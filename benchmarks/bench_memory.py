"""What memory it takes to stream rows of 41 columns in pages of 5,000 (7 MB each), every field used, beyond that of a
client that has read one row: the highest that the process ever had, as Linux keeps it, less what it had before.

The service of `service` gives the same pages over and over. Ours, 100,000 rows and 1,000,000, with the extra `fast`
(msgspec) and, the shorter one, without; where the process stands after each tenth of the million shows whether it
grows. Beside it `httpx2.Client.get` and `json.loads`, page by page.
Reach: at most 100 MB, and the same for a million rows as for a hundred thousand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import wide
from benchmarks.bench_read import HTTPX2, OURS, WITHOUT_FAST, pages, places
from benchmarks.service import running_service

FEW, MANY = 100_000, 1_000_000

WATCH = """
import json, re
def megabytes(name):
    return int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
one()
before = megabytes("VmHWM")
steps = []
def use_and_watch(row, use=use, seen=[0]):
    use(row)
    seen[0] += 1
    if seen[0] % {step} == 0:
        steps.append(megabytes("VmRSS"))
use = use_and_watch
call({count})
print(json.dumps([megabytes("VmHWM") - before, before, steps]))
"""


def main() -> None:
    """Print the figures."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("dynamics-portal", "httpx2", "msgspec"))
    print(f"streaming rows of 41 columns in pages of 5,000 (MB beyond the idle client at the most; {versions})")
    with tempfile.TemporaryDirectory(prefix="dynamics-portal-bench-") as name:
        wide.make_package(Path(name))
        with running_service(pages(), tls=False) as address:
            filled = places(address)
            for what, code, count in (
                ("ours, with fast", OURS, FEW),
                ("ours, with fast", OURS, MANY),
                ("ours, without", WITHOUT_FAST, FEW),
                ("httpx2.Client.get + json.loads", HTTPX2, FEW),
            ):
                beyond, idle, steps = _measure(code.format(**filled), count, Path(name))
                print(f"  {what:32} {count:>9,} rows: {beyond:5.1f} MB beyond {idle:.0f} MB")
                if count == MANY:
                    print("    after each tenth, all of it: " + ", ".join(f"{step:.0f}" for step in steps) + " MB")


def _measure(code: str, count: int, folder: Path) -> Any:
    code = f"EACH = 1\n{code}{WATCH.format(count=count, step=count // 10)}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (folder, Path(__file__).parent.parent)))}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"the measured code failed:\n{result.stderr}")
    return json.loads(result.stdout)


if __name__ == "__main__":
    main()
