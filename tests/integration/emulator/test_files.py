"""File and image columns: uploads whole, in chunks and in blocks; downloads whole and in part."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from tests.integration.emulator.conftest import Browser, error_of
from tests.integration.emulator.test_batches import request, send

from dynamics_portal_emulator import Emulator, running_emulator

A, B = "aaaaaaaa-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000002"
MANUAL = f"dep_items({A})/dep_manual"
PHOTO = f"dep_items({A})/dep_photo"
OCTETS = "application/octet-stream"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
CHUNK = 1000


@pytest.fixture(name="shelf")
def shelf_fixture(depot: Browser) -> Browser:
    """An item, and chunks that are small."""
    depot.emulator.seed("dep_items", [{"dep_itemid": A, "dep_name": "lamp"}])
    depot.emulator.settings.chunk_size = CHUNK
    return depot


def put(
    browser: Browser, content: bytes, name: str = "manual.pdf", address: str = MANUAL, **headers: str
) -> httpx2.Response:
    sent = {"Content-Type": OCTETS, "x-ms-file-name": name, **headers}
    return browser.send("PATCH", address, content=content, headers=sent)


def begin(browser: Browser, name: str = "manual.pdf", address: str = MANUAL) -> httpx2.Response:
    return browser.send("PATCH", f"{address}?x-ms-file-name={quote(name)}", headers={"x-ms-transfer-mode": "chunked"})


def chunk(browser: Browser, session: str, content: bytes, start: int, size: int, **headers: str) -> httpx2.Response:
    place = f"bytes {start}-{start + len(content) - 1}/{size}"
    return browser.send(
        "PATCH", session, content=content, headers={"Content-Type": OCTETS, "Content-Range": place, **headers}
    )


def content(size: int) -> bytes:
    return hashlib.shake_256(str(size).encode()).digest(size)


def files_on_disk(browser: Browser) -> int:
    folder = browser.emulator.service.attachments.blobs._folder
    return 0 if folder is None or not folder.exists() else len(list(folder.iterdir()))


@pytest.mark.parametrize("size", [0, 1, 2_000_000])
def test_a_file_is_uploaded_and_downloaded_as_a_whole(shelf: Browser, size: int) -> None:
    before = shelf.get(f"dep_items({A})").headers["ETag"]

    assert put(shelf, content(size)).status_code == 204

    got = shelf.get(f"{MANUAL}/$value")
    assert (got.status_code, got.content) == (200, content(size))
    assert got.headers["x-ms-file-size"] == str(size)
    assert got.headers["x-ms-file-name"] == "manual.pdf"
    assert got.headers["mimetype"] == "application/pdf"
    assert "x-ms-chunk-size" not in got.headers
    row = shelf.get(f"dep_items({A})?$select=dep_manual,dep_manual_name").json()
    assert row["dep_manual_name"] == "manual.pdf"
    assert len(row["dep_manual"]) == len(A)
    assert shelf.get(f"dep_items({A})").headers["ETag"] != before
    assert [item["dep_name"] for item in shelf.rows("dep_items?$filter=dep_manual ne null")] == ["lamp"]


def test_the_log_keeps_small_uploads_only(shelf: Browser) -> None:
    put(shelf, b"small")
    put(shelf, content(2_000_000))

    assert [request.body for request in shelf.emulator.requests] == [b"small", b""]


@pytest.mark.parametrize("column", ["dep_scan", "dep_log"])
def test_file_columns_are_known_however_the_document_declares_them(shelf: Browser, column: str) -> None:
    address = f"dep_items({A})/{column}"

    assert put(shelf, b"12345", "notes.txt", address).status_code == 204
    assert shelf.get(f"{address}/$value").content == b"12345"
    assert shelf.get(f"dep_items({A})").json()[f"{column}_name"] == "notes.txt"


def test_what_is_told_of_a_file_is_not_written_by_hand(shelf: Browser) -> None:
    put(shelf, b"x")

    changed = {"dep_manual": None, "dep_manual_name": "other.pdf", "dep_photo_url": "?"}
    assert shelf.patch(f"dep_items({A})", changed).status_code == 204

    row = shelf.get(f"dep_items({A})").json()
    assert (row["dep_manual_name"], row["dep_photo_url"]) == ("manual.pdf", None)
    assert shelf.get(f"{MANUAL}/$value").content == b"x"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 0, 1, 1, 2)])
def test_a_file_is_uploaded_in_chunks(shelf: Browser, order: tuple[int, ...]) -> None:
    data = content(2 * CHUNK + 5)
    started = begin(shelf)
    assert started.status_code == 200
    assert started.headers["x-ms-chunk-size"] == str(CHUNK)
    assert started.headers["Accept-Ranges"] == "bytes"
    session = started.headers["Location"]
    assert session.startswith(f"{shelf.emulator.base_url}/api/data/v9.2/{MANUAL}?sessiontoken=")

    statuses = []
    for index in order:
        part = data[index * CHUNK : (index + 1) * CHUNK]
        statuses.append(chunk(shelf, session, part, index * CHUNK, len(data), **{"x-ms-file-name": "x"}).status_code)

    assert statuses == [206] * (len(order) - 1) + [204]
    assert shelf.get(f"{MANUAL}/$value").content == data
    assert shelf.get(f"dep_items({A})").json()["dep_manual_name"] == "manual.pdf"
    assert chunk(shelf, session, data[-5:], 2 * CHUNK, len(data)).status_code == 204


def test_the_earlier_file_is_there_until_the_last_chunk(shelf: Browser) -> None:
    put(shelf, b"old")
    session = begin(shelf, "new.pdf").headers["Location"]

    chunk(shelf, session, content(CHUNK), 0, CHUNK + 1)
    assert shelf.get(f"{MANUAL}/$value").content == b"old"
    chunk(shelf, session, b"!", CHUNK, CHUNK + 1)
    assert shelf.get(f"{MANUAL}/$value").content == content(CHUNK) + b"!"
    assert files_on_disk(shelf) == 1


@pytest.mark.parametrize(
    ("place", "size"),
    [
        ("", 10),
        ("bytes 0-9", 10),
        ("bytes 0-9/5", 10),
        ("bytes 0-8/20", 10),
        ("bytes 9-0/20", 10),
        (f"bytes 0-{CHUNK}/{CHUNK + 1}", CHUNK + 1),
    ],
)
def test_a_chunk_that_does_not_fit_its_place_is_refused(shelf: Browser, place: str, size: int) -> None:
    session = begin(shelf).headers["Location"]
    headers = {"Content-Type": OCTETS, "Content-Range": place}

    answer = shelf.send("PATCH", session, content=content(size), headers=headers)

    assert error_of(answer)[0] == 400
    assert shelf.get(f"{MANUAL}/$value").status_code == 204


def test_a_session_belongs_to_its_column(shelf: Browser) -> None:
    session = begin(shelf).headers["Location"]
    shelf.emulator.seed("dep_items", [{"dep_itemid": B}])

    assert error_of(chunk(shelf, session.replace(A, B), b"x", 0, 1))[0] == 400
    assert error_of(chunk(shelf, session.replace("dep_manual", "dep_scan"), b"x", 0, 1))[0] == 400
    assert error_of(chunk(shelf, session + "0", b"x", 0, 1))[0] == 400
    assert chunk(shelf, session, b"x", 0, 1).status_code == 204


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=10-19/2500", (10, 20)),
        ("bytes=2490-9999", (2490, 2500)),
        ("bytes=-5", (2495, 2500)),
        ("bytes=2499-", (2499, 2500)),
    ],
)
def test_a_part_of_a_file_is_downloaded(shelf: Browser, asked: str, expected: tuple[int, int]) -> None:
    put(shelf, content(2500))
    start, stop = expected

    got = shelf.get(f"{MANUAL}/$value", Range=asked)

    assert (got.status_code, got.content) == (206, content(2500)[start:stop])
    assert got.headers["Content-Range"] == f"bytes {start}-{stop - 1}/2500"
    assert (got.headers["x-ms-file-size"], got.headers["x-ms-chunk-size"]) == ("2500", str(CHUNK))


def test_a_download_goes_on_where_the_part_before_leads(shelf: Browser) -> None:
    whole = content(2500)
    put(shelf, whole)
    first = shelf.get(f"{MANUAL}/$value", Range="bytes=0-999")
    link = first.headers["Location"]
    assert link.startswith(f"{shelf.emulator.base_url}/api/data/v9.2/{MANUAL}?")
    second = shelf.get(link, Range="bytes=1000-2499")
    assert (second.status_code, second.headers["x-ms-file-size"]) == (206, "2500")
    assert first.content + base64.b64decode(second.json()["value"]) == whole
    assert shelf.get(link, Range="bytes=2500-").status_code == 416
    shelf.delete(MANUAL)
    assert shelf.get(link, Range="bytes=1000-2499").status_code == 204


def test_a_chunk_may_say_that_it_is_one(shelf: Browser) -> None:
    link = begin(shelf).headers["Location"]
    assert chunk(shelf, link, content(700), 0, 700, **{"x-ms-transfer-mode": "chunked"}).status_code == 204
    assert shelf.get(f"{MANUAL}/$value").content == content(700)


def test_a_part_that_the_file_does_not_have_is_refused(shelf: Browser) -> None:
    put(shelf, b"12345")

    assert error_of(shelf.get(f"{MANUAL}/$value", Range="bytes=5-9"))[0] == 416
    assert shelf.get(f"{MANUAL}/$value", Range="lines=1-2").content == b"12345"


@pytest.mark.parametrize("name", ["Håndbok for mentorer.pdf", "取扱説明書.pdf", 'a "b" & c?.pdf'])
def test_names_in_any_script_come_by_the_query(shelf: Browser, name: str) -> None:
    session = begin(shelf, name).headers["Location"]
    chunk(shelf, session, b"x", 0, 1)

    assert shelf.get(f"dep_items({A})").json()["dep_manual_name"] == name
    got = shelf.get(f"{MANUAL}/$value").headers
    plain = name.isascii()
    assert got["x-ms-file-name"] == (name if plain else quote(name, safe=""))
    assert (f"filename*=UTF-8''{quote(name, safe='')}" in got["Content-Disposition"]) is not plain


def test_a_file_is_deleted_and_its_bytes_with_it(shelf: Browser) -> None:
    put(shelf, b"x")

    assert shelf.delete(MANUAL).status_code == 204

    assert shelf.get(f"{MANUAL}/$value").status_code == 204
    row = shelf.get(f"dep_items({A})").json()
    assert (row["dep_manual"], row["dep_manual_name"]) == (None, None)
    assert files_on_disk(shelf) == 0


def test_files_go_with_their_row(shelf: Browser) -> None:
    put(shelf, b"x")
    put(shelf, b"y", "y.txt", f"dep_items({A})/dep_scan")
    assert [row["filename"] for row in shelf.emulator.rows("fileattachments")] == ["manual.pdf", "y.txt"]

    shelf.delete(f"dep_items({A})")

    assert files_on_disk(shelf) == 0
    assert shelf.emulator.rows("fileattachments") == []


def test_the_rows_files_are_listed(shelf: Browser) -> None:
    put(shelf, b"12345")

    expand = "dep_item_FileAttachments($select=filename,mimetype,filesizeinbytes,regardingfieldname)"
    (told,) = shelf.get(f"dep_items({A})?$expand={expand}&$select=dep_manual").json()["dep_item_FileAttachments"]

    assert (told["filename"], told["mimetype"], told["filesizeinbytes"]) == ("manual.pdf", "application/pdf", 5)
    assert told["regardingfieldname"] == "dep_manual"
    assert told["fileattachmentid"] == shelf.get(f"dep_items({A})?$select=dep_manual").json()["dep_manual"]


def test_a_file_beyond_its_columns_size_is_refused_either_way(shelf: Browser) -> None:
    shelf.emulator.settings.column_kilobytes["dep_item", "dep_manual"] = 1
    too_large = (400, "0x80044a02", "Attachment file size is too big.")

    assert put(shelf, content(1024)).status_code == 204
    assert error_of(put(shelf, content(1025))) == too_large
    assert error_of(chunk(shelf, begin(shelf).headers["Location"], content(CHUNK), 0, 1025)) == too_large
    assert shelf.get(f"{MANUAL}/$value").content == content(1024)


@pytest.mark.parametrize("name", ["setup.exe", "SETUP.EXE", "a.b.js"])
def test_a_blocked_kind_of_file_is_refused(shelf: Browser, name: str) -> None:
    assert error_of(put(shelf, b"MZ", name))[1] == "0x80043e09"
    assert error_of(begin(shelf, name))[1] == "0x80043e09"
    shelf.emulator.settings.blocked_extensions.clear()
    assert put(shelf, b"MZ", name).status_code == 204


def test_what_an_upload_needs_is_told(shelf: Browser) -> None:
    nameless = shelf.send("PATCH", MANUAL, content=b"x", headers={"Content-Type": OCTETS})
    as_json = shelf.patch(f"{MANUAL}?x-ms-file-name=a.txt", {"value": "x"})
    elsewhere = put(shelf, b"x", address=f"dep_items({A})/dep_name")

    assert "x-ms-file-name" in error_of(nameless)[2]
    assert error_of(as_json)[0] == 415
    assert error_of(elsewhere)[0] == 405
    assert error_of(put(shelf, b"x", address=f"dep_items({B})/dep_manual"))[0] == 404
    assert error_of(put(shelf, b"x", **{"If-Match": 'W/"1"'}))[0] == 412


def test_an_image_is_uploaded_downloaded_and_shown_in_its_row(shelf: Browser) -> None:
    assert put(shelf, PNG, "lamp.png", PHOTO).status_code == 204

    assert shelf.get(f"{PHOTO}/$value").content == PNG
    assert shelf.get(f"{PHOTO}/$value?size=full").headers["mimetype"] == "image/png"
    row = shelf.get(f"dep_items({A})").json()
    assert "dep_photo" not in row
    assert row["dep_photo_url"].startswith(
        f"/Image/download.aspx?Entity=dep_item&Attribute=dep_photo&Id={row['dep_photoid']}"
    )
    assert row["dep_photo_timestamp"] == 638_537_967_999_999_990 + 10 or row["dep_photo_timestamp"] > 6 * 10**17
    shown = shelf.get(f"dep_items({A})?$select=dep_photo").json()["dep_photo"]
    assert base64.b64decode(shown) == PNG
    assert base64.b64decode(shelf.get(PHOTO).json()["value"]) == PNG


def test_an_image_without_full_size_is_a_thumbnail_only(shelf: Browser) -> None:
    put(shelf, PNG, "lamp.png", PHOTO)
    shelf.emulator.settings.without_full_images.add(("dep_item", "dep_photo"))

    assert shelf.get(f"{PHOTO}/$value?size=full").status_code == 204
    assert shelf.get(f"{PHOTO}/$value").content == PNG
    target = {"@odata.type": "Microsoft.Dynamics.CRM.dep_item", "dep_itemid": A}
    body = {"Target": target, "FileAttributeName": "dep_photo"}
    assert error_of(shelf.post("InitializeFileBlocksDownload", body))[1] == "0x80040217"


def test_an_image_is_set_and_emptied_with_its_row(shelf: Browser) -> None:
    encoded = base64.b64encode(PNG).decode()
    created = shelf.post("dep_items?$select=dep_photo", {"dep_photo": encoded}, Prefer="return=representation")
    assert created.json()["dep_photo"] == encoded

    empty: list[Callable[[], httpx2.Response]] = [
        lambda: shelf.patch(f"dep_items({A})", {"dep_photo": None}),
        lambda: shelf.send("PUT", PHOTO, json={"value": None}),
        lambda: shelf.delete(PHOTO),
    ]
    for do in empty:
        assert shelf.patch(f"dep_items({A})", {"dep_photo": encoded}).status_code == 204
        assert shelf.get(f"{PHOTO}/$value").content == PNG
        assert do().status_code == 204
        assert shelf.get(f"{PHOTO}/$value").status_code == 204
        assert shelf.get(f"dep_items({A})").json()["dep_photoid"] is None


def test_what_is_no_image_is_refused_and_leaves_nothing(shelf: Browser) -> None:
    encoded = base64.b64encode(b"hello").decode()

    for answer in (put(shelf, b"hello", "a.png", PHOTO), shelf.patch(f"dep_items({A})", {"dep_photo": encoded})):
        status, code, message = error_of(answer)
        assert (status, code) == (400, "0x80072553")
        assert "attribute: dep_photo" in message
    assert files_on_disk(shelf) == 0


def test_a_session_whose_file_is_refused_is_over(shelf: Browser) -> None:
    session = begin(shelf, "a.png", PHOTO).headers["Location"]

    assert error_of(chunk(shelf, session, b"hello", 0, 5))[1] == "0x80072553"
    assert "sessiontoken is not valid" in error_of(chunk(shelf, session, PNG, 0, len(PNG)))[2]
    assert files_on_disk(shelf) == 0


def test_only_the_primary_image_is_set_on_create(shelf: Browser) -> None:
    shelf.emulator.settings.primary_images["dep_item"] = "another"

    answer = shelf.post("dep_items", {"dep_photo": base64.b64encode(PNG).decode()})

    assert error_of(answer)[1] == "0x80090487"
    assert len(shelf.emulator.rows("dep_items")) == 1


TARGET: dict[str, Any] = {"@odata.type": "Microsoft.Dynamics.CRM.dep_item", "dep_itemid": A}


def block_id(number: int) -> str:
    return base64.b64encode(f"{number:08}".encode()).decode()


def blocks(browser: Browser, data: bytes) -> tuple[str, list[str]]:
    """Uploads data in blocks; the token and the blocks' ids."""
    body = {"Target": TARGET, "FileName": "manual.pdf", "FileAttributeName": "dep_manual"}
    token = browser.post("InitializeFileBlocksUpload", body).json()["FileContinuationToken"]
    listed = []
    for start in range(0, len(data), CHUNK):
        part = base64.b64encode(data[start : start + CHUNK]).decode()
        block = {"BlockId": block_id(start), "BlockData": part, "FileContinuationToken": token}
        assert browser.post("UploadBlock", block).status_code == 204
        listed.append(block_id(start))
    return token, listed


def commit(browser: Browser, token: str, listed: list[str]) -> httpx2.Response:
    body = {"FileName": "manual.pdf", "MimeType": "application/x-manual", "BlockList": listed}
    return browser.post("CommitFileBlocksUpload", {**body, "FileContinuationToken": token})


def test_a_file_is_uploaded_in_blocks_and_read_in_blocks(shelf: Browser) -> None:
    data = content(2 * CHUNK + 7)
    token, listed = blocks(shelf, data)

    answer = commit(shelf, token, listed)

    assert answer.json()["FileSizeInBytes"] == len(data)
    assert answer.json()["@odata.context"].endswith("#Microsoft.Dynamics.CRM.CommitFileBlocksUploadResponse")
    got = shelf.get(f"{MANUAL}/$value")
    assert (got.content, got.headers["mimetype"]) == (data, "application/x-manual")
    assert files_on_disk(shelf) == 1
    opened = shelf.post("InitializeFileBlocksDownload", {"Target": TARGET, "FileAttributeName": "dep_manual"}).json()
    assert (opened["FileSizeInBytes"], opened["FileName"]) == (len(data), "manual.pdf")
    assert opened["IsChunkingSupported"] is True
    read = b""
    while len(read) < len(data):
        asked = {"Offset": len(read), "BlockLength": CHUNK, "FileContinuationToken": opened["FileContinuationToken"]}
        read += base64.b64decode(shelf.post("DownloadBlock", asked).json()["Data"])
    assert read == data
    assert shelf.post("DeleteFile", {"FileId": answer.json()["FileId"]}).status_code == 204
    assert shelf.get(f"{MANUAL}/$value").status_code == 204
    assert error_of(shelf.post("DeleteFile", {"FileId": answer.json()["FileId"]}))[0] == 404


def test_blocks_are_joined_as_they_are_listed(shelf: Browser) -> None:
    data = content(2 * CHUNK)
    token, listed = blocks(shelf, data)

    assert commit(shelf, token, list(reversed(listed))).status_code == 200
    assert shelf.get(f"{MANUAL}/$value").content == data[CHUNK:] + data[:CHUNK]
    assert error_of(commit(shelf, token, listed))[0] == 400


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"BlockId": "###"}, "BlockId is no base64"),
        ({"BlockId": base64.b64encode(b"x" * 65).decode()}, "64 bytes"),
        ({"BlockId": base64.b64encode(b"short").decode()}, "same length"),
        ({"BlockData": "###"}, "BlockData is no base64"),
        ({"BlockData": base64.b64encode(bytes(CHUNK + 1)).decode()}, "larger than"),
        ({"FileContinuationToken": "x"}, "not valid"),
        ({"BlockId": None}, "'BlockId' is missing"),
    ],
)
def test_a_wrong_block_is_refused(shelf: Browser, change: dict[str, Any], told: str) -> None:
    token, _ = blocks(shelf, b"x")
    block = {"BlockId": block_id(1), "BlockData": base64.b64encode(b"y").decode(), "FileContinuationToken": token}

    status, _, message = error_of(shelf.post("UploadBlock", block | change))

    assert status == 400
    assert told in message


def test_a_list_with_an_unknown_block_is_refused(shelf: Browser) -> None:
    token, listed = blocks(shelf, b"x")

    assert error_of(commit(shelf, token, [*listed, block_id(99)]))[0] == 400
    assert commit(shelf, token, listed).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Target": {"dep_itemid": A}}, 400),
        ({"Target": {**TARGET, "dep_itemid": B}}, 404),
        ({"Target": {**TARGET, "dep_itemid": "x"}}, 400),
        ({"FileAttributeName": "dep_name"}, 400),
        ({"FileName": "setup.exe"}, 400),
    ],
)
def test_blocks_need_a_column_that_takes_files(shelf: Browser, change: dict[str, Any], status: int) -> None:
    body = {"Target": TARGET, "FileName": "manual.pdf", "FileAttributeName": "dep_manual"}
    assert error_of(shelf.post("InitializeFileBlocksUpload", body | change))[0] == status


def test_files_are_gone_after_a_reset(shelf: Browser) -> None:
    put(shelf, b"x")
    shelf.emulator.reset()
    assert files_on_disk(shelf) == 0


def test_files_are_kept_with_a_database(depot_emulator: Emulator, tmp_path: Path) -> None:
    document, database = depot_emulator.metadata_document, tmp_path / "rows.db"
    rows = {"dep_items": [{"dep_itemid": A}]}
    with running_emulator(document, database=database, data=rows) as emulator, closing(Browser(emulator).http) as http:
        put(Browser(emulator, http), b"kept")
    with running_emulator(document, database=database) as emulator, closing(Browser(emulator).http) as http:
        assert Browser(emulator, http).get(f"{MANUAL}/$value").content == b"kept"


def test_a_file_travels_in_a_batch(shelf: Browser) -> None:
    put(shelf, b"content of the file")
    assert "content of the file" in send(shelf, request(f"GET {MANUAL}/$value")).text


def test_the_size_that_a_column_takes_is_told_by_its_definition(shelf: Browser) -> None:
    shelf.emulator.settings.column_kilobytes["dep_item", "dep_manual"] = 1
    columns = "EntityDefinitions(LogicalName='dep_item')/Attributes(LogicalName='{}')/Microsoft.Dynamics.CRM.{}"

    file = shelf.get(columns.format("dep_manual", "FileAttributeMetadata") + "?$select=MaxSizeInKB").json()
    image = shelf.get(columns.format("dep_photo", "ImageAttributeMetadata")).json()

    assert file["MaxSizeInKB"] == 1
    assert (image["MaxSizeInKB"], image["CanStoreFullImage"], image["IsPrimaryImage"]) == (10_240, True, True)
    assert image["AttributeTypeName"] == {"Value": "ImageType"}
