"""A SHIM of Supabase's Data API over a real PostgreSQL: PostgREST is in no package registry, nor is Supabase's gateway.

It does for `POST /rest/v1/rpc/NAME` what the two do ("Database Functions", "Errors" and "Transactions" of PostgREST's
documentation): the gateway's check of `apikey`, the JWT's signature and expiry, `set local role` to the role that it
names, a function found by the names of its parameters, rows as JSON, and errors in PostgREST's words and statuses.
Tables, filters and every other route are not there.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import anyio.to_thread
import jwt
import psycopg
import uvicorn
from psycopg import sql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.supabase.postgres import Database

EXPOSED = ("public", "graphql_public")
JWT_SECRET = "s1gning-key-of-the-project-that-nobody-may-see"
ROLES = ("anon", "authenticated", "service_role")
_FUNCTION = """
select p.proretset, p.proargnames[:p.pronargs], array(
    select format_type(t.type, null) from unnest(p.proargtypes) with ordinality as t (type, place) order by t.place
)
from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname = %s and p.proname = %s and coalesce(p.proargnames[:p.pronargs], '{}') @> %s
    and coalesce(p.proargnames[:p.pronargs], '{}') <@ %s
"""
_STATUSES = {"23503": 409, "23505": 409, "25006": 405, "42883": 404, "42P01": 404, "42P17": 500, "53400": 500}
_STATUSES_BY_CLASS = {"08": 503, "28": 403, "53": 503, "57": 500, "58": 500}


class ApiError(Exception):
    """An answer that refuses: the status, and the fields of its body."""

    def __init__(self, status: int, message: str, code: str | None = None, **more: str | None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, str | None] = {"message": message, **more}
        if code is not None:  # the gateway's own errors have none
            self.body = {"code": code, "details": None, "hint": None, **self.body}


class Called(NamedTuple):
    """A call that came to the shim."""

    function: str
    role: str
    arguments: dict[str, Any]


def key(role: str, secret: str = JWT_SECRET, expires: int = 4_000_000_000) -> str:
    """An API key for a role, as Supabase signs them."""
    return jwt.encode({"iss": "supabase", "ref": "project", "role": role, "exp": expires}, secret, "HS256")


class Supabase:
    """A project's Data API. `calls` are those that reached a function; `answer`, where it is set, answers instead."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.url = ""
        self.keys = {role: key(role) for role in ROLES}
        self.secret_key = "sb_secret_s3cr3t-key-that-nobody-may-see"
        """A key of the newer kind, which is no JWT: the gateway knows its role."""
        self.calls: list[Called] = []
        self.answer: Callable[[Request], Response] | None = None
        self.released = threading.Event()
        """Calls are held until it is set."""
        self.released.set()
        self.waiting = 0
        """How many calls are held."""

    def reset(self) -> None:
        """Answer as it is meant to, and forget what was called."""
        self.answer = None
        self.released.set()
        self.calls.clear()

    @property
    def service_role_key(self) -> str:
        """The key that may read secrets."""
        return self.keys["service_role"]

    def app(self) -> Starlette:
        """The routes."""
        return Starlette(routes=[Route("/rest/v1/rpc/{function}", self._rpc, methods=["POST"])])

    async def _rpc(self, request: Request) -> Response:
        body = await request.body()
        self.waiting += 1
        while not self.released.is_set():
            await asyncio.sleep(0.005)
        self.waiting -= 1
        if self.answer is not None:
            return self.answer(request)
        try:
            claims = self._claims(request.headers)
            schema = request.headers.get("content-profile", EXPOSED[0])
            if schema not in EXPOSED:
                exposed = f"Only the following schemas are exposed: {', '.join(EXPOSED)}"
                raise ApiError(406, f"Invalid schema: {schema}", "PGRST106", hint=exposed)
            call = Called(request.path_params["function"], claims.get("role", "anon"), _arguments(body))
            text = await anyio.to_thread.run_sync(self._call, schema, call, claims)
        except ApiError as error:
            return JSONResponse(error.body, error.status)
        return Response(text, media_type="application/json; charset=utf-8")

    def _claims(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What the caller's key and token say: first the gateway's check, then PostgREST's."""
        given = headers.get("apikey")
        if given is None:
            hint = "No `apikey` request header or url param was found."
            raise ApiError(401, "No API key found in request", hint=hint)
        if given not in (*self.keys.values(), self.secret_key) and not _is_signed(given):
            hint = "Double check your Supabase `anon` or `service_role` API key."
            raise ApiError(401, "Invalid API key", hint=hint)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token == self.secret_key == given:
            return {"role": "service_role"}
        try:
            return jwt.decode(token, JWT_SECRET, ["HS256"]) if token else {}
        except jwt.ExpiredSignatureError:
            raise ApiError(401, "JWT expired", "PGRST303") from None
        except jwt.InvalidTokenError:
            raise ApiError(401, "No suitable key or wrong key type", "PGRST301") from None

    def _call(self, schema: str, call: Called, claims: dict[str, Any]) -> str:
        names = sorted(call.arguments)
        try:
            with self.database.connect("authenticator") as connection:
                found = connection.execute(_FUNCTION, (schema, call.function, names, names)).fetchone()
                if found is None:
                    raise _missing(schema, call.function, names)
                connection.execute(sql.SQL("set local role {}").format(sql.Identifier(call.role)))
                connection.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),))
                self.calls.append(call)
                statement = _statement(schema, call.function, *found)
                row = connection.execute(statement, (json.dumps(call.arguments),)).fetchone()
        except psycopg.Error as error:
            raise _refused(error, call.role) from None
        return "null" if row is None else str(row[0])


def _is_signed(given: str) -> bool:
    try:
        jwt.decode(given, JWT_SECRET, ["HS256"], options={"verify_exp": False})
    except jwt.InvalidTokenError:
        return False
    return True


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(body or b"{}")
    except ValueError:
        raise ApiError(400, "Empty or invalid json", "PGRST102") from None
    if not isinstance(arguments, dict):
        raise ApiError(400, "Empty or invalid json", "PGRST102")
    return arguments


def _missing(schema: str, function: str, names: list[str]) -> ApiError:
    searched = f"with parameters {', '.join(names)}" if names else "without parameters"
    listed = f"({', '.join(names)})" if names else " without parameters"
    return ApiError(
        404,
        f"Could not find the function {schema}.{function}{listed} in the schema cache",
        "PGRST202",
        details=f"Searched for the function {schema}.{function} {searched} or with a single unnamed json/jsonb "
        "parameter, but no matches were found in the schema cache.",
    )


def _statement(schema: str, function: str, many: bool, names: list[str] | None, types: list[str]) -> sql.Composed:
    """A call that takes its arguments from one JSON document, as PostgREST makes it."""
    pairs = list(zip(names or [], types, strict=True))
    columns = sql.SQL(", ").join(sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in pairs)
    given = sql.SQL(", ").join(
        sql.SQL("{0} => (select {0} from arguments)").format(sql.Identifier(name)) for name, _ in pairs
    )
    rows = sql.SQL("coalesce(json_agg(result), '[]')") if many else sql.SQL("to_json(result)")
    return sql.SQL(
        "with arguments as (select * from json_to_record(%s::json) as given ({columns}))"
        " select ({rows})::text from {schema}.{function}({given}) as result"
    ).format(
        columns=columns,
        rows=rows,
        schema=sql.Identifier(schema),
        function=sql.Identifier(function),
        given=given,
    )


def _refused(error: psycopg.Error, role: str) -> ApiError:
    code = error.sqlstate or "XX000"
    status = _STATUSES.get(code) or _STATUSES_BY_CLASS.get(code[:2], 400)
    if code == "42501":
        status = 401 if role == "anon" else 403
    details, hint = error.diag.message_detail, error.diag.message_hint
    return ApiError(status, error.diag.message_primary or str(error), code, details=details, hint=hint)


@contextmanager
def running_supabase(database: Database, context: Callable[[uvicorn.Config], None] | None = None) -> Iterator[Supabase]:
    """Serves the shim on loopback from a thread of this process until the block is left.

    `context` sets up TLS on the server's configuration; without it the shim speaks HTTP, as a local Supabase does.
    """
    shim = Supabase(database)
    config = uvicorn.Config(shim.app(), log_config=None, access_log=False, lifespan="off", loop="asyncio")
    config.timeout_graceful_shutdown = 1
    if context is not None:
        context(config)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scheme = "http" if context is None else "https"
        shim.url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listener],), name="supabase-shim", daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the shim did not start")
            thread.join(0.005)
        try:
            yield shim
        finally:
            shim.released.set()
            server.should_exit = True
            thread.join(30)
