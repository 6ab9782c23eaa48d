"""What both clients are beside waiting: a base URL, settings, a generated package, and names that lead into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._call import Call
from ._query import nearest
from ._requests import TableRequests, checking_input
from ._seam import Package, RowModel, package_of
from ._settings import Settings, settings_from
from .credentials import CredentialProvider, EnvironmentCredentialProvider, require_variables
from .errors import invalid

BASE_URL = "DYNAMICS_BASE_URL"
AUTHORITY = "DYNAMICS_AUTHORITY"
SCOPE = "DYNAMICS_SCOPE"
ENABLED = "DYNAMICS_PORTAL_ENABLED"
VAULT = ("SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY")


class PortalBase:
    """The part of a client that does not wait. Tables and operations of its package are attributes of it.

    The package's registry says which name leads where: a table's is its entity set name, where that is a name in
    Python. A name that the client itself has (`table`, `execute`) is the client's; such a table is reached by
    `table("…")`, such an operation by `execute(…)`.
    """

    __dynamics_api__ = ""
    """Import name of the generated package that clients of this class work on, unless they are given another one."""

    def __init__(self, base_url: str, api: ModuleType | None, options: Mapping[str, Any]) -> None:
        self._settings = _checked_settings(base_url, options)
        self._package: Package = _checked_package(api, self.__dynamics_api__)
        self._tables: dict[Any, Any] = {}

    def _make_table(self, requests: TableRequests) -> Any:
        raise NotImplementedError

    def execute(self, operation: Any, /) -> Any:
        """Call an operation."""
        raise NotImplementedError

    def _find_table(self, name_or_model: Any) -> Any:
        """The table for a name or for a row class, made once."""
        found = self._tables.get(name_or_model) if isinstance(name_or_model, (str, type)) else None
        if found is not None:
            return found
        model = self._named(name_or_model) if isinstance(name_or_model, str) else _checked_model(name_or_model)
        table = self._tables[name_or_model] = self._make_table(TableRequests(model, self._settings))
        return table

    @checking_input
    def _schema_call(self, make: Callable[[Settings], Call]) -> Call:
        return make(self._settings)

    def _named(self, name: str) -> RowModel:
        model = self._package.find_table(name)
        if model is None:
            raise invalid(f"{self._package.name} has no table {name!r}{nearest(name, self._package.tables)}")
        return model

    def _operation(self, name: str) -> Callable[..., Any]:
        operation = self._package.operation(name)

        def call(*arguments: Any, **fields: Any) -> Any:
            return self.execute(operation(*arguments, **fields))

        call.__name__ = name
        call.__qualname__ = f"{type(self).__name__}.{name}"
        call.__doc__ = operation.__doc__
        return call

    if not TYPE_CHECKING:  # the checker takes tables and operations from the package's Portal, or has none

        def __getattr__(self, name: str) -> Any:
            package = self.__dict__.get("_package")
            if package is None or name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            if name in package.attributes:
                value = self._find_table(package.attributes[name])
            elif name in package.operations:
                value = self._operation(name)
            else:
                near = nearest(name, dir(self))
                raise AttributeError(f"{package.name} has no table or operation {name!r}{near}")
            self.__dict__[name] = value  # found without this method the next time
            return value

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self._package.attributes, *self._package.operations})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.root.origin!r})"


@checking_input
def _checked_settings(base_url: str, options: Mapping[str, Any]) -> Settings:
    return settings_from(base_url, options)


@checking_input
def _checked_package(api: ModuleType | None, inherited: str) -> Package:
    return package_of(api, inherited)


def check_provider(provider: object) -> None:
    """Raise an invalid request for what is no credential provider."""
    if not isinstance(provider, CredentialProvider):
        raise invalid(f"expected a credential provider with get_credentials(), got {type(provider).__name__}")


def _checked_model(model: Any) -> RowModel:
    if not isinstance(model, type) or not callable(getattr(model, "encode_write", None)):
        raise invalid("table: expected a table's name or a row class of a generated package")
    row: Any = model

    @checking_input
    def check() -> None:
        row.table()

    check()
    return row  # type: ignore[no-any-return] # a row class, as checked


def is_enabled(environ: Mapping[str, str] | None) -> bool:
    """Whether the feature flag lets calls through: it does unless it says no."""
    values = os.environ if environ is None else environ
    return values.get(ENABLED, "").strip().lower() not in ("false", "0", "no", "off")


def read_environment(environ: Mapping[str, str] | None) -> tuple[str, CredentialProvider, dict[str, Any]]:
    """Base URL, credential provider and keywords from the environment.

    Raises an invalid request that names the variables which are missing, or the part that is not installed.
    """
    values = os.environ if environ is None else environ
    if all(values.get(name) for name in VAULT):
        raise invalid(
            f"{' and '.join(VAULT)} are set, but this version reads no credentials from Vault; "
            "unset them, or give a credential provider of your own"
        )
    checking_input(require_variables)(values, BASE_URL)
    provider = EnvironmentCredentialProvider(environ)
    checking_input(provider.get_credentials)()  # so that what is missing is told now
    options: dict[str, Any] = {
        keyword: values[name] for keyword, name in (("authority", AUTHORITY), ("scope", SCOPE)) if values.get(name)
    }
    return values[BASE_URL], provider, options
