"""Stick tables: the server of a client and what it did, remembered for a time and up to a number ("stick-table").

All entries live equally long after their last use, so the order of use is the order of expiry: a dict in that order
makes looking up, remembering, expiring and making room cost the same whatever the size. An entry that is tracked, or
counts connections, stays as long as it does so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from math import inf

from wproxy.config.acl.facts import Value
from wproxy.config.acl.samples import address_of, number_of, text_of
from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import CURRENT, DEPARTURE, SERVER_ID, SERVER_KEY
from wproxy.records import dataclass
from wproxy.state.frequency import Frequency

Key = int | bytes | str

_NUMBER = re.compile(r"[0-9]{1,19}")
_MAPPED = bytes(10) + b"\xff\xff"


Data = list[int | Frequency]


@dataclass(slots=True)
class Entry:
    """What is known of one key: the server's name and number, until when, and the `data` that its table stores."""

    server_name: str
    server_id: int
    expires_at: float
    data: Data = field(default_factory=list)
    trackers: int = 0  # in this process


class LiveTable:
    """The entries of one table; `now` is the clock of `state`, never going back.

    `data` is what entries have besides their server. `on_use` is called when an entry is new or younger, `on_count`
    with what is counted, or set, in this process.
    """

    __slots__ = ("_connections", "_entries", "_grows", "_places", "config", "data", "name", "on_count", "on_use")

    def __init__(self, config: StickTable) -> None:
        self.config = config
        self.name = config.name
        self._entries: dict[Key, Entry] = {}
        self.on_use: Callable[[LiveTable, Key, Entry], None] | None = None
        self.on_count: Callable[[LiveTable, Key, str, int], None] | None = None
        self.data = tuple(stored for stored in config.stored if stored.datum.name not in (SERVER_ID, SERVER_KEY))
        self._places = {stored.datum.name: (at, stored.period_ms) for at, stored in enumerate(self.data)}
        self._grows: dict[str, list[tuple[int, int]]] = {}  # by event, places in `data` and their periods
        for at, stored in enumerate(self.data):
            for event in stored.datum.events:
                self._grows.setdefault(event, []).append((at, stored.period_ms))
        self._connections = self._places.get(CURRENT, (-1, 0))[0]

    def key(self, value: Value) -> Key | None:
        """Return `value` as the table keeps it; None when it is not of the table's type."""
        match self.config.kind:
            case StickKind.IP:
                address = address_of(value)
                return None if address is None else _short(address)
            case StickKind.IPV6:
                address = address_of(value)
                return None if address is None else _MAPPED[: 16 - len(address)] + address
            case StickKind.INTEGER:
                number = number_of(value)
                return None if number is None else number & 0xFFFFFFFF
            case StickKind.STRING:
                return text_of(value)[: self.config.length]

    def key_of(self, text: str) -> Key | None:
        """Return the key that `text` writes, as on the stats socket; None when it writes none."""
        if self.config.kind is StickKind.INTEGER and not _NUMBER.fullmatch(text):
            return None
        return self.key(text)

    def find(self, key: Key, now: float) -> Entry | None:
        """Return the entry of `key`, which then lives on for the full time; None when there is none."""
        self._expire(now)
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.expires_at = self._expiry(now)
            self._entries[key] = entry
            if self.on_use is not None:
                self.on_use(self, key, entry)
        return entry

    def store(self, key: Key, server_name: str, server_id: int, now: float) -> None:
        """Remember the server of `key`; a full table forgets the oldest entry, or takes no more (`nopurge`)."""
        entry = self.obtain(key, now)
        if entry is None:
            return
        entry.server_name, entry.server_id = server_name, server_id
        if self.on_use is not None:
            self.on_use(self, key, entry)

    def learn(self, key: Key, entry: Entry, now: float) -> bool:
        """Take in what another process has stored or used; tell whether that was not known, or younger."""
        known = self.look_at(key, now)
        if entry.expires_at <= now:
            return False
        if known is None:
            self._fill(entry.data)
            self._put(key, entry, now)
            return True
        news = self._merge(known.data, entry.data)
        if known.expires_at >= entry.expires_at and known.expires_at != inf:
            return news
        if (known.server_name, known.server_id, known.expires_at) == (
            entry.server_name,
            entry.server_id,
            entry.expires_at,
        ):
            return news
        if entry.server_name:
            known.server_name, known.server_id = entry.server_name, entry.server_id
        known.expires_at = entry.expires_at
        self._put(key, known, now)
        return True

    def obtain(self, key: Key, now: float) -> Entry | None:
        """Return the entry of `key`, a new one where there is none, which lives on for the full time.

        None when the table is full and nothing of it may go.
        """
        self._expire(now)
        entry = self._entries.pop(key, None)
        if entry is None:
            entry = Entry("", 0, 0.0)
            self._fill(entry.data)
        entry.expires_at = self._expiry(now)
        return entry if self._put(key, entry, now) else None

    def _put(self, key: Key, entry: Entry, now: float) -> bool:
        self._expire(now)
        entries = self._entries
        if entries.pop(key, None) is None and len(entries) >= self.config.size and not self._make_room(now):
            return False
        entries[key] = entry
        return True

    def _make_room(self, now: float) -> bool:
        """Forget the oldest entry that nobody needs; False when there is none, or nothing may be forgotten."""
        entries = self._entries
        if self.config.nopurge:
            return False
        for _ in range(len(entries)):
            oldest = next(iter(entries))
            entry = entries.pop(oldest)
            if not self._needed(entry):
                return True
            entry.expires_at = self._expiry(now)
            entries[oldest] = entry
        return False

    def forget(self, key: Key) -> bool:
        """Remove one entry, if it is there; False when it is in use."""
        entry = self._entries.get(key)
        if entry is not None and entry.trackers:
            return False
        self._entries.pop(key, None)
        return True

    def clear(self) -> None:
        """Remove all entries but those in use."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.trackers}

    def used(self, now: float) -> int:
        """Return how many entries there are."""
        self._expire(now)
        return len(self._entries)

    def entries(self, now: float) -> Iterator[tuple[str, Entry]]:
        """Yield the entries with their keys as text, the longest unused first."""
        self._expire(now)
        for key, entry in self._entries.items():
            yield text_of(key), entry

    def snapshot(self, now: float) -> list[tuple[Key, Entry]]:
        """Return the entries as they are in one moment, in the same order: some milliseconds for 100,000."""
        self._expire(now)
        return list(self._entries.items())

    def look_at(self, key: Key, now: float) -> Entry | None:
        """Return the entry of `key` as it is."""
        self._expire(now)
        return self._entries.get(key)

    def _expiry(self, now: float) -> float:
        return inf if self.config.expire_s is None else now + self.config.expire_s

    def _expire(self, now: float) -> None:
        """Drop what is over: at most what was stored since, so each entry is paid for once."""
        entries = self._entries
        while entries:
            oldest = next(iter(entries))
            entry = entries[oldest]
            if entry.expires_at > now:
                return
            del entries[oldest]
            if self._needed(entry):
                entry.expires_at = self._expiry(now)
                entries[oldest] = entry

    # -- what is counted -----------------------------------------------------------------------------------------

    def stores(self, name: str) -> bool:
        """Tell whether `name` is stored."""
        return any(stored.datum.name == name for stored in self.config.stored)

    def count(self, key: Key, entry: Entry, event: str, events: int, now: float) -> None:
        """Add `events` to what they grow of the entry of `key`, and tell of it."""
        self.grow(entry, event, events, now)
        if self.on_count is not None:
            self.on_count(self, key, event, events)

    def grow(self, entry: Entry, event: str, events: int, now: float) -> None:
        """Add `events` to what they grow of `entry`."""
        data, now_ms = entry.data, int(now * 1000)
        for at, period_ms in self._grows.get(event, ()):
            datum = data[at]
            if isinstance(datum, Frequency):
                datum.add(now_ms, period_ms, events)
            else:
                data[at] = max(datum + (-events if event == DEPARTURE else events), 0)

    def set(self, key: Key, entry: Entry, name: str, number: int) -> None:
        """Set the data `name` to `number`, where it is stored, and tell of it."""
        place = self._places.get(name)
        if place is not None:
            entry.data[place[0]] = number
            if self.on_count is not None:
                self.on_count(self, key, f"={name}", number)

    def follow(self, key: Key, changes: Mapping[str, int], now: float) -> None:
        """Take in what another process has counted of `key`."""
        gone = not (changes.keys() - {DEPARTURE}) and self.look_at(key, now) is None
        entry = None if gone else self.obtain(key, now)
        for event, number in changes.items() if entry is not None else ():
            assert entry is not None
            if event.startswith("="):
                entry.data[self._places[event[1:]][0]] = number
            else:
                self.grow(entry, event, number, now)

    def datum(self, entry: Entry, name: str, now: float) -> int | None:
        """Return the data `name` of `entry`: a number, or the events of the last period; None when it is not stored."""
        place = self._places.get(name)
        if place is None:
            return None
        datum = entry.data[place[0]]
        return datum.rate(int(now * 1000), place[1]) if isinstance(datum, Frequency) else datum

    def _needed(self, entry: Entry) -> bool:
        """Tell whether an entry stays whatever its age."""
        if entry.trackers:
            return True
        return self._connections >= 0 and entry.data[self._connections] != 0

    def _fill(self, data: Data) -> None:
        """Begin with nothing, as far as `data` has not begun."""
        for stored in self.data[len(data) :]:
            data.append(Frequency() if stored.datum.is_rate else 0)

    @staticmethod
    def _merge(known: Data, other: Data) -> bool:
        """Have of each number the higher one, of each rate the younger one; tell whether that changed any."""
        changed = False
        for at, (one, two) in enumerate(zip(known, other, strict=False)):
            if isinstance(one, Frequency) and isinstance(two, Frequency):
                newer = (two.since_ms, two.current) > (one.since_ms, one.current)
            else:
                newer = isinstance(one, int) and isinstance(two, int) and two > one
            if newer:
                known[at] = two
                changed = True
        return changed


def _short(address: bytes) -> bytes | None:
    """Return an IPv4 address, also out of one that is mapped into IPv6."""
    if len(address) == 4:
        return address
    return address[12:] if address.startswith(_MAPPED) else None
