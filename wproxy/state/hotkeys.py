"""Which keys of a backend of mode redis are asked for most, for as long as somebody wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wproxy.policy.redis.heavy import HeavyHitters, Hitter, together
from wproxy.policy.redis.sampling import Sampler
from wproxy.protocols.bus import Json

CAPACITY = 1024
LONGEST_KEY = 256  # bytes by which keys are told apart
MOST_PER_S = 10_000  # commands that are looked at, of each process


class Wish(NamedTuple):
    """That one in `one_in` commands is looked at from `since` until `until`, by the loop's clock."""

    since: float
    until: float
    one_in: int


class HotKey(NamedTuple):
    """A key: in so many of the commands looked at, or in up to `error` less, and so in `per_s` a second of all."""

    key: bytes
    times: int
    error: int
    share: float
    per_s: float


class HotKeys:
    """Counts in this process, and knows what others have told."""

    __slots__ = ("_told", "heavy", "sampler", "wish")

    def __init__(self, wish: Wish, seed: int) -> None:
        self.wish = wish
        self.sampler = Sampler(wish.one_in, MOST_PER_S, wish.since, seed)
        self.heavy = HeavyHitters(CAPACITY)
        self._told: dict[int, Json] = {}  # by worker

    def take(self, keys: Sequence[bytes], lengths: Sequence[int]) -> None:
        """Take in the keys of one command, of each its first bytes and how long it is."""
        for key, length in zip(keys, lengths, strict=True):
            more = length - len(key)
            self.heavy.add(key + b"... (%d more bytes)" % more if more > 0 else key)

    def parts(self) -> Json:
        """Return what this process has counted, as JSON has it; keys are Latin-1."""
        floor, hitters = self.heavy.parts()
        rows = [[key.decode("latin-1"), count, error] for key, count, error in hitters]
        return [self.wish.since, self.sampler.passed, self.sampler.looked, floor, rows]

    def learn(self, number: int, told: Json) -> None:
        """Take note of what a worker has counted up to now, if it was asked the same."""
        if told[0] == self.wish.since:
            self._told[number] = told

    def hottest(self, now: float) -> tuple[int, list[HotKey]]:
        """Return how many commands have been looked at, and the keys in them, those first that came most often."""
        known = [self.parts(), *self._told.values()]
        passed, looked = (sum(each[at] for each in known) for at in (1, 2))
        elapsed = max(min(now, self.wish.until) - self.wish.since, 0.001)
        scale = passed / max(looked, 1) / elapsed
        rows = [
            (floor, [Hitter(key.encode("latin-1"), count, error) for key, count, error in rows])
            for _, _, _, floor, rows in known
        ]
        return looked, [
            HotKey(key, count, error, count / max(looked, 1), count * scale)
            for key, count, error in together(rows)[:CAPACITY]
        ]
