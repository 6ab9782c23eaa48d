"""What both clients are beside waiting: a base URL, settings, a generated package, and names that lead into it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast

from ._call import Call
from ._frames import reticent, reticent_class
from ._logging import quieten
from ._query import nearest
from ._requests import TableRequests, checking_input
from ._seam import Package, RowModel, package_of
from ._settings import CallOptions, Settings, changed_settings, settings_from
from .credentials import (
    CLIENT_ID,
    CLIENT_SECRET,
    TENANT_ID,
    CredentialError,
    CredentialProvider,
    EnvironmentCredentialProvider,
    TokenCredential,
    require_variables,
)
from .errors import invalid

BASE_URL = "DYNAMICS_BASE_URL"
AUTHORITY = "DYNAMICS_AUTHORITY"
SCOPE = "DYNAMICS_SCOPE"
ENABLED = "DYNAMICS_PORTAL_ENABLED"

P = TypeVar("P")
S = TypeVar("S")


@reticent_class
class PortalBase:
    """The part of a client that does not wait. Tables and operations of its package are attributes of it.

    The package's registry says which name leads where: a table's is its entity set name, where that is a name in
    Python. A name that the client itself has (`table`, `execute`) is the client's; such a table is reached by
    `table("…")`, such an operation by `execute(…)`.
    """

    __dynamics_api__ = ""
    """Import name of the generated package that clients of this class work on, unless they are given another one."""

    _caller: Any

    def __init__(self, base_url: str, api: ModuleType | None, options: Mapping[str, Any]) -> None:
        quieten()
        self._settings = _checked_settings(base_url, options)
        self._package: Package = _checked_package(api, self.__dynamics_api__)
        self._tables: dict[Any, Any] = {}

    def _make_table(self, requests: TableRequests) -> Any:
        raise NotImplementedError

    def execute(self, operation: Any, /) -> Any:
        """Call an operation."""
        raise NotImplementedError

    def with_options(self, **options: Unpack[CallOptions]) -> Self:
        """The same client with other options for some calls: `portal.with_options(deadline=5).contacts.get(…)`.

        It shares connections, the token, and what is known of throttling; closing either closes both. Options that are
        not given stay as they are. Raises `InvalidRequestError` for what makes no sense. Costs nothing worth keeping
        it for, but may be kept.
        """
        settings = _checked_changes(self._settings, cast("Mapping[str, Any]", options))
        found = {*self._package.attributes, *self._package.operations}  # looked up once, they lead to this client
        other = object.__new__(type(self))
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name not in found})
        other.__dict__.update(_settings=settings, _tables={}, _caller=self._caller.with_settings(settings))
        return other

    def _find_table(self, name_or_model: Any) -> Any:
        """The table for a name or for a row class, made once."""
        found = self._tables.get(name_or_model) if isinstance(name_or_model, (str, type)) else None
        if found is not None:
            return found
        requests = TableRequests(self._find_model(name_or_model), self._settings)
        table = self._tables[name_or_model] = self._make_table(requests)
        return table

    def _find_model(self, name_or_model: Any) -> RowModel:
        """The row class for a table's name or for itself."""
        return self._named(name_or_model) if isinstance(name_or_model, str) else _checked_model(name_or_model)

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

        @reticent
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
def _checked_changes(settings: Settings, options: Mapping[str, Any]) -> Settings:
    return changed_settings(settings, options)


@checking_input
def _checked_package(api: ModuleType | None, inherited: str) -> Package:
    return package_of(api, inherited)


def async_check_source(source: object) -> None:
    """Raise an invalid request for what the asynchronous client cannot take as credentials."""
    if isinstance(source, type) or not isinstance(source, (CredentialProvider, TokenCredential)):
        what = f"the class {source.__name__}" if isinstance(source, type) else type(source).__name__
        raise invalid(f"expected a credential provider with get_credentials() or get_token(), got {what}")


def sync_check_source(source: object) -> None:
    """Raise an invalid request for what the synchronous client cannot take as credentials."""
    async_check_source(source)
    method = source.get_credentials if isinstance(source, CredentialProvider) else getattr(source, "get_token", None)
    if inspect.iscoroutinefunction(method):
        raise invalid(f"{type(source).__name__} is asynchronous, which needs an asynchronous client")


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
    """Whether the feature flag lets calls through: it does where it says yes, and where it is not set.

    Raises an invalid request where it says neither: whoever mistyped `false` must not find calls on.
    """
    flag = (os.environ if environ is None else environ).get(ENABLED, "").strip().lower()
    if flag in ("false", "0", "no", "off"):
        return False
    if flag not in ("", "true", "1", "yes", "on"):
        raise invalid(f"{ENABLED}: expected true or false, 1 or 0, yes or no, on or off")
    return True


def read_environment(
    environ: Mapping[str, str] | None, vault: Callable[[Mapping[str, str] | None], P], given: S | None = None
) -> tuple[str, P | S | CredentialProvider, dict[str, Any]]:
    """Base URL, credential provider and keywords from the environment. `vault` makes the provider that asks Vault;
    `given` is one that nothing has to be found for.

    Raises an invalid request that names the variables which are missing, or the part that is not installed.
    """
    values = os.environ if environ is None else environ
    checking_input(require_variables)(values, BASE_URL)
    provider = checking_input(_provider_from)(environ, values, vault) if given is None else given
    options: dict[str, Any] = {
        keyword: values[name] for keyword, name in (("authority", AUTHORITY), ("scope", SCOPE)) if values.get(name)
    }
    return values[BASE_URL], provider, options


def _provider_from(
    environ: Mapping[str, str] | None, values: Mapping[str, str], vault: Callable[[Mapping[str, str] | None], P]
) -> P | CredentialProvider:
    """Vault where both its variables are set. One alone is a mistake, unless the credentials are there themselves."""
    from . import _vault  # what only the environment leads to

    unset = [name for name in (_vault.URL, _vault.KEY) if not values.get(name)]
    if not unset:
        return vault(environ)
    if len(unset) == 1 and not all(values.get(name) for name in (TENANT_ID, CLIENT_ID, CLIENT_SECRET)):
        raise CredentialError(
            f"set {unset[0]} in the environment, for Vault, or {TENANT_ID}, {CLIENT_ID} and {CLIENT_SECRET}"
        )
    provider = EnvironmentCredentialProvider(environ)
    provider.get_credentials()  # so that what is missing is told now
    return provider
