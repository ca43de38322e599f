"""Which commands are on their way on a link, and since when: counts them per command, a batch at a time.

A batch is what was written to the server at once. Its commands took as long as the reply to the last of them: so a
command costs an entry in a list, and only batches cost time stamps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter
from typing import cast

from wproxy.dataplane.redis.slot import Waiting
from wproxy.protocols.resp import RequestParser
from wproxy.state.commands import CommandCounters
from wproxy.state.server import Server

_MINUS = ord("-")
_NAME = attrgetter("name")
_SHORT_REPLY_BYTES = 64
_UNKNOWN = "?"  # so that there is a name for every reply


class _Batch:
    """Commands written at once: their names in order, when, and how many replies are still to come."""

    __slots__ = ("counted", "left", "names", "sent_at")

    def __init__(self, names: list[str], counted: list[tuple[str, int]], sent_at: float) -> None:
        self.names = names
        self.counted = counted  # how often each name is there
        self.sent_at = sent_at
        self.left = len(names)


class Ledger:
    """Keeps the batches of one connection to `server`. Times are seconds of any steady clock."""

    __slots__ = ("_batches", "_server", "_within_error")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._batches: deque[_Batch] = deque()
        self._within_error = False  # what has come last may have been the beginning of an error

    def sent(self, raws: Sequence[bytes], waiting: deque[Waiting], commands: int, now: float) -> None:
        """Take note that `raws` are written, `commands` in all; the last ones of `waiting` want their replies."""
        fresh = [*islice(reversed(waiting), len(raws))]
        fresh.reverse()
        names = [*map(_NAME, fresh)] if commands == len(raws) else [None]
        self._note_sent(_names(raws, fresh) if None in names else cast("list[str]", names), now)

    def _note_sent(self, names: list[str], now: float) -> None:
        counted = _counted(names)
        for name, count in counted:
            self._counters(name).calls += count
        self._batches.append(_Batch(names, counted, now))

    def answered(self, data: bytes, replies: Sequence[bytes], now: float) -> None:
        """Take note of `data`, the next bytes from the server, and of the replies that end in it."""
        self._note_errors(data, replies)
        count = len(replies)
        while count:
            batch = self._batches[0]
            if batch.left > count:
                batch.left -= count
                return
            count -= batch.left
            self._batches.popleft()
            microseconds = int((now - batch.sent_at) * 1e6)
            for name, times in batch.counted:
                self._counters(name).latencies.add(microseconds, times)

    def lost(self) -> None:
        """Take note that no more replies will come."""
        for batch in self._batches:
            for name in batch.names[len(batch.names) - batch.left :]:
                self._counters(name).errors += 1
        self._batches.clear()
        self._within_error = False

    def _note_errors(self, data: bytes, replies: Sequence[bytes]) -> None:
        if len(data) <= _SHORT_REPLY_BYTES * len(replies):
            # One search in place of a look at each reply. An error is one line, so none goes on behind a line's end.
            suspect = self._within_error or data.startswith(b"-") or b"\n-" in data
            self._within_error = suspect and not data.endswith(b"\r\n")
            if not suspect:
                return
        else:
            self._within_error = True
        for place, reply in enumerate(replies):
            if reply[0] == _MINUS:
                self._counters(self._name(place)).errors += 1

    def _name(self, place: int) -> str:
        """Return the name of the command whose reply comes after `place` others."""
        for batch in self._batches:
            if place < batch.left:
                return batch.names[len(batch.names) - batch.left + place]
            place -= batch.left
        raise IndexError(place)

    def _counters(self, name: str) -> CommandCounters:
        commands = self._server.counters.commands
        counters = commands.get(name)
        if counters is None:
            counters = commands[name] = CommandCounters()
        return counters


def _counted(names: list[str]) -> list[tuple[str, int]]:
    """Return how often each name is there."""
    first = names[0]
    count = names.count(first)
    return [(first, count)] if count == len(names) else [(name, names.count(name)) for name in set(names)]


def _names(raws: Sequence[bytes], waiting: Sequence[Waiting]) -> list[str]:
    """Return the name of every command, where it is not known beforehand from its bytes."""
    names: list[str] = []
    for raw, who in zip(raws, waiting, strict=True):
        if who.names is not None:
            names += who.names
        elif who.name is not None:
            names += [who.name] * who.wanted
        else:
            parser = RequestParser()
            parser.feed(bytes(raw))
            found = [arguments[0].lower().decode("latin-1") for arguments, _ in parser.take(who.wanted)]
            names += found + [_UNKNOWN] * (who.wanted - len(found))
    return names
