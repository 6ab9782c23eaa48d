"""A local Spark with two workers, one for all of these tests, and an emulator that they reach by loopback and TLS."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

SPEC = Path(__file__).resolve().parents[3] / "spec" / "hlf"
QUIET = """
appender.none.type = Null
appender.none.name = none
rootLogger.level = off
rootLogger.appenderRef.none.ref = none
"""
"""Log4j's configuration. What a test expects to fail is an error to Spark, with pages of Java's stack."""

SHORT_LIVED = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""What spares a JVM that lives for a minute the work of becoming fast."""


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json") as running:
        yield running


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Emulator:
    shared_emulator.reset()
    return shared_emulator


@pytest.fixture(scope="session")
def spark(shared_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The session. Its workers find the emulator's credentials in their environment, as executors do."""
    pytest.importorskip("pyspark", reason="needs the extra spark")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("needs Java 17 or newer, for Spark")
    from pyspark.sql import SparkSession

    from dynamics_portal.spark import register

    folder = tmp_path_factory.mktemp("spark")
    logging = folder / "log4j2.properties"
    logging.write_text(QUIET)
    environment = {
        "DYNAMICS_BASE_URL": shared_emulator.base_url,
        "DYNAMICS_AUTHORITY": shared_emulator.authority,
        "DYNAMICS_TENANT_ID": shared_emulator.tenant_id,
        "DYNAMICS_CLIENT_ID": shared_emulator.client_id,
        "DYNAMICS_CLIENT_SECRET": shared_emulator.client_secret,
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
    }
    with pytest.MonkeyPatch.context() as patch:  # they are those of the JVM, which it takes along, and of nobody else
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile=file:{logging} {SHORT_LIVED}",
            "spark.local.dir": str(folder / "local"),
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }
        builder = SparkSession.builder.master("local[2,2]")  # two workers; a task that fails is tried once more
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyspark 4.3 warns of pandas 3, which nothing here uses
            session = builder.config(map=settings).getOrCreate()
    register(session)
    yield session
    session.stop()


@pytest.fixture
def options(emulator: Emulator, tmp_path: Path) -> dict[str, str]:
    """How Spark finds the table of contacts. The path of the certificates is the test's own, so that its workers make a
    client of their own: the tokens of the test before it are worth nothing any more."""
    return {"table": "contacts", "ca_file": str(shutil.copy(emulator.ca_file, tmp_path))}


@pytest.fixture
def reading(spark: Any, options: dict[str, str]) -> Callable[..., Any]:
    """Makes a reader of contacts, with options of one's own."""
    return lambda **more: spark.read.format("dataverse").options(**options, **more)


@pytest.fixture
def writing(options: dict[str, str]) -> Callable[..., Any]:
    """Makes a writer of rows to contacts, with options of one's own."""
    return lambda rows, **more: rows.write.format("dataverse").mode("append").options(**{**options, **more})
