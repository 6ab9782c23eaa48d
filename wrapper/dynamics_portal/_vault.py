"""Supabase Vault: what a provider asks of it, what the answer means, and the words for what went wrong. No I/O.

The words name secrets, the function and settings, never a value: an error of Supabase may echo anything, so nothing of
it is shown but a code in a form that codes have. Asking is the shell's, `_async/providers.py`; the function in the
database is in `supabase/migrations`.

Source: Supabase, "Vault"; PostgREST, "Errors".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any, Final

from . import _json
from ._base_url import supabase_root
from ._outcome import fault_of
from .credentials import ClientCredentials, CredentialError, require_variables
from .secrets import Secret

URL: Final = "SUPABASE_URL"
KEY: Final = "SUPABASE_SERVICE_ROLE_KEY"
FUNCTION: Final = "dynamics_portal_secrets"
TIMEOUT: Final = 5.0  # seconds: a few round trips to the database, and its waking up
MIGRATION: Final = "the migration *_dynamics_portal_secrets.sql of dynamics-portal"

NOT_INSTALLED: Final = "reading Supabase Vault needs the extra: pip install 'dynamics-portal[vault]'"
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_CODE: Final = re.compile(r"PGRST\d{3}|[0-9A-Z]{5}|\d{3}")
_CLOSED_ROLES: Final = ("anon", "authenticated")  # Supabase's roles for browsers, which may not read secrets
_WRONG_KEY: Final = ("PGRST301", "PGRST302", "PGRST303", "401", "403")
_NO_VAULT: Final = ("3F000", "42P01")  # no such schema, no such view
_AWAY: Final = re.compile(r"PGRST00\d|5\d\d|08...|53...|57...")


class VaultAccess:
    """Where a project's Vault is asked, by which key, for which secrets. Checked when it is made.

    Raises `CredentialError` for what cannot work, naming the setting.
    """

    __slots__ = ("_key", "function", "names", "timeout", "url")

    def __init__(
        self, url: str | None, key: Secret | None, names: Mapping[str, str], function: str, timeout: float
    ) -> None:
        problems = [_problem_of_settings(names, function, timeout), "" if key is None else _problem_of_key(key)]
        try:
            self.url = None if url is None else supabase_root(url)
        except ValueError as error:
            problems.append(str(error))
        if any(problems):
            raise CredentialError(_joined(problems))
        self._key = key
        self.names = dict(names)
        """Names of secrets by what each of them is: `tenant_id`, `client_id`, `client_secret`."""
        self.function = function
        self.timeout = timeout

    def key(self) -> str:
        """The key itself, for the one place that sends it."""
        return "" if self._key is None else self._key.reveal()

    def arguments(self) -> dict[str, Any]:
        """The arguments of the function: which secrets are wanted."""
        return {"secret_names": list(self.names.values())}

    def read(self, rows: object) -> ClientCredentials | str:
        """The credentials that an answer holds, or what is wrong with it, in words."""
        found = _by_name(rows)
        if found is None:
            return f"the function {self.function} gave no list of secrets: apply {MIGRATION}"
        problem = _joined(_problems_of_secrets({name: found.get(name) for name in self.names.values()}))
        if problem:
            return problem
        try:
            return ClientCredentials(**{what: found[name] for what, name in self.names.items()})
        except CredentialError:
            return f"the secrets {_listed(self.names.values())} in Vault hold characters that cannot be sent"

    def problem(self, error: Exception) -> str:
        """What an exception of asking means, in words of our own."""
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if not kinds.isdisjoint({"LimitReachedError", "TimeoutException"}):
            return f"Supabase did not answer within {self.timeout:g} s"
        if isinstance(error, ImportError):
            return NOT_INSTALLED
        if "APIError" in kinds:
            return self._refusal(getattr(error, "code", None), getattr(error, "message", None))
        if not kinds.isdisjoint({"RequestError", "OSError"}):
            return f"Supabase cannot be reached: {fault_of(error).explanation}"
        return f"asking Supabase Vault failed ({type(error).__name__})"

    def _refusal(self, code: object, message: object) -> str:
        code, message = str(code or ""), str(message or "")
        if code in _WRONG_KEY or (not code and "api key" in message.lower()):  # the gateway's own errors have no code
            return f"Supabase does not accept the key: check {KEY}"
        if code == "PGRST202" or (code == "42883" and self.function in message):  # 42883: its cache was out of date
            return f"the database has no function {self.function}(secret_names): apply {MIGRATION}"
        if code == "42501" and f"function {self.function}" in message:
            return f"the Supabase key may not call {self.function}, which only the service role may: check {KEY}"
        if code == "42501":
            return f"the function {self.function} may not read Vault: its owner has to be the role postgres"
        if code in _NO_VAULT:
            return "the database has no Vault: enable the extension supabase_vault"
        shown = f"code {code}" if _CODE.fullmatch(code) else "no known code"
        if _AWAY.fullmatch(code):
            return f"Supabase is not available ({shown})"
        return f"Supabase did not run the function {self.function} ({shown})"


def settings_from_environment(environ: Mapping[str, str]) -> tuple[str, Secret]:
    """URL and key. Raises `CredentialError` that names the variables which are missing or empty."""
    require_variables(environ, URL, KEY)
    return environ[URL], Secret(environ[KEY])


def check_installed() -> None:
    """Raise `CredentialError` where the extra is missing; nothing is imported for it."""
    found = find_spec("supabase")
    if found is None or found.origin is None:  # a project's folder `supabase` looks like a package without a file
        raise CredentialError(NOT_INSTALLED)


def secret_key(key: str | Secret | None) -> Secret | None:
    """A key that no printer shows from here on."""
    if key is None or isinstance(key, Secret):
        return key
    if not isinstance(key, str):
        raise CredentialError(f"service_role_key: expected text, got {type(key).__name__}")
    return Secret(key)


def _problem_of_settings(names: Mapping[str, str], function: str, timeout: float) -> str:
    for what, name in names.items():
        if not isinstance(name, str) or not name.strip():
            return f"{what}: expected the name of a secret in Vault"
    if len(set(names.values())) < len(names):
        return f"{', '.join(names)}: each has to name a secret of its own"
    if not isinstance(function, str) or not _IDENTIFIER.fullmatch(function):
        return "function: expected the name of a function of the schema public"
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < float("inf"):
        return "timeout: expected seconds, more than 0"
    return ""


def _problem_of_key(key: Secret) -> str:
    if not key:
        return "the Supabase key is empty: give that of the service role"
    if not _PRINTABLE.fullmatch(key.reveal()):
        return "the Supabase key holds a character that no key has, such as a space or a line break"
    role = "publishable" if key.reveal().startswith("sb_publishable_") else _role(key)
    if role in ("publishable", *_CLOSED_ROLES):
        return f"the Supabase key is the {role} one, which may not read secrets: give that of the service role"
    return ""


def _role(key: Secret) -> object:
    """The role that a key names, where it is a JWT. Its signature is Supabase's business."""
    _, dot, rest = key.reveal().partition(".")
    payload = rest.partition(".")[0] if dot else ""
    try:
        return _json.decode_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("role")
    except ValueError:
        return None


def _by_name(rows: object) -> dict[str, Any] | None:
    """Secrets by name, from the rows of an answer; `None` where it is no such list."""
    if not isinstance(rows, list):
        return None
    found: dict[str, Any] = {}
    for row in rows:
        name = row.get("name") if isinstance(row, dict) else None
        if not isinstance(name, str) or name in found or not isinstance(row.get("secret"), (str, type(None))):
            return None
        found[name] = row.get("secret")
    return found


def _problems_of_secrets(found: Mapping[str, str | None]) -> list[str]:
    missing = [name for name, secret in found.items() if secret is None]
    empty = [name for name, secret in found.items() if secret is not None and not secret.strip()]
    ragged = [name for name, secret in found.items() if secret and secret.strip() and secret != secret.strip()]
    return [
        f"Vault has no secret {_listed(missing)}: create it with vault.create_secret" if missing else "",
        f"the secret {_listed(empty)} in Vault is empty" if empty else "",
        f"the secret {_listed(ragged)} in Vault begins or ends with a space or a line break" if ragged else "",
    ]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _joined(problems: Iterable[str]) -> str:
    return "; ".join(filter(None, problems))
