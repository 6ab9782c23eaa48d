"""The cassettes play through the public client, offline; they hold nothing unscrubbed, and are what recording gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PROJECT
from tests.integration.test_readme import python_blocks
from tests.replay.conftest import playing
from tests.replay.scenarios import CASSETTES, KEEP, NOBODY, SCENARIOS, NothingToReadError, Scenario, who_am_i
from tests.unit.wrapper.support import Client, Shell
from tools import record
from vcr.errors import CannotOverwriteExistingCassetteException  # type: ignore[import-untyped]

from dynamics_portal import cassettes

BY_NAME = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
FILES = sorted(CASSETTES.rglob("*"))


@BY_NAME
@pytest.mark.usefixtures("no_sockets")
def test_a_scenario_plays_without_a_socket(scenario: Scenario, client_class: Client) -> None:
    with playing(CASSETTES / f"{scenario.name}.yaml", client_class) as shell:
        scenario.run(shell)


@pytest.mark.usefixtures("no_sockets")
def test_an_answer_that_nobody_asked_for_fails(client_class: Client) -> None:
    with (
        pytest.raises(AssertionError, match="were not asked for"),
        playing(CASSETTES / "throttled_then_fine.yaml", client_class) as shell,
    ):
        shell(shell.portal.contacts.reference(NOBODY))  # needs no answer


@pytest.mark.usefixtures("no_sockets")
def test_a_question_without_an_answer_fails(client_class: Client) -> None:
    with playing(CASSETTES / "who_am_i.yaml", client_class) as shell:
        who_am_i(shell)
        with pytest.raises(CannotOverwriteExistingCassetteException):
            who_am_i(shell)


@pytest.mark.usefixtures("no_sockets")
def test_the_readmes_example_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [block for block in python_blocks() if "use_cassette" in block]
    monkeypatch.chdir(PROJECT)
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102 # our own README
    names["test_the_connection_is_checked"]()


def test_each_scenario_has_a_cassette_and_each_cassette_a_scenario() -> None:
    assert [path.name for path in FILES] == sorted(f"{scenario.name}.yaml" for scenario in SCENARIOS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_cassette_holds_anything_unscrubbed(path: Path) -> None:
    assert cassettes.problems(path, keep=KEEP) == []


def test_recording_again_gives_the_same_bytes(tmp_path: Path) -> None:
    assert record.record_all(SCENARIOS, tmp_path) == []
    again = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert again == {path.name: path.read_text() for path in FILES}, "run `make record`, and read the difference"


# Recording


def test_only_what_reads_is_recorded_of_a_real_organisation_unless_it_is_told_to_write() -> None:
    reading = record.chosen([], real=True, writes=False)
    writing = record.chosen([], real=True, writes=True)
    assert reading
    assert not any(scenario.writes or scenario.emulated for scenario in reading)
    assert {scenario.name for scenario in writing} > {scenario.name for scenario in reading}
    assert not any(scenario.emulated for scenario in writing)


def test_a_scenario_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        record.main(["no_such_scenario"])
    assert "no scenario is called no_such_scenario" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"), [(["--writes"], "--organisation"), (["--organisation"], "DYNAMICS_CLIENT_SECRET")]
)
def test_recording_says_what_it_needs(
    arguments: list[str], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in record.CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit, match="2"):
        record.main(arguments)
    assert reason in capsys.readouterr().err


def of_emulator(run: Any) -> Scenario:
    return Scenario("made_up", run, False, False, lambda _: None)


def test_a_cassette_with_a_credential_in_it_is_not_kept(tmp_path: Path) -> None:
    with record.emulated() as (connect, _), pytest.raises(record.UnsafeError, match="one of the credentials") as caught:
        record.record(of_emulator(who_am_i), connect, ["organisation.example"], tmp_path)
    assert "organisation.example" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_that_fails_leaves_the_cassette_that_was_there(tmp_path: Path) -> None:
    def fail(shell: Shell) -> None:
        who_am_i(shell)
        raise LookupError

    (tmp_path / "made_up.yaml").write_text("before")
    with record.emulated() as (connect, secrets), pytest.raises(LookupError):
        record.record(of_emulator(fail), connect, secrets, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_an_organisation_without_rows_is_told(tmp_path: Path) -> None:
    def nothing(_: Shell) -> None:
        raise NothingToReadError

    assert record.record_all([of_emulator(nothing)], tmp_path) == [
        "made_up: the organisation has no rows that it could read"
    ]
