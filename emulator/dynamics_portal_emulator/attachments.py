"""What file and image columns hold.

It decides which files a column takes, what of a file is told in the row, and what goes when a file goes ("Use file
column data", "Use image column data", "File columns"). A file column's value is the id of the file; an image column's
are the bytes themselves, which the emulator hands out as they are: it makes no thumbnails. The bytes are kept by
`blobs`.
"""

from __future__ import annotations

import base64
import io
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .annotations import LOGICAL_NAME
from .blobs import Blobs
from .errors import DataverseError, Kind
from .schema import Schema, Table
from .settings import MEGABYTE, Settings
from .store import Store

OCTETS = "application/octet-stream"
_SIGNATURES = (b"GIF87a", b"GIF89a", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"BM", b"\x89PNG\r\n\x1a\n")
_TICKS = 621_355_968_000_000_000  # of 100 ns, from the year 1 to 1970: image timestamps are counted from the year 1


@dataclass(frozen=True)
class Attachment:
    """A file as the emulator knows it; `key` is its id, and that of its bytes."""

    key: str
    name: str
    mime_type: str
    size: int


@dataclass(frozen=True)
class Attachments:
    """Files of rows."""

    schema: Schema
    store: Store
    blobs: Blobs
    settings: Settings
    now: Callable[[], datetime]

    def check_name(self, table: Table, column: str, name: str) -> None:
        """DataverseError 400 for a file that the organisation does not take."""
        extension = name.rpartition(".")[2].lower() if "." in name else ""
        if column in table.files and extension in self.settings.blocked_extensions:
            raise Kind.ATTACHMENT_BLOCKED.error()

    def check_size(self, table: Table, column: str, size: int) -> None:
        """DataverseError 400 for a file that is larger than its column takes."""
        limit = self._kilobytes(table, column) * 1024
        if size <= limit:
            return
        if column in table.files:
            raise Kind.FILE_TOO_LARGE.error()
        sizes = f"MaxSize: {limit // MEGABYTE} MB, Uploaded filesize: {size // MEGABYTE} MB."
        raise Kind.IMAGE_FAILURE.error(reason=f"File size is too big. {sizes}")

    def _kilobytes(self, table: Table, column: str) -> int:
        default = self.settings.file_kilobytes if column in table.files else self.settings.image_kilobytes
        return self.settings.column_kilobytes.get((table.name, column), default)

    def primary_image(self, table: Table) -> str | None:
        """The image column that may be set on create."""
        only = next(iter(table.images)) if len(table.images) == 1 else None
        return self.settings.primary_images.get(table.name, "entityimage" if "entityimage" in table.images else only)

    def facts(self, table: Table, column: str) -> dict[str, Any]:
        """What a column's definition tells of files; nothing of another column."""
        if column not in table.files | table.images:
            return {}
        found: dict[str, Any] = {"MaxSizeInKB": self._kilobytes(table, column)}
        if column in table.images:
            found["CanStoreFullImage"] = (table.name, column) not in self.settings.without_full_images
            found["IsPrimaryImage"] = column == self.primary_image(table)
        return found

    def take(
        self, table: Table, row_key: str, column: str, blob: str, name: str, mime_type: str | None = None
    ) -> Attachment:
        """Makes a blob the file of a row's column, in place of an earlier one. DataverseError 400 where the column does
        not take it; the blob is then gone."""
        size = self.blobs.size(blob)
        try:
            self.check_name(table, column, name)
            self.check_size(table, column, size)
            if column in table.images and not self.blobs.read(blob, 0, 16).startswith(_SIGNATURES):
                reason = f"Update image properties failed for objectid: {row_key}, logicalName: {table.name}, "
                raise Kind.IMAGE_FAILURE.error(reason=f"{reason}attribute: {column}")
        except DataverseError:
            self.blobs.remove(blob)
            raise
        kind = mime_type or mimetypes.guess_type(name)[0] or OCTETS
        attachment = Attachment(blob, name, kind, size)
        with self.store.transaction() as connection:
            self.drop(table, row_key, column)
            values = {"id": blob, "family": table.family, "key": row_key, "field": column}
            told = {"name": name, "mime_type": kind, "size": size}
            connection.execute(self.store.files.insert(), {**values, **told})
            self._tell(table, row_key, column, attachment)
        return attachment

    def of(self, table: Table, row_key: str, column: str) -> Attachment | None:
        """The file of a row's column."""
        files = self.store.files
        place = sa.and_(files.c.family == table.family, files.c.key == row_key, files.c.field == column)
        return self._one(place)

    def by_id(self, key: str) -> tuple[str, str, str] | None:
        """Family, row's key and column of the file with an id."""
        files = self.store.files
        statement = sa.select(files.c.family, files.c.key, files.c.field).where(files.c.id == key)
        with self.store.transaction() as connection:
            found = connection.execute(statement).first()
        return None if found is None else (found[0], found[1], found[2])

    def _one(self, condition: sa.ColumnElement[bool]) -> Attachment | None:
        files = self.store.files
        statement = sa.select(files.c.id, files.c.name, files.c.mime_type, files.c.size).where(condition)
        with self.store.transaction() as connection:
            found = connection.execute(statement).first()
        return None if found is None else Attachment(*found)

    def drop(self, table: Table, row_key: str, column: str | None = None) -> None:
        """Removes the file of a row's column, or all files of a row; their bytes once that is committed."""
        files, told = self.store.files, self.schema.named("fileattachment")
        place = sa.and_(files.c.family == table.family, files.c.key == row_key)
        if column is not None:
            place = sa.and_(place, files.c.field == column)
        with self.store.transaction() as connection:
            keys = [key for (key,) in connection.execute(sa.select(files.c.id).where(place))]
            connection.execute(files.delete().where(place))
            for key in keys:
                row = self.store.get(told.family, key) if told is not None else None
                if told is not None and row is not None:
                    self.store.delete(told.family, row)
                self._remove_later(key)

    def _remove_later(self, key: str) -> None:
        self.store.after_commit(lambda: self.blobs.remove(key))

    def columns(self, table: Table, row_key: str, column: str) -> dict[str, Any]:
        """What the row tells of a column's file."""
        attachment = self.of(table, row_key, column)
        key, name = (attachment.key, attachment.name) if attachment else (None, None)
        told: dict[str, Any] = {column: key}
        if column in table.files:
            told[f"{column}_name"] = name
            return told
        ticks = int(self.now().timestamp() * 10_000_000) + _TICKS if attachment else None
        place = f"Entity={table.name}&Attribute={column}&Id={key}&Timestamp={ticks}"
        address = f"/Image/download.aspx?{place}" if attachment else None
        beside = {f"{column}id": key, f"{column}_timestamp": ticks, f"{column}_url": address}
        return told | {name: value for name, value in beside.items() if name in table.properties}

    def set_images(self, table: Table, row_key: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Takes the images that a body has given in base64; what the row tells of them instead. DataverseError 400."""
        told: dict[str, Any] = {}
        for column in table.images & document.keys():
            if document[column] is None:
                self.drop(table, row_key, column)
            else:
                blob = self.blobs.new()
                self.blobs.write(blob, 0, io.BytesIO(base64.b64decode(document[column])))
                self.take(table, row_key, column, blob, column)
            told |= self.columns(table, row_key, column)
        return told

    def image(self, key: str) -> str:
        """An image in base64, as a row shows it."""
        return base64.b64encode(self.blobs.read(key)).decode()

    def _tell(self, table: Table, row_key: str, column: str, attachment: Attachment) -> None:
        """A row of `fileattachment`, where the document has that table."""
        told = self.schema.named("fileattachment")
        if told is None:
            return
        columns = {
            "fileattachmentid": attachment.key,
            "filename": attachment.name,
            "mimetype": attachment.mime_type,
            "filesizeinbytes": attachment.size,
            "regardingfieldname": column,
            "objecttypecode": table.name,
            "createdon": self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "_objectid_value": row_key,
        }
        document = {name: value for name, value in columns.items() if name in told.properties}
        document[f"_objectid_value@{LOGICAL_NAME}"] = table.name
        self.store.insert(told.family, attachment.key, told.type, self.store.next_version(), document)
