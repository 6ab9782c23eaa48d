"""Runs the edge function here: the folder that is deployed, in a real Deno, with Dynamics emulated on loopback.

    python -m examples.edge_function.here

It shows a mentor, hides the mentor, is refused without a token, and says how long Deno, Python and calls took and how
much is loaded. Supabase is a STAND-IN of this file's: the one function of Vault, over HTTPS. The tests ask the function
of a real PostgreSQL.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import jwt
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dynamics_portal_demo.portal_side import ACTION, Website
from dynamics_portal_emulator.server import running_emulator

from .build import FOLDER, PROJECT, build, deno

SPEC = PROJECT / "spec" / "hlf"
MENTOR = UUID("00000000-0000-4000-8000-000000000001")
ORGANISATION = "hlf"
JWT_SECRET = "a-made-up-secret-for-this-machine-only-" * 2  # it opens nothing
_START = 120.0  # seconds until Python has to be there, on a machine that has other things to do


class Function:
    """The function, running. `lines`: what it has logged so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.url = ""
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            told = json.loads(line) if line.startswith("{") else {"message": line.rstrip()}
            self.lines.append(told)
            self._queue.put(told)
        self._queue.put(None)

    def wait_for(self, message: str, seconds: float = _START) -> dict[str, Any]:
        """The next line that begins so. Raises `RuntimeError` where it does not come; it says what came instead."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                told = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if told is None:
                break
            if str(told["message"]).startswith(message):
                return told
        raise RuntimeError(f"the function did not say {message!r}; it said {self.lines}")

    def memory(self) -> int:
        """Bytes that the process holds in memory. Linux alone tells."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@contextmanager
def running_function(folder: Path, environment: Mapping[str, str], ca_file: Path) -> Iterator[Function]:
    """The function in Deno, which may reach loopback, its own folder and its environment, and nothing else."""
    command = [
        *(str(deno()), "run", "--no-prompt", "--no-remote", "--no-npm", f"--cert={ca_file}"),
        *("--allow-net=127.0.0.1", "--allow-env", f"--allow-read={folder}"),
        str(folder / "index.ts"),
    ]
    environ = {"PORT": "0", "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", **environment}
    environ |= {name: os.environ[name] for name in ("HOME", "DENO_DIR") if name in os.environ}
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)  # noqa: S603 # our own command
    try:
        function = Function(process)
        function.url = f"http://127.0.0.1:{function.wait_for('listening')['port']}/set-visibility"
        yield function
    finally:
        process.terminate()
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()


@contextmanager
def serving(routes: list[Route], authority: trustme.CA) -> Iterator[str]:
    """An HTTPS server on loopback with some routes; gives its address."""
    config = uvicorn.Config(Starlette(routes=routes), log_config=None, access_log=False, lifespan="off")
    trusted_config(authority)(config)
    server = uvicorn.Server(config)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


def trusted_config(authority: trustme.CA) -> Callable[[uvicorn.Config], None]:
    """Sets up a server with a certificate of an authority."""

    def set_up(config: uvicorn.Config) -> None:
        config.load()
        config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(config.ssl)
        config.timeout_graceful_shutdown = 1

    return set_up


def trust(path: Path, *authorities: bytes) -> Path:
    """A file of certificate authorities, for Deno's `--cert`."""
    path.write_bytes(b"\n".join(authorities))
    return path


def access_token(supabase_url: str, key: Any = JWT_SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    """An administrator's token as Supabase makes them, with some claims of one's own; `None` leaves one out."""
    claims = {
        "iss": f"{supabase_url}/auth/v1",
        "aud": "authenticated",
        "exp": int(time.time()) + 600,
        "sub": "00000000-0000-4000-8000-00000000000a",
        "role": "authenticated",
        "app_metadata": {"portal_role": "administrator", "organisation": ORGANISATION},
        **changes,
    }
    headers = {"kid": "key-1"} if algorithm != "HS256" else None
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm, headers=headers)


def vault_stand_in(secrets: Mapping[str, str], key: str) -> list[Route]:
    """STAND-IN of Supabase: the one function of Vault, for whoever has the key."""

    async def rpc(request: Request) -> Response:
        if request.headers.get("apikey") != key:
            return JSONResponse({"message": "Invalid API key"}, 401)
        names = (await request.json())["secret_names"]
        return JSONResponse([{"name": name, "secret": secrets[name]} for name in names])

    return [Route("/rest/v1/rpc/dynamics_portal_secrets", rpc, methods=["POST"])]


def measured(function: Function, send: Callable[[], httpx2.Response]) -> str:
    """How much is loaded, and how long it takes, of this run."""
    calls = []
    for _ in range(50):
        begun = time.perf_counter()
        assert send().status_code == 200
        calls.append((time.perf_counter() - begun) * 1000)
    sizes = {path: path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()}
    modules = sizes[FOLDER / "python.zip"]
    return (
        f"{sum(sizes.values()) / 1e6:.1f} MB to deploy, {modules / 1e6:.1f} MB of it Python modules; "
        f"{function.memory() / 2**20:.0f} MiB of memory; "
        f"a warm call {sorted(calls)[len(calls) // 2]:.0f} ms (median of {len(calls)})"
    )


def main() -> None:
    """Build, run, ask, measure."""
    build()
    authority, key = trustme.CA(), "made-up-service-role-key"
    mentor = {"contactid": str(MENTOR), "lastname": "Nordmann", "new_website_visible": True}
    with (
        tempfile.TemporaryDirectory() as work,
        running_emulator(SPEC / "metadata.xml", choices=SPEC / "choices.json", data={"contacts": [mentor]}) as dynamics,
    ):
        dynamics.on_action(ACTION, Website([MENTOR]).answer)
        assert dynamics.ca_file is not None
        ca_file = trust(Path(work, "ca.pem"), authority.cert_pem.bytes(), dynamics.ca_file.read_bytes())
        secrets = {f"dynamics_{what}": getattr(dynamics, what) for what in ("tenant_id", "client_id", "client_secret")}
        with serving(vault_stand_in(secrets, key), authority) as supabase:
            environment = {
                "DYNAMICS_BASE_URL": dynamics.base_url,
                "DYNAMICS_AUTHORITY": dynamics.authority,
                "SUPABASE_URL": supabase,
                "SUPABASE_SERVICE_ROLE_KEY": key,
                "JWT_SECRET": JWT_SECRET,
                "ORGANISATION": ORGANISATION,
            }
            begun = time.perf_counter()
            with running_function(FOLDER, environment, ca_file) as function:
                headers = {"authorization": f"Bearer {access_token(supabase)}"}

                def send(visible: Any = False, **changes: Any) -> httpx2.Response:
                    body = {"mentor_id": str(MENTOR), "visible": visible, "reason": "Certification expired"}
                    return httpx2.post(function.url, json={**body, **changes}, headers=headers, timeout=60)

                for answer in (send(True), send(False), send(mentor_id=str(UUID(int=9))), send(visible="no")):
                    print(answer.status_code, answer.text)
                    if len(calls := [line for line in function.lines if line["message"] == "request"]) == 1:
                        print(f"first answer after {time.perf_counter() - begun:.1f} s, {calls}")
                print(httpx2.post(function.url, json={}).text)
                print(measured(function, send))
                print(next(line for line in function.lines if line["message"] == "python started"))


if __name__ == "__main__":
    main()
