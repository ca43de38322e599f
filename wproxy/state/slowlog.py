"""The commands of mode redis that took long: the last ones of a backend, as the proxy saw them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from wproxy.protocols.bus import Json


class SlowCommand(NamedTuple):
    """Commands that one client sent in a row, and that one server answered at the same moment.

    `at` is when, in seconds since 1970, `words` the first of them, quoted and cut. `server` is "" when none had it.
    """

    at: float
    microseconds: int
    client: str
    server: str
    commands: int
    words: str


class SlowLog:
    """Keeps the last `most` of them. `slower_us` is from how many microseconds on, None for none at all."""

    __slots__ = ("_entries", "ever", "slower_us")

    def __init__(self, slower_us: int | None, most: int) -> None:
        self.slower_us = slower_us
        self._entries: deque[SlowCommand] = deque(maxlen=most)
        self.ever = 0  # commands, those included that were not kept

    @property
    def most(self) -> int:
        """How many are kept."""
        return self._entries.maxlen or 0

    def resize(self, most: int) -> None:
        """Keep the last `most` from now on."""
        self._entries = deque(self._entries, maxlen=most)

    def keep(self, entry: SlowCommand) -> None:
        """Take in what has been slow last."""
        self._entries.append(entry)
        self.ever += entry.commands

    def newest(self) -> list[SlowCommand]:
        """Return what is kept, the newest first."""
        return sorted(self._entries, key=lambda entry: entry.at, reverse=True)

    def clear(self) -> None:
        """Forget what is kept."""
        self._entries.clear()

    def take(self) -> Json:
        """Return, as JSON has it, what has come since this was called last, and forget it."""
        told = [self.ever, [[*entry] for entry in self._entries]]
        self._entries.clear()
        self.ever = 0
        return told

    def learn(self, told: Json) -> None:
        """Take in what another process has told by `take`."""
        ever, entries = told
        self._extend(SlowCommand(*entry) for entry in entries)
        self.ever += ever

    def _extend(self, entries: Iterable[SlowCommand]) -> None:
        self._entries = deque(sorted([*self._entries, *entries]), maxlen=self.most)
