"""What all tests share: documents that live outside the project, markers, and the rules a run keeps to.

It decides which tests are skipped and when a skip is a failure. What only one package's tests need stays beside them.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"
CREDENTIALS = ("DYNAMICS_BASE_URL", "DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET")
REQUIRE_ALL = "DYNAMICS_PORTAL_REQUIRE_ALL"
"""Set to 1 where every part is installed (`.ci/run`): a skip for another reason than credentials is then a failure."""

# The same examples in every run, so that a red build is red on every machine; HYPOTHESIS_PROFILE=wide goes looking.
settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("wide", parent=settings.get_profile("fixed"), derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def shared_data(*parts: str) -> Path:
    """The path of a real document in `../shared/data`; skips the test, saying why, where it is absent."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{'/'.join(parts)}, which is not part of the project")
    return path


def node_command(package: str, script: str) -> list[str]:
    """The command that runs a script of an npm package; skips the test, saying why, where one of the two is absent."""
    node = shutil.which("node")
    if node is None:
        pytest.skip(f"needs Node.js, for {package}")
    modules = Path(os.environ.get("DYNAMICS_PORTAL_NODE_MODULES") or PROJECT / ".cache" / "node_modules")
    path = modules / package / script
    if not path.exists():
        pytest.skip(f"needs the npm package {package} in .cache/node_modules or $DYNAMICS_PORTAL_NODE_MODULES")
    return [node, str(path)]


@pytest.fixture(name="shared_data")
def shared_data_fixture() -> Callable[..., Path]:
    """The function `shared_data`, for tests that would rather ask for it than import it."""
    return shared_data


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a real organisation where there are no credentials for one."""
    missing = [name for name in CREDENTIALS if not os.environ.get(name)]
    if missing and item.get_closest_marker("credentials"):
        pytest.skip(f"needs credentials for a real organisation: set {', '.join(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where `DYNAMICS_PORTAL_REQUIRE_ALL` is 1, but for missing credentials."""
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    if report.skipped and not expected_failure and not item.get_closest_marker("credentials"):
        fail_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself as a whole."""
    report = yield
    if report.outcome == "skipped":
        fail_skip(report)
    return report


def fail_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of a skip's report where every part has to be there."""
    if os.environ.get(REQUIRE_ALL) != "1":
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: {REQUIRE_ALL}=1, so nothing may be skipped, but: {reason}"


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to anywhere but this machine, but for tests that are marked `credentials`."""
    if request.node.get_closest_marker("credentials"):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address[0]}:{address[1]}; tests stay on loopback")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
