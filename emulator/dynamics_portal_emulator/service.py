"""The Web API: from a request to an answer, without HTTP's transport.

It decides which verb does what to which resource, conditions (`If-Match`, `If-None-Match`), preferences and status
codes ("Perform operations using the Web API", "Perform conditional operations using the Web API"). Reading and
writing rows is the business of `query` and `writing`; tokens and faults are checked before a request comes here.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from .annotations import SCHEMA_VERSION, Annotator
from .batch import Batch
from .conditions import Conditions
from .definitions import Definitions
from .drafts import Drafts
from .errors import DataverseError, Kind
from .exchange import JSON, Answer, Call, Request, applied, json_answer
from .functions import Functions
from .operands import Constants
from .operations import Operations
from .options import Options, Preferences, split_query
from .paging import next_link
from .query import Place, Query
from .references import References
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
from .server_columns import ServerColumns
from .store import Row, Store
from .values import Values, encode
from .writing import Writer

if TYPE_CHECKING:
    from .emulator import Emulator

_log = logging.getLogger(__name__)


class Service:
    """The Web API over one store."""

    def __init__(self, schema: Schema, store: Store, emulator: Emulator) -> None:
        self.schema = schema
        self.store = store
        self._emulator = emulator
        self.values = Values(schema)
        self.resources = Resources(schema, self.values)
        clock = emulator.clock
        constants = Constants(schema, self.values)
        functions = Functions(constants, clock.now, emulator.user_id, emulator.business_unit_id)
        conditions = Conditions(schema, store, constants, functions)
        self.query = Query(schema, store, conditions)
        self.relations = Relations(schema, store, self.query, self.resources)
        drafts = Drafts(self.values, self.relations)
        columns = ServerColumns(schema, store, drafts, clock.now, emulator.user_id)
        self.writer = Writer(schema, store, self.relations, drafts, columns)
        self.definitions = Definitions(emulator.metadata, schema, store)
        self._batch = Batch(store, self.handle)
        self._references = References(self.query, self.relations, self.writer)
        self.operations = Operations(schema, self.values)

    def handle(self, call: Call) -> Answer:
        """Answers a request. Every failure is an answer, too; what it had written is undone."""
        try:
            answer = self._dispatch(call)
        except DataverseError as error:
            answer = _refused(error)
        except (sa.exc.OperationalError, RecursionError):
            answer = _refused(Kind.BAD_QUERY.error(problem="The query is too complex."))
        except Exception:
            _log.exception("a request failed")
            answer = _refused(Kind.INTERNAL.error())
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
        if path == "$batch" and call.method == "POST":
            return self._batch.answer(call, call.path[: -len("/$batch")])
        rendering = Rendering(self.schema, self.values, root)
        preferences = Preferences.parse(call.headers.get("prefer"))
        request = Request(call, root, path, split_query(call.query), preferences, rendering)
        segments = self.resources.parse(path)
        if isinstance(segments[-1], CallSegment):
            return self._operate(request, segments)
        verbs: dict[str, Callable[[Request, tuple[Segment, ...]], Answer]] = {
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
            self.definitions.prepare(segments, call.query)
            return verb(request, segments)

    def _service_document(self, root: str) -> Answer:
        sets = self.schema.metadata.container.entity_sets
        listed = [{"name": name, "kind": "EntitySet", "url": name} for name in sets]
        return json_answer(200, {"@odata.context": f"{root}/$metadata", "value": listed})

    def _get(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        place = self.query.follow(segments)
        rest = place.rest
        if rest and isinstance(rest[0], PropertySegment):
            return self._column(request, place, rest)
        if rest == (MarkSegment("$count"),) and place.collection:
            count = self.query.count(place, request.options)
            return Answer(200, {"Content-Type": "text/plain"}, str(count).encode())
        if rest == (MarkSegment("$ref"),):
            return self._references.listed(request, place)
        if rest:
            raise Kind.UNKNOWN_SEGMENT.error(segment=getattr(rest[0], "name", ""))
        if place.collection:
            return self._page(request, place)
        if place.row is None:
            return Answer(204)
        if request.call.headers.get("if-none-match") == place.row.etag:
            return Answer(304, {"ETag": place.row.etag})
        return self._row(request, 200, place.table, place.row)

    def _page(self, request: Request, place: Place) -> Answer:
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
        if preferences.wants(SCHEMA_VERSION):
            context[f"@{SCHEMA_VERSION}"] = self._emulator.metadata_version
        return json_answer(200, {**context, **page}, applied(preferences, page=True))

    def _row(self, request: Request, status: int, table: Table, row: Row, also: str | None = None) -> Answer:
        options = request.options
        annotator = Annotator(self.schema, self.store, request.preferences)
        (shown,) = self.query.render(table, [row], options, annotator, request.rendering)
        path = self.schema.set_of(table.type) or table.name
        context = request.rendering.context(path, options, single=True)
        headers = {"ETag": row.etag, **applied(request.preferences, page=False, also=also)}
        if status == 201:
            address = request.rendering.address(row)
            headers |= {"Location": address, "OData-EntityId": address}
        return json_answer(status, {"@odata.context": context, **shown}, headers)

    def _column(self, request: Request, place: Place, rest: tuple[Segment, ...]) -> Answer:
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
        return json_answer(200, {"@odata.context": context, "value": value})

    def _post(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        if segments[-1] == MarkSegment("$ref"):
            return self._references.associate(request, segments)
        place = self.query.follow(segments)
        if not place.collection or place.rest:
            raise Kind.METHOD_NOT_ALLOWED.error(method="POST")
        row = self.writer.create(place.table, request.body(place.table))
        last = segments[-1]
        if place.parent is not None and isinstance(last, NavigationSegment):
            self.writer.associate(place.parent, last.navigation, row)
            row = self.store.get(place.table.family, row.key) or row
        return self._written(request, place.table, row, created=True)

    def _patch(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        last = segments[-1]
        if not isinstance(last, KeySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        place = self.query.follow(segments[:-1])
        body = request.body(place.table)
        row = self.query.find(place.table, last.key)
        if row is None:
            if "if-match" in request.call.headers or place.parent is not None:
                self.query.require(place.table, last.key)
            given = _columns_of(last.key)
            return self._written(request, place.table, self.writer.create(place.table, body, given=given), created=True)
        self._check_version(request, row)
        return self._written(request, place.table, self.writer.update(row, body), created=False)

    def _put(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        if segments[-1] == MarkSegment("$ref"):
            return self._references.associate(request, segments)
        place = self.query.follow(segments)
        row, name = self._single_column(request, place)
        body = request.body(place.table)
        if not isinstance(body, dict) or "value" not in body:
            raise Kind.BAD_PAYLOAD.error(table=place.table.name, problem="An object with 'value' was expected.")
        self._check_version(request, row)
        return self._written(request, place.table, self.writer.update(row, {name: body["value"]}), created=False)

    def _delete(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        if segments[-1] == MarkSegment("$ref"):
            return self._references.disassociate(request, segments)
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

    def _single_column(self, request: Request, place: Place) -> tuple[Row, str]:
        rest = place.rest
        if place.row is None or len(rest) != 1 or not isinstance(rest[0], PropertySegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        return place.row, rest[0].declared.name

    def _operate(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
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
        return json_answer(200, {"@odata.context": context, **result})

    def _action_body(self, request: Request, name: str) -> dict[str, Any]:
        if not request.call.body.strip():
            return {}
        body = request.json(name)
        if not isinstance(body, dict):
            raise Kind.BAD_PAYLOAD.error(table=name, problem="A JSON object was expected.")
        return body

    def _function_arguments(self, request: Request, call: CallSegment) -> dict[str, Any]:
        aliases = {name: value for name, value in request.given.items() if name.startswith("@")}
        return self.operations.arguments(call, aliases)

    def _written(self, request: Request, table: Table, row: Row, *, created: bool) -> Answer:
        if request.preferences.representation:
            return self._row(request, 201 if created else 200, table, row, "return=representation")
        address = request.rendering.address(row)
        return Answer(204, {"Location": address, "OData-EntityId": address} if created else {"OData-EntityId": address})

    @staticmethod
    def _check_version(request: Request, row: Row) -> None:
        """`If-Match` and `If-None-Match` of a write. DataverseError 412."""
        if request.call.headers.get("if-none-match") == "*":
            raise Kind.DUPLICATE_KEY.error()
        wanted = request.call.headers.get("if-match")
        if wanted is not None and wanted != "*" and row.etag not in [tag.strip() for tag in wanted.split(",")]:
            raise Kind.VERSION_MISMATCH.error()


def _columns_of(key: Key) -> dict[str, Any]:
    return {path: value for path, value in key.values.items() if "/" not in path}


def _refused(error: DataverseError) -> Answer:
    return Answer(error.status, {"Content-Type": JSON, **error.headers}, encode(error.body()))
