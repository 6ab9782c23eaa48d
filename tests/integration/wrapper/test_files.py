"""Files and images through the whole client, over real TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from tests.packages import Packages, packages
from tests.unit.emulator.depot import DEPOT
from tests.unit.wrapper.support import Shell

from dynamics_portal import NetworkError, NotFoundError, RetryPolicy
from dynamics_portal._transfers import CHUNK
from dynamics_portal_emulator.emulator import Emulator
from dynamics_portal_emulator.server import running_emulator

__all__ = ["packages"]  # a fixture

NAME = "søknad 100% 申請 & 'co'.pdf"
LONG = bytes(range(256)) * (2 * CHUNK // 256) + b"the end"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60_000)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(DEPOT) as running:
        yield running


@pytest.fixture(name="api", scope="module")
def api_fixture(packages: Packages) -> ModuleType:
    return packages.of_csdl("depot", DEPOT).module()


@pytest.fixture
def shell(connect: Callable[..., Shell], api: ModuleType) -> Shell:
    return connect(api=api)


@pytest.fixture
def items(shell: Shell) -> Any:
    return shell.portal.table("dep_items")


@pytest.fixture
def key(shell: Shell, items: Any) -> UUID:
    made: UUID = shell(items.create({"dep_name": "x"}))
    return made


@pytest.mark.parametrize("content", [b"", b"%PDF", LONG], ids=["nothing", "one request", "chunks"])
@pytest.mark.parametrize("column", ["dep_manual", "dep_scan"])
def test_a_file_comes_back_as_it_was(
    content: bytes, column: str, shell: Shell, items: Any, key: UUID, tmp_path: Path
) -> None:
    shell(items.files.upload(key, column, content, name=NAME))
    download = shell(items.files.download(key, column))
    assert (download.name, download.size) == (NAME, len(content))
    assert shell(download.read()) == content
    shell(shell(items.files.download(key, column)).save(tmp_path / "saved"))
    assert (tmp_path / "saved").read_bytes() == content
    shell(items.files.delete(key, column))
    with pytest.raises(NotFoundError):
        shell(items.files.download(key, column))


def test_a_row_tells_the_files_id_and_name(shell: Shell, items: Any, key: UUID) -> None:
    shell(items.files.upload(key, "dep_manual", b"%PDF", name=NAME))
    row = shell(items.get(key, select=["dep_manual", "dep_manual_name"]))
    assert isinstance(row.dep_manual, UUID)
    assert row.dep_manual_name == NAME


def test_an_image_is_had_small_and_in_full_size(shell: Shell, items: Any, key: UUID) -> None:
    shell(items.files.upload(key, "dep_photo", PNG, name="me.png"))
    assert shell(shell(items.files.download(key, "dep_photo", full=True)).read()) == PNG
    thumbnail = shell(shell(items.files.download(key, "dep_photo")).read())
    assert thumbnail
    assert shell(items.get(key, select=["dep_photo"])).dep_photo == thumbnail


def test_transfers_go_on_after_the_connection_failed(
    connect: Callable[..., Shell], api: ModuleType, items: Any, key: UUID, emulator: Emulator, tmp_path: Path
) -> None:
    shell = connect(api=api, retry=RetryPolicy(max_attempts=1))
    files = shell.portal.table("dep_items").files
    upload = files.start_upload(key, "dep_manual", LONG, name=NAME)
    with pytest.raises(NetworkError):
        shell(upload.run(lambda done, size: emulator.faults.drop_after_commit(method="PATCH")))
    assert upload.offset == CHUNK
    another = connect(api=api)
    other = another.portal.table("dep_items").files
    another(other.resume_upload(upload.state, LONG).run())
    download = shell(files.download(key, "dep_manual"))
    emulator.faults.drop_after_commit(method="GET")
    with pytest.raises(NetworkError):
        shell(download.save(tmp_path / "saved"))
    another(other.resume_download(download.state).save(tmp_path / "saved"))
    assert (tmp_path / "saved").read_bytes() == LONG
