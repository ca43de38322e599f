"""How samples of one type become samples of another (manual, section 7.1); what has no such form is None."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeAlias

from wproxy.config.acl.facts import Binary, Kind, Value
from wproxy.config.values import ArgumentError

Cast: TypeAlias = Callable[[Value], Value | None]

INTEGER_MAX = 2**63 - 1
INTEGER_MIN = -(2**63)
_MAPPED = bytes(10) + b"\xff\xff"
_DIGITS = re.compile(r"[+-]?[0-9]{1,40}")
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def latin(text: str) -> str:
    """Return a text of the configuration, which is Unicode, as samples have it: one character per byte of its UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def lower(text: str) -> str:
    """Return `text` with the letters A to Z in lower case and no others."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def upper(text: str) -> str:
    """Return `text` with the letters a to z in upper case and no others."""
    return text.upper() if text.isascii() else text.translate(_UPPER)


def text_of(value: Value) -> str:
    """Return `value` as a text: numbers in decimal, true as 1, addresses as usual, binary up to the first NUL."""
    if isinstance(value, Binary):
        return str(value).partition("\0")[0]
    if isinstance(value, bytes):
        # As inet_ntop writes them, addresses that are mapped into IPv6 keep their dots.
        inner = value[12:] if value.startswith(_MAPPED) and len(value) == 16 else None
        return str(ip_address(value)) if inner is None else f"::ffff:{ip_address(inner)}"
    return value if isinstance(value, str) else str(int(value))


def number_of(value: Value) -> int | None:
    """Return `value` as a number: that of the digits with which a text begins, 0 without any, None without text."""
    if isinstance(value, bytes):
        return int.from_bytes(value, "big") if len(value) == 4 else None
    if isinstance(value, Binary):
        return None
    if isinstance(value, str):
        if not value:
            return None
        digits = _DIGITS.match(value)
        return 0 if digits is None else max(INTEGER_MIN, min(int(digits[0]), INTEGER_MAX))
    return int(value)


def truth_of(value: Value) -> bool | None:
    """Return whether `value` is a number other than 0."""
    number = None if isinstance(value, bytes) else number_of(value)
    return None if number is None else number != 0


def address_of(value: Value) -> bytes | None:
    """Return `value` as a packed address."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool | Binary):
        return None
    if isinstance(value, int):
        return (value & 0xFFFFFFFF).to_bytes(4, "big")
    try:
        return ip_address(value).packed
    except ValueError:
        return None


def binary_of(value: Value) -> str | None:
    """Return `value` as a string of bytes, which a text is already; a number as eight, the highest first."""
    if isinstance(value, bytes):
        return Binary(value.decode("latin-1"))
    if isinstance(value, int) and not isinstance(value, bool):
        return Binary((value & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "big").decode("latin-1"))
    return value if isinstance(value, str) else None


_CASTS: dict[Kind, Cast] = {
    Kind.BOOLEAN: truth_of,
    Kind.INTEGER: number_of,
    Kind.ADDRESS: address_of,
    Kind.STRING: text_of,
    Kind.BINARY: binary_of,
}

# What can be converted at all, besides to itself and to and from ANY.
_POSSIBLE = {
    Kind.BOOLEAN: {Kind.INTEGER, Kind.STRING},
    Kind.INTEGER: {Kind.BOOLEAN, Kind.ADDRESS, Kind.STRING, Kind.BINARY},
    Kind.ADDRESS: {Kind.INTEGER, Kind.STRING, Kind.BINARY},
    Kind.STRING: {Kind.BOOLEAN, Kind.INTEGER, Kind.ADDRESS, Kind.BINARY},
    Kind.BINARY: {Kind.STRING},
    Kind.ANY: set(_CASTS),
}


def cast(given: Kind, wanted: Kind) -> Cast | None:
    """Return what makes a sample of type `wanted` of one of type `given`, None when there is nothing to do.

    Raise ArgumentError when that cannot be done.
    """
    if given is wanted or wanted is Kind.ANY or (given, wanted) == (Kind.STRING, Kind.BINARY):
        return None
    if wanted not in _POSSIBLE[given]:
        raise ArgumentError(f"cannot make a sample of type {wanted.value} of one of type {given.value}")
    return _CASTS[wanted]
