"""OpenAPI Overlays: changes to a description that stand apart from it, applied in their order.

It follows the Overlay Specification 1.0.0, with targets by RFC 9535 (JSONPath), and decides two things that it leaves
open: a target that matches nothing is a mistake, for the contract has moved on from it, and lists that meet in a merge
are joined, as 1.1.0 says. What the descriptions and names are is for the overlay's author.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError, JSONPathQuery
from jsonpath_rfc9535.segments import JSONPathChildSegment
from jsonpath_rfc9535.selectors import NameSelector

from .csdl.error import located
from .errors import InputError
from .nearest import nearest
from .yaml_nodes import YamlError, compose, entries, line_of, value_of

Container: TypeAlias = "dict[str, Any] | list[Any]"
Location: TypeAlias = "tuple[int | str, ...]"

_JSONPATH = JSONPathEnvironment()


class OverlayError(InputError):
    """An overlay that cannot be used or does not fit. Its text is one line, `file:line: what is wrong`."""


@dataclass(frozen=True, slots=True)
class Action:
    """One change: what it changes (`target`), and what is merged into it (`update`), unless it is removed."""

    target: str
    query: JSONPathQuery
    update: Any = None
    remove: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Overlay:
    """An overlay document. `extends` is the address of the description it was written for; it is not followed."""

    source: str
    title: str
    version: str
    actions: tuple[Action, ...]
    extends: str | None = None

    def error(self, action: Action, message: str) -> OverlayError:
        """The one-line error for an action of this overlay."""
        return OverlayError(located(message, self.source, action.line))


def load_overlay(path: Path) -> Overlay:
    """Read an overlay from YAML or JSON.

    Raises `OverlayError` for a file that cannot be read, another version than 1.0, an unknown key, or a target that is
    no JSONPath.
    """
    try:
        root = compose(path)
        if root is None:
            raise YamlError("is empty; an overlay needs the keys overlay, info and actions")
        return _overlay(root, str(path))
    except YamlError as error:
        raise OverlayError(located(error.message, str(path), error.line)) from None


def apply_overlay(document: dict[str, Any], overlay: Overlay) -> dict[str, Any]:
    """The document with an overlay's actions applied, one after the other. The document given stays as it was.

    Only what an action changes is copied, so that a large document costs little; the rest is shared with the one given.

    Raises `OverlayError` where a target matches nothing, selects a value that is neither object nor list, or does not
    fit its update.
    """
    draft = _Draft(document)
    for action in overlay.actions:
        nodes = [(node.location, node.value) for node in action.query.finditer(draft.root)]
        if not nodes:
            raise overlay.error(action, f"target {action.target} matches nothing{_hint(action.query, draft.root)}")
        if not all(isinstance(value, dict | list) for _, value in nodes):
            raise overlay.error(
                action, f"target {action.target} selects a plain value; select the object that holds it"
            )
        locations = [location for location, _ in nodes]
        if action.remove:
            if () in locations:
                raise overlay.error(action, "the whole document cannot be removed")
            draft.remove(locations)
        else:
            for location in dict.fromkeys(locations):
                if not draft.update(location, action.update):
                    raise overlay.error(action, f"target {action.target} is an object, so its update must be one, too")
    return draft.root


class _Draft:
    """A document under change. A container is copied the first time that something in it changes."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.root = dict(document)
        self._own: dict[int, Container] = {id(self.root): self.root}

    def container(self, location: Location) -> Container:
        """The container at a location, to be changed in place."""
        current: Any = self.root
        for key in location:
            child = current[key]
            if id(child) not in self._own:
                child = current[key] = copy.copy(child)
                self._own[id(child)] = child
            current = child
        found: Container = current
        return found

    def update(self, location: Location, value: Any) -> bool:
        """Append to a list, or merge into an object; false where an object is to be merged with something else."""
        container = self.container(location)
        if isinstance(container, list):
            container.append(copy.deepcopy(value))
            return True
        if not isinstance(value, dict):
            return False
        for key, part in value.items():
            current = container.get(key)
            if isinstance(current, dict) and isinstance(part, dict):
                self.update((*location, key), part)
            elif isinstance(current, list) and isinstance(part, list):
                container[key] = [*current, *copy.deepcopy(part)]
            else:
                container[key] = copy.deepcopy(part)
        return True

    def remove(self, locations: Iterable[Location]) -> None:
        """Remove what stands at these locations: the last of a list first, so that the others keep their places."""
        parents: dict[Location, list[int | str]] = {}
        for *parent, key in dict.fromkeys(locations):
            parents.setdefault(tuple(parent), []).append(key)
        # The deepest first: what stands inside something that goes, too, must still be found.
        for location in sorted(parents, key=len, reverse=True):
            container: Any = self.container(location)
            for key in sorted(parents[location], key=lambda key: key if isinstance(key, int) else 0, reverse=True):
                del container[key]


def _overlay(root: yaml.Node, source: str) -> Overlay:
    known = _known(root, "the overlay", required=("overlay", "info", "actions"), optional=("extends",))
    version = known["overlay"]
    if not _text(version, "overlay").startswith("1.0."):
        raise YamlError(f"is of version {version.value}; only overlay: 1.0.0 is understood", line_of(version))
    info = _known(known["info"], "info", required=("title", "version"))
    actions = known["actions"]
    if not isinstance(actions, yaml.SequenceNode) or not actions.value:
        raise YamlError("actions must be a list of at least one action", line_of(actions))
    return Overlay(
        source=source,
        title=_text(info["title"], "title"),
        version=_text(info["version"], "version"),
        actions=tuple(_action(node) for node in actions.value),
        extends=_text(known["extends"], "extends") if "extends" in known else None,
    )


def _action(node: yaml.Node) -> Action:
    known = _known(node, "an action", required=("target",), optional=("description", "update", "remove"))
    target = _text(known["target"], "target")
    line = line_of(known["target"])
    try:
        query = _JSONPATH.compile(target)
    except JSONPathError as error:
        raise YamlError(f"target {target} is no JSONPath: {error.args[0]}", line) from None
    remove = value_of(known["remove"]) if "remove" in known else False
    if not isinstance(remove, bool):
        raise YamlError("remove must be true or false", line_of(known["remove"]))
    if "update" not in known and not remove:
        raise YamlError("an action needs an update, or remove: true", line)
    return Action(target, query, value_of(known["update"]) if "update" in known else None, remove, line)


def _known(
    node: yaml.Node, what: str, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, yaml.Node]:
    """The members of a mapping. Extensions (`x-`) are passed over, other unknown keys refused."""
    found: dict[str, yaml.Node] = {}
    for key, value in entries(node, what):
        if key in (*required, *optional):
            found[key] = value
        elif not key.startswith("x-"):
            raise YamlError(f"unknown key {key!r} in {what}{nearest(key, (*required, *optional))}", line_of(value))
    for key in required:
        if key not in found:
            raise YamlError(f"{what} lacks the key {key!r}", line_of(node))
    return found


def _text(node: yaml.Node, what: str) -> str:
    """A scalar as it stands: `version: 1.0` is meant as text."""
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        raise YamlError(f"{what} must be text", line_of(node))
    return str(node.value)


def _hint(query: JSONPathQuery, document: Any) -> str:
    """The nearest name to the first one of a plain path that is not there."""
    for segment in query.segments:
        if not isinstance(segment, JSONPathChildSegment) or len(segment.selectors) != 1:
            return ""
        selector = segment.selectors[0]
        if not isinstance(selector, NameSelector) or not isinstance(document, dict):
            return ""
        if selector.name not in document:
            return nearest(selector.name, document)
        document = document[selector.name]
    return ""
