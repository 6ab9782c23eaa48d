"""Drift: what changed between two contracts, and whom it concerns.

*breaking*: a program written for the old contract can fail against the new one. *compatible*: it cannot; there is more
to use or less to give. *documentation*: only texts, labels and marks differ. The contracts come from `contract_reader`,
each from CSDL or from OpenAPI.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from .contract import Choice, Column, Contract, ContractError, Enumeration, Link, Overload, Structure
from .contract_reader import read_contract

__all__ = ["Change", "ContractError", "Drift", "compare", "diff"]

T = TypeVar("T")
Severity: TypeAlias = Literal["breaking", "compatible", "documentation"]
SEVERITIES: tuple[Severity, ...] = ("breaking", "compatible", "documentation")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: what kind (`column-removed`), how grave, of what (`Microsoft.Dynamics.CRM.contact/firstname`)."""

    kind: str
    severity: Severity
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Drift:
    """All changes from one contract to another, the grave ones first."""

    changes: tuple[Change, ...]

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes that can make a program fail."""
        return self.of("breaking")

    def of(self, severity: Severity) -> tuple[Change, ...]:
        """The changes of one severity."""
        return tuple(change for change in self.changes if change.severity == severity)

    def to_text(self) -> str:
        """A line a change, under a heading for each severity."""
        if not self.changes:
            return "no changes"
        parts: list[str] = []
        for severity in SEVERITIES:
            found = self.of(severity)
            if found:
                parts.append(f"{severity}: {len(found)}")
                parts += (f"  {change.subject}: {change.message}" for change in found)
        return "\n".join(parts)

    def to_json(self) -> str:
        """`{"breaking": n, "compatible": n, "documentation": n, "changes": [{kind, severity, subject, message}]}`."""
        counts = {severity: len(self.of(severity)) for severity in SEVERITIES}
        changes = [asdict(change) for change in self.changes]
        return json.dumps({**counts, "changes": changes}, indent=2, ensure_ascii=False)


def diff(old: Path, new: Path) -> Drift:
    """Compare two contracts, each a `$metadata` document or an OpenAPI document.

    Raises `ContractError`, one line, for a file that holds neither.
    """
    return compare(read_contract(old), read_contract(new))


def compare(old: Contract, new: Contract) -> Drift:
    """Compare two contracts in normal form."""
    found = [
        *_structures(old, new),
        *_enumerations(old, new),
        *_singletons(old, new),
        *_operations(old, new),
    ]
    order = {severity: number for number, severity in enumerate(SEVERITIES)}
    return Drift(tuple(sorted(found, key=lambda change: order[change.severity])))


def _both(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[tuple[str, T, T]]:
    return ((name, item, new[name]) for name, item in old.items() if name in new)


def _gone(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    return ((name, item) for name, item in old.items() if name not in new)


def _structures(old: Contract, new: Contract) -> Iterator[Change]:
    for name, item in _gone(old.structures, new.structures):
        yield Change(f"{item.what}-removed", "breaking", name, f"the {item.what} is gone")
    for name, item in _gone(new.structures, old.structures):
        yield Change(f"{item.what}-added", "compatible", name, f"a new {item.what}")
    for _, before, after in _both(old.structures, new.structures):
        yield from _structure(before, after)


def _structure(old: Structure, new: Structure) -> Iterator[Change]:
    name = old.name
    for entity_set in old.entity_sets:
        if entity_set not in new.entity_sets:
            yield Change("entity-set-removed", "breaking", name, f"the entity set {entity_set} is gone")
    for entity_set in new.entity_sets:
        if entity_set not in old.entity_sets:
            yield Change("entity-set-added", "compatible", name, f"a new entity set {entity_set}")
    for verb in sorted(old.verbs - new.verbs):
        if new.entity_sets:
            yield Change("verb-removed", "breaking", name, f"rows can no longer be reached by {verb}")
    for verb in sorted(new.verbs - old.verbs):
        if old.entity_sets:
            yield Change("verb-added", "compatible", name, f"rows can now be reached by {verb}")
    if old.entity_sets and new.entity_sets and old.key != new.key:
        yield Change("key-changed", "breaking", name, f"the key was {_key(old.key)} and is {_key(new.key)}")
    for key in sorted(old.alternate_keys - new.alternate_keys):
        yield Change("alternate-key-removed", "breaking", name, f"the alternate key {_key(key)} is gone")
    for key in sorted(new.alternate_keys - old.alternate_keys):
        yield Change("alternate-key-added", "compatible", name, f"a new alternate key {_key(key)}")
    if old.open != new.open:
        severity: Severity = "breaking" if old.open else "compatible"
        message = "rows no longer hold undeclared columns" if old.open else "rows may hold undeclared columns"
        yield Change("open-type-changed", severity, name, message)
    yield from _texts(name, old, new)
    yield from _columns(name, old.columns, new.columns, "column")
    for member, _ in _gone(old.links, new.links):
        yield Change("navigation-removed", "breaking", f"{name}/{member}", "the navigation property is gone")
    for member, link in _gone(new.links, old.links):
        yield Change("navigation-added", "compatible", f"{name}/{member}", f"a new navigation property to {link.type}")
    for member, before, after in _both(old.links, new.links):
        yield from _link(f"{name}/{member}", before, after)


def _link(subject: str, old: Link, new: Link) -> Iterator[Change]:
    if old.type != new.type:
        yield Change("navigation-type-changed", "breaking", subject, f"led to {old.type} and leads to {new.type}")
    if old.column != new.column:
        severity: Severity = "breaking" if old.column else "compatible"
        message = f"its lookup column was {old.column or 'not told'} and is {new.column or 'not told'}"
        yield Change("navigation-column-changed", severity, subject, message)
    yield from _writable(subject, old, new)


def _columns(owner: str, old: Mapping[str, Column], new: Mapping[str, Column], what: str) -> Iterator[Change]:
    """Columns of a table or type, or parameters of an operation (`what`)."""
    for name, _ in _gone(old, new):
        yield Change(f"{what}-removed", "breaking", f"{owner}/{name}", f"the {what} is gone")
    for name, column in _gone(new, old):
        if column.required:
            yield Change(f"required-{what}-added", "breaking", f"{owner}/{name}", f"a new {what} that must be given")
        else:
            yield Change(f"{what}-added", "compatible", f"{owner}/{name}", f"a new {what} of type {column.type}")
    for name, before, after in _both(old, new):
        yield from _column(f"{owner}/{name}", before, after, what)


def _column(subject: str, old: Column, new: Column, what: str) -> Iterator[Change]:
    if old.type != new.type:
        yield Change(f"{what}-type-changed", "breaking", subject, f"the type was {old.type} and is {new.type}")
    if old.required != new.required:
        severity: Severity = "breaking" if new.required else "compatible"
        message = "must be given now" if new.required else "need not be given any more"
        yield Change(f"{what}-required-changed", severity, subject, message)
    told = (what == "column" and new.nullable) or old.required == new.required  # else it is said already
    if told and None not in (old.nullable, new.nullable) and old.nullable != new.nullable:
        yield _nullable(subject, bool(new.nullable), what)
    if old.max_length != new.max_length:
        shorter = new.max_length is not None and (old.max_length is None or new.max_length < old.max_length)
        message = f"the length was limited to {old.max_length or 'any'} and is to {new.max_length or 'any'}"
        yield Change(f"{what}-length-changed", "breaking" if shorter else "compatible", subject, message)
    yield from _writable(subject, old, new)
    yield from _choice(subject, old.choice, new.choice)
    yield from _texts(subject, old, new)


def _nullable(subject: str, nullable: bool, what: str) -> Change:
    """A value that is read may turn out null; a parameter that is given may no longer be. Each harms its own side."""
    harmful = not nullable if what == "parameter" else nullable
    message = "may be null now" if nullable else "is never null now"
    return Change(f"{what}-nullable-changed", "breaking" if harmful else "compatible", subject, message)


def _writable(subject: str, old: Column | Link, new: Column | Link) -> Iterator[Change]:
    for verb, before, after in (
        ("create", old.creatable, new.creatable),
        ("update", old.updatable, new.updatable),
    ):
        if before and not after:
            yield Change("became-read-only", "breaking", subject, f"cannot be written on {verb} any more")
        elif after and not before:
            yield Change("became-writable", "compatible", subject, f"can be written on {verb} now")


def _choice(subject: str, old: Choice | None, new: Choice | None) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            message = (
                "the values of the choice are known now" if old is None else "the values of the choice are not told"
            )
            yield Change(
                "choice-values-known" if old is None else "choice-values-unknown", "documentation", subject, message
            )
        return
    for value, label in old.options.items():
        if value not in new.options:
            yield Change("choice-value-removed", "breaking", subject, f"the choice {value} ({label}) is gone")
        elif new.options[value] != label:
            message = f"the choice {value} was called {label!r} and is {new.options[value]!r}"
            yield Change("choice-label-changed", "documentation", subject, message)
        elif old.labels.get(value, {}) != new.labels.get(value, {}):
            message = f"the choice {value} ({label}) has other labels in other languages"
            yield Change("choice-label-changed", "documentation", subject, message)
    for value, label in new.options.items():
        if value not in old.options:
            yield Change("choice-value-added", "compatible", subject, f"a new choice {value} ({label})")
    if old.name != new.name:
        yield Change("choice-renamed", "compatible", subject, f"the choice was named {old.name} and is {new.name}")


def _texts(subject: str, old: Structure | Column | Overload, new: Structure | Column | Overload) -> Iterator[Change]:
    if old.description != new.description:
        yield Change("description-changed", "documentation", subject, "the description differs")
    if old.assumed != new.assumed:
        message = "is no longer an assumption" if not new.assumed else f"is an assumption: {new.assumed}"
        yield Change("assumption-changed", "documentation", subject, message)


def _enumerations(old: Contract, new: Contract) -> Iterator[Change]:
    for name, _ in _gone(old.enumerations, new.enumerations):
        yield Change("enumeration-removed", "breaking", name, "the enumeration is gone")
    for name, _ in _gone(new.enumerations, old.enumerations):
        yield Change("enumeration-added", "compatible", name, "a new enumeration")
    for _, before, after in _both(old.enumerations, new.enumerations):
        yield from _enumeration(before, after)


def _enumeration(old: Enumeration, new: Enumeration) -> Iterator[Change]:
    name = old.name
    for member, _ in _gone(old.values, new.values):
        yield Change("enumeration-value-removed", "breaking", name, f"the member {member} is gone")
    for member, _ in _gone(new.values, old.values):
        yield Change("enumeration-value-added", "compatible", name, f"a new member {member}")
    for member, before, after in _both(old.values, new.values):
        if before != after and None not in (before, after):
            message = f"the number of {member} was {before} and is {after}"
            yield Change("enumeration-number-changed", "breaking", name, message)
    if old.flags != new.flags:
        message = "values can be combined now" if new.flags else "values can no longer be combined"
        yield Change("enumeration-flags-changed", "breaking", name, message)
    if old.description != new.description:
        yield Change("description-changed", "documentation", name, "the description differs")


def _singletons(old: Contract, new: Contract) -> Iterator[Change]:
    for name, _ in _gone(old.singletons, new.singletons):
        yield Change("singleton-removed", "breaking", name, "the singleton is gone")
    for name, type_ in _gone(new.singletons, old.singletons):
        yield Change("singleton-added", "compatible", name, f"a new singleton of type {type_}")
    for name, before, after in _both(old.singletons, new.singletons):
        if before != after:
            yield Change("singleton-type-changed", "breaking", name, f"the type was {before} and is {after}")


def _operations(old: Contract, new: Contract) -> Iterator[Change]:
    for name, _ in _gone(old.operations, new.operations):
        yield Change("operation-removed", "breaking", name, "the operation is gone")
    for name, _ in _gone(new.operations, old.operations):
        yield Change("operation-added", "compatible", name, "a new operation")
    for name, before, after in _both(old.operations, new.operations):
        yield from _overloads(name, before, after)


def _overloads(name: str, old: tuple[Overload, ...], new: tuple[Overload, ...]) -> Iterator[Change]:
    """Pair overloads by their parameters; one left over on either side is then the same one, changed."""
    left, right = list(old), list(new)
    likenesses: tuple[Callable[[Overload], object], ...] = (
        lambda overload: overload,
        lambda overload: [(name, item.type) for name, item in overload.parameters.items()],
        lambda overload: overload.parameters.keys(),
    )
    for likeness in likenesses:
        for before in list(left):
            after = next((item for item in right if likeness(before) == likeness(item)), None)
            if after is not None:
                left.remove(before)
                right.remove(after)
                yield from _overload(name, before, after)
    while len(left) == len(right) == 1:
        yield from _overload(name, left.pop(), right.pop())
    for overload in left:
        yield Change("overload-removed", "breaking", name, f"the overload with {_parameters(overload)} is gone")
    for overload in right:
        yield Change("overload-added", "compatible", name, f"a new overload with {_parameters(overload)}")


def _overload(name: str, old: Overload, new: Overload) -> Iterator[Change]:
    yield from _columns(name, old.parameters, new.parameters, "parameter")
    if old.result != new.result:
        message = f"the result was {old.result or 'nothing'} and is {new.result or 'nothing'}"
        yield Change("result-changed", "breaking", name, message)
    elif None not in (old.result_nullable, new.result_nullable) and old.result_nullable != new.result_nullable:
        yield _nullable(name, bool(new.result_nullable), "result")
    yield from _texts(name, old, new)


def _key(columns: Iterable[str]) -> str:
    return f"({', '.join(columns)})"


def _parameters(overload: Overload) -> str:
    return f"the parameters {', '.join(overload.parameters)}" if overload.parameters else "no parameters"
