"""Certificates: credentials whose proof is a JWT that the application's private key signs, in place of a secret.

It decides what such a JWT says and what is wrong with a certificate or a key. PyJWT and cryptography sign; they come
with the extra `certificate` and are imported when the first provider is made.

Source: Microsoft identity platform, "Certificate credentials".
"""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from ._frames import reticent_class
from .credentials import ClientAssertion, CredentialError
from .secrets import MASK, Secret

LIFETIME: Final = 300  # seconds: "5-10 minutes after nbf at most"
SHORTEST: Final = 2048  # bits; RFC 7518, "Digital Signature with RSASSA-PSS"
_BEGIN: Final = "-----BEGIN"


@reticent_class
class CertificateCredentialProvider:
    """Credentials that a certificate proves: each token request carries a JWT signed with its private key (PS256).

    `certificate`: PEM, as text, bytes or `Secret`; or `certificate_file`: the path of a PEM file, which is read anew
    for each token, so that a certificate which is renewed on disk is used.
    `private_key`, `private_key_file`: the same for the key. Default: it stands beside the certificate.
    `password`: of the key, where it has one.

        CertificateCredentialProvider(tenant_id, client_id, certificate_file="/run/secrets/portal.pem")

    Raises `CredentialError`, when it is made and when it is asked, where there is no certificate or no RSA key, where
    the two do not belong together or the certificate has expired; and when it is made where the extra `certificate` is
    not installed. It names the option or the file, never what is in it.
    """

    __slots__ = ("_certificate", "_client_id", "_key", "_password", "_tenant_id")

    def __init__(
        self,
        tenant_id: str,
        client_id: str,
        *,
        certificate: str | bytes | Secret | None = None,
        certificate_file: str | PathLike[str] | None = None,
        private_key: str | bytes | Secret | None = None,
        private_key_file: str | PathLike[str] | None = None,
        password: str | bytes | Secret | None = None,
    ) -> None:
        texts = {
            "certificate": _masked(certificate),
            "private_key": _masked(private_key),
            "password": _masked(password),
        }
        del certificate, private_key, password  # so that no printer of this frame finds them
        self._tenant_id, self._client_id = tenant_id, client_id
        self._certificate = _Pem("certificate", texts["certificate"], certificate_file)
        self._key = _Pem("private_key", texts["private_key"], private_key_file)
        self._password = texts["password"]
        if not self._certificate.is_given:
            raise CredentialError("give the certificate, as certificate or as certificate_file")
        self.get_credentials()  # so that what is wrong is told now

    def get_credentials(self) -> ClientAssertion:
        """The application, and what signs for it with the certificate as it is now."""
        key = self._key if self._key.is_given else self._certificate
        return ClientAssertion(
            self._tenant_id, self._client_id, _signer(self._client_id, self._certificate, key, self._password)
        )

    def __repr__(self) -> str:
        names = f"tenant_id={self._tenant_id!r}, client_id={self._client_id!r}, {self._certificate!r}"
        return f"{type(self).__name__}({names}{f', {self._key!r}' if self._key.is_given else ''})"


class Signer:
    """Makes the JWT for a token endpoint. Two are equal where client and certificate are the same."""

    __slots__ = ("_client_id", "_key", "_thumbprint")

    def __init__(self, client_id: str, key: Any, thumbprint: str) -> None:
        self._client_id = client_id
        self._key = key
        self._thumbprint = thumbprint

    def __call__(self, audience: str) -> Secret:
        """A JWT that says to the token endpoint at this address who the client is."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": self._client_id,
            "sub": self._client_id,
            "jti": str(uuid4()),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
        }
        header = {"x5t#S256": self._thumbprint}
        return Secret(_library("jwt").encode(claims, self._key, algorithm="PS256", headers=header))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Signer):
            return NotImplemented
        return (self._client_id, self._thumbprint) == (other._client_id, other._thumbprint)

    def __hash__(self) -> int:
        return hash((self._client_id, self._thumbprint))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {MASK}>"


class _Pem:
    """Where a certificate or a key is: in an option, or in a file that another option names."""

    __slots__ = ("_option", "_path", "_text")

    def __init__(self, option: str, text: Secret | None, path: str | PathLike[str] | None) -> None:
        if text is not None and path is not None:
            raise CredentialError(f"give {option} or {option}_file, not both")
        if text is not None and _BEGIN not in text.reveal():
            raise CredentialError(f"{option} is no PEM; a file's name goes to {option}_file")
        self._option = option
        self._text = text
        self._path = None if path is None else fspath(path)

    @property
    def is_given(self) -> bool:
        return self._text is not None or self._path is not None

    @property
    def name(self) -> str:
        """What a message calls it."""
        return self._option if self._path is None else f"{self._option}_file {self._path}"

    def read(self) -> Secret:
        """The PEM. Raises `CredentialError` where there is none."""
        if self._path is None:
            return self._text or Secret("")
        problem, text = "", Secret("")
        try:
            text = Secret(Path(self._path).read_text("utf-8"))
        except OSError as error:
            problem = error.strerror or type(error).__name__
        except ValueError:  # no text at all
            problem = "it is no PEM"
        if problem or _BEGIN not in text.reveal():
            raise CredentialError(f"cannot use {self.name}: {problem or 'it is no PEM'}")
        return text

    def __repr__(self) -> str:
        return f"{self._option}={MASK}" if self._path is None else f"{self._option}_file={self._path!r}"


def _signer(client_id: str, certificate: _Pem, key: _Pem, password: Secret | None) -> Signer:
    private = _load_key(key.read(), password)
    if isinstance(private, str):
        raise CredentialError(f"cannot use {key.name}: {private}")
    chain = _load_certificates(certificate.read())
    if not chain:
        raise CredentialError(f"cannot use {certificate.name}: it holds no certificate")
    own = next((found for found in chain if _public_key(found) == private.public_key()), None)
    if own is None:
        raise CredentialError(f"the key in {key.name} does not belong to the certificate in {certificate.name}")
    if own.not_valid_after_utc.timestamp() <= time.time():
        raise CredentialError(f"the certificate in {certificate.name} expired on {own.not_valid_after_utc:%Y-%m-%d}")
    sha256 = _library("cryptography.hazmat.primitives.hashes").SHA256()
    return Signer(client_id, private, _library("jwt").utils.base64url_encode(own.fingerprint(sha256)).decode("ascii"))


def _load_certificates(pem: Secret) -> list[Any]:
    x509 = _library("cryptography.x509")
    try:
        found: list[Any] = x509.load_pem_x509_certificates(pem.reveal().encode())
    except ValueError:
        return []
    return found


def _public_key(certificate: Any) -> Any:
    try:
        return certificate.public_key()
    except (ValueError, _library("cryptography.exceptions").UnsupportedAlgorithm):
        return None


def _load_key(pem: Secret, password: Secret | None) -> Any:
    """The RSA key of a PEM; in its place what is wrong. A file may hold certificates beside it."""
    serialization = _library("cryptography.hazmat.primitives.serialization")
    rsa = _library("cryptography.hazmat.primitives.asymmetric.rsa")
    block = _key_block(pem)
    if block is None:
        return "it holds no private key"
    try:
        opened = None if password is None else password.reveal().encode()
        key = serialization.load_pem_private_key(block.reveal().encode(), opened)
    except TypeError:
        return "the private key has a password" if password is None else "the private key has no password"
    except (ValueError, _library("cryptography.exceptions").UnsupportedAlgorithm):
        return "the private key cannot be read" + ("" if password is None else "; is the password right?")
    if not isinstance(key, rsa.RSAPrivateKey):
        return "the private key is not an RSA key, which PS256 needs"
    return key if key.key_size >= SHORTEST else f"the private key has {key.key_size} bits, and PS256 needs {SHORTEST}"


def _key_block(pem: Secret) -> Secret | None:
    """The part of a PEM that is a private key."""
    for part in pem.reveal().split(_BEGIN)[1:]:
        if "PRIVATE KEY-----" in part.partition("\n")[0]:
            return Secret(_BEGIN + part)
    return None


def _masked(value: str | bytes | Secret | None) -> Secret | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return None if value is None else Secret(value)


def _library(name: str) -> Any:
    """A module of what the extra brings."""
    with suppress(ImportError):
        return import_module(name)
    raise CredentialError("certificates need PyJWT and cryptography: pip install 'dynamics-portal[certificate]'")
