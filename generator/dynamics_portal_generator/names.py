"""Python names for the names of a service: one rule for classes, one for attributes, and how collisions end.

Names are stable: the same document gives the same names, whatever order its elements come in, because a collision is
resolved by the service's own name and not by who came first. Each renaming is told to the caller.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Mapping

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_NOT_WORD = re.compile(r"[^0-9A-Za-z]+")

# Builtins and typing names that generated annotations use; a column of that name would hide them in the class body.
_USED_IN_ANNOTATIONS = frozenset(
    {"str", "int", "float", "bool", "bytes", "list", "dict", "frozenset", "object", "property", "type", "column"}
)
ROW_API = frozenset(
    {
        "additional_properties", "check", "encode", "encode_write", "etag", "formatted", "from_dict", "from_json",
        "list_from_dicts", "list_from_json", "lookup", "navigation", "path", "request", "result", "table", "target",
        "to_dict", "mro",
        "_arguments", "_attributes", "_blank", "_by_attribute", "_cached", "_codec_by_name", "_codecs", "_column_",
        "_columns_", "_decoder_by_name", "_decoders", "_encode_value", "_extra", "_from_items", "_itself_",
        "_key_literal", "_links", "_literal", "_navigation_by_attribute", "_navigation_by_name", "_path", "_query_",
        "_reading", "_reading_of_it", "_reference_", "_result_", "_result_codec", "_row_encoder_", "_set", "_write_",
        "_written_by",
    }
)  # fmt: skip
"""Names that the runtime's base classes use themselves."""

_PLAIN_CLASSES = frozenset(
    {
        "Any", "Choice", "ClassVar", "CollectionNavigation", "Column", "Decimal", "Enumeration", "False", "Flags",
        "Literal", "Mapping", "Model", "None", "Operation", "OperationInfo", "Reference", "Row", "RowId",
        "SingleNavigation", "Table", "True", "TypedDict", "UNSAVED", "UNSET", "UUID", "Unset",
    }
)  # fmt: skip
"""Names that a generated module imports; no class of its own may take them."""


def pascal_case(name: str) -> str:
    """`new_certification` → `NewCertification`; letters that are upper case already stay so."""
    parts = [part for part in _NOT_WORD.split(name) if part]
    text = "".join(part[0].upper() + part[1:] for part in parts)
    return text if text and not text[0].isdigit() else f"X{text}"


def snake_case(name: str) -> str:
    """`UserId` → `user_id`, `WhoAmI` → `who_am_i`. A name in lower case is left as it is, digits and all."""
    ascii_only = "".join(character if character.isascii() else "_" for character in name)
    if ascii_only == ascii_only.lower():
        text = _NOT_WORD.sub("_", ascii_only)
    else:
        chunks = [part for part in _NOT_WORD.split(ascii_only) if part]
        text = "_".join("_".join(_split_words(chunk)) for chunk in chunks)
        text = "_" * (len(ascii_only) - len(ascii_only.lstrip("_"))) + text
    return text.lower()


def _split_words(chunk: str) -> list[str]:
    words: list[str] = []
    for word in _WORD.findall(chunk):
        if words and word.isdigit():
            words[-1] += word  # address1 stays one word
        else:
            words.append(word)
    return words


def attribute_name(name: str) -> str:
    """The attribute for a column or parameter. A lookup's `_x_value` keeps its underscore: it is read-only."""
    text = snake_case(name).rstrip("_") or "value"
    if text.startswith("__"):
        text = text.lstrip("_") or "value"
    if text.lstrip("_")[:1].isdigit():
        text = f"x{text}" if not text.startswith("_") else f"_x{text[1:]}"
    return f"{text}_" if text in _USED_IN_ANNOTATIONS | ROW_API or keyword.iskeyword(text) else text


def class_name(name: str) -> str:
    """The class for a type, a choice or an operation."""
    text = pascal_case(name)
    return f"{text}_" if text in _PLAIN_CLASSES or keyword.iskeyword(text) else text


def member_name(label: str) -> str:
    """The member of a choice or enumeration for a label: `1 - High` → `X1_HIGH`, `Active` → `ACTIVE`."""
    words = _NOT_WORD.split("".join(c if c.isascii() else _fold(c) for c in label))
    split = [part for word in words if word for part in _split_words(word)]
    text = "_".join(split).upper() or "VALUE"
    return f"X{text}" if text[0].isdigit() else f"{text}_" if text in {"NONE", "MRO"} else text


def _fold(character: str) -> str:
    """The nearest ASCII letters of a character: `ø` → `o`, `å` → `a`, `ß` → `ss`; a divider where there are none."""
    import unicodedata  # here, because labels in other scripts only

    special = {"æ": "ae", "ø": "o", "å": "a", "ß": "ss", "ð": "d", "þ": "th", "ł": "l", "đ": "d"}
    lower = special.get(character.lower())
    if lower is not None:
        return lower if character.islower() else lower.capitalize()
    folded = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return folded or " "


def assign(
    names: Iterable[str], convert: Callable[[str], str], *, fold_case: bool = False
) -> tuple[dict[str, str], list[str]]:
    """Give each name its Python name, unique among them, and say which had to change.

    Of several that collide, the one whose name is nearest to the Python name (then the first in alphabetical order)
    keeps it; the others are numbered in alphabetical order: the result does not depend on the order of `names`.
    `fold_case` also keeps apart what differs by case only, which file systems may not.
    """
    wanted: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        converted = convert(name)
        wanted.setdefault(converted.lower() if fold_case else converted, []).append(name)
    taken = set(wanted)
    result: dict[str, str] = {}
    notes: list[str] = []
    for key in sorted(wanted):
        group = sorted(wanted[key], key=lambda name: (name != convert(name), name))
        result[group[0]] = convert(group[0])
        number = 2
        for name in group[1:]:
            while (candidate := f"{convert(name)}_{number}").lower() in taken or candidate in taken:
                number += 1
            taken.add(candidate.lower() if fold_case else candidate)
            result[name] = candidate
            notes.append(f"{name} is called {candidate} in Python, because {group[0]} takes {result[group[0]]}")
    return result, notes


def members(labels: Mapping[int, str]) -> dict[int, str]:
    """Member names for the values of a choice, unique; equal labels are told apart by their value."""
    names = {value: member_name(label) for value, label in labels.items()}
    counts: dict[str, int] = {}
    for name in names.values():
        counts[name] = counts.get(name, 0) + 1
    return {
        value: name if counts[name] == 1 else f"{name}_{value}".replace("-", "MINUS_") for value, name in names.items()
    }
