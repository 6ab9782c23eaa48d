"""`$ref`: the relations of a row as resources of their own.

It decides how relations are listed, made and removed by address ("Associate and disassociate table rows using the Web
API"). How they are kept is the business of `relations`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Kind
from .exchange import Answer, Request, json_answer
from .query import Place, Query
from .relations import Relations
from .resources import KeySegment, NavigationSegment, Segment
from .store import Row
from .writing import Writer


@dataclass(frozen=True)
class References:
    """Answers requests whose address ends in `$ref`."""

    query: Query
    relations: Relations
    writer: Writer

    def listed(self, request: Request, place: Place) -> Answer:
        """The addresses of what is related."""
        context = f"{request.root}/$metadata#"
        if not place.collection:
            if place.row is None:
                return Answer(204)
            address = request.rendering.address(place.row)
            return json_answer(200, {"@odata.context": f"{context}$ref", "@odata.id": address})
        reached = Place(place.table, True, None, place.parent, place.relation)
        rows = self.query.rows(reached, request.options)
        listed = [{"@odata.id": request.rendering.address(row)} for row in rows]
        return json_answer(200, {"@odata.context": f"{context}Collection($ref)", "value": listed})

    def associate(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        """Relates the row that the body names."""
        place = self.query.follow(segments[:-1])
        last = segments[-2] if len(segments) > 1 else None
        if place.parent is None or not isinstance(last, NavigationSegment):
            raise Kind.METHOD_NOT_ALLOWED.error(method=request.call.method)
        body = request.body(place.table)
        address = body.get("@odata.id") if isinstance(body, dict) else None
        target = self.relations.resolve(place.table, address)
        self.writer.associate(place.parent, last.navigation, target)
        return Answer(204)

    def disassociate(self, request: Request, segments: tuple[Segment, ...]) -> Answer:
        """Parts the row that the address names, by its key or by `$id`."""
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
