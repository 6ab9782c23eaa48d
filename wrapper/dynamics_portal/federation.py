"""Federation: credentials whose proof is a token of somebody whom Entra trusts, in place of a secret.

Kubernetes (Azure workload identity) writes such a token into a file and renews it there; other platforms hand it out
by a call. It is passed on as it is: nothing here knows what it says.

Source: Microsoft identity platform, "Access token request with a federated credential"; Azure, "Workload identity".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Final

from ._frames import reticent_class
from .credentials import ClientAssertion, CredentialError, checked_jwt, require_variables
from .secrets import MASK, Secret

TOKEN_FILE: Final = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105 # the variable's name
TENANT_ID: Final = "AZURE_TENANT_ID"
CLIENT_ID: Final = "AZURE_CLIENT_ID"


@reticent_class
class FederatedCredentialProvider:
    """Credentials that a federated token proves (workload identity).

    `tenant_id`, `client_id`: default: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`.
    `token_file`: the file that holds the token, read anew each time. Default: `AZURE_FEDERATED_TOKEN_FILE`.
    `token`: in place of a file, what gives the token as text or `Secret`; called each time.
    `environ` stands in for `os.environ` in tests.

        FederatedCredentialProvider()  # in a pod with Azure workload identity

    Raises `CredentialError` that names the variables, when it is made, where one is missing; when it is asked, where
    the file cannot be read or holds no token. It names the file, never what is in it.
    """

    __slots__ = ("_client_id", "_path", "_tenant_id", "_token")

    def __init__(
        self,
        tenant_id: str | None = None,
        client_id: str | None = None,
        *,
        token_file: str | PathLike[str] | None = None,
        token: Callable[[], str | Secret] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if token is not None and token_file is not None:
            raise CredentialError("give token or token_file, not both")
        if token is not None and not callable(token):
            raise CredentialError(f"token: expected what gives the token when called, got {type(token).__name__}")
        values = os.environ if environ is None else environ
        needed = {TENANT_ID: tenant_id, CLIENT_ID: client_id, TOKEN_FILE: token_file or token}
        require_variables(values, *(name for name, value in needed.items() if not value))
        self._tenant_id = tenant_id or values[TENANT_ID]
        self._client_id = client_id or values[CLIENT_ID]
        self._token = token
        self._path = "" if token is not None else fspath(token_file or values[TOKEN_FILE])

    def get_credentials(self) -> ClientAssertion:
        """The application, and the token as it is now."""
        if self._token is not None:
            proof = checked_jwt(self._token(), "the federated token's source")
        else:
            proof = checked_jwt(self._read(), f"the federated token's file {self._path}")
        return ClientAssertion(self._tenant_id, self._client_id, FederatedToken(proof))

    def _read(self) -> Secret:
        problem = ""
        try:
            return Secret(Path(self._path).read_text("utf-8"))
        except OSError as error:
            problem = error.strerror or type(error).__name__
        except ValueError:
            problem = "it is no text"
        raise CredentialError(f"cannot read the federated token's file {self._path}: {problem}")

    def __repr__(self) -> str:
        source = f"token={MASK}" if self._token is not None else f"token_file={self._path!r}"
        return f"{type(self).__name__}({self._tenant_id!r}, {self._client_id!r}, {source})"


class FederatedToken:
    """A token that proves the client, whichever the token endpoint. Two are equal where their texts are."""

    __slots__ = ("_token",)

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, audience: str) -> Secret:
        """The token."""
        return self._token

    def __eq__(self, other: object) -> bool:
        return self._token == other._token if isinstance(other, FederatedToken) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # as a secret has none

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {MASK}>"
