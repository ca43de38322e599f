"""The hash functions of `hash-type`: bytes to 32 bits, the same numbers as HAProxy's (manual, "hash-type").

sdbm and djb2 multiply what they have by a constant before each byte, so the result is a sum of bytes times its powers,
which Python adds up faster than it walks through a loop. Sources: sdbm, a public-domain library of Ozan Yigit; djb2,
of Dan Bernstein in comp.lang.c; crc32, ISO 3309; avalanche, Bob Jenkins, "Integer hashing" (public domain), the
six-step function, then a multiplication by 3 · 2^30 + 1, as HAProxy has it, which spreads neighbouring results over the
whole range.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Mapping
from functools import partial
from operator import mul

_MASK = 0xFFFFFFFF
_SPREAD = 3 * 2**30 + 1
_BLOCK = 64  # bytes added up at a time

Hash = Callable[[bytes], int]


def _powers(base: int) -> list[int]:
    """Return base to the powers from _BLOCK - 1 down to 0."""
    return [pow(base, exponent, _MASK + 1) for exponent in reversed(range(_BLOCK))]


def _polynomial(base: int, start: int, powers: list[int], data: bytes) -> int:
    number = start
    for at in range(0, len(data), _BLOCK):
        block = data[at : at + _BLOCK]
        size = len(block)
        number = (number * pow(base, size, _MASK + 1) + sum(map(mul, block, powers[-size:]))) & _MASK
    return number


def _wt6(data: bytes) -> int:
    """Return the hash that HAProxy's author designed: two words turn each other by steps that they choose."""
    one, two = 0xA53C965A, 0x5CA6953A
    first, second = 6, 18
    for byte in data:
        one = ~(one ^ byte) & _MASK
        two = ~(two + byte) & _MASK
        one, two = (two << first | two >> 32 - first) & _MASK, (one << second | one >> 32 - second) & _MASK
        steps = (one >> 16 ^ two) & 0xFFFF
        first, second = steps & 31, steps >> 11
    return one ^ two


FUNCTIONS: Mapping[str, Hash] = {
    "sdbm": partial(_polynomial, 65599, 0, _powers(65599)),
    "djb2": partial(_polynomial, 33, 5381, _powers(33)),
    "crc32": crc32,
    "wt6": _wt6,
}


def avalanche(number: int) -> int:
    """Return the hash of a number of 32 bits, of which each bit depends on each bit; no two have the same."""
    number = (number + 0x7ED55D16 + (number << 12)) & _MASK
    number = number ^ 0xC761C23C ^ (number >> 19)
    number = (number + 0x165667B1 + (number << 5)) & _MASK
    number = ((number + 0xD3A2646C) ^ (number << 9)) & _MASK
    number = (number + 0xFD7046C5 + (number << 3)) & _MASK
    number = number ^ 0xB55A4F09 ^ (number >> 16)
    return number * _SPREAD & _MASK
