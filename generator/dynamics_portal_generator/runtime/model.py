"""Models: the classes of a generated package. They read from JSON, write to JSON and never print what they hold.

`Model` is the base of everything that has columns (rows of tables, complex types, the parameters of operations). Rows
add a table and its navigation, in `table`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar, cast

from .column import Column, items, mapping, named, package_of, resolve, unknown_name
from .define import Field, ModelType
from .edm import UNSET, Codec, Unset, codec, member_codec

if TYPE_CHECKING:
    from .reading import Reading

ODATA_TYPE: Final = "@odata.type"
_M = TypeVar("_M", bound="Model")


def column_codec(column: Column, package: str) -> Codec:
    """How the values of a column read and write, lists and classes of the package included."""
    primitive = "Edm.Guid" if column.file else column.item_type
    item = _model_codec(resolve(package, column.model), column) if column.model else codec(primitive)
    if not column.collection:
        return item
    decode, encode = item.decode, item.encode

    def encode_items(values: Any) -> list[Any]:
        return [None if value is None else encode(value) for value in items(values)]

    return Codec(
        None if decode is None else lambda values: [None if value is None else decode(value) for value in values],
        encode_items,
        lambda values: json.dumps(encode_items(values), separators=(",", ":"), default=str),
    )


def _model_codec(cls: Any, column: Column) -> Codec:
    if issubclass(cls, Enum):
        return member_codec(cls, column.item_type)
    model: type[Model] = cls

    def encode(value: Any) -> dict[str, Any]:
        encoded = model.encode(value)
        return with_type(value, encoded) if isinstance(value, Model) and value.__type__ != model.__type__ else encoded

    return Codec(
        model.from_dict,
        encode,
        lambda value: json.dumps(encode(value), separators=(",", ":"), default=str),
    )


def with_type(value: Model, encoded: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a value whose type is not the declared one: it says which it is."""
    return {ODATA_TYPE: f"#{value.__type__}", **encoded}


class Model(metaclass=ModelType):
    """Base of the generated classes. Attributes are set by the constructor or by `from_dict`; one that an answer did
    not hold reads as `UNSET`. The representation shows names of columns, never values."""

    __slots__ = ("_extra",)

    _extra: dict[str, Any]
    __absent__: ClassVar[Unset | None] = UNSET
    """What an attribute reads that is not set. `None` for results, which always hold everything they declare: their
    slots stay empty, and `define` lets them read so."""
    __fields__: ClassVar[Mapping[str, Field]] = {}
    """The constructor's parameters."""

    __type__: ClassVar[str] = ""
    """Qualified name of the type in the service's metadata."""
    __columns__: ClassVar[Mapping[str, Column]] = {}
    """The service's name of a column to the column."""

    if not TYPE_CHECKING:  # a checker knows the parameters from the class's own attributes

        def __init__(self, *args: Any, **values: Any) -> None:
            fields = self.__fields__
            if args:
                names = [name for name, item in fields.items() if not item.kw_only]
                if len(args) > len(names):
                    raise TypeError(f"{type(self).__name__}() takes {len(names)} positional arguments")
                values = {**dict(zip(names, args, strict=False)), **values}
            if not values.keys() <= fields.keys():
                name = next(name for name in values if name not in fields)
                raise TypeError(unknown_name(f"{type(self).__name__}()", "parameter", name, fields))
            leaves_empty = self.__absent__ is not UNSET
            for name, item in fields.items():
                if name in values:
                    setattr(self, item.slot, values[name])
                elif item.required:
                    raise TypeError(f"{type(self).__name__}() needs the parameter {name!r}")
                elif not leaves_empty:
                    setattr(self, item.slot, UNSET)

    @classmethod
    def _blank(cls) -> Self:
        """One of which nothing is set."""
        self = cls.__new__(cls)
        if cls.__absent__ is UNSET:
            for item in cls.__fields__.values():
                setattr(self, item.slot, UNSET)
        return self

    @classmethod
    def _cached(cls, name: str, make: Callable[[], Any]) -> Any:
        value = cls.__dict__.get(name)
        if value is None:
            value = make()
            setattr(cls, name, value)
        return value

    @classmethod
    def _attributes(cls) -> dict[str, Column]:
        result: dict[str, Column] = cls._cached(
            "_by_attribute", lambda: {column.attribute: column for column in cls.__columns__.values()}
        )
        return result

    @classmethod
    def _codecs(cls) -> dict[str, Codec]:
        def make() -> dict[str, Codec]:
            package = package_of(cls)
            return {name: column_codec(column, package) for name, column in cls.__columns__.items()}

        result: dict[str, Codec] = cls._cached("_codec_by_name", make)
        return result

    @classmethod
    def _decoders(cls) -> dict[str, tuple[str, Callable[[Any], Any] | None]]:
        def make() -> dict[str, tuple[str, Callable[[Any], Any] | None]]:
            codecs = cls._codecs()
            return {name: (column.attribute, codecs[name].decode) for name, column in cls.__columns__.items()}

        result: dict[str, tuple[str, Callable[[Any], Any] | None]] = cls._cached("_decoder_by_name", make)
        return result

    @classmethod
    def _reading(cls) -> Reading:
        def make() -> Reading:
            from .reading import Reading  # what is not needed before something is read

            return Reading(cls, cls._decoders())

        result: Reading = cls._cached("_reading_of_it", make)
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The object that a JSON object stands for. What the class does not know is kept in `additional_properties`.

        Raises `ValueError`, without the value, where a value is not of its column's type.
        """
        model = declared_type(cls, data) if ODATA_TYPE in data else cls
        reading = model.__dict__.get("_reading_of_it") or model._reading()
        quickly: Self | None = reading.read(data)
        return model._from_items(data) if quickly is None else quickly

    @classmethod
    def list_from_dicts(cls, items: Sequence[Mapping[str, Any]]) -> list[Self] | None:
        """The objects that JSON objects stand for, equal to what `from_dict` makes of each; all of them or none: `None`
        where one takes `from_dict`."""
        result: list[Self] | None = cls._reading().read_list(items)
        return result

    @classmethod
    def _from_items(cls, data: Mapping[str, Any]) -> Self:
        decoders = cls._decoders()
        self = cls._blank()
        extra: dict[str, Any] = {}
        name = ""
        try:
            for name, value in data.items():
                entry = decoders.get(name)
                if entry is None:
                    extra[name] = value
                else:
                    attribute, decode = entry
                    setattr(self, attribute, value if value is None or decode is None else decode(value))
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            raise ValueError(
                f"{cls.__name__}.{name}: the answer's value is not of type {cls.__columns__[name].type}"
            ) from None
        if extra:
            self._extra = extra
        return self

    @classmethod
    def from_json(cls, content: bytes) -> Self | None:
        """The object that the bytes of a JSON object stand for, equal to what `from_dict` makes of it; `None` where it
        takes `from_dict`: without the extra `fast`, for the first objects of a kind, for what does not fit."""
        fast = (cls.__dict__.get("_reading_of_it") or cls._reading()).fast(len(content))
        result: Self | None = None if fast is None else fast.one(content)
        return result

    @classmethod
    def list_from_json(cls, content: bytes) -> list[Self] | None:
        """The same for a list of JSON objects; all of them or none."""
        fast = cls._reading().fast(len(content))
        return None if fast is None else fast.many(content)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object of everything that is set, unknown columns and annotations included."""
        codecs = self._codecs()
        result: dict[str, Any] = {}
        name = ""
        try:
            for column, value in self._set():
                name = column.name
                result[name] = None if value is None else codecs[name].encode(value)
        except (TypeError, ValueError) as error:
            raise named(type(self), name, error) from None
        for name, value in self.additional_properties.items():
            result[name] = _plain(value)
        return result

    def _set(self) -> Iterator[tuple[Column, Any]]:
        for column in self.__columns__.values():
            try:
                value = object.__getattribute__(self, column.attribute)
            except AttributeError:
                continue  # an empty slot
            if value is not UNSET:
                yield column, value

    @classmethod
    def encode(cls, value: Model | Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object of a model or of a mapping with the service's names, checked either way.

        A mapping may also hold annotations of the whole object, such as `@odata.type` (it is then checked as that type)
        and `@odata.id` (a reference to a row).
        Raises `ValueError` or `TypeError`, without the value, for a name or a value that does not fit.
        """
        if isinstance(value, Model):
            value.check()
            return value.to_dict()
        model = declared_type(cls, mapping(cls, value))
        return {name: item if name.startswith("@") else model._encode_value(name, item) for name, item in value.items()}

    def check(self) -> None:
        """Raise `ValueError` where something that the service requires is not set."""
        for column in self.__columns__.values():
            if column.required and not column.nullable and getattr(self, column.attribute) in (None, UNSET):
                raise ValueError(f"{type(self).__name__}: {column.attribute} is required")

    @classmethod
    def _encode_value(cls, name: str, value: Any) -> Any:
        column = cls.__columns__.get(name)
        if column is None:
            raise ValueError(unknown_name(cls.__name__, "column", name, cls.__columns__))
        if value is None:
            if not column.nullable:
                raise ValueError(f"{cls.__name__}.{name} cannot be null")
            return None
        try:
            return cls._codecs()[name].encode(value)
        except (TypeError, ValueError) as error:
            raise named(cls, name, error) from None

    def __reduce__(self) -> tuple[Any, ...]:
        # What an answer did not hold is no value of its copy either.
        state: dict[str, Any] = {}
        for item in self.__fields__.values():
            try:
                value = object.__getattribute__(self, item.slot)
            except AttributeError:
                continue
            if value is not UNSET:
                state[item.slot] = value
        return _restored, (type(self), state, self.additional_properties.copy())

    @property
    def additional_properties(self) -> dict[str, Any]:
        """Annotations, and columns that the package does not know, by the service's names."""
        try:
            return self._extra
        except AttributeError:  # most rows have none
            self._extra = {}
            return self._extra

    def __repr__(self) -> str:
        names = ", ".join(column.name for column, _ in self._set())
        return f"<{type(self).__name__}: {names}>"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Model):
            return NotImplemented
        return list(self._set()) == list(other._set()) and self.additional_properties == other.additional_properties

    __hash__ = None  # type: ignore[assignment] # mutable, so it has none


def _restored(cls: type[_M], state: Mapping[str, Any], extra: dict[str, Any]) -> _M:
    """A model from what `__reduce__` took of another: its copy, or itself in another process."""
    self = cls._blank()
    for slot, value in state.items():
        setattr(self, slot, value)
    self._extra = extra
    return self


def _plain(value: Any) -> Any:
    """JSON again of what a navigation property has decoded in place."""
    if isinstance(value, Model):
        return value.to_dict()
    return [_plain(item) for item in value] if isinstance(value, list) else value


def declared_type(cls: type[_M], data: Mapping[str, Any]) -> type[_M]:
    """The class of the type that an object names, where it is one of this package; else the one expected."""
    declared = data.get(ODATA_TYPE)
    if not isinstance(declared, str) or declared.lstrip("#") == cls.__type__:
        return cls
    package = package_of(cls)
    name = import_module(f"{package}.registry").TYPES.get(declared.lstrip("#"))
    candidate = resolve(package, name) if name else None
    # a derived class has the columns of the declared one, though Python does not know it as a subclass
    return cast("type[_M]", candidate) if isinstance(candidate, type) and issubclass(candidate, Model) else cls
