"""The Web API: from a request to an answer, without HTTP's transport.

It decides which verb does what to which resource, conditions (`If-Match`, `If-None-Match`), preferences and status
codes ("Perform operations using the Web API", "Perform conditional operations using the Web API"). Reading and
writing rows is the business of `query` and `writing`; tokens and faults are checked before a request comes here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .annotations import Annotator
from .conditions import Conditions
from .errors import DataverseError, Kind
from .operations import Operations
from .options import Options, Preferences, parse_options, split_query
from .query import Place, Query, next_link
from .relations import Relations
from .rendering import Rendering
from .resources import (
    API,
    CallSegment,
    Key,
    KeySegment,
    MarkSegment,
    NavigationSegment,
    PropertySegment,
    Resources,
    Segment,
)
from .schema import Schema, Table
from .store import Row, Store
from .values import Values, decode, encode
from .writing import Writer

if TYPE_CHECKING:
    from .server import Emulator

JSON = "application/json; odata.metadata=minimal"


@dataclass(frozen=True)
class Call:
    """A request. `path` and `query` are as they stood in the request line; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """An answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class _Request:
    """What the parts of the service need to know of one request."""

    call: Call
    root: str
    path: str
    given: Mapping[str, str]
    preferences: Preferences
    rendering: Rendering

    @property
    def options(self) -> Options:
        return parse_options(self.given)


class Service:
    """The Web API over one store."""

    def __init__(self, schema: Schema, store: Store, emulator: Emulator) -> None:
        self.schema = schema
        self.store = store
        self._emulator = emulator
        self.values = Values(schema)
        self.resources = Resources(schema, self.values)
        clock = emulator.clock
        conditions = Conditions(schema, store, self.values, clock.now, emulator.user_id, emulator.business_unit_id)
        self.query = Query(schema, store, conditions)
        self.relations = Relations(schema, store, self.query, self.resources)
        self.writer = Writer(schema, store, self.values, self.relations, clock.now, emulator.user_id)
        self.operations = Operations(schema, self.values)

    def handle(self, call: Call) -> Answer:
        """Answers a request. Every failure is an answer, too; what it had written is undone."""
        try:
            answer = self._dispatch(call)
        except DataverseError as error:
            answer = Answer(error.status, {"Content-Type": JSON, **error.headers}, encode(error.body()))
        request_id = str(uuid.uuid4())
        standard = {"OData-Version": "4.0", "x-ms-service-request-id": request_id, "REQ_ID": request_id}
        return Answer(answer.status, {**standard, **answer.headers}, answer.body)

    def _dispatch(self, call: Call) -> Answer:
        below = API.fullmatch(call.path)
        if below is None:
            raise Kind.UNKNOWN_SEGMENT.error(segment=call.path.strip("/").split("/")[0])
        path = (below[1] or "").strip("/")
        root = self._emulator.base_url + call.path[: len(call.path) - len(below[1] or "")]
        if path == "$metadata" and call.method == "GET":
            return Answer(200, {"Content-Type": "application/xml"}, self._emulator.metadata_document)
        if path == "" and call.method == "GET":
            return self._service_document(root)
        rendering = Rendering(self.schema, self.values, root)
        preferences = Preferences.parse(call.headers.get("prefer"))
        request = _Request(call, root, path, split_query(call.query), preferences, rendering)
        segments = self.resources.parse(path)
        if isinstance(segments[-1], CallSegment):
            return self._operate(request, segments)
        verbs: dict[str, Callable[[_Request, tuple[Segment, ...]], Answer]] = {
            "GET": self._get,
            "POST": self._post,
            "PATCH": self._patch,
            "PUT": self._put,
            "DELETE": self._delete,
        }
        verb = verbs.get(call.method)
        if verb is None:
            raise Kind.METHOD_NOT_ALLOWED.error(method=call.method)
        with self.store.transaction():
            return verb(request, segments)

    def _service_document(self, root: str) -> Answer:
        sets = self.schema.metadata.container.entity_sets
        listed = [{"name": name, "kind": "EntitySet", "url": name} for name in sets]
        return _json(200, {"@odata.context": f"{root}/$metadata", "value": listed})

    def _get(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        place = self.query.follow(segments)
        rest = place.rest
        if rest and isinstance(rest[0], PropertySegment):
            return self._column(request, place, rest)
        if rest == (MarkSegment("$count"),) and place.collection:
            count = self.query.count(place, request.options)
            return Answer(200, {"Content-Type": "text/plain"}, str(count).encode())
        if rest == (MarkSegment("$ref"),):
            return self._references(request, place)
        if rest:
            raise Kind.UNKNOWN_SEGMENT.error(segment=getattr(rest[0], "name", ""))
        if place.collection:
            return self._page(request, place)
        if place.row is None:
            return Answer(204)
        if request.call.headers.get("if-none-match") == place.row.etag:
            return Answer(304, {"ETag": place.row.etag})
        return self._row(request, 200, place.table, place.row)

    def _page(self, request: _Request, place: Place) -> Answer:
        address = f"{request.root}/{request.path}"
        options, preferences = request.options, request.preferences
        page = self.query.page(
            place,
            options,
            preferences,
            request.rendering,
            lambda token: next_link(address, request.call.query, token),
        )
        path = self.schema.set_of(place.table.type) or place.table.name
        context = {"@odata.context": request.rendering.context(path, options)}
        return _json(200, {**context, **page}, _applied(preferences, page=True))

    def _row(self, request: _Request, status: int, table: Table, row: Row, applied: str | None = None) -> Answer:
        options = request.options
        annotator = Annotator(self.schema, self.store, request.preferences)
        (shown,) = self.query.render(table, [row], options, annotator, request.rendering)
        path = self.schema.set_of(table.type) or table.name
        context = request.rendering.context(path, options, single=True)
        headers = {"ETag": row.etag, **_applied(request.preferences, page=False, also=applied)}
        if status == 201:
            address = request.rendering.address(row)
            headers |= {"Location": address, "OData-EntityId": address}
        return _json(status, {"@odata.context": context, **shown}, headers)

    def _column(self, request: _Request, place: Place, rest: tuple[Segment, ...]) -> Answer:
        segment = rest[0]
        if not isinstance(segment, PropertySegment) or place.row is None or len(rest) > 2:
            raise Kind.UNKNOWN_SEGMENT.error(segment=request.path.rpartition("/")[2])
        name = segment.declared.name
        value = self.values.wire(place.row.type, {name: place.row.document.get(name)})[name]
        if value is None:
            return Answer(204)
        if rest[1:] == (MarkSegment("$value"),):
            text = value if isinstance(value, str) else encode(value).decode()
            return Answer(200, {"Content-Type": "text/plain"}, text.encode())
        context = f"{request.root}/$metadata#{request.rendering.relative(place.row)}/{name}"
        return _json(200, {"@odata.context": context, "value": value})

    def _references(self, request: _Request, place: Place) -> Answer:
        context = f"{request.root}/$metadata#"
        if not place.collection:
            if place.row is None:
                return Answer(204)
            address = request.rendering.address(place.row)
            return _json(200, {"@odata.context": f"{context}$ref", "@odata.id": address})
        reached = Place(place.table, True, None, place.parent, place.relation)
        rows = self.query.rows(reached, request.options)
        listed = [{"@odata.id": request.rendering.address(row)} for row in rows]
        return _json(200, {"@odata.context": f"{context}Collection($ref)", "value": listed})

    def _post(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        if segments[-1] == MarkSegment("$ref"):
            return self._associate(request, segments)
        place = self.query.follow(segments)
        if not place.collection or place.rest:
            raise Kind.METHOD_NOT_ALLOWED.error(method="POST")
        row = self.writer.create(place.table, self._body(request, place.table))
        last = segments[-1]
        if place.parent is not None and isinstance(last, NavigationSegment):
            self.writer.associate(place.parent, last.navigation, row)
            row = self.store.get(place.table.family, row.key) or row
        return self._written(request, place.table, row, created=True)

    def _patch(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        last = segments[-1]
        if not isinstance(last, KeySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        place = self.query.follow(segments[:-1])
        body = self._body(request, place.table)
        row = self.query.find(place.table, last.key)
        if row is None:
            if "if-match" in request.call.headers or place.parent is not None:
                self.query.require(place.table, last.key)
            given = _columns_of(last.key)
            return self._written(request, place.table, self.writer.create(place.table, body, given=given), created=True)
        self._check_version(request, row)
        return self._written(request, place.table, self.writer.update(row, body), created=False)

    def _put(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        if segments[-1] == MarkSegment("$ref"):
            return self._associate(request, segments)
        place = self.query.follow(segments)
        row, name = self._single_column(request, place)
        body = self._body(request, place.table)
        if not isinstance(body, dict) or "value" not in body:
            raise Kind.BAD_PAYLOAD.error(table=place.table.name, problem="An object with 'value' was expected.")
        self._check_version(request, row)
        return self._written(request, place.table, self.writer.update(row, {name: body["value"]}), created=False)

    def _delete(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        if segments[-1] == MarkSegment("$ref"):
            return self._disassociate(request, segments)
        place = self.query.follow(segments)
        if place.rest:
            row, name = self._single_column(request, place)
            self._check_version(request, row)
            self.writer.update(row, {name: None})
            return Answer(204)
        if place.row is None or not isinstance(segments[-1], KeySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method="DELETE")
        self._check_version(request, place.row)
        self.writer.delete(place.row)
        return Answer(204)

    def _single_column(self, request: _Request, place: Place) -> tuple[Row, str]:
        rest = place.rest
        if place.row is None or len(rest) != 1 or not isinstance(rest[0], PropertySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        return place.row, rest[0].declared.name

    def _associate(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        place = self.query.follow(segments[:-1])
        last = segments[-2] if len(segments) > 1 else None
        if place.parent is None or not isinstance(last, NavigationSegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        body = self._body(request, place.table)
        address = body.get("@odata.id") if isinstance(body, dict) else None
        target = self.relations.resolve(place.table, address)
        self.writer.associate(place.parent, last.navigation, target)
        return Answer(204)

    def _disassociate(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        before = segments[:-1]
        target: Row | None = None
        if isinstance(before[-1], KeySegment) and len(before) > 2 and isinstance(before[-2], NavigationSegment):
            target = self.query.follow(before).row
            before = before[:-1]
        elif "$id" in request.given:
            target = self.relations.resolve(self.query.follow(before).table, request.given["$id"])
        place = self.query.follow(before)
        last = before[-1]
        if place.parent is None or not isinstance(last, NavigationSegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method="DELETE")
        if last.navigation.type.collection and target is None:
            raise Kind.BAD_URI.error(problem="Which row to part from is missing: name it by its key, or by $id.")
        self.writer.disassociate(place.parent, last.navigation, target)
        return Answer(204)

    def _operate(self, request: _Request, segments: tuple[Segment, ...]) -> Answer:
        call = segments[-1]
        if not isinstance(call, CallSegment):
            raise Kind.UNKNOWN_SEGMENT.error(segment=request.path)
        place = self.query.follow(segments[:-1]) if len(segments) > 1 else None
        method = request.call.method
        if method not in ("GET", "POST"):
            raise Kind.METHOD_NOT_ALLOWED.error(method=method)
        kind = "action" if method == "POST" else "function"
        given = self._action_body(request, call.name) if kind == "action" else self._function_arguments(request, call)
        operation = self.operations.choose(call, place, kind, frozenset(given))
        parameters = self.operations.check(operation, given)
        target = None
        if place is not None and place.row is not None:
            plain = Annotator(self.schema, self.store, Preferences())
            (target,) = self.query.render(place.table, [place.row], Options(), plain, request.rendering)
        result = self.operations.answer(operation, self._emulator, parameters, target)
        if result is None:
            return Answer(204)
        context = f"{request.root}/$metadata#{operation.return_type or operation.local_name}"
        return _json(200, {"@odata.context": context, **result})

    def _action_body(self, request: _Request, name: str) -> dict[str, Any]:
        if not request.call.body.strip():
            return {}
        body = self._json(request, name)
        if not isinstance(body, dict):
            raise Kind.BAD_PAYLOAD.error(table=name, problem="A JSON object was expected.")
        return body

    def _function_arguments(self, request: _Request, call: CallSegment) -> dict[str, Any]:
        aliases = {name: value for name, value in request.given.items() if name.startswith("@")}
        return self.operations.arguments(call, aliases)

    def _written(self, request: _Request, table: Table, row: Row, *, created: bool) -> Answer:
        if request.preferences.representation:
            return self._row(request, 201 if created else 200, table, row, "return=representation")
        address = request.rendering.address(row)
        return Answer(204, {"Location": address, "OData-EntityId": address} if created else {"OData-EntityId": address})

    @staticmethod
    def _check_version(request: _Request, row: Row) -> None:
        """`If-Match` and `If-None-Match` of a write. DataverseError 412."""
        if request.call.headers.get("if-none-match") == "*":
            raise Kind.DUPLICATE_KEY.error()
        wanted = request.call.headers.get("if-match")
        if wanted is not None and wanted != "*" and row.etag not in [tag.strip() for tag in wanted.split(",")]:
            raise Kind.VERSION_MISMATCH.error()

    def _body(self, request: _Request, table: Table) -> Any:
        if not request.call.body.strip():
            raise Kind.BAD_PAYLOAD.error(table=table.name, problem="System.ArgumentException: Stream was not readable.")
        return self._json(request, table.name)

    @staticmethod
    def _json(request: _Request, name: str) -> Any:
        kind = request.call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Kind.WRONG_MEDIA_TYPE.error(given=kind, expected="application/json")
        try:
            return decode(request.call.body)
        except (ValueError, UnicodeDecodeError):
            raise Kind.BAD_PAYLOAD.error(table=name, problem="Newtonsoft.Json: the body is not valid JSON.") from None


def _columns_of(key: Key) -> dict[str, Any]:
    return {path: value for path, value in key.values.items() if "/" not in path}


def _applied(preferences: Preferences, *, page: bool, also: str | None = None) -> dict[str, str]:
    parts = [also] if also else []
    if page and preferences.page_size is not None:
        parts.append(f"odata.maxpagesize={preferences.page_size}")
    if preferences.annotations is not None:
        parts.append(f'odata.include-annotations="{preferences.annotations}"')
    return {"Preference-Applied": ",".join(parts)} if parts else {}


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, {"Content-Type": JSON, **(headers or {})}, encode(content))
