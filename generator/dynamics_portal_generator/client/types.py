"""Python types for the values of columns, parameters and results.

The parser of openapi-python-client says what a value is made of (a list, an enumeration, a model);
which Python type a primitive one has is decided here by its Edm type: decimals stay exact, dates are dates.
"""

from __future__ import annotations

from collections.abc import Mapping

from openapi_python_client.parser.properties import AnyProperty, EnumProperty, ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from ..openapi import edm_type
from ..runtime.columns import KINDS, FileColumn, PlainColumn
from .plan import ClassPlan, Json, Member, target_of

PYTHON_TYPES = {
    "Edm.String": "str",
    "Edm.Guid": "UUID",
    "Edm.Boolean": "bool",
    "Edm.SByte": "int",
    "Edm.Byte": "int",
    "Edm.Int16": "int",
    "Edm.Int32": "int",
    "Edm.Int64": "int",
    "Edm.Decimal": "Decimal",
    "Edm.Double": "float",
    "Edm.Single": "float",
    "Edm.DateTimeOffset": "_dt.datetime",
    "Edm.Date": "_dt.date",
    "Edm.TimeOfDay": "_dt.time",
    "Edm.Duration": "_dt.timedelta",
    "Edm.Binary": "bytes",
}
"""Python type of each primitive type. `_dt` is `datetime`: a column may well be called `date`."""

ANY_ROW = "Row[Any, Any]"


def column_kind(member: Member, models: Mapping[str, ClassPlan]) -> str:
    """The type of a member in its table's namespace, with the classes of the package looked up in `_models`."""
    if "x-dynamics-file" in member.shape:
        return f"{FileColumn.__name__}[Root]"
    target = models.get(target_of(member.shape))
    multi = "x-dynamics-choices" in member.shape
    if target is not None and target.kind in ("choice", "enumeration", "flags") and (multi or not _lists(member)):
        kind = "EnumerationColumn" if target.kind != "choice" else "ChoicesColumn" if multi else "ChoiceColumn"
        return f"{kind}[Root, _models.{target.name}]"
    kind = "PlainColumn" if target or _lists(member) else KINDS.get(member.edm, PlainColumn).__name__
    return f"{kind}[Root]"


def _lists(member: Member) -> bool:
    return member.edm.startswith("Collection(")


class TypeNames:
    """Spells types, and collects what the module that holds them has to import."""

    def __init__(self, class_by_alias: dict[str, ClassPlan]) -> None:
        self._class_by_alias = class_by_alias
        self.classes: dict[str, ClassPlan] = {}
        """Classes of the package that the spelled types use, by name."""
        self.used: set[str] = set()
        """Other names that they use: `UUID`, `Decimal`, `_dt`, `Any`."""

    def of(
        self, prop: PropertyProtocol, member: Member, *, write: bool = False, unset: bool = False, null: bool = True
    ) -> str:
        """The type of a member's values, null included where it may be. `write` also admits what is converted without
        doubt; `unset` admits that there is none."""
        text = self._of(prop, member.shape, write)
        multi = "x-dynamics-choices" in member.shape
        if multi:
            text = text.replace("list[", "frozenset[", 1)
        if unset:
            text += " | Unset"
        return f"{text} | None" if null and member.nullable and not text.startswith("Any") else text

    def _of(self, prop: PropertyProtocol, shape: Json, write: bool) -> str:
        if isinstance(prop, ListProperty):
            return f"list[{self._of(prop.inner_property, shape.get('items', {}), write)}]"
        if isinstance(prop, (EnumProperty, ModelProperty)):
            return self._class(self._class_by_alias[str(prop.class_info.name)])
        edm = "Edm.Guid" if "x-dynamics-file" in shape else edm_type(shape)
        text = "Any" if isinstance(prop, AnyProperty) else PYTHON_TYPES.get(edm, "Any")
        self.used.add(text.partition(".")[0])
        return {"UUID": "UUID | str", "Decimal": "Decimal | int"}.get(text, text) if write else text

    def _class(self, item: ClassPlan) -> str:
        if item.kind == "entity" and item.abstract:
            self.used.update(("Any", "Row"))
            return ANY_ROW  # any table's row fits, and Python does not know rows as subclasses of each other
        self.classes[item.name] = item
        return item.name
