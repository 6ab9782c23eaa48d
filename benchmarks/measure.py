"""Measuring in fresh processes: alternating runs, so that a busy machine is busy for both sides."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROBE = """
import json, re, resource, sys, time
before = resource.getrusage(resource.RUSAGE_SELF)
start = time.perf_counter()
exec(sys.argv[1])
wall = time.perf_counter() - start
after = resource.getrusage(resource.RUSAGE_SELF)
cpu = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())  # ru_maxrss counts the starting process as well
print(json.dumps([wall, cpu, int(peak[1]) / 1024]))
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds on the wall, seconds of CPU, megabytes at the most."""

    wall: float
    cpu: float
    memory: float


def probe(code: str, *, path: Sequence[Path] = ()) -> Sample:
    """Run code in a fresh process, compiled files allowed, and measure it. Python's own start is not counted.

    The memory is read where Linux keeps it.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if path:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    command = [sys.executable, "-c", _PROBE, code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"the measured code failed:\n{result.stderr}")
    return Sample(*json.loads(result.stdout))


def alternate(*codes: str, runs: int, path: Sequence[Path] = ()) -> list[list[Sample]]:
    """Run each code in turn, `runs` times over, after one turn that compiles and warms the disk."""
    for code in codes:
        probe(code, path=path)
    samples: list[list[Sample]] = [[] for _ in codes]
    for _ in range(runs):
        for index, code in enumerate(codes):
            samples[index].append(probe(code, path=path))
    return samples


_CALLS = """
import json, sys, time
made = {}
exec(sys.argv[1], made)
call, each, count = made["call"], made.get("EACH", 1), int(sys.argv[2])
for _ in range(max(count // each // 5, 1)):
    call()
start = time.process_time()
for _ in range(count // each):
    call()
print(json.dumps((time.process_time() - start) / (count // each * each)))
"""


def alternate_calls(*codes: str, runs: int, count: int, path: Sequence[Path] = ()) -> list[list[float]]:
    """Microseconds of CPU that a call takes in each run of each code, each in a fresh process, in turn.

    A code defines `call()`, and `EACH` where that makes more than one call. `count` calls are measured, after a fifth
    as many that are not.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    samples: list[list[float]] = [[] for _ in codes]
    for _ in range(runs):
        for index, code in enumerate(codes):
            command = [sys.executable, "-c", _CALLS, code, str(count)]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if result.returncode:
                raise SystemExit(f"the measured code failed:\n{result.stderr}")
            samples[index].append(json.loads(result.stdout) * 1e6)
    return samples


def ratios(ours: Sequence[float], peers: Sequence[float]) -> str:
    """The ratio of each run to the other's run beside it: `median (minimum-maximum)`."""
    found = [mine / other for mine, other in zip(ours, peers, strict=True)]
    return f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})"


def spread(values: Sequence[float]) -> str:
    """`median (minimum-maximum)`."""
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"
