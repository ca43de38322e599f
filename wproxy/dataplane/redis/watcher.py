"""Looks at the commands of one backend while somebody wants to see them: slow ones, keys, a live tail.

    Ledger ──▶ sent: a batch is written ──▶ one in so many is looked at ──▶ HotKeys, Tail
           └─▶ slow: its replies come late ─────────────────────────────▶ SlowLog

There is none while nobody does (`Router.watcher`), and then a batch costs two comparisons. Commands that are held
before they are sent, because keys move or a server is being connected to, are timed by a `Timed` of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import inf
from typing import ClassVar

from wproxy.dataplane.redis.slot import Owner, Waiting
from wproxy.policy.redis.glimpse import Glimpse, commands_in, discreet, glimpse, whole
from wproxy.policy.redis.sampling import Sampler
from wproxy.state.hotkeys import LONGEST_KEY, HotKeys
from wproxy.state.redis_view import RedisView
from wproxy.state.server import Server
from wproxy.state.slowlog import SlowCommand
from wproxy.state.tail import Tail

_MOST_AT_ONCE = 16  # entries for replies that come in one read: where one command was slow, all behind it were

Keys = Callable[[list[bytes]], Sequence[bytes]]


class Watcher:
    """Looks, as `view` wishes at the moment of making it; `keys` returns the keys in the arguments of a command."""

    __slots__ = ("_backend", "_keys", "_keys_wanted", "_tails", "_view", "samples", "slower_s")

    def __init__(self, view: RedisView, keys: Keys, backend: str) -> None:
        slower_us, now = view.slowlog.slower_us, time.monotonic()
        self._view = view
        self._keys = keys
        self._backend = backend
        self.slower_s = inf if slower_us is None else slower_us / 1e6
        self._keys_wanted: HotKeys | None = view.hotkeys if view.counts_keys(now) else None
        self._tails: list[Tail] = [*view.tails.values()]
        self.samples = self._keys_wanted is not None or bool(self._tails)

    @property
    def needed(self) -> bool:
        """Whether there is anything to look for."""
        return self.samples or self.slower_s < inf

    # -- what is slow --------------------------------------------------------------------------------------------

    def slow(
        self,
        server: Server,
        raws: Sequence[bytes],
        waiting: Sequence[Waiting],
        left: int,
        count: int,
        microseconds: int,
    ) -> None:
        """Take note of `count` commands that took so long: the next ones of `left` that `waiting` has at its end."""
        kept = 0
        for raw, who in _open(raws, waiting, left):
            place = commands_in(raw) - who.wanted if who.wanted > 1 else 0
            for owner, commands in who.clients():
                if owner is not None and not who.timed and kept < _MOST_AT_ONCE:
                    kept += 1
                    self.keep(raw, place, owner, server.name, min(commands, count), microseconds)
                place += commands
                count -= commands
                if count <= 0:
                    return

    def keep(self, raw: bytes, place: int, owner: Owner, server: str, commands: int, microseconds: int) -> None:
        """Keep a slow command in the log."""
        client, _ = owner.origin()
        words = whole(glimpse(raw, place))
        self._view.slowlog.keep(SlowCommand(time.time(), microseconds, client, server, commands, words))

    def timed(self, raw: bytes, waiting: Waiting, server: str) -> Waiting:
        """Return who waits in the place of `waiting` for a command that is held, or goes another way than most."""
        return waiting if self.slower_s == inf or waiting.timed else Timed(self, raw, waiting, server)

    # -- what is sampled -----------------------------------------------------------------------------------------

    def sent(
        self, server: Server, raws: Sequence[bytes], waiting: Sequence[Waiting], commands: int, now: float
    ) -> None:
        """Look at some of the `commands` that `raws` are and `waiting` wants the replies of."""
        hotkeys = self._keys_wanted
        if hotkeys is not None:
            for place in self._places(hotkeys.sampler, hotkeys.wish.until, commands, now):
                found = _command(raws, waiting, place, LONGEST_KEY)
                if found is not None:
                    self._count(hotkeys, found[0])
        for tail in self._tails:
            for place in self._places(tail.sampler, tail.wish.until, commands, now):
                found = _command(raws, waiting, place, LONGEST_KEY)
                if found is not None:
                    self._show(tail, found[0], found[1], server, now)

    def _places(self, sampler: Sampler, until: float, commands: int, now: float) -> Sequence[int]:
        """Return which of `commands` are to be looked at; none when the time for that is over, which ends it."""
        places = sampler.places(commands, now)
        if places and now >= until:
            self._view.expire(now)
            return ()
        return places

    def _count(self, hotkeys: HotKeys, seen: Glimpse) -> None:
        keys = self._keys(seen.arguments)
        if keys:
            lengths = dict(zip(seen.arguments, seen.lengths, strict=False))
            hotkeys.take(keys, [lengths.get(key, len(key)) for key in keys])

    def _show(self, tail: Tail, seen: Glimpse, owner: Owner, server: Server, now: float) -> None:
        keys = [*self._keys(seen.arguments)]
        if tail.wants(seen.name, keys, now):
            client, database = owner.origin()
            at = time.time()
            words = whole(seen) if tail.wish.values else discreet(seen, keys)
            tail.take(at, f"{at:.6f} [{database} {client} {self._backend}/{server.name}] {words}")


def _open(raws: Sequence[bytes], waiting: Sequence[Waiting], left: int) -> list[tuple[bytes, Waiting]]:
    """Return those of `waiting`, with their bytes, who want the last `left` replies; the others have theirs."""
    found: list[tuple[bytes, Waiting]] = []
    for raw, who in zip(reversed(raws), reversed(waiting), strict=True):
        if left <= 0:
            break
        left -= who.wanted
        found.append((raw, who))
    return found[::-1]


def _command(
    raws: Sequence[bytes], waiting: Sequence[Waiting], place: int, most_bytes: int
) -> tuple[Glimpse, Owner] | None:
    """Return the command at `place` and whose it is; None of a command of the proxy's own."""
    for raw, who in zip(raws, waiting, strict=True):
        wanted = who.wanted
        if place >= wanted:
            place -= wanted
            continue
        at = place
        for owner, commands in who.clients():
            if at < commands:
                return None if owner is None else (glimpse(raw, place, most_bytes=most_bytes), owner)
            at -= commands
        return None
    return None


class Timed:
    """Stands in the place of one who waits, from the moment when its command is held until it is answered."""

    __slots__ = ("_inner", "_raw", "_server", "_since", "_watcher")
    timed: ClassVar[bool] = True

    def __init__(self, watcher: Watcher, raw: bytes, inner: Waiting, server: str) -> None:
        self._watcher = watcher
        self._raw = raw
        self._inner = inner
        self._server = server
        self._since = time.monotonic()

    @property
    def wanted(self) -> int:
        """How many replies are still to come."""
        return self._inner.wanted

    @property
    def name(self) -> str | None:
        """What its commands are called (`slot.Waiting`)."""
        return self._inner.name

    @property
    def names(self) -> Sequence[str] | None:
        """What they are called (`slot.Waiting`)."""
        return self._inner.names

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the replies (`slot.Waiting`)."""
        return self._inner.clients()

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Pass replies on."""
        wanted, clients = self._inner.wanted, self._inner.clients()
        end = self._inner.take(replies, at)
        if end - at >= wanted:
            self._end(clients)
        return end

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        clients = self._inner.clients()
        self._inner.answer(reply)
        self._end(clients)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Pass on that the command was not executed."""
        clients = self._inner.clients()
        self._inner.refused(raw, error)
        self._end(clients)

    def _end(self, clients: Sequence[tuple[Owner | None, int]]) -> None:
        elapsed = time.monotonic() - self._since
        for owner, commands in clients[:1]:
            if owner is not None and elapsed > self._watcher.slower_s:
                self._watcher.keep(self._raw, 0, owner, self._server, commands, int(elapsed * 1e6))
