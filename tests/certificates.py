"""Keys and certificates for tests, made on the spot."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class Pair:
    """A key and a certificate for it, as PEM."""

    def __init__(self, key: Any = None, *, days: int = 1) -> None:
        self.key = key or rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "portal")])
        now = datetime.now(UTC)
        self.x509 = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .sign(self.key, hashes.SHA256())
        )
        self.thumbprint = urlsafe_b64encode(self.x509.fingerprint(hashes.SHA256())).decode().rstrip("=")
        self.certificate = self.x509.public_bytes(serialization.Encoding.PEM).decode()

    def private(self, password: bytes | None = None) -> str:
        """The key, encrypted where there is a password."""
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        pem: bytes = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
        return pem.decode()
