"""The Web API: from a request to an answer, without HTTP's transport.

It decides which part answers what: reads and writes of rows, operations, batches; and what every answer has. Tokens and
faults are checked before a request comes here.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dynamics_portal_generator.csdl import local_name

from .alternatives import Alternatives
from .annotations import Annotator
from .attachments import Attachments
from .batch import Batch
from .blobs import Blobs
from .bulk import BuiltIn, Bulk
from .bulk_delete import BulkDelete
from .cascades import Cascades
from .changes import Changes
from .circumstances import Callers
from .conditions import Conditions
from .definitions import Definitions
from .drafts import Drafts
from .duplicates import Duplicates
from .effects import Effects
from .errors import DataverseError, Kind
from .exchange import Answer, Call, Request, json_answer, refused
from .file_blocks import FileBlocks
from .functions import Functions
from .hierarchy import Caller, Hierarchy
from .messages import Messages
from .mutations import Mutations
from .operands import Constants
from .operations import Operations
from .options import Options, Preferences, split_query
from .partitions import Partitions
from .query import Query
from .reads import Reads
from .references import References
from .relations import Relations
from .rendering import Rendering
from .resources import API, CallSegment, Resources, Segment
from .schema import Schema
from .server_columns import ServerColumns
from .singletons import Singletons
from .store import Store
from .transfers import Transfers
from .values import Values
from .writing import Writer

if TYPE_CHECKING:
    from .emulator import Emulator

_log = logging.getLogger(__name__)
_parts: ContextVar[list[int] | None] = ContextVar("parts", default=None)
"""How much work each part of a batch was that is being answered."""


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
        self.callers = Callers(schema, store, emulator.user_id)
        caller = Caller(Hierarchy(schema, store), lambda: self.callers.current().user_id, emulator.business_unit_id)
        functions = Functions(constants, clock.now, caller)
        conditions = Conditions(schema, store, constants, functions)
        self.query = Query(schema, store, conditions)
        self.relations = Relations(schema, store, self.query, self.resources)
        drafts = Drafts(self.values, self.relations)
        columns = ServerColumns(schema, store, drafts, clock.now, self.callers.current)
        settings, self.effects = emulator.settings, Effects()
        duplicates, cascades = Duplicates(schema, store, settings), Cascades(schema, store, self.query, settings)
        self.attachments = Attachments(schema, store, Blobs(emulator.database), settings, clock.now)
        beside = (duplicates, cascades, self.effects, self.attachments)
        self.writer = Writer(schema, store, self.relations, drafts, columns, *beside)
        self.transfers = Transfers(self.attachments, self.writer)
        self.file_blocks = FileBlocks(self.query, self.transfers)
        self.changes = Changes(schema, store, self.query, emulator.settings, clock.now)
        self.definitions = Definitions(emulator.metadata, schema, store, self.changes.tracked, self.attachments.facts)
        self._batch = Batch(store, self.handle)
        references = References(self.query, self.relations, self.writer)
        alternatives = Alternatives(self.query, self.values, emulator.settings)
        self.reads = Reads(
            schema,
            store,
            self.values,
            self.query,
            references,
            self.changes,
            self.transfers,
            alternatives,
            lambda: emulator.metadata_version,
        )
        self.mutations = Mutations(store, self.query, self.writer, references, self.reads, self.transfers)
        self.operations = Operations(schema, self.values)
        bulk = Bulk(schema, store, self.query, self.resources, self.writer, emulator.settings)
        self.messages = Messages(emulator.metadata, schema, store, emulator.settings, bulk.supports)
        self.jobs = BulkDelete(schema, store, self.query, self.writer, clock.now)
        self._singletons = Singletons(self.values, settings)
        self._partitions = Partitions(store, clock.now)
        self._built_in: dict[str, BuiltIn] = {
            **bulk.operations(),
            **self.jobs.operations(),
            **self.file_blocks.operations(),
        }

    def handle(self, call: Call) -> Answer:
        """Answers a request. Every failure is an answer, too; what it had written is undone."""
        try:
            with self.callers.during(call.headers):
                answer = self._dispatch(call)
        except DataverseError as error:
            answer = refused(error)
        except (sa.exc.OperationalError, RecursionError):
            answer = refused(Kind.BAD_QUERY.error(problem="The query is too complex."))
        except Exception:
            _log.exception("a request failed")
            answer = refused(Kind.INTERNAL.error())
        parts = _parts.get()
        if parts is not None:
            parts.append(answer.work)
        request_id = str(uuid.uuid4())
        standard = {"OData-Version": "4.0", "x-ms-service-request-id": request_id, "REQ_ID": request_id}
        return replace(answer, headers={**standard, **answer.headers})

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
            parts: list[int] = []
            token = _parts.set(parts)
            try:
                answered = self._batch.answer(call, call.path[: -len("/$batch")])
            finally:
                _parts.reset(token)
            return replace(answered, work=max(sum(parts), 1))
        rendering = Rendering(self.schema, self.values, root, self.attachments.image)
        preferences = Preferences.parse(call.headers.get("prefer"))
        request = Request(call, root, path, split_query(call.query), preferences, rendering)
        segments = self._singletons.led(self.resources.parse(path))
        self.jobs.run_due()
        request, segments = self._partitions.narrowed(request, segments)
        if isinstance(segments[-1], CallSegment):
            return self._operate(request, segments)
        verbs: dict[str, Callable[[Request, tuple[Segment, ...]], Answer]] = {
            "GET": self.reads.get,
            "POST": self.mutations.post,
            "PATCH": self.mutations.patch,
            "PUT": self.mutations.put,
            "DELETE": self.mutations.delete,
        }
        verb = verbs.get(call.method)
        if verb is None:
            raise Kind.METHOD_NOT_ALLOWED.error(method=call.method)
        with self.store.transaction():
            request = self.definitions.prepare(request, segments)
            self.messages.prepare(segments)
            return verb(request, segments)

    def _service_document(self, root: str) -> Answer:
        sets = self.schema.metadata.container.entity_sets
        listed = [{"name": name, "kind": "EntitySet", "url": name} for name in sets]
        return json_answer(200, {"@odata.context": f"{root}/$metadata", "value": listed})

    def _operate(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        call = segments[-1]
        if not isinstance(call, CallSegment):
            raise Kind.UNKNOWN_SEGMENT.error(segment=request.path)
        place = self.query.follow(segments[:-1]) if len(segments) > 1 else None
        method = request.call.method
        if method not in ("GET", "POST"):
            raise Kind.METHOD_NOT_ALLOWED.error(method=method)
        built_in = self._built_in.get(local_name(call.name)) if method == "POST" else None
        if built_in is not None and local_name(call.name) not in self.operations.handlers:
            return built_in(request, place)
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
        context = f"{request.root}/$metadata#{self.operations.context(operation)}"
        return json_answer(
            200, {"@odata.context": context, **self.operations.selected(operation, result, request.given)}
        )

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
