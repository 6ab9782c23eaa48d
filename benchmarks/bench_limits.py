"""Moving 1,000,000 rows into a service with limits, in virtual time, against what the limits allow and against fixed
pools of 8 and 50 workers.

What the limits allow, for each user and web server: 6,000 requests and 1,200 s of execution in 300 s, 52 requests at a
time. With requests of 1,000 rows, the most that one may have, the execution is what binds: 1,200 / 300 = 4 requests of
20.05 s each at a time, so 199.5 rows a second. That times the web servers and the users is the bound; nothing else is
allowed for, not the requests' own time either. The client sends fewer rows in one, so that one takes about 5 s.

The reach is 95 % of the bound, with no row lost and none doubled, in flat memory. Each run is a fresh process; two of
them run at a time, for what is measured is virtual time, which does not depend on the machine. A pool sends requests of
100 rows, and is given four hours. A request that fails did so before it ran or after, with an answer (503), without, or
with none until the client's timeout has passed: while one waits for that, results of the rows behind it are kept back.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.moving import Moved, move
from benchmarks.protected import Model, Service

ROWS = 1_000_000
_RUNS: dict[str, dict[str, Any]] = {
    "the client": {},
    "1 % of requests fail": {"failing": 0.01},
    "the same, with timeout=30": {"failing": 0.01, "timeout": 30.0},
    "killed half way, resumed": {"kill": True},
    "two application users": {"users": 2},
    "with the affinity cookie": {"affinity": True},
    "a pool of 8": {"workers": 8},
    "a pool of 50": {"workers": 50},
    "1 web server: the client": {"servers": 1},
    "1 web server: a pool of 8": {"workers": 8, "servers": 1},
    "4 web servers: the client": {"servers": 4},
    "4 web servers: a pool of 8": {"workers": 8, "servers": 4},
    "4 web servers: a pool of 50": {"workers": 50, "servers": 4},
}


def peak() -> float:
    """Megabytes that this process has had at the most."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text("utf-8"))
    return int(found[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Move rows in this process, after a few that load all that is needed."""
    keywords = dict(options)
    model = Model(servers=keywords.pop("servers", 2), failing=keywords.pop("failing", 0.0))
    if keywords.pop("kill", False):
        keywords["kill_at"] = count // 2
    move(2_000, model)
    Service(model, count)  # which keeps of each row that it is there
    before = peak()
    moved = move(count, model, **keywords)
    return {**asdict(moved), "memory": peak() - before}


def _run(count: int, options: Mapping[str, Any]) -> tuple[Moved, float]:
    command = [sys.executable, "-m", "benchmarks.bench_limits", str(count), "--one", json.dumps(options)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    if result.returncode:
        raise SystemExit(f"a run failed:\n{result.stderr}")
    figures = json.loads(result.stdout)
    memory = figures.pop("memory")
    return Moved(**figures), memory


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description="Move rows within limits, in virtual time.")
    parser.add_argument("rows", type=int, nargs="?", default=ROWS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(measure(arguments.rows, json.loads(arguments.one))))
        return
    bound = Model().rows_per_hour(1)
    print(f"{arguments.rows:,} rows; two web servers, which allow a user {bound:,.0f} rows an hour at the most")
    print(f"{'':30} {'rows an hour':>12} {'of the bound':>12} {'throttled':>12} {'lost/doubled':>13} {'MB':>5}")
    with ThreadPoolExecutor(2) as pool:
        for name, (moved, memory) in zip(
            _RUNS, pool.map(lambda options: _run(arguments.rows, options), _RUNS.values()), strict=True
        ):
            throttled = f"{moved.throttled}/{moved.requests}"
            lost = f"{moved.lost}/{moved.doubled}"
            print(
                f"{name:30} {moved.rows_per_hour:12,.0f} {moved.share:12.1%} {throttled:>12} {lost:>13} {memory:5.0f}"
            )


if __name__ == "__main__":
    main()
