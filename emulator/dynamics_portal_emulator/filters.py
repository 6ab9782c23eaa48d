"""The language of `$filter` and `$orderby`: a Lark grammar, and the tree that it makes.

It decides what is an expression ("OData URL Conventions", section System Query Options), no more than Dataverse
takes: `in` is read, and refused in Dataverse's words. What a name means, and which functions exist, is decided by
`conditions`. A grammar of its own, since odata-query's lexer takes the columns `allowance` or `nullable` for the
keywords at their start and knows no `['a','b']`, no parameter aliases and no `$count` in a path, all of which
Dataverse's clients send.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from .errors import Kind

_GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction | conjunction (_OR conjunction)+ -> either
?conjunction: negation | negation (_AND negation)+ -> both
?negation: _NOT negation -> negated | relation
?relation: value | value COMPARISON value -> compared | value _IN "(" [value ("," value)*] ")" -> within
?value: literal | path | call | ALIAS -> alias | "(" disjunction ")" | "[" [element ("," element)*] "]" -> listed
?element: STRING -> listed_string | JSON -> json | constant
call: NAME "(" [argument ("," argument)*] ")"
    | steps "/" NAME "(" [argument ("," argument)*] ")" -> called_below
?argument: disjunction | NAME "=" value -> named
path: steps ["/" (quantified | COUNT)]
steps: step | steps "/" step
step: NAME
quantified: QUANTIFIER "(" [NAME ":" disjunction] ")"
?literal: STRING -> string | constant
?constant: GUID -> guid | STAMP -> stamp | DATE -> date | TIME -> time | NUMBER -> number
         | TRUE -> true | FALSE -> false | NULL -> null | TYPED -> typed

_OR.2: /or(?![\w.])/
_AND.2: /and(?![\w.])/
_NOT.2: /not(?=[\s(])/
_IN.2: /in(?=[\s(])/
COMPARISON.2: /(eq|ne|gt|ge|lt|le)(?![\w.])/
QUANTIFIER.2: /(any|all)(?=\s*\()/
COUNT: "$count"
TRUE.2: /true(?![\w.])/
FALSE.2: /false(?![\w.])/
NULL.2: /null(?![\w.])/
JSON: /"(?:[^"\\]|\\.)*"/
STRING: /'(?:[^']|'')*'/
TYPED.3: /[A-Za-z_][\w.]*'(?:[^']|'')*'/
GUID.5: /[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}/
STAMP.4: /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|z|[+-]\d\d:\d\d)?/
DATE.3: /\d{4}-\d\d-\d\d/
TIME.3: /\d\d:\d\d(:\d\d(\.\d{1,12})?)?/
NUMBER.2: /[+-]?\d+(\.\d+)?([eE][+-]?\d+)?/
ALIAS: /@\w+/
NAME: /[A-Za-z_]\w*(\.\w+)*/
%ignore /\s+/
"""


@dataclass(frozen=True)
class Literal:
    """A constant, with its `Edm` type as far as its notation tells; None is null."""

    value: Any
    kind: str


@dataclass(frozen=True)
class Items:
    """A list of constants."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Path:
    """A column, through navigation or complex columns; `count` for the size of the collection that it ends in."""

    steps: tuple[str, ...]
    count: bool = False


@dataclass(frozen=True)
class Quantified:
    """`any` or `all` over a collection; without a variable, whether there is anything."""

    steps: tuple[str, ...]
    every: bool
    variable: str | None
    condition: Node | None


@dataclass(frozen=True)
class Call:
    """A function's call; Dataverse's query functions name their arguments. `steps` lead to the row that it is about."""

    name: str
    arguments: tuple[Node, ...]
    named: Mapping[str, Node]
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """Two values and the comparison between them."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Joined:
    """Conditions of which all, or with `either` one, must hold."""

    either: bool
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Negated:
    """A condition that must not hold."""

    condition: Node


Node: TypeAlias = Literal | Items | Path | Quantified | Call | Compared | Joined | Negated


@dataclass(frozen=True)
class _Named:
    name: str
    value: Node


@dataclass(frozen=True)
class _Alias:
    name: str


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Makes the tree; `aliases` are the parameters (`@p1`) of the request."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        super().__init__()
        self._aliases = aliases

    def either(self, *parts: Node) -> Node:
        return Joined(True, parts)

    def both(self, *parts: Node) -> Node:
        return Joined(False, parts)

    def negated(self, condition: Node) -> Node:
        return Negated(condition)

    def compared(self, left: Node, operator: Token, right: Node) -> Node:
        return Compared(str(operator), left, right)

    def within(self, _: Node, *__: Node | None) -> Node:
        raise Kind.UNSUPPORTED_NODE.error(node="In")

    def listed(self, *items: Node | None) -> Node:
        return Items(tuple(item for item in items if item is not None))

    def alias(self, token: Token) -> Node:
        text = self._aliases.get(str(token))
        return Literal(None, "Edm.Null") if text is None else parse(text)

    def named(self, name: Token, value: Node) -> _Named:
        return _Named(str(name), value)

    def call(self, name: Token, *arguments: Any) -> Call:
        given = [argument for argument in arguments if argument is not None]
        named = {argument.name: argument.value for argument in given if isinstance(argument, _Named)}
        return Call(str(name), tuple(item for item in given if not isinstance(item, _Named)), named)

    def called_below(self, steps: tuple[str, ...], name: Token, *arguments: Any) -> Node:
        return replace(self.call(name, *arguments), steps=steps)

    def step(self, name: Token) -> str:
        return str(name)

    def steps(self, *parts: Any) -> tuple[str, ...]:
        *before, last = parts
        return (*(before[0] if before else ()), last)

    def quantified(self, quantifier: Token, variable: Token | None, condition: Node | None) -> Quantified:
        return Quantified((), quantifier == "all", None if variable is None else str(variable), condition)

    def path(self, steps: tuple[str, ...], last: Any) -> Node:
        if isinstance(last, Quantified):
            return Quantified(steps, last.every, last.variable, last.condition)
        return Path(steps, isinstance(last, Token))

    def string(self, token: Token) -> Node:
        return Literal(token[1:-1].replace("''", "'"), "Edm.String")

    def listed_string(self, token: Token) -> Node:
        if "''" in token[1:-1]:  # a list is read as JSON, where quotes are not doubled
            raise Kind.BAD_QUERY.error(
                problem="Invalid JSON. A comma character ',' was expected in scope 'Array'. Every two elements in an "
                "array and properties of an object must be separated by commas."
            )
        return self.string(token)

    def json(self, token: Token) -> Node:
        try:
            return Literal(json.loads(token), "Edm.String")
        except ValueError:
            raise Kind.BAD_QUERY.error(problem="Invalid JSON. A string of a list is malformed.") from None

    def guid(self, token: Token) -> Node:
        return Literal(str(token), "Edm.Guid")

    def stamp(self, token: Token) -> Node:
        return Literal(str(token), "Edm.DateTimeOffset")

    def date(self, token: Token) -> Node:
        return Literal(str(token), "Edm.Date")

    def time(self, token: Token) -> Node:
        return Literal(str(token), "Edm.TimeOfDay")

    def number(self, token: Token) -> Node:
        text = str(token)
        if text.lstrip("+-").isdigit():
            return Literal(int(text), "Edm.Int64")
        return Literal(Decimal(text), "Edm.Decimal")

    def true(self, _: Token) -> Node:
        return Literal(True, "Edm.Boolean")

    def false(self, _: Token) -> Node:
        return Literal(False, "Edm.Boolean")

    def null(self, _: Token) -> Node:
        return Literal(None, "Edm.Null")

    def typed(self, token: Token) -> Node:
        kind, _, text = str(token).partition("'")
        return Literal(text[:-1].replace("''", "'"), "Edm.Duration" if kind == "duration" else kind)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=True)


def parse(text: str, aliases: Mapping[str, str] | None = None) -> Node:
    """The tree of an expression. DataverseError 400 for text that is none."""
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        place = error.pos_in_stream if isinstance(error, UnexpectedCharacters) else _end(error, text)
        raise Kind.BAD_QUERY.error(problem=f"Syntax error at position {place} in '{text}'.") from None
    except LarkError:
        raise Kind.BAD_QUERY.error(problem=f"Syntax error in '{text}'.") from None
    try:
        node: Node = _Builder(aliases or {}).transform(tree)
    except VisitError as error:  # Lark wraps what a builder raises
        raise error.orig_exc from None
    return node


def _end(error: UnexpectedInput, text: str) -> int:
    """Where a token stands that should not; the end of the text where more was expected."""
    at_end = not isinstance(error, UnexpectedToken) or error.token.type == "$END"
    return len(text) if at_end else error.pos_in_stream or 0
