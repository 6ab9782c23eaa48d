"""Staying inside the service's limits: many rows in virtual time, against what the limits allow.

The limits are enforced by the emulator's own web servers; what a request costs is modelled (`benchmarks.protected`).
"""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.moving import Moved, move
from benchmarks.protected import Model

ROWS = 100_000


def figures(moved: Moved) -> tuple[int, int, int]:
    """What must not be: rows that failed, that are missing, that are there twice."""
    return moved.failed_rows, moved.lost, moved.doubled


@pytest.mark.parametrize(
    ("options", "share"),
    [({}, 0.93), ({"kill_at": ROWS // 2}, 0.85), ({"users": 2}, 0.8)],
    ids=["one user", "killed half way", "two users"],
)
def test_rows_move_as_fast_as_the_limits_allow(options: dict[str, Any], share: float) -> None:
    moved = move(ROWS, Model(servers=1), **options)
    assert figures(moved) == (0, 0, 0)
    assert moved.share >= share
    assert moved.throttled <= 30


def test_rows_move_all_the_same_where_requests_fail_at_random() -> None:
    moved = move(ROWS, Model(servers=1, failing=0.02))
    assert (moved.lost, moved.doubled) == (0, 0)
    assert moved.share >= 0.85


def test_the_affinity_cookie_takes_all_but_one_web_server_away() -> None:
    spread, kept = move(ROWS, Model(servers=2)), move(ROWS, Model(servers=2), affinity=True)
    assert figures(spread) == figures(kept) == (0, 0, 0)
    assert spread.rows_per_hour >= 1.6 * kept.rows_per_hour


def test_a_pool_that_is_too_large_is_throttled_again_and_again() -> None:
    pool, client = move(ROWS, Model(servers=1), workers=50), move(ROWS, Model(servers=1))
    assert pool.throttled > 10 * client.throttled
    assert pool.rows_per_hour < client.rows_per_hour


@pytest.mark.slow
def test_a_million_rows_reach_what_the_limits_allow() -> None:
    moved = move(1_000_000, Model())
    assert figures(moved) == (0, 0, 0)
    assert moved.share >= 0.95
