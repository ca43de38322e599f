"""Converters that make a number or a digest of bytes (manual, section 7.3.1)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable

from wproxy.config.acl import arguments
from wproxy.config.acl.converter import Converter
from wproxy.config.acl.facts import Binary, Kind
from wproxy.config.acl.hashes import FUNCTIONS, avalanche
from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_SHA2 = ("", "224", "256", "384", "512")


def _hashing(name: str, function: Callable[[bytes], int]) -> Converter:
    """Return the row of a hash; with the argument 1 each of its bits depends on each bit."""

    def make(mix: int) -> Callable[[str], int]:
        if mix == 1:
            return lambda data: avalanche(function(data.encode("latin-1")))
        return lambda data: function(data.encode("latin-1"))

    return Converter(name, Kind.BINARY, Kind.INTEGER, make, (arguments.optional_integer,))


def _digest(algorithm: str) -> Callable[[str], str]:
    def convert(data: str) -> str:
        return Binary(hashlib.new(algorithm, data.encode("latin-1"), usedforsecurity=False).digest().decode("latin-1"))

    return convert


def _mac(algorithm: str, key: bytes) -> Callable[[str], str]:
    return lambda data: Binary(hmac.digest(key, data.encode("latin-1"), algorithm).decode("latin-1"))


def _algorithm(text: str, scope: Scope) -> str:
    if text.lower() not in _ALGORITHMS:
        raise ArgumentError(f"knows no algorithm '{text}'{did_you_mean(text, _ALGORITHMS)}")
    return text.lower()


def _key(text: str, scope: Scope) -> bytes:
    try:
        return b64decode(text.encode(), validate=True)
    except Base64Error:
        raise ArgumentError("expects its key in base64") from None


def _sha2(text: str, scope: Scope) -> str:
    if text not in _SHA2:
        raise ArgumentError(f"expects 224, 256, 384 or 512 bits, not '{text}'")
    return f"sha{text or '256'}"


_BYTES = (Kind.BINARY, Kind.BINARY)

HASH_CONVERTERS = (
    _hashing("crc32", FUNCTIONS["crc32"]),
    _hashing("djb2", FUNCTIONS["djb2"]),
    _hashing("sdbm", FUNCTIONS["sdbm"]),
    Converter("sha1", *_BYTES, lambda: _digest("sha1")),
    Converter("sha2", *_BYTES, _digest, (_sha2,)),
    Converter("digest", *_BYTES, _digest, (_algorithm,)),
    Converter("hmac", *_BYTES, _mac, (_algorithm, _key)),
)
