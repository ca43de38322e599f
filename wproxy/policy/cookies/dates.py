"""Dates in cookies: seconds since 1970 in steps of four, as five characters of base64, the most significant first."""

from __future__ import annotations

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_VALUES = {byte: value for value, byte in enumerate(_ALPHABET)}
_SHIFTS = (24, 18, 12, 6, 0)
SIZE = 5


def written(steps: int) -> bytes:
    """Return the text of a number of steps of four seconds."""
    return bytes([_ALPHABET[steps >> shift & 63] for shift in _SHIFTS])


def seconds(text: bytes) -> int:
    """Return the seconds that the first five characters of `text` write; 0 when they write none."""
    if len(text) < SIZE:
        return 0
    steps = 0
    for byte in text[:SIZE]:
        value = _VALUES.get(byte)
        if value is None:
            return 0
        steps = steps << 6 | value
    return steps * 4


def now(now_s: int) -> int:
    """Return the steps that are written for the present, rounded up."""
    return now_s + 3 >> 2
