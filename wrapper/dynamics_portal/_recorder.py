"""What a batch keeps while its block runs: its operations in order, and which rows they may refer to. No I/O.

A row that a change set makes can be referred to by what comes after it in the same change set, and by nothing else.

Source: Dataverse Web API, "Execute batch operations using the Web API" (Reference URIs in an operation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import _json
from ._batch import MAX_OPERATIONS, MAX_SET_BYTES, Group, Step
from ._checked import checking_input
from ._pending import Pending
from ._requests import TableRequests
from ._seam import Package, RowModel
from ._settings import Settings
from .errors import invalid

if TYPE_CHECKING:
    from ._batch_verbs import ChangeSet


class Recorder:
    """Keeps the operations of a batch, in order, while its block runs."""

    def __init__(self, settings: Settings, package: Package, find_model: Callable[[Any], RowModel]) -> None:
        correlation_id = checking_input(settings.new_correlation_id)()  # one for all that the batch sends
        self.settings = replace(settings, correlation_id=lambda: correlation_id)
        self.package = package
        self.find_model = find_model
        self.groups: list[Group] = []
        self.count = 0
        self.is_open = False

    def pending(self, verb: str, table: str, change_set: ChangeSet | None) -> Pending[Any]:
        """The result of the next operation. Raises an invalid request where nothing can be put in any more."""
        if not self.is_open or (change_set is not None and not change_set.is_open):
            what = "the batch" if change_set is None else "the change set"
            raise invalid(f"{what} takes operations within its block: with {what.removeprefix('the ')} as …")
        self.count += 1
        return Pending(verb, table, self.count, change_set)


class BatchRequests(TableRequests):
    """The calls of a table in a batch. In a change set, a row that is made earlier in it may stand for its key."""

    __slots__ = ("_change_set",)

    def __init__(self, model: RowModel, settings: Settings, change_set: ChangeSet | None) -> None:
        super().__init__(model, settings)
        self._change_set = change_set

    def _row(self, key: Any) -> str:
        if not isinstance(key, Pending):
            return super()._row(key)
        if self._change_set is None or key.change_set is not self._change_set:
            raise ValueError(f"{key.label} can be referred to in its own change set only; elsewhere its key is needed")
        return self._settings.root.url + key.reference


def abandon(groups: Sequence[Group]) -> None:
    """Take note that operations will not be sent."""
    for group in groups:
        for step in group.steps:
            step.pending.abandon()


@checking_input
def put(recorder: Recorder, change_set: ChangeSet | None, step: Step) -> None:
    """Add an operation. Raises `ValueError` where its change set is full, or it refers to a row that is not there."""
    if change_set is None:
        _check_references(step, frozenset())
        recorder.groups.append(Group([step]))
        return
    made = {earlier.pending.reference for earlier in change_set.steps if earlier.pending.verb == "create"}
    _check_references(step, made)
    if len(change_set.steps) == MAX_OPERATIONS:
        raise ValueError(f"a change set holds {MAX_OPERATIONS} operations at the most, and cannot be divided")
    if Group(change_set.steps).size + step.size > MAX_SET_BYTES:
        raise ValueError(f"a change set holds {MAX_SET_BYTES >> 20} MiB at the most, and cannot be divided")
    change_set.steps.append(step)


def _check_references(step: Step, made: frozenset[str] | set[str]) -> None:
    content = step.call.content
    if content is not None and (b'"$' in content or b'"/$' in content):
        for reference in _references(_json.decode(content)):
            if reference.lstrip("/") not in made:
                raise ValueError(f"{step.pending.label} refers to a row that its change set does not create before it")


def _references(value: Any) -> list[str]:
    """What in a body refers to a row by where it is created."""
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, Mapping):
        return []
    found: list[str] = []
    for name, item in value.items():
        if name.endswith("@odata.bind"):
            items = item if isinstance(item, list) else [item]
            found += [text for text in items if isinstance(text, str) and text.lstrip("/").startswith("$")]
        else:
            found += _references(item)
    return found
