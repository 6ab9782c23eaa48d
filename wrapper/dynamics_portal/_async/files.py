"""Files and images: the verbs on what the file and image columns of a table's rows hold, chunk by chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from os import PathLike
from typing import Any, Generic, TypeVar

from .._call import Call
from .._concurrency import async_ask
from .._files import FileRequests
from .._frames import empty_frames, reticent_class
from .._requests import Key, checking_input
from .._saving import PartialFile
from .._seam import RowLike
from .._sources import AsyncFileSource, Source, async_pull, async_source
from .._transfers import NO_SUCH_RANGE, DownloadState, Progress, TransferState, UploadState
from ..errors import InvalidRequestError
from .caller import AsyncCaller

W = TypeVar("W")
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)


@reticent_class
class AsyncFiles(Generic[R_co]):
    """The files and images of a table: `portal.contacts.files`.

    Columns that the contract knows as neither are refused. Every verb raises `DynamicsPortalClientException`.
    """

    __slots__ = ("_caller", "_requests")

    def __init__(self, requests: FileRequests, caller: AsyncCaller) -> None:
        self._requests = requests
        self._caller = caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._requests.model.table().entity_set}>"

    async def upload(
        self: AsyncFiles[RowLike[W, C]],
        key: Key,
        column: C,
        source: AsyncFileSource,
        *,
        name: str | None = None,
        size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Put a file or an image into a column; what was there is replaced.

        `source`: a path, bytes, a file opened in binary mode, or anything that gives parts of bytes; at most one chunk
        of 4 MB is held. `name`: the file's name, in any script; by default the path's. `size`: bytes in all, needed
        where the source cannot tell. `progress`: called after each chunk with the bytes done and the bytes in all.
        The client's timeout, deadline and retries are for each chunk.
        Uploading twice does no harm. To go on after a failure rather than anew, use `start_upload`.
        Raises `InvalidRequestError` for a file larger than the column takes.
        Source: Dataverse, "Use file column data", "Use image column data".
        """
        await self.start_upload(key, column, source, name=name, size=size).run(progress)

    def start_upload(
        self: AsyncFiles[RowLike[W, C]],
        key: Key,
        column: C,
        source: AsyncFileSource,
        *,
        name: str | None = None,
        size: int | None = None,
    ) -> AsyncUpload:
        """An upload that has not begun and can be taken up again: `AsyncUpload`. Arguments are those of `upload`."""
        found, upload = self._prepare(key, column, source, name, size)
        return AsyncUpload(upload, found, self._caller)

    def resume_upload(self, state: str, source: AsyncFileSource) -> AsyncUpload:
        """The upload whose `state` was stored, also by another process. The source is the whole file again."""
        found, upload = self._prepare_again(state, source)
        return AsyncUpload(upload, found, self._caller)

    async def download(self: AsyncFiles[RowLike[W, C]], key: Key, column: C, *, full: bool = False) -> AsyncDownload:
        """The file in a column, or the image: `full=False` gives its thumbnail, as the row does, `full=True` the whole.

        The first chunk is fetched now, so name and size are known; the others when they are taken.
        Raises `NotFoundError` where there is no such row, or no file in it.
        Source: Dataverse, "Use file column data", "Use image column data".
        """
        download = AsyncDownload(self._find(key, column, full), self._caller)
        await download.start()
        return download

    def resume_download(self, state: str) -> AsyncDownload:
        """The download whose `state` was stored, also by another process: it goes on where that one was."""
        return AsyncDownload(self._find_again(state), self._caller)

    async def delete(self: AsyncFiles[RowLike[W, C]], key: Key, column: C) -> None:
        """Empty a column of its file or image; the row stays. Source: Dataverse, "Use file column data"."""
        await self._caller.call(self._deletion(key, column))

    @checking_input
    def _prepare(
        self, key: Key, column: Any, source: AsyncFileSource, name: str | None, size: int | None
    ) -> tuple[Source, UploadState]:
        found = async_source(source, size)
        return found, self._requests.upload(key, column, name or found.name, found.size)

    @checking_input
    def _prepare_again(self, state: str, source: AsyncFileSource) -> tuple[Source, UploadState]:
        upload = self._requests.resumed_upload(state)
        found = async_source(source, upload.size)
        found.start_at(upload.offset)
        return found, upload

    @checking_input
    def _find(self, key: Key, column: Any, full: bool) -> DownloadState:
        return self._requests.download(key, column, full=full)

    @checking_input
    def _find_again(self, state: str) -> DownloadState:
        return self._requests.resumed_download(state)

    @checking_input
    def _deletion(self, key: Key, column: Any) -> Call:
        return self._requests.delete(key, column)


@reticent_class
class AsyncUpload:
    """An upload under way. Where `run` fails, calling it again goes on with the chunk that failed.

    `state` is what another process can go on with (`resume_upload`), as long as the service keeps the session. It holds
    the row's key and the file's name, which may be personal data, and the right to write this file: keep it so.
    """

    __slots__ = ("_caller", "_chunk", "_source", "_upload")

    def __init__(self, upload: UploadState, source: Source, caller: AsyncCaller) -> None:
        self._upload = upload
        self._source = source
        self._caller = caller
        self._chunk: bytes | None = None

    def __repr__(self) -> str:
        return repr(self._upload)

    @property
    def state(self) -> TransferState:
        """Where it is, as text to store."""
        return self._upload.state

    @property
    def offset(self) -> int:
        """How many bytes the service has."""
        return self._upload.offset

    @property
    def size(self) -> int:
        """How many bytes there are in all."""
        return self._upload.size

    async def run(self, progress: Progress | None = None) -> None:
        """Send what is left. Returns when the service has the whole file."""
        upload = self._upload
        try:
            if upload.begins and not upload.done:
                call = upload.begin_call()
                answer = await self._caller.call(call)
                if not self._caller.sends:
                    return
                upload.begun(answer, call)
            while not upload.done:
                await self._send()
                if progress is not None:
                    progress(upload.offset, upload.size)
        finally:
            self._source.close()

    async def _send(self) -> None:
        if self._chunk is None:
            self._chunk = await self._read(self._upload.wanted, self._upload.is_last)
        await self._caller.call(self._upload.chunk_call(self._chunk))
        self._upload.sent(len(self._chunk))
        self._chunk = None

    async def _read(self, count: int, whole: bool) -> bytes:
        while self._source.lacks(count, whole=whole):
            await async_pull(self._source)
        return self._source.take(count, whole=whole)


@reticent_class
class AsyncDownload:
    """A file on its way: iterate over its chunks, `read` it, or `save` it.

    Where a chunk cannot be had, the exception is raised at that point; iterating again goes on with that chunk.
    `state` is what another process can go on with (`resume_download`); it holds the row's key and the file's name.
    A file that was replaced meanwhile is a `ConflictError`, never a mixture. Where the service does not give parts (it
    keeps some files in its database, which are at most 128 MB), the file comes as one chunk.
    """

    __slots__ = ("_caller", "_download", "_first")

    def __init__(self, download: DownloadState, caller: AsyncCaller) -> None:
        self._download = download
        self._caller = caller
        self._first: bytes | None = None

    def __repr__(self) -> str:
        return repr(self._download)

    @property
    def name(self) -> str:
        """The file's name, without any folder. Whoever uploaded the file chose it."""
        return self._download.name

    @property
    def size(self) -> int | None:
        """Bytes in all. `None` for a download that was taken up again before its first chunk, where it was unknown."""
        return self._download.size

    @property
    def content_type(self) -> str:
        """The MIME type that the service tells; empty where it tells none, and before the first chunk."""
        return self._download.content_type

    @property
    def offset(self) -> int:
        """How many bytes were taken."""
        return self._download.offset - len(self._first or b"")

    @property
    def state(self) -> TransferState:
        """Where it is, as text to store."""
        return self._download.state_at(self.offset)

    async def start(self) -> None:
        """Fetch the first chunk, which tells name and size."""
        self._first = await self._fetch()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while self._first or not self._download.done:
            try:
                chunk, self._first = self._first or await self._fetch(), None
            except BaseException as error:
                empty_frames(error)
                raise
            yield chunk

    async def _fetch(self) -> bytes:
        call = self._download.next_call()
        try:
            answer = await self._caller.call(call)
        except InvalidRequestError as error:
            if error.status_code != NO_SUCH_RANGE or self._download.offset:
                raise
            call = self._download.next_call(whole=True)
            answer = await self._caller.call(call)
        return self._download.feed(answer, call)

    async def read(self) -> bytes:
        """The rest of the file, in memory."""
        chunks: list[bytes] = []
        async for chunk in self:
            chunks.append(chunk)
        return b"".join(chunks)

    async def save(self, path: str | PathLike[str], progress: Progress | None = None) -> None:
        """Write the file to a path, through a neighbour, so that it is never there in part.

        After a failure the neighbour is kept, and saving again, also after `resume_download`, goes on with it.
        Raises `OSError` where it cannot be written.
        """
        part = await async_ask(PartialFile, path, self.offset)
        try:
            async for chunk in self:
                try:
                    await async_ask(part.write, chunk)
                except OSError:
                    self._first = chunk
                    raise
                if progress is not None:
                    progress(self.offset, self._download.size or 0)
        except BaseException:
            part.close()
            raise
        await async_ask(part.finish)
