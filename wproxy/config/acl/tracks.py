"""The entries of stick tables that a connection or a request tracks, by number (manual, "track-sc0")."""

from __future__ import annotations

from wproxy.config.acl.table_facts import TrackedFacts

TRACKS = 3  # how many can be tracked at a time


class Tracks:
    """What is tracked; `release` is its end."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[TrackedFacts | None] = [None] * TRACKS

    def set(self, number: int, entry: TrackedFacts) -> None:
        """Track `entry` as number `number`."""
        self._entries[number] = entry

    def of(self, number: int) -> TrackedFacts | None:
        """Return what is tracked as number `number`."""
        return self._entries[number]

    def all(self) -> list[TrackedFacts]:
        """Return all that is tracked."""
        return [entry for entry in self._entries if entry is not None]

    def count(self, event: str, events: int = 1, *, hidden_by: Tracks | None = None) -> None:
        """Count `events` of all entries but those in whose place `hidden_by` tracks something."""
        for number, entry in enumerate(self._entries):
            if entry is not None and (hidden_by is None or hidden_by.of(number) is None):
                entry.count(event, events)

    def release(self) -> None:
        """Track nothing any longer."""
        for number, entry in enumerate(self._entries):
            if entry is not None:
                entry.release()
                self._entries[number] = None
