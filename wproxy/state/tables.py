"""Entries of stick tables as they go from process to process, in JSON.

By table, [key as text, server, number, end], and behind them what is stored, by its name: a number, or the parts of a
rate. An entry that never ends has no end (null). What is counted goes as changes: by table and key, how many events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from wproxy.config.acl.samples import text_of
from wproxy.config.table_data import CONNECTION, CURRENT, DEPARTURE
from wproxy.protocols.bus import Json
from wproxy.state.frequency import Frequency
from wproxy.state.registry import Registry
from wproxy.state.stick import Data, Entry, Key, LiveTable

Entries = dict[str, list[Json]]
Changes = dict[str, dict[str, dict[str, int]]]
"""By table, by key as text, by event."""


def row(key: str, entry: Entry) -> list[Json]:
    """Return one entry, as far as it is about a server."""
    return [key, entry.server_name, entry.server_id, None if entry.expires_at == inf else entry.expires_at]


def whole_row(table: LiveTable, key: str, entry: Entry, *, heir: bool = False) -> list[Json]:
    """Return one entry with all that is stored; an `heir` has none of the connections."""
    data = {
        each.text: datum.parts() if isinstance(datum, Frequency) else datum
        for each, datum in zip(table.data, entry.data, strict=True)
        if not (heir and each.datum.name == CURRENT)
    }
    return [*row(key, entry), data] if data else row(key, entry)


def all_entries(registry: Registry, now: float) -> Entries:
    """Return the entries of all tables that have any."""
    tables = {name: [whole_row(table, *each) for each in table.entries(now)] for name, table in registry.tables.items()}
    return {name: rows for name, rows in tables.items() if rows}


def learn(registry: Registry, entries: Mapping[str, Sequence[Json]], now: float) -> Entries:
    """Take in what another process has stored; return what of it is new here."""
    new: Entries = {}
    for name, rows in entries.items():
        table = registry.tables.get(name)
        for each in rows if table is not None else ():
            text, server_name, server_id, expires_at, *more = each
            assert table is not None
            key = table.key_of(text)
            end = inf if expires_at is None else expires_at
            entry = Entry(server_name, server_id, end, _data(table, more[0]) if more else [])
            if key is not None and table.learn(key, entry, now):
                new.setdefault(name, []).append(each)
    return new


def _data(table: LiveTable, told: Mapping[str, Json]) -> Data:
    """Return what `told` has of the data of `table`."""
    data: Data = []
    for stored in table.data:
        datum = told.get(stored.text)
        if stored.datum.is_rate:
            data.append(Frequency(*datum) if datum else Frequency())
        else:
            data.append(datum or 0)
    return data


def follow(registry: Registry, changes: Changes, now: float) -> None:
    """Count what another process has counted."""
    for name, keys in changes.items():
        table = registry.tables.get(name)
        for text, events in keys.items() if table is not None else ():
            assert table is not None
            key = table.key_of(text)
            if key is not None:
                table.follow(key, events, now)


class Counted:
    """What was counted here and has not been told to others yet."""

    __slots__ = ("_changes",)

    def __init__(self) -> None:
        self._changes: dict[tuple[str, Key], dict[str, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._changes)

    def note(self, table: LiveTable, key: Key, event: str, number: int) -> None:
        """Take note of events, or of the number that a datum was set to (`=name`)."""
        changes = self._changes.setdefault((table.name, key), {})
        if event.startswith("="):
            changes.pop(event[1:], None)  # what was counted up to now is part of it
            changes[event] = number
        else:
            changes[event] = changes.get(event, 0) + number

    def take(self) -> Changes:
        """Return all of it, and begin anew."""
        taken: Changes = {}
        for (name, key), events in self._changes.items():
            taken.setdefault(name, {})[text_of(key)] = events
        self._changes = {}
        return taken


class Connections:
    """How many connections another process has counted as there, by table and key: they end when it does."""

    __slots__ = ("_current",)

    def __init__(self) -> None:
        self._current: dict[tuple[str, str], int] = {}

    def note(self, changes: Changes) -> None:
        """Take note of what came and what left."""
        for name, keys in changes.items():
            for key, events in keys.items():
                current = self._current.get((name, key), 0) + events.get(CONNECTION, 0) - events.get(DEPARTURE, 0)
                if current:
                    self._current[name, key] = current
                else:
                    self._current.pop((name, key), None)

    def departed(self) -> Changes:
        """Return the end of all of them."""
        made: Changes = {}
        for (name, key), current in self._current.items():
            made.setdefault(name, {})[key] = {DEPARTURE: current}
        self._current = {}
        return made
