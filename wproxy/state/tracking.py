"""Entries of stick tables as rules see them: looked up, tracked, counted in (manual, "http-request track-sc0")."""

from __future__ import annotations

from collections.abc import Callable

from wproxy.config.acl.facts import Value
from wproxy.config.table_data import CONNECTION, DEPARTURE
from wproxy.state.stick import Entry, Key, LiveTable


class Tracked:
    """An entry whose counters are kept up for somebody, from `track` to `release` (`config.acl.facts.TrackedFacts`)."""

    __slots__ = ("_clock", "_entry", "key", "table")

    def __init__(self, table: LiveTable, key: Key, entry: Entry, clock: Callable[[], float]) -> None:
        self.table = table
        self.key = key
        self._entry = entry
        self._clock = clock

    @property
    def table_name(self) -> str:
        """The name of its table."""
        return self.table.name

    @property
    def trackers(self) -> int:
        """How many track it."""
        return self._entry.trackers

    def count(self, event: str, events: int = 1) -> None:
        """Add `events` to what they grow."""
        self.table.count(self.key, self._entry, event, events, self._clock())

    def set(self, name: str, number: int) -> None:
        """Set one of its data."""
        self.table.set(self.key, self._entry, name, number)

    def datum(self, name: str) -> int | None:
        """Return one of its data, None when it is not stored."""
        return self.table.datum(self._entry, name, self._clock())

    def release(self) -> None:
        """End it: the connection is over, the entry lives on from now."""
        self.count(DEPARTURE)
        self._entry.trackers -= 1
        self.table.obtain(self.key, self._clock())


class Ledger:
    """A table as rules see it (`config.acl.facts.TableFacts`)."""

    __slots__ = ("_clock", "_table")

    def __init__(self, table: LiveTable, clock: Callable[[], float]) -> None:
        self._table = table
        self._clock = clock

    def takes(self, value: Value) -> bool:
        """Tell whether `value` can be a key of it."""
        return self._table.key(value) is not None

    def track(self, value: Value) -> Tracked | None:
        """Begin to track the entry of `value`, which is made if need be; None when it cannot be."""
        table, now = self._table, self._clock()
        key = table.key(value)
        entry = None if key is None else table.obtain(key, now)
        if key is None or entry is None:
            return None
        entry.trackers += 1
        tracked = Tracked(table, key, entry, self._clock)
        tracked.count(CONNECTION)
        return tracked

    def reach(self, value: Value) -> Tracked | None:
        """Return the entry of `value`, which is made if need be, without tracking it."""
        key = self._table.key(value)
        entry = None if key is None else self._table.obtain(key, self._clock())
        return None if key is None or entry is None else Tracked(self._table, key, entry, self._clock)

    def find(self, value: Value) -> Tracked | None:
        """Return the entry of `value` as it is, None when there is none."""
        key = self._table.key(value)
        entry = None if key is None else self._table.look_at(key, self._clock())
        return None if key is None or entry is None else Tracked(self._table, key, entry, self._clock)

    @property
    def used(self) -> int:
        """How many entries it has."""
        return self._table.used(self._clock())

    @property
    def size(self) -> int:
        """How many it may have."""
        return self._table.config.size
