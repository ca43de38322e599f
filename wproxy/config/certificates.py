"""Reads the files that `crt` and `ca-file` name. Keys are only looked for: OpenSSL reads them itself.

An error names the file and what is wrong with it, never what is in it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wproxy.config import x509
from wproxy.config.tls_draft import TlsFiles
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

SYSTEM_AUTHORITIES = "@system-ca"

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
_DH = b"-----BEGIN DH PARAMETERS-----"
_BUNDLE = (".rsa", ".dsa", ".ecdsa")
_COMPANIONS = (".key", ".ocsp", ".sctl", ".issuer")  # of a certificate in the same folder
_AUTHORITIES = (".pem", ".crt", ".cer", ".crl")


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A certificate with its chain in the file `path`, its key in the file `key`, what it says.

    `has_dh` tells that the file has parameters of ephemeral Diffie-Hellman, too. `filters` are the names that a
    `crt-list` says it is for, or with `!` in front not for.
    """

    path: str
    key: str
    certificate: x509.Certificate
    has_dh: bool = False
    filters: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names it is for: its own where there are no filters."""
        wanted = tuple(name for name in self.filters if not name.startswith("!"))
        own = () if wanted or "*" in self.excluded else self.certificate.names
        return tuple(name for name in (*own, *wanted) if name not in self.excluded)

    @property
    def excluded(self) -> tuple[str, ...]:
        """The names it is not for, although a wildcard would have it so."""
        return tuple(name[1:] for name in self.filters if name.startswith("!"))


def certificates(name: str, files: TlsFiles) -> list[CertificateFile]:
    """Return what `crt name` stands for: a file, each file of a folder, or the files of a bundle."""
    path = Path(files.crt_base, name)
    if path.is_dir():
        found = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
        return [_file(entry, files) for entry in found if entry.suffix not in _COMPANIONS]
    if not path.exists() and files.loads_bundle:
        bundle = [Path(f"{path}{ending}") for ending in _BUNDLE]
        members = [_file(member, files) for member in bundle if member.exists()]
        if members:
            return members
    return [_file(path, files)]


def listed(name: str, files: TlsFiles) -> list[CertificateFile]:
    """Return what `crt-list name` stands for: the certificates of the file's lines, each with its filters."""
    lines = _read(Path(name), "crt-list").decode("utf-8", "replace").splitlines()
    found = []
    for line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if any(word.startswith("[") for word in words[1:2]):
            raise ArgumentError(
                f"'crt-list' : options in brackets are not supported by wproxy, as those of '{words[0]}' in '{name}': "
                "write them on the 'bind' line"
            )
        filters = tuple(word.lower() for word in words[1:])
        found += [replace(pair, filters=filters) for pair in certificates(words[0], files)]
    return found


def _file(path: Path, files: TlsFiles) -> CertificateFile:
    data = _read(path, "crt")
    blocks = _CERTIFICATE.findall(data)
    if not blocks:
        raise ArgumentError(f"'crt' : there is no certificate in '{path}': it has to be in PEM")
    try:
        certificate = x509.read(ssl.PEM_cert_to_DER_cert(blocks[0].decode("ascii", "replace")))
    except ValueError:
        raise ArgumentError(f"'crt' : the certificate in '{path}' cannot be read") from None
    return CertificateFile(str(path), _key_of(path, data, files), certificate, _DH in data)


def _key_of(path: Path, data: bytes, files: TlsFiles) -> str:
    """Return the file that has the key: the certificate's own, or the one beside it."""
    if _KEY.search(data):
        return str(path)
    beside = path.with_suffix(".key") if files.drops_extension and path.suffix == ".crt" else Path(f"{path}.key")
    if files.loads_key and beside.is_file() and _KEY.search(_read(beside, "crt")):
        return str(beside)
    where = f"'{path}', nor in '{beside}'" if files.loads_key else f"'{path}'"
    raise ArgumentError(f"'crt' : there is no private key in {where}")


def load_pair(context: ssl.SSLContext, pair: CertificateFile) -> None:
    """Give `context` a certificate and its key; raise ArgumentError."""
    try:
        context.load_cert_chain(pair.path, pair.key, password=_no_password)
    except _EncryptedKeyError:
        raise ArgumentError(
            f"'crt' : the private key in '{pair.key}' is encrypted: store it without a password, "
            "in a file that only the proxy's user can read"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ArgumentError(f"'crt' : the private key in '{pair.key}' is not that of '{pair.path}'") from None
        reason = (error.reason or "it cannot be read").replace("_", " ").lower()
        raise ArgumentError(f"'crt' : '{pair.path}' and its key cannot be used: {reason}") from None


def load_dh(context: ssl.SSLContext, path: str) -> None:
    """Give `context` the parameters of ephemeral Diffie-Hellman in the file `path`; raise ArgumentError."""
    try:
        context.load_dh_params(path)
    except ssl.SSLError:
        raise ArgumentError(f"there are no parameters of Diffie-Hellman in '{path}'") from None
    except OSError as error:
        raise ArgumentError(f"cannot read the parameters of Diffie-Hellman '{path}': {error.strerror}") from None


class _EncryptedKeyError(ValueError):
    """A key with a password. Raised when OpenSSL asks for one, caught by `load_pair`."""


def _no_password() -> str:
    raise _EncryptedKeyError


def load_authorities(context: ssl.SSLContext, name: str, files: TlsFiles) -> None:
    """Let `context` trust the authorities in the file or folder `name`, or those of the system; raise ArgumentError.

    All are read now: later the process may not see them any more.
    """
    sources = list(_system_files()) if name == SYSTEM_AUTHORITIES else _authority_files(Path(files.ca_base, name))
    loaded = False
    for source in sources:
        try:
            context.load_verify_locations(cafile=str(source))
            loaded = True
        except ssl.SSLError:
            continue  # a file of something else in the folder
        except OSError as error:
            raise ArgumentError(f"'ca-file' : cannot read '{source}': {error.strerror}") from None
    if not loaded:
        raise ArgumentError(f"'ca-file' : there are no certificates in '{name}'")


def load_revoked(context: ssl.SSLContext, name: str, files: TlsFiles) -> None:
    """Let `context` refuse the certificates that the list in the file `name` has revoked; raise ArgumentError."""
    path = Path(files.ca_base, name)
    _read(path, "crl-file")
    try:
        context.load_verify_locations(cafile=str(path))
    except ssl.SSLError:
        raise ArgumentError(f"'crl-file' : there is no list of revoked certificates in '{path}'") from None
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _authority_files(path: Path) -> list[Path]:
    if not path.is_dir():
        _read(path, "ca-file")
        return [path]
    return sorted(entry for entry in path.iterdir() if entry.suffix in _AUTHORITIES and entry.is_file())


def _system_files() -> Iterator[Path]:
    places = ssl.get_default_verify_paths()
    if places.cafile:
        yield Path(places.cafile)
    elif places.capath:
        # Each is there several times, under the hash of its name, too.
        yield from sorted({entry.resolve() for entry in Path(places.capath).iterdir() if entry.is_file()})


def _read(path: Path, keyword: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"'{keyword}' : cannot read '{path}': {error.strerror}") from None
