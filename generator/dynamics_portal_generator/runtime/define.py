"""Models without the price of attrs: slotted classes with a constructor, made in microseconds.

To a type checker a model is an attrs class; at run time `define` gives it slots and leaves the constructor to `Model`,
because importing attrs and building a class of two hundred columns with it costs more than the HTTP library. Who asks
for attrs' view of a model (`attrs.fields`, `attrs.evolve`, `attrs.asdict`, msgspec) gets it, made at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from .edm import UNSET

_C = TypeVar("_C", bound=type)


class Field(NamedTuple):
    """An attribute as the constructor sees it."""

    slot: str
    name: str
    """The constructor's parameter."""
    required: bool
    kw_only: bool


class _Declared(NamedTuple):
    alias: str
    required: bool
    kw_only: bool


def field(*, default: Any = ..., alias: str = "", kw_only: bool = False) -> Any:
    """What `attrs.field` says in a class body. Without a default the attribute is required."""
    return _Declared(alias, default is ..., kw_only)


class ModelType(type):
    """The type of models: it answers for attrs when attrs' view is asked for."""

    def __getattr__(cls, name: str) -> Any:
        if name != "__attrs_attrs__" or "__fields__" not in cls.__dict__:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        import attrs  # here, because only this view needs it

        twin = attrs.make_class(
            cls.__name__,
            {
                item.slot: attrs.field(alias=item.name, kw_only=item.kw_only)
                if item.required
                else attrs.field(default=UNSET, alias=item.name, kw_only=item.kw_only)
                for item in cls.__dict__["__fields__"].values()
            },
        )
        view = cls.__attrs_attrs__ = attrs.fields(twin)
        return view


def _absent(self: Any, name: str) -> Any:
    """What a slot reads that is empty."""
    if any(item.slot == name for item in self.__fields__.values()):
        return self.__absent__
    raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")


def define(*, eq: bool, repr: bool, kw_only: bool = False) -> Callable[[_C], _C]:
    """Give a model slots and a constructor for the attributes that its body declares. `Model` has its own `eq` and
    `repr`: rows are compared by what is set, and never printed."""
    assert not eq
    assert not repr

    def decorate(cls: _C) -> _C:
        body = dict(cls.__dict__)
        fields: dict[str, Field] = {}
        for slot, annotation in cls.__annotations__.items():
            if str(annotation).startswith("ClassVar"):
                continue
            declared = body.pop(slot, ...)
            if isinstance(declared, _Declared):
                item = Field(slot, declared.alias or slot, declared.required, declared.kw_only or kw_only)
            else:
                item = Field(slot, slot, declared is ..., kw_only)
            fields[item.name] = item
        for name in ("__dict__", "__weakref__"):
            body.pop(name, None)
        body["__slots__"] = tuple(item.slot for item in fields.values())
        body["__fields__"] = fields
        if body.get("__absent__", UNSET) is not UNSET:
            body["__getattr__"] = _absent  # others have no such method: with it, every attribute takes longer to read
        result: Any = type(cls)(cls.__name__, cls.__bases__, body)
        return result  # type: ignore[no-any-return] # the same class, rebuilt with slots

    return decorate
