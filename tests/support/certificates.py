"""Certificates of the tests' own, made when they are needed: authorities, and what they sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_RSA_BITS = 2048


def new_key(kind: str = "ecdsa") -> Key:
    """Return a private key, "ecdsa" or "rsa"."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, _RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        how: KeySerializationEncryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)

    def write(self, path: Path) -> Path:
        """Write both to one file, as `crt` wants it; return its path."""
        path.write_bytes(self.pem + self.key_pem())
        return path

    def write_certificate(self, path: Path) -> Path:
        """Write the certificate alone."""
        path.write_bytes(self.pem)
        return path


@dataclass(frozen=True)
class Request:
    """What a certificate is to say; times are days from now."""

    common_name: str | None
    alternative_names: tuple[str, ...] = ()
    begins: float = -1
    ends: float = 30
    kind: str = "ecdsa"


def issue(request: Request, authority: Pair | None = None, *, is_authority: bool = False) -> Pair:
    """Return a certificate that `authority` has signed, without one its own key."""
    key = new_key(request.kind)
    common_name = request.common_name
    name = x509.Name([] if common_name is None else [x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if authority is None else authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=request.begins))
        .not_valid_after(now + timedelta(days=request.ends))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if request.alternative_names:
        names = [x509.DNSName(name) for name in request.alternative_names]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signing = key if authority is None else authority.key
    return Pair(builder.sign(signing, hashes.SHA256()), key)


def authority(name: str = "authority") -> Pair:
    """Return an authority that trusts itself."""
    return issue(Request(name), is_authority=True)


def for_host(name: str, *others: str, signed_by: Pair | None = None, kind: str = "ecdsa") -> Pair:
    """Return a certificate for the host `name`, and for others."""
    return issue(Request(name, (name, *others), kind=kind), signed_by)


def revoked(by: Pair, *pairs: Pair) -> bytes:
    """Return the list, in PEM, by which the authority `by` revokes the certificates of `pairs`."""
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(now - timedelta(days=1)).next_update(now + timedelta(days=1))
    for pair in pairs:
        entry = x509.RevokedCertificateBuilder().serial_number(pair.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(now - timedelta(hours=1)).build())
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.PEM)
