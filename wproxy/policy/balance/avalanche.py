"""The full avalanche hash of 32 bits that `hash-type … avalanche` and the consistent ring use.

Source: Bob Jenkins, "Integer hashing" (public domain), the six-step function; then a multiplication by 3 · 2^30 + 1, as
HAProxy has it, which spreads neighbouring results over the whole range.
"""

from __future__ import annotations

_MASK = 0xFFFFFFFF
_SPREAD = 3 * 2**30 + 1


def avalanche(number: int) -> int:
    """Return the hash of a number of 32 bits, of which each bit depends on each bit; no two have the same."""
    number = (number + 0x7ED55D16 + (number << 12)) & _MASK
    number = number ^ 0xC761C23C ^ (number >> 19)
    number = (number + 0x165667B1 + (number << 5)) & _MASK
    number = ((number + 0xD3A2646C) ^ (number << 9)) & _MASK
    number = (number + 0xFD7046C5 + (number << 3)) & _MASK
    number = number ^ 0xB55A4F09 ^ (number >> 16)
    return number * _SPREAD & _MASK
