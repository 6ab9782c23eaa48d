"""Pages: the order of rows, and the tokens that lead from one page to the next.

It decides what a token holds: the last row's place in the order, and not an offset, so that rows that come or go in
between are neither lost nor shown twice ("Page results using OData" of Dataverse, whose cookies have this look).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

import sqlalchemy as sa

from .errors import Kind
from .operands import Condition

_COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([\w=-]*)" istracking="False" />')
Orders: TypeAlias = Sequence[tuple[sa.ColumnElement[Any], bool]]
"""What to sort by, and whether descending."""


@dataclass(frozen=True)
class Token:
    """A place in the order of a collection."""

    page: int
    seen: int
    values: tuple[Any, ...]
    number: int

    def text(self) -> str:
        """The token as a client gets it."""
        inner = json.dumps([self.seen, list(self.values), self.number], separators=(",", ":"))
        cookie = base64.urlsafe_b64encode(inner.encode()).decode()
        return f'<cookie pagenumber="{self.page}" pagingcookie="{cookie}" istracking="False" />'

    @classmethod
    def parse(cls, text: str, parts: int) -> Token:
        """From the text; `parts` is how many values the order has. DataverseError 400 for another text."""
        match = _COOKIE.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            seen, values, number = json.loads(base64.urlsafe_b64decode(match[2]))
            if len(values) != parts or not isinstance(number, int) or not isinstance(seen, int):
                raise ValueError
        except (ValueError, TypeError, binascii.Error):
            raise Kind.BAD_QUERY.error(problem="Malformed XML in the Paging Cookie") from None
        return cls(int(match[1]), seen, tuple(values), number)


def next_link(address: str, query: str, token: str) -> str:
    """The address of the next page: the same query, with the token in place of an earlier one."""
    kept = [part for part in query.split("&") if part and not unquote(part).startswith("$skiptoken=")]
    kept.append(f"$skiptoken={quote(token, safe='=/')}")
    return f"{address}?{'&'.join(kept)}"


def sorting(orders: Orders) -> list[sa.ColumnElement[Any]]:
    """The order as SQL."""
    return [order.desc() if descending else order.asc() for order, descending in orders]


def after(rows: sa.FromClause, orders: Orders, token: Token) -> Condition:
    """Whether a row comes after the token's place."""
    return after_values([*orders, (rows.c.number, False)], [*token.values, token.number])


def after_values(orders: Orders, values: Sequence[Any]) -> Condition:
    """Whether a row comes after some values of its order; nulls come first, as SQLite sorts them."""
    condition: Condition = sa.false()
    for (order, descending), value in reversed(list(zip(orders, values, strict=True))):
        if value is None:
            beyond: Condition = sa.false() if descending else order.is_not(None)
        elif descending:
            beyond = sa.or_(order < value, order.is_(None))
        else:
            beyond = order > value
        condition = sa.or_(beyond, sa.and_(order.is_not_distinct_from(value), condition))
    return condition
