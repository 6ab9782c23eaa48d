"""Drives openapi-python-client through its Python API, and makes it scale.

It gets the schemas of the document under short aliases, so that nothing depends on its own naming; its parser resolves
references, lists, unions and enumerations, and its project's environment renders the templates. Paths are not given to
it: a table's verbs are generic code, and each operation goes in as the object of its parameters. That is what makes a
whole organisation take seconds: its parser copies every endpoint, models and all, several times.

The version is pinned exactly, and whatever it reports, warnings included, ends the generation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import ModelProperty

from .plan import SCHEMAS, ClassPlan, GenerationError, Json, Member, Plan

RESULT = "result"
"""Alias of an operation's result among the aliases of its parameters (`p0`, `p1`, …)."""


class Parsed:
    """What the tool made of the document: for each class of the plan the tool's model, and the tool's environment."""

    def __init__(self, plan: Plan, templates: Path) -> None:
        self._plan = plan
        self._alias = {name: f"T{number}" for number, name in enumerate(plan.models)}
        self.class_by_alias = {alias: plan.models[name] for name, alias in self._alias.items()}
        self._operation_alias = {path: f"O{number}" for number, path in enumerate(plan.operations)}
        config = Config.from_sources(
            ConfigFile(post_hooks=[], project_name_override="client", package_name_override="client"),
            MetaType.NONE,
            document_source=Path("document"),
            file_encoding="utf-8",
            overwrite=True,
            output_path=None,
        )
        data = GeneratorData.from_dict(self._document(), config=config)
        if isinstance(data, GeneratorError):
            raise GenerationError(f"the document is not usable: {_one_line(data)}")
        if data.errors:
            raise GenerationError(f"the document is not usable: {_one_line(data.errors[0])}")
        self._models = {str(model.class_info.name): model for model in data.models}
        self.environment = Project(openapi=data, config=config, custom_template_path=templates).env

    def model(self, item: ClassPlan) -> ModelProperty:
        """The tool's model of a class."""
        alias = self._operation_alias[item.schema] if item.kind == "operation" else self._alias[item.schema]
        model = self._models.get(alias)
        if model is None:
            raise GenerationError(f"{item.name} was dropped by the parser")
        return model

    def _document(self) -> Json:
        schemas: Json = {}
        for name, alias in self._alias.items():
            schemas[alias] = self._schema(self._plan.models[name])
        for path, alias in self._operation_alias.items():
            item = self._plan.operations[path]
            schemas[alias] = self._object(item.members)
            if item.result is not None:
                schemas[alias]["properties"][RESULT] = self._shape(item.result)
        return {
            "openapi": "3.1.0",
            "info": {"title": "client", "version": "0"},
            "paths": {},
            "components": {"schemas": schemas},
        }

    def _schema(self, item: ClassPlan) -> Json:
        if item.kind == "choice":
            return {"type": "integer", "enum": [value for value, _ in item.values.values()]}
        if item.kind in ("enumeration", "flags"):
            return {"type": "string", "enum": list(item.values)}
        return self._object(item.members)

    def _object(self, members: list[Member]) -> Json:
        return {
            "type": "object",
            "properties": {f"p{number}": self._shape(member) for number, member in enumerate(members)},
        }

    def _shape(self, member: Member) -> Json:
        shape = self._aliased(member.shape)
        return shape if isinstance(shape, dict) else {}

    def _aliased(self, value: Any) -> Any:
        """A shape with the aliases for references, and nothing but what the type depends on.

        Null is left out: the plan knows it, and a union with null would make the tool build each value twice.
        """
        if not isinstance(value, dict):
            return value
        multi = value.get("x-dynamics-choices")
        if multi:
            return {"type": "array", "items": {"$ref": SCHEMAS + self._alias[multi]}}
        if "$ref" in value:
            return {"$ref": SCHEMAS + self._alias[value["$ref"].removeprefix(SCHEMAS)]}
        if value.get("type") == "array":
            return {"type": "array", "items": self._aliased(value.get("items", {}))}
        if "anyOf" in value:
            return self._aliased(next(part for part in value["anyOf"] if part.get("type") != "null"))
        plain = value.get("type")
        if isinstance(plain, list):
            plain = next(item for item in plain if item != "null")
        return {key: item for key, item in (("type", plain), ("format", value.get("format"))) if item}


def _one_line(error: Any) -> str:
    return " ".join(f"{getattr(error, 'header', '') or ''} {getattr(error, 'detail', '') or ''}".split())[:400]
