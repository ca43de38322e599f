"""Stick tables: which server a client was sent to, remembered for a time and up to a number (manual, "stick-table").

All entries live equally long after their last use, so the order of use is the order of expiry: a dict in that order
makes looking up, remembering, expiring and making room cost the same whatever the size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from wproxy.config.acl.facts import Value
from wproxy.config.acl.samples import address_of, number_of, text_of
from wproxy.config.model import StickKind, StickTable

Key = int | bytes | str

_NUMBER = re.compile(r"[0-9]{1,19}")
_MAPPED = bytes(10) + b"\xff\xff"


@dataclass(slots=True)
class Entry:
    """What is known of one key: the server's name and number, and until when."""

    server_name: str
    server_id: int
    expires_at: float


class LiveTable:
    """The entries of one table; `now` is the clock of `state`, never going back."""

    __slots__ = ("_entries", "config", "name", "on_use")

    def __init__(self, config: StickTable) -> None:
        self.config = config
        self.name = config.name
        self._entries: dict[Key, Entry] = {}
        self.on_use: Callable[[LiveTable, Key, Entry], None] | None = None  # called when an entry is new or younger

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
        entry = Entry(server_name, server_id, self._expiry(now))
        self._put(key, entry, now)
        if self.on_use is not None:
            self.on_use(self, key, entry)

    def learn(self, key: Key, entry: Entry, now: float) -> bool:
        """Take in what another process has stored or used; tell whether that was not known, or younger."""
        known = self.look_at(key, now)
        if known is not None and known.expires_at >= entry.expires_at and known.expires_at != inf:
            return False
        if known == entry or entry.expires_at <= now:
            return False
        self._put(key, entry, now)
        return True

    def _put(self, key: Key, entry: Entry, now: float) -> None:
        self._expire(now)
        entries = self._entries
        if entries.pop(key, None) is None and len(entries) >= self.config.size:
            if self.config.nopurge:
                return
            del entries[next(iter(entries))]
        entries[key] = entry

    def forget(self, key: Key) -> None:
        """Remove one entry, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()

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
            if entries[oldest].expires_at > now:
                return
            del entries[oldest]


def _short(address: bytes) -> bytes | None:
    """Return an IPv4 address, also out of one that is mapped into IPv6."""
    if len(address) == 4:
        return address
    return address[12:] if address.startswith(_MAPPED) else None
