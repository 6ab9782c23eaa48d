"""The OpenAPI 3.1 document of a `$metadata` document: schemas, paths, what they share, and how it is written.

Extensions, for what OpenAPI cannot say:
`x-dynamics-table` (logical name, entity set, key, alternate keys), `x-dynamics-kind` (entity or complex),
`x-dynamics-base`, `x-dynamics-abstract`, `x-dynamics-open`, `x-dynamics-navigation` (lookup column and partner of each
navigation property), `x-dynamics-choice` (labels), `x-dynamics-labels` (labels by language), `x-dynamics-choices` (the
choice of a multi-select column), `x-dynamics-values` and `x-dynamics-flags` (numbers of an enumeration),
`x-dynamics-edm` (an Edm type without a JSON shape of its own), `x-dynamics-file` (a file column: its value is an id),
`x-dynamics-operation` (class, name in the URL, kind, binding, result), `x-dynamics-idempotent` (an action that may be
repeated), `x-assumed` (why something is an assumption).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..choices import ChoiceColumn
from ..csdl import Metadata
from ..errors import InputError
from .paths import PathMapper
from .schemas import Json, SchemaMapper


class DocumentError(InputError):
    """A file that is no OpenAPI document."""


@dataclass(frozen=True, slots=True)
class OpenApi:
    """A document, and what its reader should be told: renamed operations, operations that nothing leads to."""

    document: Json
    notes: tuple[str, ...]


def to_openapi(
    metadata: Metadata,
    choices: Mapping[tuple[str, str], ChoiceColumn] | None = None,
    *,
    files: Collection[tuple[str, str]] | None = None,
    title: str = "Dataverse Web API",
    version: str = "9.2",
) -> OpenApi:
    """Map a `$metadata` document to OpenAPI 3.1. The same input gives the same document, member for member.

    `files`: the file columns, where the document does not show them any more, being a selection of another one.
    """
    schemas = SchemaMapper(metadata, choices or {}, files)
    paths = PathMapper(metadata, schemas)
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": _about(metadata)},
        "servers": [
            {
                "url": "https://{organisation}/api/data/v9.2",
                "variables": {"organisation": {"default": "org.crm4.dynamics.com", "description": "Host name"}},
            }
        ],
        "security": [{"oauth2": []}],
        "paths": paths.all(),
        "components": {
            "schemas": {**schemas.all(), "error": _ERROR},
            "parameters": _PARAMETERS,
            "responses": _RESPONSES,
            "securitySchemes": _SECURITY,
        },
    }
    return OpenApi(document, (*paths.renamed, *paths.unreached))


def dump(document: Mapping[str, Any], path: Path | None = None) -> str:
    """The document as text: JSON for a path that ends in `.json`, YAML for all others. Stable, byte for byte."""
    if path is not None and path.suffix == ".json":
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    return str(
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
    )


def load(path: Path) -> Json:
    """Read a document written by `dump`, or any OpenAPI document in YAML or JSON.

    Raises `DocumentError`.
    """
    try:
        text = path.read_text("utf-8")
        document = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_Loader)  # noqa: S506 # a safe loader
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise DocumentError(f"{where}: is not YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}") from None
    except ValueError as error:
        raise DocumentError(f"{path}: cannot be read: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("openapi"), str):
        raise DocumentError(f"{path}: is not an OpenAPI document: the member 'openapi' is missing")
    return document


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times the speed where libyaml is there
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BaseDumper):  # type: ignore[misc] # one of two classes, chosen at import
    """Writes shared parts out each time: anchors would make a diff depend on what happens to be shared."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _about(metadata: Metadata) -> str:
    types = len(metadata.entity_types)
    return (
        f"{len(metadata.container.entity_sets)} entity sets, {types} entity types and "
        f"{sum(len(item) for item in metadata.operations.values())} operations of the container "
        f"{metadata.container.name}."
    )


_ERROR: Json = {
    "title": "Error",
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "innererror": {"type": "object"},
            },
        }
    },
}


def _query(name: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": text, "schema": schema}


_TEXT: Json = {"type": "string"}
_PARAMETERS: Json = {
    "top": _query("$top", "How many rows at the most", {"type": "integer", "minimum": 0}),
    "filter": _query("$filter", "Condition that a row must meet", _TEXT),
    "orderby": _query("$orderby", "Columns to sort by, divided by commas", _TEXT),
    "count": _query("$count", "Whether to count the rows as well", {"type": "boolean"}),
    "select": _query("$select", "Columns to return, divided by commas", _TEXT),
    "expand": _query("$expand", "Navigation properties to return with each row", _TEXT),
    "ifMatch": {"name": "If-Match", "in": "header", "schema": _TEXT, "description": "Version that the row must have"},
    "ifNoneMatch": {"name": "If-None-Match", "in": "header", "schema": _TEXT, "description": "`*`: only create"},
}
_RESPONSES: Json = {
    "error": {
        "description": "Error",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}},
    },
    "created": {
        "description": "Created",
        "headers": {"OData-EntityId": {"description": "Address of the created row", "schema": _TEXT}},
    },
}
_SECURITY: Json = {
    "oauth2": {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
                "scopes": {},
            }
        },
    }
}
