"""OData CSDL to OpenAPI 3.1, by the OASIS "OData to OpenAPI Mapping Version 1.0" and Dataverse's habits."""

from .document import DocumentError, OpenApi, dump, load, to_openapi
from .schemas import edm_type, file_columns

__all__ = ["DocumentError", "OpenApi", "dump", "edm_type", "file_columns", "load", "to_openapi"]
