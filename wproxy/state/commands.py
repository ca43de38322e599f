"""What one Redis command did on one server: how often it was sent, how often it failed, how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

_MOST_US = 2**32 - 1  # an hour and eleven minutes; whatever takes longer counts as that
_BUCKETS = 240


class Latencies:
    """A histogram of microseconds: exact up to 15, above that with buckets of an eighth of their power of two."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS

    def add(self, microseconds: int, times: int = 1) -> None:
        """Take in `times` commands that took so long."""
        if microseconds > _MOST_US:
            microseconds = _MOST_US
        shift = microseconds.bit_length() - 4
        self._counts[microseconds if shift <= 0 else 8 * shift + (microseconds >> shift)] += times

    def merge(self, others: Iterable[Latencies]) -> Latencies:
        """Add what `others` have counted; return itself."""
        for other in others:
            self._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]
        return self

    def parts(self) -> list[list[int]]:
        """Return the buckets that are not empty, with their counts."""
        return [[bucket, count] for bucket, count in enumerate(self._counts) if count]

    def take_in(self, parts: Iterable[Sequence[int]]) -> None:
        """Add what another histogram has counted."""
        for bucket, count in parts:
            self._counts[bucket] += count

    def under(self, powers: Iterable[int]) -> list[int]:
        """Return how many commands took less than 2 to each of `powers` microseconds; powers are 4 or more."""
        sums = [*accumulate(self._counts)]
        return [sums[8 * (power - 2) - 1] for power in powers]

    def total_us(self) -> float:
        """Return how long all commands took together, by the middles of the buckets: at most a sixteenth off."""
        total = 0.0
        for bucket, count in enumerate(self._counts):
            middle = float(bucket) if bucket < 16 else (bucket % 8 + 8.5) * (1 << (bucket // 8 - 1)) - 0.5
            total += middle * count
        return total

    def quantile(self, share: float) -> int | None:
        """Return the microseconds within which `share` (0 to 1) of the commands ended, None when there was none.

        It is the upper end of a bucket: at most an eighth too much.
        """
        left = sum(self._counts) * share
        for bucket, count in enumerate(self._counts):
            left -= count
            if count and left <= 0:
                return bucket if bucket < 16 else (bucket % 8 + 9 << bucket // 8 - 1) - 1
        return None


@dataclass(slots=True)
class CommandCounters:
    """One command on one server. Errors are replies that are errors, and replies that never came."""

    calls: int = 0
    errors: int = 0
    latencies: Latencies = field(default_factory=Latencies)
