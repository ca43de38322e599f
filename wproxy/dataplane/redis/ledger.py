"""Which commands are on their way on a link, and since when: counts them per command, a batch at a time.

A batch is what was written to the server at once. Its commands took as long as the reply to the last of them: so a
command costs an entry in a list, and only batches cost time stamps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from math import inf
from time import monotonic
from typing import cast

from wproxy.dataplane.redis.slot import Waiting
from wproxy.dataplane.redis.watcher import Watcher
from wproxy.protocols.resp import RequestParser
from wproxy.state.commands import CommandCounters
from wproxy.state.server import Server

_MINUS = ord("-")
_SHORT_REPLY_BYTES = 64
_LONGEST_HEAD = 256  # bytes: names are shorter
_UNKNOWN = "?"  # so that there is a name for every reply
_MOST_HELD_BYTES = 16 * 1024 * 1024  # of commands of which is yet to be seen whether they are slow; beyond it none are


class _Batch:
    """Commands written at once: their names in order, when, and how many replies are still to come."""

    __slots__ = ("held", "left", "names", "raws", "sent_at", "shares", "slow_at", "waiting")

    def __init__(self, names: list[str], shares: list[tuple[CommandCounters, int]], sent_at: float) -> None:
        self.names = names
        self.shares = shares  # the counters of each command, and how often it is there
        self.sent_at = sent_at
        self.left = len(names)
        self.slow_at = inf  # when it is to be told that they are slow
        self.raws: Sequence[bytes] = ()  # until they are answered, where that may have to be told
        self.waiting: Sequence[Waiting] = ()
        self.held = 0  # bytes in `raws`


class Ledger:
    """Keeps the batches of one connection to `server`. Times are seconds of any steady clock."""

    __slots__ = ("_batches", "_held", "_server", "_within_error", "watcher")

    def __init__(self, server: Server) -> None:
        self.watcher: Watcher | None = None  # while somebody wants to see commands
        self._held = 0  # bytes of commands that are kept for it
        self._server = server
        self._batches: deque[_Batch] = deque()
        self._within_error = False  # what has come last may have been the beginning of an error

    def sent(self, raws: Sequence[bytes], waiting: deque[Waiting], commands: int, now: float) -> None:
        """Take note that `raws` are written, `commands` in all; the last ones of `waiting` want their replies."""
        last = [*islice(reversed(waiting), len(raws))][::-1]
        names: list[str | None] = [who.name for who in last]
        different = set(names)
        if None in different or commands > len(raws):
            names = [*_names(raws, last)]
            different = set(names)
        shares = [(self._counters(name), names.count(name)) for name in cast("set[str]", different)]
        for counters, times in shares:
            counters.calls += times
        batch = _Batch(cast("list[str]", names), shares, now)
        self._batches.append(batch)
        if self.watcher is not None:
            self._show(self.watcher, batch, raws, last, commands)

    def answered(self, data: bytes, replies: Sequence[bytes], now: float) -> None:
        """Take note of `data`, the next bytes from the server, and of the replies that end in it."""
        count = len(replies)
        # One search takes the place of a look at each reply, where replies are short; long ones are looked at quicker.
        if self._within_error or len(data) > _SHORT_REPLY_BYTES * count or _may_hold_error(data):
            # An error is one line: none goes on behind the end of a line.
            self._within_error = not data.endswith(b"\r\n")
            self._note_errors(replies)
        while count:
            batch = self._batches[0]
            if now > batch.slow_at:
                self._tell_slow(batch, min(count, batch.left), now)
            if batch.left > count:
                batch.left -= count
                return
            count -= batch.left
            self._batches.popleft()
            self._held -= batch.held
            microseconds = int((now - batch.sent_at) * 1e6)
            for counters, times in batch.shares:
                counters.latencies.add(microseconds, times)

    def lost(self) -> None:
        """Take note that no more replies will come."""
        now = monotonic()
        self._held = 0
        for batch in self._batches:
            if now > batch.slow_at:
                self._tell_slow(batch, batch.left, now)
            for name in batch.names[len(batch.names) - batch.left :]:
                self._counters(name).errors += 1
        self._batches.clear()
        self._within_error = False

    def _show(
        self, watcher: Watcher, batch: _Batch, raws: Sequence[bytes], waiting: Sequence[Waiting], commands: int
    ) -> None:
        """Show what is written to who wants to see it, and keep it where it may be slow."""
        if watcher.samples:
            watcher.sent(self._server, raws, waiting, commands, batch.sent_at)
        if watcher.slower_s < inf:
            batch.slow_at = batch.sent_at + watcher.slower_s
            size = sum(map(len, raws))
            if self._held + size <= _MOST_HELD_BYTES:
                self._held += size
                batch.held = size
                batch.raws, batch.waiting = raws, waiting

    def _tell_slow(self, batch: _Batch, count: int, now: float) -> None:
        """Tell that the next `count` commands of a batch have been slow; beyond what may be kept there is none left."""
        if self.watcher is not None:
            microseconds = int((now - batch.sent_at) * 1e6)
            self.watcher.slow(self._server, batch.raws, batch.waiting, batch.left, count, microseconds)

    def _note_errors(self, replies: Sequence[bytes]) -> None:
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


def _may_hold_error(data: bytes) -> bool:
    # `find`, because `in` makes an exception before it looks: it tries whether bytes are a number.
    return data.startswith(b"-") or data.find(b"\n-") >= 0


def _name(raw: bytes) -> str:
    """Return what the command is called that `raw` is: its name stands behind two lengths."""
    words = bytes(raw[:_LONGEST_HEAD]).split(b"\r\n", 3)
    return words[2].lower().decode("latin-1") if len(words) > 3 else _UNKNOWN


def _names(raws: Sequence[bytes], waiting: Sequence[Waiting]) -> list[str]:
    """Return the name of every command, where it is not known beforehand from its bytes."""
    names: list[str] = []
    for raw, who in zip(raws, waiting, strict=True):
        if who.name is not None:
            names += [who.name] * who.wanted
        elif who.names is not None:
            names += who.names
        elif who.wanted == 1:
            names.append(_name(raw))
        else:
            parser = RequestParser()
            parser.feed(bytes(raw))
            found = [arguments[0].lower().decode("latin-1") for arguments, _ in parser.take(who.wanted)]
            names += found + [_UNKNOWN] * (who.wanted - len(found))
    return names
