from __future__ import annotations

import orjson

from wproxy.config.loader import parse
from wproxy.state import tables
from wproxy.state.registry import Registry
from wproxy.state.stick import Entry

CONFIGURATION = """
listen b
    bind 127.0.0.1:1
    stick-table type {kind} size 3 {expire}
    stick on src
    server a 127.0.0.1:2
"""


def registry(kind: str = "ip", expire: str = "expire 10s") -> Registry:
    return Registry(parse(CONFIGURATION.format(kind=kind, expire=expire), "cfg", {}), 100, 0.0)


def test_entries_become_known_elsewhere_once() -> None:
    one, other = registry(), registry()
    one.tables["b"].store(bytes([127, 0, 0, 1]), "a", 1, 5.0)
    entries = orjson.loads(orjson.dumps(tables.all_entries(one, 5.0)))
    assert tables.learn(other, entries, 5.0) == entries
    assert tables.learn(other, entries, 5.0) == {}
    assert other.tables["b"].look_at(bytes([127, 0, 0, 1]), 5.0) == Entry("a", 1, 15.0)


def test_the_younger_entry_wins() -> None:
    one = registry()
    assert tables.learn(one, {"b": [["127.0.0.1", "a", 1, 20.0]]}, 5.0)
    assert not tables.learn(one, {"b": [["127.0.0.1", "c", 2, 19.0]]}, 5.0)
    assert tables.learn(one, {"b": [["127.0.0.1", "c", 2, 21.0]]}, 5.0)


def test_what_is_over_is_not_taken_in() -> None:
    assert tables.learn(registry(), {"b": [["127.0.0.1", "a", 1, 4.0]]}, 5.0) == {}


def test_entries_without_an_end_cross_too() -> None:
    one, other = registry(expire=""), registry(expire="")
    one.tables["b"].store(bytes([127, 0, 0, 1]), "a", 1, 5.0)
    entries = orjson.loads(orjson.dumps(tables.all_entries(one, 5.0)))
    assert tables.learn(other, entries, 5.0)
    assert tables.learn(other, entries, 5.0) == {}
    assert tables.learn(other, {"b": [["127.0.0.1", "c", 2, None]]}, 5.0)


def test_tables_stay_within_their_size_and_unknown_ones_are_passed_over() -> None:
    one = registry()
    rows = [[f"127.0.0.{number}", "a", 1, 20.0 + number] for number in range(5)]
    tables.learn(one, {"b": rows, "other": rows}, 5.0)
    assert one.tables["b"].used(5.0) == 3


def test_a_use_is_told() -> None:
    one = registry()
    used = []
    one.tables["b"].on_use = lambda table, key, entry: used.append((key, entry.expires_at))
    one.tables["b"].store(b"\x7f\0\0\1", "a", 1, 5.0)
    one.tables["b"].find(b"\x7f\0\0\1", 6.0)
    assert used == [(b"\x7f\0\0\1", 15.0), (b"\x7f\0\0\1", 16.0)]
