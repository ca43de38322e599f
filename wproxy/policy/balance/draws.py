"""Random bits from a seed: for choices that have to be spread, not secret (SplitMix64 of Steele, Lea and Flood)."""

from __future__ import annotations

_MASK = 2**64 - 1


class Draws:
    """Calling it returns that many bits, at most 64; the same seed gives the same sequence."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def __call__(self, bits: int) -> int:
        """Return a number of `bits` bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        return (mixed ^ mixed >> 31) >> 64 - bits
