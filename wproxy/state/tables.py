"""Entries of stick tables as they go from process to process, in JSON: by table, [key as text, server, number, end].

An entry that never ends has no end (null).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from wproxy.protocols.bus import Json
from wproxy.state.registry import Registry
from wproxy.state.stick import Entry

Entries = dict[str, list[Json]]


def row(key: str, entry: Entry) -> list[Json]:
    """Return one entry."""
    return [key, entry.server_name, entry.server_id, None if entry.expires_at == inf else entry.expires_at]


def all_entries(registry: Registry, now: float) -> Entries:
    """Return the entries of all tables that have any."""
    tables = {name: [row(*each) for each in table.entries(now)] for name, table in registry.tables.items()}
    return {name: rows for name, rows in tables.items() if rows}


def learn(registry: Registry, entries: Mapping[str, Sequence[Json]], now: float) -> Entries:
    """Take in what another process has stored; return what of it is new here."""
    new: Entries = {}
    for name, rows in entries.items():
        table = registry.tables.get(name)
        for each in rows if table is not None else ():
            text, server_name, server_id, expires_at = each
            assert table is not None
            key = table.key_of(text)
            entry = Entry(server_name, server_id, inf if expires_at is None else expires_at)
            if key is not None and table.learn(key, entry, now):
                new.setdefault(name, []).append(each)
    return new
