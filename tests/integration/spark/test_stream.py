"""Spark follows what changes, a few pages a step, and goes on from its checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dynamics_portal_emulator.emulator import Emulator

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


@pytest.fixture
def follow(spark: Any, options: dict[str, str], tmp_path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Runs the stream to the end of what there is. Gives the rows of all steps of the run."""

    def run(**more: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        stream = spark.readStream.format("dataverse").options(**options, changes="true", select="firstname", **more)
        query = (
            stream.load()
            .writeStream.foreachBatch(lambda frame, number: rows.extend((number, *row) for row in frame.collect()))
            .option("checkpointLocation", str(tmp_path / "checkpoint"))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination(120)
        return rows

    return run


def test_a_stream_gives_what_has_changed_since_its_checkpoint(
    follow: Callable[..., list[tuple[Any, ...]]], emulator: Emulator
) -> None:
    keys = emulator.seed("contacts", [{"firstname": f"Person {number}"} for number in range(25)])
    first = follow(page_size="10", pages="1")
    everybody = [(key, f"Person {number}", "upsert") for number, key in enumerate(keys)]
    assert sorted(row[1:] for row in first) == sorted(everybody)
    assert len({row[0] for row in first}) >= 3
    more = emulator.seed("contacts", [{"firstname": "New"}])
    assert [row[1:] for row in follow(page_size="10", pages="1")] == [(more[0], "New", "upsert")]
    assert follow() == []
