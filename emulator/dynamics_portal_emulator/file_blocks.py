"""Files in blocks: the messages that SDK for .NET and Web API share.

It decides how blocks become a file and how one is read in blocks ("Use file column data": Use Dataverse messages to
upload a file, to download a file; Use the DeleteFile message). What a column takes is decided by `attachments`.
"""

from __future__ import annotations

import base64
import binascii
import io
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .attachments import Attachment
from .bulk import BuiltIn
from .errors import Kind
from .exchange import Answer, Request, json_answer
from .query import Place, Query
from .resources import Key
from .schema import Table
from .store import Row
from .transfers import Transfers

_BLOCK_ID = 64  # bytes before encoding


@dataclass
class _Upload:
    table: Table
    row_key: str
    column: str
    blocks: dict[str, str] = field(default_factory=dict)
    """Block id to the blob that holds it."""


@dataclass
class FileBlocks:
    """Answers the messages."""

    query: Query
    transfers: Transfers
    _uploads: dict[str, _Upload] = field(default_factory=dict)
    _downloads: dict[str, Attachment] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def operations(self) -> dict[str, BuiltIn]:
        """What this part answers, by local name."""
        return {
            "InitializeFileBlocksUpload": self.begin_upload,
            "UploadBlock": self.upload,
            "CommitFileBlocksUpload": self.commit,
            "InitializeFileBlocksDownload": self.begin_download,
            "DownloadBlock": self.download,
            "DeleteFile": self.delete,
        }

    def forget(self) -> None:
        """Drops what has begun and not ended."""
        with self._lock:
            self._uploads.clear()
            self._downloads.clear()

    def begin_upload(self, request: Request, place: Place | None) -> Answer:
        """Names the column to upload to, and answers with a token for the blocks."""
        body = _body(request, "InitializeFileBlocksUpload", "Target", "FileName", "FileAttributeName")
        table, row, column = self._target(body)
        self.transfers.attachments.check_name(table, column, str(body["FileName"]))
        token = uuid.uuid4().hex
        with self._lock:
            self._uploads[token] = _Upload(table, row.key, column)
        return _answer(request, "InitializeFileBlocksUpload", {"FileContinuationToken": token})

    def upload(self, request: Request, place: Place | None) -> Answer:
        """Takes a block; one with the id of an earlier one replaces it."""
        body = _body(request, "UploadBlock", "BlockId", "BlockData", "FileContinuationToken")
        block = str(body["BlockId"])
        if len(_decoded(block, "BlockId")) > _BLOCK_ID:
            raise Kind.BAD_QUERY.error(problem=f"A BlockId must not have more than {_BLOCK_ID} bytes.")
        data = _decoded(body["BlockData"], "BlockData")
        limit = self.transfers.attachments.settings.chunk_size
        if len(data) > limit:
            raise Kind.BAD_QUERY.error(problem=f"A block must not be larger than {limit} bytes.")
        blobs = self.transfers.attachments.blobs
        with self._lock:
            upload = self._upload(body)
            if any(len(other) != len(block) for other in upload.blocks):
                raise Kind.BAD_QUERY.error(problem="All BlockIds of a file must have the same length.")
            earlier = upload.blocks.get(block)
            upload.blocks[block] = blobs.new()
            blobs.write(upload.blocks[block], 0, io.BytesIO(data))
            if earlier is not None:
                blobs.remove(earlier)
        return Answer(204)

    def commit(self, request: Request, place: Place | None) -> Answer:
        """Puts the listed blocks together in their order, and answers with the file's id and size."""
        body = _body(request, "CommitFileBlocksUpload", "FileName", "MimeType", "BlockList", "FileContinuationToken")
        attachments = self.transfers.attachments
        with self._lock:
            upload = self._upload(body)
            listed = [str(block) for block in body["BlockList"]]
            unknown = [block for block in listed if block not in upload.blocks]
            if unknown:
                raise Kind.BAD_QUERY.error(problem="The BlockList names a block that was not uploaded.")
            blob = attachments.blobs.new()
            for block in listed:
                attachments.blobs.append(blob, upload.blocks[block])
            taken = self.transfers.take(
                upload.table, upload.row_key, upload.column, blob, str(body["FileName"]), str(body["MimeType"])
            )
            del self._uploads[str(body["FileContinuationToken"])]
        for block_blob in upload.blocks.values():
            attachments.blobs.remove(block_blob)
        content = {"FileId": taken.key, "FileSizeInBytes": taken.size}
        return _answer(request, "CommitFileBlocksUpload", content)

    def begin_download(self, request: Request, place: Place | None) -> Answer:
        """Names the column to download from, and answers with the file's size, its name, and a token."""
        body = _body(request, "InitializeFileBlocksDownload", "Target", "FileAttributeName")
        table, row, column = self._target(body)
        found = self.transfers.attachments.of(table, row.key, column)
        if found is None or (table.name, column) in self.transfers.attachments.settings.without_full_images:
            raise Kind.NO_FILE.error(column=column, table=table.name, id=row.key)
        token = uuid.uuid4().hex
        with self._lock:
            self._downloads[token] = found
        content = {
            "FileContinuationToken": token,
            "FileSizeInBytes": found.size,
            "FileName": found.name,
            "IsChunkingSupported": True,
        }
        return _answer(request, "InitializeFileBlocksDownload", content)

    def download(self, request: Request, place: Place | None) -> Answer:
        """A part of the file that the token stands for."""
        body = _body(request, "DownloadBlock", "Offset", "BlockLength", "FileContinuationToken")
        found = self._downloads.get(str(body["FileContinuationToken"]))
        offset, length = body["Offset"], body["BlockLength"]
        if found is None:
            raise Kind.BAD_QUERY.error(problem="The FileContinuationToken is not valid.")
        if not all(isinstance(number, int) and not isinstance(number, bool) for number in (offset, length)):
            raise Kind.BAD_QUERY.error(problem="Offset and BlockLength must be whole numbers.")
        if not 0 <= offset <= found.size or not 0 < length <= self.transfers.attachments.settings.chunk_size:
            raise Kind.BAD_QUERY.error(problem="Offset or BlockLength is out of range.")
        data = self.transfers.attachments.blobs.read(found.key, offset, min(offset + length, found.size))
        return _answer(request, "DownloadBlock", {"Data": base64.b64encode(data).decode()})

    def delete(self, request: Request, place: Place | None) -> Answer:
        """Removes the file with an id."""
        key = str(_body(request, "DeleteFile", "FileId")["FileId"]).lower()
        found = self.transfers.attachments.by_id(key)
        if found is None:
            raise Kind.NO_ROW.error(table="fileattachment", id=key)
        family, row_key, column = found
        row = self.transfers.attachments.store.get(family, row_key)
        if row is None:
            raise Kind.NO_ROW.error(table="fileattachment", id=key)
        self.transfers.remove(self.query.schema.table(row.type), row_key, column)
        return Answer(204)

    def _upload(self, body: Mapping[str, Any]) -> _Upload:
        found = self._uploads.get(str(body["FileContinuationToken"]))
        if found is None:
            raise Kind.BAD_QUERY.error(problem="The FileContinuationToken is not valid.")
        return found

    def _target(self, body: Mapping[str, Any]) -> tuple[Table, Row, str]:
        """The column that a message is about. DataverseError 400 or 404."""
        target, column = body["Target"], str(body["FileAttributeName"])
        named = str(target.get("@odata.type", "")).lstrip("#") if isinstance(target, Mapping) else ""
        table = self.query.schema.table_or_none(named)
        if table is None or len(table.key) != 1:
            raise Kind.BAD_PAYLOAD.error(table="Target", problem="'Target' must say its '@odata.type' and its id.")
        if column not in table.files and column not in table.images:
            raise Kind.NO_PROPERTY.error(name=column, type=table.type)
        name = table.key[0].path
        value = self.transfers.writer.drafts.stored(table, table.properties[name], target.get(name))
        return table, self.query.require(table, Key({name: value}, primary=True)), column


def _body(request: Request, message: str, *required: str) -> Mapping[str, Any]:
    """The body of a message. DataverseError 400 where something is missing."""
    body = request.json(message)
    missing = [name for name in required if not isinstance(body, Mapping) or body.get(name) is None]
    if missing:
        problem = f"Required parameter '{missing[0]}' is missing for the operation '{message}'."
        raise Kind.BAD_PAYLOAD.error(table=message, problem=problem)
    found: Mapping[str, Any] = body
    return found


def _decoded(text: Any, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Kind.BAD_QUERY.error(problem=f"{name} is no base64.") from None


def _answer(request: Request, message: str, content: Mapping[str, Any]) -> Answer:
    context = {"@odata.context": f"{request.root}/$metadata#Microsoft.Dynamics.CRM.{message}Response"}
    return json_answer(200, {**context, **content})
