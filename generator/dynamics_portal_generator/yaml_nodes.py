"""YAML files that people write, read so that a mistake in them can be told with its line.

It decides which YAML is understood: that of JSON, so that a date or a version stays the text that stands there. What
the keys of a file mean is for its own module.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


class YamlError(Exception):
    """What is wrong with a YAML file, and at which line (from 1; 0 where no line is known)."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.message = " ".join(message.split())
        self.line = line
        super().__init__(self.message)


class _Loader(yaml.SafeLoader):
    """Safe, and without YAML's own idea of dates: JSON has none, and neither has what is made of these files."""

    yaml_implicit_resolvers = {  # noqa: RUF012 # the base class's own shape, which it looks up on the class
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_yaml_str(self, node: yaml.ScalarNode) -> str:
        """Text, with the halves joined in which JSON escapes a character beyond the first 65,536."""
        text = str(self.construct_scalar(node))
        if not any("\ud800" <= character <= "\udfff" for character in text):
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise YamlError("holds half a character (a lone surrogate)", line_of(node)) from None


_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_yaml_str)


def compose(path: Path) -> yaml.Node | None:
    """The node tree of the only document in a file; `None` for an empty file. Raises `YamlError`."""
    try:
        return yaml.compose(path.read_text("utf-8"), Loader=_Loader)
    except OSError as error:
        raise YamlError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise YamlError("is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise YamlError(
            f"is not YAML: {getattr(error, 'problem', None) or 'it cannot be parsed'}", mark.line + 1 if mark else 0
        ) from None


def line_of(node: yaml.Node) -> int:
    """The line where a node begins, from 1."""
    return int(node.start_mark.line) + 1


def entries(node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
    """Keys and values of a mapping. Raises `YamlError` where it is none, or where a key is given twice."""
    if not isinstance(node, yaml.MappingNode):
        raise YamlError(f"{what} must be a mapping", line_of(node))
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(f"a key of {what} must be text", line_of(key))
        if key.value in seen:
            raise YamlError(f"{key.value!r} is given twice in {what}", line_of(key))
        seen.add(key.value)
        yield key.value, value


def value_of(node: yaml.Node) -> Any:
    """What a node says, as JSON would say it. Raises `YamlError` for a tag that JSON has no value for."""
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "holds a value that JSON has not"
        raise YamlError(problem, line_of(node)) from None
    finally:
        loader.dispose()
