"""Cassettes: exchanges with Dynamics in files, recorded and played by vcrpy, without secrets and personal data.

    from dynamics_portal import cassettes

    with cassettes.recorder().use_cassette("tests/cassettes/expired.yaml"):  # recorder(record_mode="once") records it
        portal = DynamicsPortalClient(cassettes.BASE_URL, ...)

An exchange is scrubbed where it becomes a file, and nowhere else: a file that holds anything unscrubbed is refused when
it is read, and `problems` tells what is wrong with it. What is kept and what is made up is decided by `_scrub`. What
stands where a name of the schema belongs and has the form of one is taken for one: `$select=Nordmann` stays.

vcrpy comes with the extra `cassettes`. It takes the place of httpx2's transports, also of one that is passed to a
client, so clients need not know that they are recorded.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from http.client import responses as _PHRASES
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar, cast

from ._scrub.exchange import Exchange, Request, Response, UnscrubbableError, same, scrub
from ._scrub.urls import ORGANISATION

__all__ = [
    "BASE_URL",
    "KEPT",
    "Exchange",
    "Recorder",
    "Request",
    "Response",
    "UnscrubbableError",
    "UnscrubbedCassetteError",
    "problems",
    "recorder",
    "scrub",
]

BASE_URL: Final = ORGANISATION
"""The address that a cassette's answers link to: a client that plays one is made with it."""

KEPT: Final = frozenset({"statecode"})
"""Columns whose numbers, dates and times are kept unless others are named: whether a row is active says nothing of
anybody, since nothing else in a cassette tells whose row it is."""

_NAME: Final = "scrubbed"
_VERSION: Final = 1  # of vcrpy's format
C = TypeVar("C", bound=Callable[..., Any])


class UnscrubbedCassetteError(Exception):
    """A cassette holds something that the recorder would not have written. The message lists where, never what."""


class Cassette(Protocol):
    """An open cassette: how much of it has been played. It is vcrpy's."""

    @property
    def all_played(self) -> bool: ...
    @property
    def play_count(self) -> int: ...
    def __len__(self) -> int: ...


class Use(Protocol):
    """A cassette for the time of a block, or of the function that it decorates."""

    def __enter__(self) -> Cassette: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def __call__(self, function: C, /) -> C: ...


class Recorder(Protocol):
    """What `recorder` gives: vcrpy with cassettes that are scrubbed."""

    def use_cassette(self, path: str | os.PathLike[str], /, **options: Any) -> Use:
        """The cassette of that path, with options of its own. Source: vcrpy, "Usage", "Advanced Features"."""
        ...


def recorder(*, keep: Iterable[str] = KEPT, **options: Any) -> Recorder:
    """vcrpy that plays cassettes, and records them where its `record_mode` says so. The default is `"none"`: a
    request that is not in the cassette fails.

    `keep`: columns whose numbers, dates and times stay as they are, such as a choice that says nothing of a person.
    `options`: those of `vcr.VCR`, but for `serializer` and `match_on`, which are what makes a cassette safe to keep.
    Requests must be equal to recorded ones but for values that only a real service could give (see `same`).
    vcrpy's own loggers show addresses and bodies as they are; they are raised to warnings.
    Raises `ImportError` without the extra `cassettes`, `TypeError` for an option that is not left to the caller.
    """
    for name in ("serializer", "match_on"):
        if name in options:
            raise TypeError(f"recorder: {name} is given; a recorder scrubs and compares in its own way")
    try:
        import vcr  # type: ignore[import-untyped] # it has no type hints
    except ModuleNotFoundError as error:
        if error.name != "vcr":
            raise
        raise ImportError("vcrpy is missing: install the extra, dynamics-portal[cassettes]") from None
    logging.getLogger("vcr").setLevel(logging.WARNING)
    kept = frozenset(keep)
    made = vcr.VCR(**{"record_mode": "none", **options}, serializer=_NAME, match_on=(_NAME,))
    made.serializers = {name: _Serializer(kept) for name in (_NAME, *made.serializers)}  # none is left that scrubs not
    made.register_matcher(_NAME, _matcher(kept))
    return _Recorder(made)


class _Recorder:
    """vcrpy's, with what saving raises told when the transports are themselves again.

    vcrpy saves before it takes its place back, so an exception of saving would leave calls to the cassette for as long
    as the exception is kept somewhere.
    """

    def __init__(self, made: Any) -> None:
        self._vcr = made

    def use_cassette(self, path: str | os.PathLike[str], /, **options: Any) -> _Use:
        persister = _Persister(options.pop("persister", self._vcr.persister))
        return _Use(self._vcr, os.fspath(path), {**options, "persister": persister}, persister)


class _Persister:
    """vcrpy's interface to files: what saving raises is kept."""

    def __init__(self, files: Any) -> None:
        self._files = files
        self.refused: Exception | None = None

    def load_cassette(self, path: Any, serializer: Any) -> Any:
        return self._files.load_cassette(path, serializer)

    def save_cassette(self, path: Any, content: Any, serializer: Any) -> None:
        self.refused = None
        try:
            self._files.save_cassette(path, content, serializer)
        except Exception as error:  # raised when the block has been left
            self.refused = error


class _Use:
    """A cassette for the time of a block. As a decorator it opens the cassette anew for each call."""

    def __init__(self, made: Any, path: str, options: dict[str, Any], persister: _Persister) -> None:
        self._vcr = made
        self._path = path
        self._options = options
        self._persister = persister
        self._open: Any = None

    def __enter__(self) -> Cassette:
        self._open = self._vcr.use_cassette(self._path, **self._options)
        cassette: Cassette = self._open.__enter__()
        return cassette

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._open.__exit__(kind, error, traceback)
        refused, self._persister.refused = self._persister.refused, None
        if refused is not None:
            raise refused

    def __call__(self, function: C, /) -> C:
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def waits(*arguments: Any, **keywords: Any) -> Any:
                with self._again():
                    return await function(*arguments, **keywords)

            return cast("C", waits)

        @wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            with self._again():
                return function(*arguments, **keywords)

        return cast("C", call)

    def _again(self) -> _Use:
        return _Recorder(self._vcr).use_cassette(self._path, **{**self._options, "persister": self._persister._files})


class _Serializer:
    """vcrpy's interface for formats of files: exchanges to text and back. The one way to the disk, and from it."""

    def __init__(self, keep: frozenset[str]) -> None:
        self._keep = keep

    def serialize(self, data: Mapping[str, Any]) -> str:
        """The text of a cassette. Raises `UnscrubbableError`."""
        return _text(scrub(map(_exchange, data["interactions"]), self._keep))

    def deserialize(self, text: str) -> dict[str, Any]:
        """What a cassette's text holds. Raises `UnscrubbedCassetteError`."""
        found = _problems(text, self._keep)
        if found:
            raise UnscrubbedCassetteError("; ".join(found))
        document: dict[str, Any] = _load(text)
        return document


def _matcher(keep: frozenset[str]) -> Callable[[Any, Any], bool]:
    def scrubbed(live: Any, recorded: Any) -> bool:
        return same(_request(live._to_dict()), _request(recorded._to_dict()), keep)

    return scrubbed


def problems(path: str | os.PathLike[str], *, keep: Iterable[str] = KEPT) -> list[str]:
    """What in a cassette's file should not be there, each by its place and without its value; empty for a good one.

    A cassette is good where scrubbing it once more changes nothing, down to the byte, and where no line has the look of
    a token, an e-mail address, an id or a host that is real. `keep` is what it was recorded with.
    """
    return _problems(Path(path).read_bytes().decode("utf-8", "backslashreplace"), frozenset(keep))


def _problems(text: str, keep: frozenset[str]) -> list[str]:
    try:
        exchanges = [_exchange(item) for item in _interactions(_load(text))]
    except (ValueError, TypeError, KeyError, AttributeError):
        return ["the file is no cassette as the recorder writes it", *_suspicious(text)]
    try:
        scrubbed = scrub(exchanges, keep)
    except UnscrubbableError as error:
        return [str(error), *_suspicious(text)]
    found = [
        f"interaction {number}: {place}"
        for number, (before, after) in enumerate(zip(exchanges, scrubbed, strict=True), 1)
        for place in _differences(before, after)
    ]
    if not found and _text(scrubbed) != text:
        found.append("the file's text is not laid out as the recorder writes it")
    return found + _suspicious(text)


def _interactions(document: Any) -> Sequence[Any]:
    if not isinstance(document, dict) or set(document) != {"interactions", "version"}:
        raise ValueError
    interactions = document["interactions"]
    if not isinstance(interactions, list):
        raise TypeError
    return interactions


def _differences(before: Exchange, after: Exchange) -> Iterator[str]:
    for what, old, new in (("request", before.request, after.request), ("response", before.response, after.response)):
        for field, left, right in zip(old._fields, old, new, strict=True):
            if left != right:
                yield f"the {what}'s {field} {'are' if field == 'headers' else 'is'} not scrubbed"


_NO_DOMAIN: Final = (
    r"(?!odata\.|OData\.Community\.|Microsoft\.Dynamics\.CRM\.)"  # what follows an @ in an annotation's name
)
_SUSPICIOUS: Final = (
    ("a token", re.compile(r"eyJ[\w-]{8,}\.|Bearer\s+[^\s\"',]")),
    (
        "an e-mail address",
        re.compile(rf"(?<![\w.+-])(?!person-\d+@example\.org)[\w.+-]+@{_NO_DOMAIN}[\w-]+\.[\w.-]*\w"),
    ),
    (
        "a host",
        re.compile(r"https?://(?!(?:organisation(?:-\d+)?|authority)\.example(?![\w.:-])|example\.org/\d)", re.I),
    ),
    ("an id", re.compile(r"(?!00000000-0000-4000-8000-)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
)
"""Looks that nothing in a scrubbed cassette has: a second opinion, which knows nothing of how scrubbing is done."""


def _suspicious(text: str) -> list[str]:
    return [
        f"line {number} has the look of {what}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in _SUSPICIOUS
        if pattern.search(line)
    ]


def _exchange(item: Mapping[str, Any]) -> Exchange:
    response = item["response"]
    return Exchange(
        _request(item["request"]),
        Response(int(response["status"]["code"]), _headers(response["headers"]), _bytes(response["body"]["string"])),
    )


def _request(item: Mapping[str, Any]) -> Request:
    return Request(item["method"], item["uri"], _headers(item["headers"]), _bytes(item["body"]))


def _headers(headers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs = ((name, value if isinstance(value, list) else [value]) for name, value in headers.items())
    return tuple((name, item.decode("latin-1") if isinstance(item, bytes) else item) for name, v in pairs for item in v)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)


def _load(text: str) -> Any:
    """The document that YAML stands for. Raises `ValueError`, without the text, for no YAML."""
    import yaml  # vcrpy brings it

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 # a safe loader
    except yaml.YAMLError:
        raise ValueError("no YAML") from None


def _text(exchanges: Iterable[Exchange]) -> str:
    """A cassette's text, in vcrpy's format, with bodies as blocks of lines."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def block(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, block)
    items = [
        {
            "request": {
                "method": request.method,
                "uri": request.url,
                "headers": _lists(request.headers),
                "body": request.body.decode("ascii"),
            },
            "response": {
                "status": {"code": response.status, "message": _PHRASES.get(response.status, "")},
                "headers": _lists(response.headers),
                "body": {"string": response.body.decode("ascii")},
            },
        }
        for request, response in exchanges
    ]
    text: str = yaml.dump({"version": _VERSION, "interactions": items}, Dumper=Dumper, sort_keys=False, width=10**9)
    return text


def _lists(headers: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in headers:
        lists.setdefault(name, []).append(value)
    return lists
