"""Files and images: chunks, names, sources, progress, and transfers that are taken up again."""

from __future__ import annotations

import asyncio
import io
import json
import re
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.archive import archive
from tests.packages import Packages, packages
from tests.unit.wrapper.support import API, MENTOR, Service, Shell, problem

from dynamics_portal import (
    AsyncPortalClient,
    ConflictError,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    ServerError,
)
from dynamics_portal._transfers import CHUNK, readable_name

__all__ = ["packages"]  # a fixture

CASE = f"{API}new_cases({MENTOR})"
SESSION = f"{CASE}/new_document?sessiontoken=t0k3n"
NAME = "søknad 100% 申請.pdf"


class Store:
    """The service's half: one column, filled by chunks or at once, and read by ranges."""

    def __init__(self, content: bytes = b"", name: str = "") -> None:
        self.content = bytearray(content)
        self.name = name
        self.size = len(content)
        self.chunk = CHUNK

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        return self.read(request) if request.method == "GET" else self.write(request)

    def write(self, request: httpx2.Request) -> httpx2.Response:
        given = request.url.params.get("x-ms-file-name") or request.headers.get("x-ms-file-name")
        self.name = given or self.name
        if request.headers.get("x-ms-transfer-mode") == "chunked":
            self.content = bytearray()
            return httpx2.Response(200, headers={"Location": SESSION, "x-ms-chunk-size": str(self.chunk)})
        assert request.headers["content-type"] == "application/octet-stream"
        if "content-range" not in request.headers:
            self.content = bytearray(request.content)
            return httpx2.Response(204)
        assert request.url.params["sessiontoken"] == "t0k3n"
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["content-range"])
        assert found is not None
        first, last, self.size = map(int, found.groups())
        assert first == len(self.content) or bytes(self.content[first:]) == request.content
        assert last - first + 1 == len(request.content) <= self.chunk
        self.content[first:] = request.content
        return httpx2.Response(204 if last + 1 == self.size else 206)

    def read(self, request: httpx2.Request) -> httpx2.Response:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers["range"])
        assert found is not None
        first, last = int(found[1]), int(found[2])
        part = bytes(self.content[first : last + 1])
        headers = {
            "x-ms-file-size": str(len(self.content)),
            "x-ms-file-name": self.name.encode().decode("latin-1"),
            "x-ms-chunk-size": str(self.chunk),
            "mimetype": "application/pdf",
            "Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(self.content)}",
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx2.Response(206, headers=raw, content=part)


@pytest.fixture(name="api", scope="module")
def api_fixture(packages: Packages) -> ModuleType:
    return archive(packages)


@pytest.fixture
def shell(make_shell: Callable[..., Shell], api: ModuleType) -> Shell:
    return make_shell(api=api)


@pytest.fixture
def files(shell: Shell) -> Any:
    return shell.portal.table("new_cases").files


def content_of(size: int) -> bytes:
    """Bytes in which no two places look alike."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


LONG = content_of(2 * CHUNK + 100)


def test_a_small_file_is_sent_by_one_request(shell: Shell, files: Any, service: Service) -> None:
    store = Store()
    service.answer(store)
    shell(files.upload(MENTOR, "new_document", b"%PDF", name=NAME))
    assert (bytes(store.content), store.name) == (b"%PDF", NAME)
    assert [request.method for request in service.requests] == ["PATCH"]
    assert str(service.last.url).startswith(f"{CASE}/new_document?x-ms-file-name=s%C3%B8knad%20100%25")


@pytest.mark.parametrize("name", ["report.pdf", NAME])
def test_a_large_file_is_sent_in_chunks_with_their_places(
    name: str, shell: Shell, files: Any, service: Service
) -> None:
    store, seen = Store(), []
    service.answer(store)
    shell(files.upload(MENTOR, "new_document", LONG, name=name, progress=lambda done, size: seen.append((done, size))))
    assert (bytes(store.content), store.name) == (LONG, name)
    first, *chunks = service.requests
    assert (first.headers["x-ms-transfer-mode"], first.content) == ("chunked", b"")
    assert [request.headers["content-range"] for request in chunks] == [
        f"bytes 0-{CHUNK - 1}/{len(LONG)}",
        f"bytes {CHUNK}-{2 * CHUNK - 1}/{len(LONG)}",
        f"bytes {2 * CHUNK}-{len(LONG) - 1}/{len(LONG)}",
    ]
    assert seen == [(CHUNK, len(LONG)), (2 * CHUNK, len(LONG)), (len(LONG), len(LONG))]


def test_the_service_says_how_large_a_chunk_is(shell: Shell, files: Any, service: Service) -> None:
    store = Store()
    store.chunk = CHUNK // 2
    service.answer(store)
    shell(files.upload(MENTOR, "new_document", LONG, name="a"))
    assert bytes(store.content) == LONG
    assert len(service.requests) == 1 + 5


async def parts_of(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000_003):
        await asyncio.sleep(0)
        yield content[start : start + 1_000_003]


def iterated(content: bytes) -> Iterator[bytes]:
    yield from (content[start : start + 999_983] for start in range(0, len(content), 999_983))


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_the_bytes_come_from_any_kind_of_source(
    shell: Shell, files: Any, service: Service, tmp_path: Path, client_class: Any
) -> None:
    path = tmp_path / NAME
    path.write_bytes(LONG)
    later = io.BytesIO(b"header" + LONG)
    later.seek(6)
    size = len(LONG)
    sources: list[tuple[Any, dict[str, Any]]] = [
        (path, {}),
        (str(path), {}),
        (memoryview(bytearray(LONG)), {"name": NAME}),
        (later, {"name": NAME}),
        (Unseekable(LONG), {"name": NAME, "size": size}),
        (iterated(LONG), {"name": NAME, "size": size}),
        ([LONG[:7], b"", LONG[7:]], {"name": NAME, "size": size}),
    ]
    if issubclass(client_class, AsyncPortalClient):
        sources.append((parts_of(LONG), {"name": NAME, "size": size}))
    for source, keywords in sources:
        store = Store()
        service.answers = [store]
        shell(files.upload(MENTOR, "new_document", source, **keywords))
        assert (bytes(store.content), store.name) == (LONG, NAME)
    assert not later.closed


@pytest.mark.parametrize(
    ("column", "source", "keywords", "told"),
    [
        ("new_nothing", b"", {"name": "a"}, "NewCase has no column 'new_nothing'"),
        ("new_documnt", b"", {"name": "a"}, "did you mean 'new_document'?"),
        ("new_name", b"", {"name": "a"}, "NewCase.new_name holds neither a file nor an image"),
        ("body_binary", b"", {"name": "a"}, "NewCase.body_binary holds neither a file nor an image"),
        (5, b"", {"name": "a"}, "column: expected the name of a file or image column, got int"),
        ("new_document", b"", {}, "name: expected a file's name"),
        ("new_document", b"", {"name": "../a"}, "without a folder"),
        ("new_document", b"", {"name": "a\nb"}, "name: expected a file's name"),
        ("new_document", b"", {"name": 5}, "name: expected the file's name as text, got int"),
        ("new_document", 5, {"name": "a"}, "source: expected a path, bytes, a binary file or parts of bytes, got int"),
        ("new_document", [b""], {"name": "a"}, "size: say how many bytes"),
        ("new_document", [b""], {"name": "a", "size": -1}, "size must not be negative"),
        ("new_document", [b""], {"name": "a", "size": True}, "size: expected a number of bytes, got bool"),
        ("new_document", b"abc", {"name": "a", "size": 4}, "size: the source has another size"),
        ("new_document", [b"ab"], {"name": "a", "size": 4}, "ended before the size that was said"),
        ("new_document", [b"abc", b"de"], {"name": "a", "size": 4}, "more bytes than the size that was said"),
        ("new_document", ["ab"], {"name": "a", "size": 2}, "source: expected bytes, got str"),
    ],
)
def test_what_does_not_fit_is_found_before_anything_is_sent(
    column: Any, source: Any, keywords: dict[str, Any], told: str, shell: Shell, files: Any, service: Service
) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(told)):
        shell(files.upload(MENTOR, column, source, **keywords))
    assert service.requests == []


def test_a_source_that_must_be_awaited_needs_the_client_that_can(
    shell: Shell, files: Any, client_class: Any, service: Service
) -> None:
    service.answer(Store())
    if issubclass(client_class, AsyncPortalClient):
        shell(files.upload(MENTOR, "new_document", parts_of(b"ab"), name="a", size=2))
        return
    with pytest.raises(InvalidRequestError, match="needs the asynchronous client"):
        files.upload(MENTOR, "new_document", parts_of(b"ab"), name="a", size=2)


def test_a_file_column_outside_the_allow_list_is_not_written(
    make_shell: Callable[..., Shell], api: ModuleType, service: Service
) -> None:
    shell = make_shell(api=api, writable={"new_cases": ["new_portrait"]})
    files = shell.portal.table("new_cases").files
    service.answer(Store())
    shell(files.upload(MENTOR, "new_portrait", b"\x89PNG", name="a.png"))
    attempts: list[Callable[[], Any]] = [
        lambda: files.upload(MENTOR, "new_document", b"", name="a"),
        lambda: files.delete(MENTOR, "new_document"),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidRequestError, match="not in the client's list of writable columns"):
            shell(attempt())
    assert len(service.requests) == 1


def test_a_chunk_whose_answer_was_lost_is_sent_again(shell: Shell, files: Any, service: Service) -> None:
    store = Store()

    def lost(request: httpx2.Request) -> httpx2.Response:
        store(request)
        raise httpx2.ReadTimeout("")

    service.answer(store, lost, problem(503), store)
    shell(files.upload(MENTOR, "new_document", LONG, name="a"))
    assert bytes(store.content) == LONG
    assert len(service.requests) == 1 + 5


def test_an_upload_that_failed_goes_on_where_it_was(shell: Shell, files: Any, service: Service) -> None:
    store = Store()
    service.answer(store, store, *[httpx2.ConnectError("")] * 3, store)
    upload = files.start_upload(MENTOR, "new_document", iterated(LONG), name="a", size=len(LONG))
    with pytest.raises(NetworkError):
        shell(upload.run())
    assert (upload.offset, upload.size) == (CHUNK, len(LONG))
    shell(upload.run())
    assert bytes(store.content) == LONG
    sessions = [request for request in service.requests if "x-ms-transfer-mode" in request.headers]
    assert len(sessions) == 1


def test_an_upload_goes_on_in_another_process(
    make_shell: Callable[..., Shell], api: ModuleType, service: Service, tmp_path: Path
) -> None:
    path = tmp_path / NAME
    path.write_bytes(LONG)
    for source in (path, LONG, io.BytesIO(LONG), iterated(LONG)):
        store = Store()
        service.answers = [store, store, *[httpx2.ConnectError("")] * 3, store]
        shell = make_shell(api=api)
        upload = shell.portal.table("new_cases").files.start_upload(MENTOR, "new_document", path)
        with pytest.raises(NetworkError):
            shell(upload.run())
        state = upload.state
        assert isinstance(state, str)
        assert state.isascii()
        other = make_shell(api=api)
        known: dict[str, Any] = {}
        again = other.portal.table("new_cases").files.resume_upload(state, source, **known)
        assert again.offset == CHUNK
        other(again.run())
        assert (bytes(store.content), store.name) == (LONG, NAME)


def test_an_upload_that_was_stored_before_it_began_begins(shell: Shell, files: Any, service: Service) -> None:
    store = Store()
    service.answer(store)
    state = files.start_upload(MENTOR, "new_document", LONG, name="a").state
    shell(files.resume_upload(state, LONG).run())
    assert bytes(store.content) == LONG


def test_a_done_upload_sends_nothing_more(shell: Shell, files: Any, service: Service) -> None:
    service.answer(Store())
    for content in (b"", b"abc", LONG):
        upload = files.start_upload(MENTOR, "new_document", content, name="a")
        shell(upload.run())
        sent = len(service.requests)
        shell(upload.run())
        assert len(service.requests) == sent


@pytest.mark.parametrize(
    "location",
    ["https://elsewhere.example/api/data/v9.2/x?sessiontoken=1", "http://hlf.crm4.dynamics.com/x", "/elsewhere", ""],
)
def test_chunks_go_to_the_service_and_nowhere_else(location: str, shell: Shell, files: Any, service: Service) -> None:
    service.answer(httpx2.Response(200, headers={"Location": location} if location else {}))
    with pytest.raises(ServerError, match="address for the chunks"):
        shell(files.upload(MENTOR, "new_document", LONG, name="a"))
    assert len(service.requests) == 1


STATE = {
    "path": f"new_cases({MENTOR})/new_document",
    "session": f"new_cases({MENTOR})/new_document?sessiontoken=1",
    "name": "a",
    "size": len(LONG),
    "offset": CHUNK,
    "chunk": CHUNK,
}


@pytest.mark.parametrize(
    "change",
    [
        {"path": "https://elsewhere.example/new_cases(1)/new_document"},
        {"path": "contacts(1)/new_document"},
        {"path": "new_cases(1)/../contacts(1)/new_document"},
        {"path": "new_cases(1)/new_name"},
        {"session": "//elsewhere.example/x?sessiontoken=1"},
        {"session": "../../other?sessiontoken=1"},
        {"session": "contacts(1)/new_document?sessiontoken=1"},
        {"offset": -1},
        {"offset": len(LONG)},
        {"offset": True},
        {"chunk": CHUNK + 1},
        {"chunk": 0},
        {"name": "a/b"},
        {"size": "5"},
    ],
)
def test_a_state_that_somebody_changed_is_refused(change: dict[str, Any], files: Any, service: Service) -> None:
    assert files.resume_upload(json.dumps(STATE), LONG).offset == CHUNK
    with pytest.raises(InvalidRequestError):
        files.resume_upload(json.dumps({**STATE, **change}), LONG)
    assert service.requests == []


@pytest.mark.parametrize("state", ["", "[]", "{}", "null", b"\xff", None, 5])
def test_what_is_no_state_is_refused(state: Any, files: Any) -> None:
    resumes: list[Callable[[], Any]] = [
        lambda: files.resume_upload(state, LONG),
        lambda: files.resume_download(state),
    ]
    for resume in resumes:
        with pytest.raises(InvalidRequestError, match="state: expected what the state"):
            resume()


def test_no_representation_shows_a_name_or_a_session(shell: Shell, files: Any, service: Service) -> None:
    store = Store(LONG, NAME)
    service.answer(store)
    upload = files.start_upload(MENTOR, "new_document", LONG, name=NAME)
    download = shell(files.download(MENTOR, "new_document"))
    shell(upload.run())
    for thing in (upload, download, files, upload.state, download.state):
        assert NAME not in repr(thing)
        assert "t0k3n" not in repr(thing)
    assert repr(upload) == f"<Upload: {len(LONG)} of {len(LONG)} bytes>"


def test_a_file_comes_chunk_by_chunk_with_its_name_size_and_type(shell: Shell, files: Any, service: Service) -> None:
    service.answer(Store(LONG, NAME))
    download = shell(files.download(MENTOR, "new_document"))
    assert (download.name, download.size, download.content_type) == (NAME, len(LONG), "application/pdf")
    assert (download.offset, len(service.requests)) == (0, 1)
    chunks = shell(aiter(download) if hasattr(download, "__aiter__") else iter(download))
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 100]
    assert b"".join(chunks) == LONG
    assert [str(request.url) for request in service.requests] == [f"{CASE}/new_document/$value"] * 3


def test_a_whole_file_is_read_and_an_empty_one_too(shell: Shell, files: Any, service: Service) -> None:
    service.answer(Store(LONG, NAME))
    assert shell(shell(files.download(MENTOR, "new_document")).read()) == LONG
    service.answers = [httpx2.Response(200, headers={"x-ms-file-size": "0"}, content=b"")]
    assert shell(shell(files.download(MENTOR, "new_document")).read()) == b""
    service.answers = [problem(416), httpx2.Response(200, headers={"x-ms-file-name": "a"}, content=b"")]
    download = shell(files.download(MENTOR, "new_document"))
    assert (download.size, download.name, shell(download.read())) == (0, "a", b"")
    assert "range" not in service.last.headers


def test_a_file_that_the_service_does_not_give_in_parts_comes_at_once(
    shell: Shell, files: Any, service: Service
) -> None:
    service.answer(httpx2.Response(200, headers={"x-ms-file-name": "a"}, content=LONG))
    download = shell(files.download(MENTOR, "new_document"))
    assert (download.size, shell(download.read())) == (len(LONG), LONG)
    assert len(service.requests) == 1


def test_an_image_comes_small_or_in_full_size(shell: Shell, files: Any, service: Service) -> None:
    service.answer(Store(b"\x89PNG", "me.png"))
    for full, end in ((False, "/$value"), (True, "/$value?size=full")):
        assert shell(shell(files.download(MENTOR, "new_portrait", full=full)).read()) == b"\x89PNG"
        assert str(service.last.url) == f"{CASE}/new_portrait{end}"
    with pytest.raises(InvalidRequestError, match="only images have two sizes"):
        shell(files.download(MENTOR, "new_document", full=True))


def test_a_column_that_holds_nothing_is_not_found(shell: Shell, files: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    with pytest.raises(NotFoundError, match="the column holds no file"):
        shell(files.download(MENTOR, "new_document"))
    with pytest.raises(NotFoundError, match="in full size"):
        shell(files.download(MENTOR, "new_portrait", full=True))


def test_a_download_is_saved_whole_or_not_at_all(shell: Shell, files: Any, service: Service, tmp_path: Path) -> None:
    store, seen = Store(LONG, NAME), []
    service.answer(store, store, *[httpx2.ReadError("")] * 3, store)
    target = tmp_path / "saved.pdf"
    download = shell(files.download(MENTOR, "new_document"))
    with pytest.raises(NetworkError):
        shell(download.save(target))
    assert not target.exists()
    shell(download.save(target, progress=lambda done, size: seen.append((done, size))))
    assert target.read_bytes() == LONG
    assert seen == [(len(LONG), len(LONG))]
    assert [path.name for path in tmp_path.iterdir()] == ["saved.pdf"]


def test_a_download_goes_on_in_another_process(
    make_shell: Callable[..., Shell], api: ModuleType, service: Service, tmp_path: Path
) -> None:
    store = Store(LONG, NAME)
    service.answer(store, store, *[httpx2.ReadError("")] * 3, store)
    shell, other = make_shell(api=api), make_shell(api=api)
    download = shell(shell.portal.table("new_cases").files.download(MENTOR, "new_document"))
    with pytest.raises(NetworkError):
        shell(download.save(tmp_path / "saved.pdf"))
    again = other.portal.table("new_cases").files.resume_download(download.state)
    assert (again.name, again.size, again.offset) == (NAME, len(LONG), 2 * CHUNK)
    other(again.save(tmp_path / "saved.pdf"))
    assert (tmp_path / "saved.pdf").read_bytes() == LONG
    lost = other.portal.table("new_cases").files.resume_download(download.state)
    with pytest.raises(InvalidRequestError, match="are not beside the file"):
        other(lost.save(tmp_path / "saved.pdf"))


def test_a_disk_that_is_full_costs_no_bytes(
    shell: Shell, files: Any, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dynamics_portal._saving import PartialFile

    service.answer(Store(LONG, NAME))
    download = shell(files.download(MENTOR, "new_document"))
    write = PartialFile.write

    def half(self: PartialFile, chunk: bytes) -> None:
        write(self, chunk[: len(chunk) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PartialFile, "write", half)
    with pytest.raises(OSError, match="No space left"):
        shell(download.save(tmp_path / "saved.pdf"))
    monkeypatch.setattr(PartialFile, "write", write)
    shell(download.save(tmp_path / "saved.pdf"))
    assert (tmp_path / "saved.pdf").read_bytes() == LONG


def test_a_file_that_is_replaced_meanwhile_is_no_mixture(shell: Shell, files: Any, service: Service) -> None:
    service.answer(Store(LONG, NAME), Store(LONG + b"1", NAME))
    download = shell(files.download(MENTOR, "new_document"))
    with pytest.raises(ConflictError, match="replaced while it was downloaded"):
        shell(download.read())


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(206, content=b"abc"),
        httpx2.Response(206, headers={"x-ms-file-size": "9"}, content=b""),
        httpx2.Response(206, headers={"x-ms-file-size": "2"}, content=b"abc"),
        httpx2.Response(206, headers={"Content-Range": "bytes 5-7/9"}, content=b"abc"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_the_services_fault(
    answer: httpx2.Response, shell: Shell, files: Any, service: Service
) -> None:
    service.answer(answer)
    with pytest.raises(ServerError, match="part"):
        shell(files.download(MENTOR, "new_document"))


def test_a_file_is_deleted_without_its_row(shell: Shell, files: Any, service: Service) -> None:
    service.answer(httpx2.Response(204))
    shell(files.delete(MENTOR, "new_document"))
    assert (service.last.method, str(service.last.url)) == ("DELETE", f"{CASE}/new_document")


def test_a_client_that_does_nothing_keeps_uploads_and_finds_no_files(client_class: Any, api: ModuleType) -> None:
    shell = Shell(client_class.no_op(api=api))
    files = shell.portal.table("new_cases").files
    shell(files.upload(MENTOR, "new_document", b"\xff\x00", name="a"))
    shell(files.upload(MENTOR, "new_document", LONG, name="a"))
    assert [write.method for write in shell.portal.recorded] == ["PATCH", "PATCH"]
    assert [write.body for write in shell.portal.recorded] == [b"\xff\x00", None]
    assert shell(shell(files.download(MENTOR, "new_document")).read()) == b""
    shell.close()


def test_a_hundred_megabytes_take_the_memory_of_a_few_chunks(
    shell: Shell, files: Any, service: Service, tmp_path: Path
) -> None:
    size, part = 100 * 1024 * 1024, bytes(1024 * 1024)
    taken: list[int] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        service.requests.clear()  # which would keep every chunk
        if request.method == "GET":
            first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
            headers = {"Content-Range": f"bytes {first}-{min(last, size - 1)}/{size}"}
            return httpx2.Response(206, headers=headers, content=bytes(min(last, size - 1) - first + 1))
        taken.append(len(request.content))
        return httpx2.Response(200, headers={"Location": SESSION})

    service.answer(answer)
    tracemalloc.start()
    try:
        shell(files.upload(MENTOR, "new_document", (part for _ in range(100)), name="a", size=size))
        shell(shell(files.download(MENTOR, "new_document")).save(tmp_path / "saved"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(taken) == (tmp_path / "saved").stat().st_size == size
    assert peak < 6 * CHUNK


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("report.pdf", "report.pdf"),
        ('"report.pdf"', "report.pdf"),
        ("s%C3%B8knad%20100%25.pdf", "søknad 100%.pdf"),
        ("søknad.pdf", "søknad.pdf"),
        ("100%ff.pdf", "100%ff.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("C:\\windows\\a.dll", "a.dll"),
        ("..", ""),
        ("a%0Ab", "ab"),
        ("", ""),
    ],
)
def test_a_name_from_the_service_is_a_name_and_no_path(header: str, name: str) -> None:
    assert readable_name(header) == name


@given(st.text())
def test_no_header_gives_a_name_that_leads_elsewhere(header: str) -> None:
    name = readable_name(header)
    assert "/" not in name
    assert "\\" not in name
    assert name not in (".", "..")
