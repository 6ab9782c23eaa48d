"""Files and images: which columns hold them, where they are found, and how a stored transfer is taken up. No I/O.

`$metadata` says Edm.Binary of a file column and of an image column alike, and of little else; what else it is, the
service says.

Source: Dataverse, "Use file column data", "Use image column data".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._call import Call, checked_url
from ._query import nearest
from ._seam import RowModel
from ._settings import Settings
from ._transfers import DownloadState, UploadState


class FileRequests:
    """The addresses of the files of one table, and what may be done there."""

    __slots__ = ("model", "settings")

    def __init__(self, model: RowModel, settings: Settings) -> None:
        self.model = model
        self.settings = settings

    def upload(self, key: Any, column: Any, name: str, size: int) -> UploadState:
        """An upload that has not begun. Raises `ValueError` or `TypeError` for what does not fit."""
        url = self._url(key, column)
        self.settings.writable.check(self.model, {column: b""})
        return UploadState(self.settings, url, checked_name(name), size)

    def resumed_upload(self, state: str) -> UploadState:
        """The upload that a state stands for. Raises `ValueError` for one of another table."""
        found = _read_state(state, {"path": str, "session": str, "name": str, "size": int, "offset": int, "chunk": int})
        column = self._column_of(found["path"])
        self._column_of(found["session"].partition("?")[0] or found["path"])  # it leads nowhere else either
        self.settings.writable.check(self.model, {column: b""})
        upload = UploadState(
            self.settings, self.settings.root.url + found["path"], checked_name(found["name"]), found["size"]
        )
        if found["session"]:
            upload.take_up(self.settings.root.url + found["session"], found["offset"], found["chunk"])
        return upload

    def download(self, key: Any, column: Any, *, full: bool) -> DownloadState:
        """A download that has not begun."""
        url = self._url(key, column)
        if full and self.model.__columns__[column].file:
            raise ValueError(f"full: {self.model.__name__}.{column} holds a file; only images have two sizes")
        return DownloadState(self.settings, url + "/$value" + ("?size=full" if full else ""))

    def resumed_download(self, state: str) -> DownloadState:
        """The download that a state stands for. Raises `ValueError` for one of another table."""
        found = _read_state(state, {"path": str, "name": str, "size": int, "offset": int})
        self._column_of(found["path"].partition("/$value")[0])
        download = DownloadState(self.settings, self.settings.root.url + found["path"])
        download.take_up(found["offset"], found["size"], found["name"])
        return download

    def delete(self, key: Any, column: Any) -> Call:
        """The end of a file; the row stays."""
        url = self._url(key, column)
        self.settings.writable.check(self.model, {column: b""})
        return Call("DELETE", url, self.settings.new_correlation_id())

    def _url(self, key: Any, column: Any) -> str:
        check_column(self.model, column)
        return checked_url(f"{self.settings.root.url}{self.model.path(key)}/{column}")

    def _column_of(self, path: str) -> str:
        """The column of a path like `contacts(…)/new_document`, where it is one of this table."""
        row, _, column = path.rpartition("/")
        table = self.model.table()
        if not row.startswith(f"{table.entity_set}(") or not row.endswith(")") or any(sign in row for sign in "/?#"):
            raise ValueError(f"state: it is of another table than {table.name}")
        check_column(self.model, column)
        return column


def check_column(model: RowModel, column: Any) -> None:
    """Raise `ValueError` or `TypeError` unless the contract lets the column hold a file or an image."""
    if not isinstance(column, str):
        raise TypeError(f"column: expected the name of a file or image column, got {type(column).__name__}")
    if column not in model.__columns__:
        raise ValueError(f"{model.__name__} has no column {column!r}{nearest(column, model.__columns__)}")
    text_twin = column.endswith("_binary") and _has(model, column.removesuffix("_binary"))
    if model.__columns__[column].type not in ("Edm.Binary", "Edm.Stream") or text_twin:
        raise ValueError(f"{model.__name__}.{column} holds neither a file nor an image")


def _has(model: RowModel, column: str) -> bool:
    return column in model.__columns__


def checked_name(name: Any) -> str:
    """The name of a file. Raises `ValueError` or `TypeError`, without the name, for what names none."""
    if not isinstance(name, str):
        raise TypeError(f"name: expected the file's name as text, got {type(name).__name__}")
    if not name.strip() or "/" in name or "\\" in name or not name.isprintable():
        raise ValueError("name: expected a file's name, without a folder")
    return name


def _read_state(state: Any, fields: Mapping[str, type]) -> dict[str, Any]:
    """The facts of a stored state. Raises `ValueError`, without them, for anything else."""
    try:
        found = json.loads(state)
        known = {name: found[name] for name in fields}
    except (TypeError, ValueError, KeyError):
        known = {}
    if not known or not all(type(known[name]) is kind for name, kind in fields.items()):
        raise ValueError("state: expected what the state of an upload or a download gave")
    return known
