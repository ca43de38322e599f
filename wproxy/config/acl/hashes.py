"""HAProxy's own hash functions of 32 bits (manual, section 4.2, "hash-type", and 7.3.1)."""

from __future__ import annotations

import zlib

_MASK = 0xFFFFFFFF
_SPREAD = 3 * 2**30 + 1


def sdbm(data: bytes) -> int:
    """Return the hash of the SDBM database library."""
    number = 0
    for byte in data:
        number = (byte + (number << 6) + (number << 16) - number) & _MASK
    return number


def djb2(data: bytes) -> int:
    """Return D. J. Bernstein's hash, the variant that adds."""
    number = 5381
    for byte in data:
        number = (number * 33 + byte) & _MASK
    return number


def crc32(data: bytes) -> int:
    """Return the checksum of Ethernet, gzip and PNG."""
    return zlib.crc32(data)


def avalanche(number: int) -> int:
    """Return the hash of a number of 32 bits, of which each bit depends on each bit; no two have the same."""
    number = (number + 0x7ED55D16 + (number << 12)) & _MASK
    number = number ^ 0xC761C23C ^ (number >> 19)
    number = (number + 0x165667B1 + (number << 5)) & _MASK
    number = ((number + 0xD3A2646C) ^ (number << 9)) & _MASK
    number = (number + 0xFD7046C5 + (number << 3)) & _MASK
    number = number ^ 0xB55A4F09 ^ (number >> 16)
    return number * _SPREAD & _MASK
