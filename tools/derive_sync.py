"""Derive the synchronous shell of the wrapper from the asynchronous one: `_async/*.py` to `_sync/*.py`.

    python tools/derive_sync.py            write what has changed
    python tools/derive_sync.py --check    say what would change, and exit with 1

`unasync` exchanges the tokens, the project's ruff lays the lines anew. What the two shells do differently stands in
`_concurrency.py`, under pairs of names that are exchanged here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import unasync  # type: ignore[import-untyped] # it has no type hints

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "wrapper" / "dynamics_portal"
SOURCE, TARGET = PACKAGE / "_async", PACKAGE / "_sync"
HEADER = "# Derived from ../_async/{name} by tools/derive_sync.py; change that file, not this one.\n"

CLASSES = (
    "AffinityWire",
    "AnyBatch",
    "AnyPortalClient",
    "Arrow",
    "Batch",
    "BatchChanges",
    "BatchStream",
    "Batches",
    "Bulk",
    "Caller",
    "ChainedCredentialProvider",
    "Changes",
    "Client",
    "ClientOptions",
    "Crew",
    "Definitions",
    "Download",
    "DynamicsBatch",
    "DynamicsPortalClient",
    "Exchange",
    "FetchTransport",
    "FileSource",
    "Files",
    "Input",
    "Link",
    "Many",
    "NoOpCaller",
    "Pages",
    "Partition",
    "Portal",
    "PortalClient",
    "RawDynamicsPortalClient",
    "RawPages",
    "RawPortalClient",
    "RawTable",
    "RecordBatches",
    "RecordingCaller",
    "Reply",
    "Rows",
    "SessionCaller",
    "SocketReply",
    "SocketWire",
    "Table",
    "Terms",
    "TokenCache",
    "TransportWire",
    "Upload",
    "VaultCredentialProvider",
    "Wire",
    "Writes",
)
NAMES = {
    **{f"Async{name}": name for name in CLASSES},
    "AsyncBaseTransport": "BaseTransport",
    "AsyncByteStream": "SyncByteStream",
    "AsyncNetworkBackend": "NetworkBackend",
    "AsyncNetworkStream": "NetworkStream",
    "AsyncSlots": "SyncSlots",
    "_AsyncBody": "_Body",
    "_AsyncConnection": "_Connection",
    "_AsyncTransportReply": "_TransportReply",
    "AsyncConnectionPool": "ConnectionPool",
    "AsyncHTTPTransport": "HTTPTransport",
    "AsyncRetrying": "Retrying",
    "AsyncCredentialProvider": "CredentialProvider",
    "AsyncCredentialSource": "CredentialSource",
    "AsyncTokenCredential": "TokenCredential",
    "acreate_client": "create_client",
    "AsyncLanes": "SyncLanes",
    "async_ask": "sync_ask",
    "async_check_source": "sync_check_source",
    "async_check_waiting": "sync_check_waiting",
    "async_cut_off": "sync_cut_off",
    "async_default_wire": "sync_default_wire",
    "async_lock": "sync_lock",
    "async_network": "sync_network",
    "async_next": "sync_next",
    "async_pull": "sync_pull",
    "async_repeat": "sync_repeat",
    "async_settled": "sync_settled",
    "async_rows": "sync_rows",
    "async_sleep": "sync_sleep",
    "async_source": "sync_source",
    "async_stream": "sync_stream",
    "async_within": "sync_within",
    "handle_async_request": "handle_request",
    "aiter_bytes": "iter_bytes",
    "anext": "next",
    "aread": "read",
    "aclose": "close",
}
WORDS = {  # in docstrings, which unasync leaves alone
    **{f"Async{name}": name for name in CLASSES},
    "async with ": "with ",
    "await portal": "portal",
    ", asynchronous": "",
    "The asynchronous shell": "The synchronous shell",
    "The\nsynchronous shell, `_sync`, is derived from this one.": "It\nis derived from the asynchronous one, `_async`.",
    "AsyncHTTPTransport": "HTTPTransport",
}
TYPES = {  # awaitables that are plain values here
    "Callable[[float], Awaitable[None]]": "Callable[[float], None]",
    "Callable[[], Awaitable[Outcome]]": "Callable[[], Outcome]",
    "Callable[[], Awaitable[R]]": "Callable[[], R]",
    "Callable[[Table[Any]], Awaitable[Any]]": "Callable[[Table[Any]], Any]",
    "from collections.abc import Awaitable, Callable": "from collections.abc import Callable",
    "import Iterator, Awaitable, Callable, Sequence": "import Callable, Iterator, Sequence",
    "CredentialProvider | CredentialProvider": "CredentialProvider",
    "(CredentialProvider, CredentialProvider)": "CredentialProvider",
    "TokenCredential | TokenCredential": "TokenCredential",
}


def derive(directory: Path) -> None:
    """Write the derived files into a directory."""
    with tempfile.TemporaryDirectory() as work:
        source, target = Path(work, "_async"), Path(work, "_sync")
        source.mkdir()
        for path in SOURCE.glob("*.py"):
            source.joinpath(path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        rule = unasync.Rule(f"{source}/", f"{target}/", additional_replacements=NAMES)
        unasync.unasync_files([str(path) for path in source.glob("*.py")], [rule])
        for path in target.glob("*.py"):
            text = path.read_text(encoding="utf-8")
            for old, new in {**WORDS, **TYPES}.items():
                text = text.replace(old, new)
            path.write_text(HEADER.format(name=path.name) + text, encoding="utf-8")
        ruff = [sys.executable, "-m", "ruff"]
        config = ["--config", str(PROJECT / "pyproject.toml"), "--quiet"]
        # our own interpreter with arguments of ours: nothing from outside comes in
        subprocess.run([*ruff, "check", "--fix", "--select", "I", *config, str(target)], check=True)  # noqa: S603 # as said above
        subprocess.run([*ruff, "format", *config, str(target)], check=True)  # noqa: S603 # as said above
        directory.mkdir(parents=True, exist_ok=True)
        for path in target.glob("*.py"):
            directory.joinpath(path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")


def differences(fresh: Path) -> list[str]:
    """Names of the derived files that are not what they should be, or should not be there."""
    names = {path.name for path in fresh.glob("*.py")} | {path.name for path in TARGET.glob("*.py")}
    return sorted(name for name in names if _text(fresh / name) != _text(TARGET / name))


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main() -> int:
    """Derive, or check."""
    parser = argparse.ArgumentParser(description="Derive wrapper/dynamics_portal/_sync from _async.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where something would change")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        derive(Path(work))
        changed = differences(Path(work))
        if arguments.check:
            for name in changed:
                print(f"{TARGET / name} is not what {SOURCE / name} says; run tools/derive_sync.py", file=sys.stderr)
            return 1 if changed else 0
        for name in changed:
            fresh = Path(work, name)
            if fresh.exists():
                TARGET.mkdir(exist_ok=True)
                TARGET.joinpath(name).write_text(fresh.read_text(encoding="utf-8"), encoding="utf-8")
            else:
                TARGET.joinpath(name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
