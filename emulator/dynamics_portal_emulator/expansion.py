"""What `$expand` may ask for, and where the rest of an expanded collection is found.

It decides which options go together ("Join tables using OData" of Dataverse): collections are paged only where an
expansion is nested in another one, and there they take no `$top` and no `$orderby`. An expanded collection always
comes with a link: without paging it leads to the rows that are already there. Many-to-many relationships beside
others, which the documentation does not promise, are expanded like the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from .errors import Kind
from .options import MAX_PAGE, Expand, split_top
from .paging import Token, next_link
from .related import Placed
from .schema import Schema, Table

MAX_EXPANDS = 15


def nested(expands: Sequence[Expand]) -> bool:
    """Whether an expansion stands within another one."""
    return any(item.options.expand for item in expands)


def check(schema: Schema, table: Table, expands: Sequence[Expand]) -> None:
    """DataverseError 400 for expansions that Dataverse refuses."""
    if _count(expands) > MAX_EXPANDS:
        raise Kind.TOO_MANY_LINKS.error()
    _check(schema, table, expands, nested(expands))


def _count(expands: Sequence[Expand]) -> int:
    return sum(1 + _count(item.options.expand) for item in expands)


def _check(schema: Schema, table: Table, expands: Sequence[Expand], deep: bool) -> None:
    for item in expands:
        navigation = table.navigation.get(item.name)
        target = schema.table_or_none(navigation.type.name) if navigation else None
        if navigation is None or target is None:
            raise Kind.NO_PROPERTY.error(name=item.name, type=table.type)
        if item.reference and navigation.type.collection:
            raise Kind.BAD_QUERY.error(problem="Expand with $ref is only supported on lookup type navigation property.")
        if (deep or not navigation.type.collection) and (item.options.order or item.options.top is not None):
            raise Kind.BAD_QUERY.error(
                problem="Only $select and $filter clause can be provided while doing $expand on many-to-one "
                "relationship or nested one-to-many relationship."
            )
        _check(schema, target, item.options.expand, deep)


def page_of(item: Expand, page_size: int | None, deep: bool) -> int:
    """How many rows of an expanded collection are shown at most."""
    top = MAX_PAGE if item.options.top is None else item.options.top
    return min(top, page_size or MAX_PAGE) if deep else min(top, MAX_PAGE)


def link(address: str, item: Expand, shown: Sequence[Placed], page: int, deep: bool) -> str | None:
    """The link beside an expanded collection, whose own address is given; None where nothing more can follow."""
    query = "&".join(quote(part, safe="$=,'()/:@;") for part in split_top(item.text, ";") if part)
    if not deep:
        return f"{address}?{query}" if query else address
    if not shown or len(shown) < page:
        return None
    last, values = shown[-1]
    return next_link(address, query, Token(2, len(shown), values, last.number).text())
