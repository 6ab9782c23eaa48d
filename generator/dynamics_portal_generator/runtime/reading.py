"""Reading objects at speed: straight-line code for the objects of a model, made once for each set of names they hold.

Answers repeat themselves: a page has thousands of objects with the same names in the same order. For names that have
been seen a few times a function is made that sets one attribute after the other, without a loop and a look-up for each
(as `dataclasses` makes a constructor). It decides nothing: what it refuses, and names that are rare, are left to
`Model.from_dict`, which reads the same values and says what is wrong with one.

Nothing of an answer becomes code: names of columns and annotations are values to it; attributes are the package's own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final

from .decode import LONGEST_PLAIN, decode_datetime, decode_decimal, decode_integer
from .edm import UNSET

if TYPE_CHECKING:
    from .fast import FastReading
    from .model import Model

Decoders = Mapping[str, tuple[str, Callable[[Any], Any] | None]]
"""The service's name of each column to its attribute and how its values are decoded."""

TYPE: Final = "@odata.type"
SPECIAL: Final = frozenset({TYPE, "@odata.context"})
"""What of an object in a list says that it is another one than was expected, or none."""
REFUSALS: Final = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
"""What is raised for values that are not of their column's type."""

_SIGHTS: Final = 8  # of the same names, before code for them is worth making: it takes as long as reading fifty rows
_SHAPES: Final = 64  # sets of names with code of their own; more come of callers' dictionaries, not of a service
_FAST_FROM: Final = 65_536  # bytes of JSON, before msgspec is imported: it takes as long as reading 200 rows without


class Reading:
    """How the objects of one model are read, and what has been learned about their names."""

    __slots__ = ("_builders", "_decoders", "_fast", "_model", "_passed", "_sights")

    def __init__(self, model: type[Model], decoders: Decoders) -> None:
        self._model = model
        self._decoders = decoders
        self._builders: dict[tuple[str, ...], Callable[[Any], Any]] = {}
        self._sights: dict[tuple[str, ...], int] = {}
        self._fast: FastReading | None = None
        self._passed = 0  # bytes that were left to `from_dict`

    def read(self, data: Mapping[str, Any]) -> Any:
        """The object; `None` where the usual way has to be taken."""
        names = tuple(data)
        build = self._builders.get(names)
        if build is None and (build := self._met(names)) is None:
            return None
        try:
            return build(data.values())
        except REFUSALS:
            return None

    def read_list(self, items: Sequence[Mapping[str, Any]]) -> list[Any] | None:
        """The objects; `None` where the usual way has to be taken for one of them."""
        result = []
        last: tuple[str, ...] | None = None
        build: Callable[[Any], Any] | None = None
        try:
            for data in items:
                names = tuple(data)
                if names != last or build is None:
                    if SPECIAL & data.keys():
                        return None
                    last, build = names, self._builders.get(names) or self._met(names)
                result.append(self._model._from_items(data) if build is None else build(data.values()))
        except REFUSALS:
            return None
        return result

    def _met(self, names: tuple[str, ...]) -> Callable[[Any], Any] | None:
        seen = self._sights.get(names, 0) + 1
        if seen < _SIGHTS:
            if len(self._sights) >= _SHAPES:
                self._sights.clear()
            self._sights[names] = seen
            return None
        if len(self._builders) >= _SHAPES or not all(type(name) is str for name in names):
            return None
        build = self._builders[names] = make_builder(self._model, self._decoders, names)
        return build

    def fast(self, size: int) -> FastReading | None:
        """What reads so many bytes of JSON at once; `None` where it is not installed, or too little has been read."""
        if self._fast is None and self._passed < _FAST_FROM:
            self._passed += size
            if self._passed >= _FAST_FROM and (kind := _fast_reading()) is not None:
                self._fast = kind(self._model, self._decoders)
        return self._fast


@cache
def _fast_reading() -> type[FastReading] | None:
    try:
        from .fast import FastReading  # the extra `fast`, and not before there is much to read
    except ImportError:
        return None
    return FastReading


def make_builder(
    model: Any,
    decoders: Decoders,
    names: Sequence[str],
    *,
    optional: Collection[str] = (),
    decoded: Collection[str] = (),
    attributes: bool = False,
) -> Callable[[Any], Any]:
    """A function that makes an object of the values of names, in this order.

    `optional`: names whose value may be `UNSET`, and is then left out; `decoded`: columns whose values come decoded.
    `attributes`: whether the values come as attributes `f0`, `f1`, … of one argument, rather than as an iterable.
    """
    known: dict[str, Any] = {"new": model.__new__, "model": model, "unset": UNSET}
    empty = {item.slot: None for item in model.__fields__.values()} if model.__absent__ is UNSET else {}
    head, body, required, others = [], [], [], []
    for index, name in enumerate(names):
        source = f"source.f{index}" if attributes else f"v{index}"
        entry = decoders.get(name)
        if entry is None:
            known[f"n{index}"] = name
            if name in optional:
                others.append(f"    if {source} is not unset: extra[n{index}] = {source}")
            else:
                required.append(f"n{index}: {source}")
            continue
        attribute, decode = entry
        _check_name(attribute)
        plain = decode is None or name in decoded
        value = source if plain else f"v{index}"
        if value != source:
            body.append(f"    {value} = {source}")
        expression = value if plain else _expression(decode, value, f"d{index}", known, of_json=attributes)
        if name in optional and attribute not in empty:
            body.append(f"    if {value} is not unset: self.{attribute} = {expression}")
        elif name in optional and not plain:
            body.append(f"    self.{attribute} = unset if {value} is unset else {expression}")
        else:
            body.append(f"    self.{attribute} = {expression}")
        empty.pop(attribute, None)
    if empty:
        for attribute in empty:
            _check_name(attribute)
        body.append(f"    {' = '.join(f'self.{attribute}' for attribute in empty)} = unset")
    if not attributes:
        head.append(f"    ({''.join(f'v{index}, ' for index in range(len(names)))}) = source" if names else "")
    if required or others:
        body.append(f"    extra = {{{', '.join(required)}}}")
        body += [*others, f"    {'' if required else 'if extra: '}self._extra = extra"]
    lines = ["def build(source):", *head, "    self = new(model)", *body, "    return self"]
    exec("\n".join(lines), known)  # noqa: S102 # of the package's own names alone
    build: Callable[[Any], Any] = known["build"]
    return build


def _check_name(attribute: str) -> None:
    if not attribute.isidentifier() or iskeyword(attribute):
        raise ValueError("an attribute's name is no identifier")


def _expression(decode: Any, value: str, name: str, known: dict[str, Any], *, of_json: bool) -> str:
    """The code that decodes a value; the commonest forms of the commonest types without a call. `of_json`: whether it
    was read from JSON, which has finite numbers alone."""
    known[name] = decode
    if decode is decode_datetime:
        known["moment"] = dt.datetime.fromisoformat
        plain = f"moment({value}) if len({value}) <= {LONGEST_PLAIN} else {name}({value})"
        return f"{value} if {value} is None else {plain}"
    if decode is decode_integer:
        return f"{value} if {value} is None or {value}.__class__ is int else {name}({value})"
    if decode is decode_decimal:
        known["decimal"] = Decimal
        plain = f"{value}.__class__ is decimal" + ("" if of_json else f" and {value}.is_finite()")
        return f"{value} if {value} is None or {plain} else {name}({value})"
    if isinstance(decode, type) and issubclass(decode, Enum):
        known[f"m{name}"] = decode._value2member_map_
        return f"{value} if {value} is None else m{name}[{value}] if {value} in m{name} else {name}({value})"
    return f"{value} if {value} is None else {name}({value})"
