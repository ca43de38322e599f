"""Which channels and patterns one client listens to, and what SUBSCRIBE and its kin are answered with.

A confirmation counts channels and patterns together; in RESP2 it is an array, in RESP3 a push. Words and order are
those of redis-server, but for UNSUBSCRIBE without names: its order is by chance there, that of subscribing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from wproxy.protocols.resp.values import bulk

_EVENTS = (b"__keyspace@", b"__keyevent@")  # published by whichever server has the key


class Change(NamedTuple):
    """One of SUBSCRIBE, UNSUBSCRIBE, PSUBSCRIBE, PUNSUBSCRIBE, in lower case, and its channels or patterns."""

    word: bytes
    names: tuple[bytes, ...]

    @property
    def patterns(self) -> bool:
        """Whether its names are patterns."""
        return self.word.startswith(b"p")

    @property
    def adds(self) -> bool:
        """Whether it is to listen to more."""
        return b"un" not in self.word


class Subscriptions:
    """What one client listens to, and on which servers, by index. `home` says where a channel is published."""

    __slots__ = ("_home", "_servers", "channels", "patterns")

    def __init__(self, home: Callable[[bytes], int], servers: int) -> None:
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self._home = home
        self._servers = servers

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.channels) + len(self.patterns)

    def change(self, word: bytes, names: Sequence[bytes]) -> Change:
        """Return the change that a command asks for: no names mean all of those there are."""
        given = tuple(names) or tuple(self._listed(word.startswith(b"p")))
        return Change(word, given)

    def errands(self, change: Change) -> dict[int, list[bytes]]:
        """Return for each server which names have to be sent there; names that change nothing are left out."""
        known = self._listed(change.patterns)
        errands: dict[int, list[bytes]] = {}
        for name in dict.fromkeys(change.names):
            if (name in known) != change.adds:
                for index in self._places(name, change.patterns):
                    errands.setdefault(index, []).append(name)
        return errands

    def apply(self, change: Change, protocol: int) -> bytes:
        """Make the change; return its confirmations, one for each name."""
        known = self._listed(change.patterns)
        confirmations = []
        for name in change.names:
            if change.adds:
                known[name] = None
            else:
                known.pop(name, None)
            confirmations.append(self._confirmation(change.word, bulk(name), protocol))
        if not confirmations:  # UNSUBSCRIBE of everything, where there is nothing
            confirmations.append(self._confirmation(change.word, b"_\r\n" if protocol == 3 else b"$-1\r\n", protocol))
        return b"".join(confirmations)

    def needed(self) -> set[int]:
        """Return the servers that have to be listened to."""
        if self.patterns:
            return set(range(self._servers))
        return {index for name in self.channels for index in self._places(name, patterns=False)}

    def _listed(self, patterns: bool) -> dict[bytes, None]:
        return self.patterns if patterns else self.channels

    def _places(self, name: bytes, patterns: bool) -> Sequence[int]:
        if patterns or name.startswith(_EVENTS):
            return range(self._servers)
        return (self._home(name),)

    def _confirmation(self, word: bytes, name: bytes, protocol: int) -> bytes:
        head = b">" if protocol == 3 else b"*"
        return b"%b3\r\n%b%b:%d\r\n" % (head, bulk(word), name, len(self))
