"""Observations in the form they are captured in: not an object each, but a column for each of their fields.

    capture thread: copies the ring's columns into a Run ──▶ Outbox ──▶ publisher thread: `rows`, then JSON

A `Run` is cheap to make, to cut into batches and to hand over; what it costs to turn numbers into text is paid late, by
the thread that nobody waits for.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import add, mul
from socket import AF_INET, AF_INET6, inet_ntop
from struct import Struct
from typing import Protocol

from capture.messages import Observation, Row

_NS_PER_S = 1_000_000_000
_MOST_NAMES = 1 << 16  # forgotten all at once: whoever floods us from random addresses must not take the memory
_TWO_WORDS = Struct("=QQ")
_IS_SWAPPED = sys.byteorder == "little"


class Run(Protocol):
    """Some observations, in order."""

    def __len__(self) -> int:
        """Return how many they are."""

    def part(self, start: int, stop: int) -> Run:
        """Return those from `start` up to `stop`."""

    def rows(self) -> list[Row]:
        """Return them as they stand in a message."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Observations that were decoded one by one."""

    observations: Sequence[Observation]

    def __len__(self) -> int:
        return len(self.observations)

    def part(self, start: int, stop: int) -> Listed:
        """Return those from `start` up to `stop`."""
        return Listed(self.observations[start:stop])

    def rows(self) -> list[Row]:
        """Return them as they stand in a message."""
        return [tuple(observation) for observation in self.observations]


@dataclass(frozen=True, slots=True)
class Joined:
    """Several runs as one."""

    runs: tuple[Run, ...]

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def part(self, start: int, stop: int) -> Listed:
        """Return those from `start` up to `stop`."""
        return Listed([Observation._make(row) for row in self.rows()[start:stop]])

    def rows(self) -> list[Row]:
        """Return them as they stand in a message."""
        return list(chain.from_iterable(run.rows() for run in self.runs))


class Names:
    """Addresses in the network's order, read in the machine's, and their texts; for the thread that calls `rows`."""

    def __init__(self) -> None:
        self.ipv4 = _IPv4Names()
        self.ipv6 = _IPv6Names()


class _IPv4Names(dict[int, str]):
    def __missing__(self, key: int) -> str:
        if len(self) >= _MOST_NAMES:
            self.clear()
        name = self[key] = inet_ntop(AF_INET, key.to_bytes(4, sys.byteorder))
        return name


class _IPv6Names(dict[tuple[int, int], str]):
    def __missing__(self, key: tuple[int, int]) -> str:
        if len(self) >= _MOST_NAMES:
            self.clear()
        name = self[key] = inet_ntop(AF_INET6, _TWO_WORDS.pack(*key))
        return name


@dataclass(frozen=True, slots=True)
class Times:
    """Capture times: columns of 4 bytes, in the machine's order."""

    seconds: bytes
    nanoseconds: bytes

    def __len__(self) -> int:
        return len(self.seconds) // 4

    def part(self, start: int, stop: int) -> Times:
        """Return those from `start` up to `stop`."""
        return Times(self.seconds[4 * start : 4 * stop], self.nanoseconds[4 * start : 4 * stop])

    def ns(self) -> Iterable[int]:
        """Return them in nanoseconds since 1970."""
        seconds, nanoseconds = array("I", self.seconds), array("I", self.nanoseconds)
        if self.seconds == self.seconds[:4] * len(seconds):  # as nearly always: then one number is added to all
            return map((seconds[0] * _NS_PER_S).__add__, nanoseconds) if seconds else ()
        return map(add, map(mul, seconds, [_NS_PER_S] * len(seconds)), nanoseconds)


@dataclass(frozen=True, slots=True)
class IPv4Run:
    """Observations over IPv4: columns of addresses (4 bytes each) and of both ports (2 bytes each, in turn)."""

    names: Names
    times: Times
    sources: bytes
    destinations: bytes
    ports: bytes

    def __len__(self) -> int:
        return len(self.times)

    def part(self, start: int, stop: int) -> IPv4Run:
        """Return those from `start` up to `stop`."""
        here = slice(4 * start, 4 * stop)
        times = self.times.part(start, stop)
        return IPv4Run(self.names, times, self.sources[here], self.destinations[here], self.ports[here])

    def rows(self) -> list[Row]:
        """Return them as they stand in a message."""
        names = self.names.ipv4
        sources = map(names.__getitem__, array("I", self.sources))
        if not self:
            return []
        if self.destinations == self.destinations[:4] * len(self):  # as with one listening address
            destinations: Iterable[str] = repeat(names[array("I", self.destinations[:4])[0]], len(self))
        else:
            destinations = map(names.__getitem__, array("I", self.destinations))
        return list(zip(sources, destinations, *_ports(self.ports), self.times.ns(), strict=True))


@dataclass(frozen=True, slots=True)
class IPv6Run:
    """Observations over IPv6: columns of address halves (8 bytes each) and of both ports (2 bytes each, in turn)."""

    names: Names
    times: Times
    sources: tuple[bytes, bytes]
    destinations: tuple[bytes, bytes]
    ports: bytes

    def __len__(self) -> int:
        return len(self.times)

    def part(self, start: int, stop: int) -> IPv6Run:
        """Return those from `start` up to `stop`."""
        here = slice(8 * start, 8 * stop)
        sources, destinations = ((halves[0][here], halves[1][here]) for halves in (self.sources, self.destinations))
        times = self.times.part(start, stop)
        return IPv6Run(self.names, times, sources, destinations, self.ports[4 * start : 4 * stop])

    def rows(self) -> list[Row]:
        """Return them as they stand in a message."""
        name = self.names.ipv6.__getitem__
        sources, destinations = (
            map(name, zip(array("Q", halves[0]), array("Q", halves[1]), strict=True))
            for halves in (self.sources, self.destinations)
        )
        return list(zip(sources, destinations, *_ports(self.ports), self.times.ns(), strict=True))


def _ports(column: bytes) -> tuple[array[int], array[int]]:
    """Return source ports and destination ports."""
    ports = array("H", column)
    if _IS_SWAPPED:
        ports.byteswap()
    return ports[0::2], ports[1::2]
