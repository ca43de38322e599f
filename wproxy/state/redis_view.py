"""What somebody wants to see of a backend of mode redis: its slow log, its hot keys, live tails.

Whoever serves clients (`dataplane.redis.watcher`) is told by `on_change` when that is something else, looks at
commands only while it is anything, and puts here what it has seen. In a worker the slow log is on its way to the
supervisor; there it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wproxy.protocols.bus import Json
from wproxy.state.hotkeys import HotKeys, Wish
from wproxy.state.slowlog import SlowLog
from wproxy.state.tail import Tail, TailWish


class RedisView:
    """Owns them."""

    __slots__ = ("_seed", "hotkeys", "on_change", "slowlog", "tails")

    def __init__(self, slower_us: int | None, most: int, seed: int = 1) -> None:
        self.slowlog = SlowLog(slower_us, most)
        self.hotkeys: HotKeys | None = None
        self.tails: dict[str, Tail] = {}
        self.on_change: Callable[[], None] | None = None
        self._seed = seed

    def set_slowlog(self, slower_us: int | None, most: int) -> None:
        """Keep commands that are slower than that from now on, None for none, the last `most` of them."""
        if most != self.slowlog.most:
            self.slowlog.resize(most)
        if slower_us != self.slowlog.slower_us:
            self.slowlog.slower_us = slower_us
            self._changed()

    def count_keys(self, wish: Wish) -> None:
        """Count keys anew, as long as that says."""
        self.hotkeys = HotKeys(wish, self._seed)
        self._changed()

    def stop_counting(self, now: float) -> None:
        """Count no more keys; what has been counted stays."""
        if self.hotkeys is not None and now < self.hotkeys.wish.until:
            self.hotkeys.wish = self.hotkeys.wish._replace(until=now)
            self._changed()

    def tail(self, name: str, wish: TailWish, now: float) -> Tail:
        """Return the tail of that name, a new one if there is none."""
        tail = self.tails.get(name)
        if tail is None:
            tail = self.tails[name] = Tail(wish, now, self._seed)
            self._changed()
        return tail

    def end_tail(self, name: str) -> None:
        """Have nobody watch under that name."""
        if self.tails.pop(name, None) is not None:
            self._changed()

    def counts_keys(self, now: float) -> bool:
        """Tell whether keys are being counted."""
        return self.hotkeys is not None and now < self.hotkeys.wish.until

    def expire(self, now: float) -> None:
        """End what is over."""
        self.tails = {name: tail for name, tail in self.tails.items() if now < tail.wish.until}
        self._changed()

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    # -- several processes ---------------------------------------------------------------------------------------

    def wishes(self) -> Json:
        """Return what workers have to know, as JSON has it."""
        hotkeys = None if self.hotkeys is None else [*self.hotkeys.wish]
        return [self.slowlog.slower_us, self.slowlog.most, hotkeys]

    def follow(self, wishes: Json) -> None:
        """Wish what the supervisor wishes."""
        slower_us, most, hotkeys = wishes
        self.set_slowlog(slower_us, most)
        if hotkeys is None or (self.hotkeys is not None and [*self.hotkeys.wish] == hotkeys):
            return
        wish = Wish(*hotkeys)
        if self.hotkeys is None or self.hotkeys.wish.since != wish.since:
            self.count_keys(wish)
        else:
            self.stop_counting(wish.until)

    def seen(self) -> Json:
        """Return what has been seen here, for the supervisor; of slow commands those since this was called last."""
        return [self.slowlog.take(), None if self.hotkeys is None else self.hotkeys.parts()]

    def learn(self, number: int, seen: Json) -> None:
        """Take in what the worker of that number has seen."""
        slow, keys = seen
        self.slowlog.learn(slow)
        if self.hotkeys is not None and keys is not None:
            self.hotkeys.learn(number, keys)


def all_seen(views: Mapping[str, RedisView | None]) -> dict[str, Json]:
    """Return what a worker has seen, by backend."""
    return {name: view.seen() for name, view in views.items() if view is not None}


def learn_all(views: Mapping[str, RedisView | None], number: int, seen: Mapping[str, Json]) -> None:
    """Take in what a worker has seen, by backend."""
    for name, each in seen.items():
        view = views.get(name)
        if view is not None:
            view.learn(number, each)
