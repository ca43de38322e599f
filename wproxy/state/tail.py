"""A live view of the commands of a backend of mode redis: what one reader wants to see, and has not fetched yet."""

from __future__ import annotations

from collections import deque

from wproxy.policy.redis.sampling import Sampler
from wproxy.protocols.bus import Json
from wproxy.records import dataclass

_MOST_LINES = 2000  # that the reader has not fetched
_MOST_LOOKS_PER_S = 5_000  # commands that are looked at, of each process: what it costs is bounded by that


@dataclass(frozen=True, slots=True)
class TailWish:
    """What a reader wants to see until `until`, by the loop's clock.

    `names` are commands in capitals, none for all. `rate` lines a second are shown at most. With `values` arguments
    that are no keys are shown, too.
    """

    until: float
    one_in: int = 1
    rate: int = 100
    names: frozenset[bytes] = frozenset()
    prefix: bytes = b""
    values: bool = False


class Tail:
    """Keeps lines until they are fetched; when there are too many the oldest are lost, and counted."""

    __slots__ = ("_lines", "_lost", "_pace", "_told", "sampler", "wish")

    def __init__(self, wish: TailWish, now: float, seed: int) -> None:
        self.wish = wish
        self.sampler = Sampler(wish.one_in, _MOST_LOOKS_PER_S, now, seed)
        self._pace = Sampler(1, wish.rate, now, 1, burst=wish.rate)
        self._lines: deque[tuple[float, str]] = deque(maxlen=_MOST_LINES)
        self._lost = 0
        self._told = 0  # of those that were too many for `rate` or for the sampler

    def wants(self, name: bytes, keys: list[bytes], now: float) -> bool:
        """Tell whether a command is to be shown, one of those that are not too many."""
        wish = self.wish
        if wish.names and name not in wish.names:
            return False
        if wish.prefix and not any(key.startswith(wish.prefix) for key in keys):
            return False
        return bool(self._pace.places(1, now))

    def take(self, at: float, text: str) -> None:
        """Take in a line, and when its command came, in seconds since 1970."""
        if len(self._lines) == _MOST_LINES:
            self._lost += 1
        self._lines.append((at, text))

    def fetch(self) -> Json:
        """Return, as JSON has it, the lines since this was called last, how many were lost, and how many left out."""
        left_out = self.sampler.missed + self._pace.missed
        told = [[[at, text] for at, text in self._lines], self._lost, left_out - self._told]
        self._lines.clear()
        self._lost, self._told = 0, left_out
        return told


def merged(told: list[Json]) -> Json:
    """Return what several processes have told as one, in the order of time."""
    lines = sorted(line for each in told for line in each[0])
    return [lines, sum(each[1] for each in told), sum(each[2] for each in told)]
