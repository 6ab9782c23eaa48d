"""The small runtime that every generated package carries: values, models, tables, operations.

It is copied into the package as `_runtime`, so that generated code depends on attrs and the standard library only.
"""

from typing import TYPE_CHECKING

from .choices import Choice, Enumeration, Flags
from .column import Column
from .edm import UNSAVED, UNSET, Unset
from .lookup import Lookup
from .model import Model
from .operation import Operation, OperationInfo, OperationRequest
from .reference import Reference
from .table import CollectionNavigation, Navigation, Row, RowId, SingleNavigation, Table

if TYPE_CHECKING:
    from attrs import define, field

    from .portal import Executes as Executes
    from .portal import ExecutesAsync as ExecutesAsync
    from .portal import TableAttribute as TableAttribute
else:
    from .define import define, field

__all__ = [
    "UNSAVED",
    "UNSET",
    "Choice",
    "CollectionNavigation",
    "Column",
    "Enumeration",
    "Flags",
    "Lookup",
    "Model",
    "Navigation",
    "Operation",
    "OperationInfo",
    "OperationRequest",
    "Reference",
    "Row",
    "RowId",
    "SingleNavigation",
    "Table",
    "Unset",
    "define",
    "field",
]
