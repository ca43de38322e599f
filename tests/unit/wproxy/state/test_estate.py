"""What a process leaves, as the next one takes it over: only where it is about the same."""

from __future__ import annotations

from math import inf

import orjson
import pytest

from tests.unit.wproxy.state.parties import Clock, config, line
from wproxy.config.model import Config, StickKind, StickTable
from wproxy.state import estate, tables
from wproxy.state.control import Control
from wproxy.state.registry import Registry
from wproxy.state.stick import Entry


def control(clock: Clock, *names: str, check: bool = True) -> Control:
    return Control(Registry(config(*(line(name, check=check) for name in names)), 100, clock()), clock)


def left_by(old: Control) -> object:
    return orjson.loads(orjson.dumps(estate.parties(old.registry, old.clock())))


def test_a_server_that_is_down_stays_down_and_its_outages_count_on() -> None:
    clock = Clock()
    old = control(clock, "a", "b")
    server = old.registry.backends["back"].servers[0]
    old.set_down(server)
    server.check_counters.failed = 7
    clock.now += 10.5
    new = control(clock, "a", "c")
    estate.take_over(new, left_by(old))
    taken, other = new.registry.backends["back"].servers
    clock.now += 1.0
    assert (taken.status, other.status) == ("DOWN", "UP 1/3")
    assert (taken.check_counters.failed, taken.downtime.outages, taken.downtime_s(clock())) == (7, 1, 11)
    assert taken.changed_at == 100.0
    assert new.registry.backends["back"].usable == 1


def test_what_is_known_of_other_checks_says_nothing() -> None:
    clock = Clock()
    old = control(clock, "a")
    old.set_down(old.registry.backends["back"].servers[0])
    new = control(clock, "a", check=False)
    estate.take_over(new, left_by(old))
    assert new.registry.backends["back"].servers[0].status == "no check"


@pytest.mark.parametrize(("expire_s", "parts"), [(60, [2000, 500]), (None, [2000, 500])])
def test_entries_come_in_parts_in_their_order(expire_s: int | None, parts: list[int]) -> None:
    table = StickTable("t", StickKind.INTEGER, 5000, expire_s)
    registry = Registry(Config(tables=(table,)), 100, 0.0)
    for key in range(2500):
        registry.tables["t"].store(key, "a", 1, 10.0 + key / 1000)
    told = list(estate.entries(registry, 13.0))
    assert [len(part["t"]) for part in told] == parts
    heir = Registry(Config(tables=(table,)), 100, 13.0)
    for part in told:
        tables.learn(heir, part, 13.0)
    assert list(heir.tables["t"].entries(13.0)) == list(registry.tables["t"].entries(13.0))
    assert heir.tables["t"].look_at(7, 13.0) == Entry("a", 1, inf if expire_s is None else 10.007 + expire_s)


def test_only_what_was_used_since_where_that_can_be_known() -> None:
    tables_ = (
        StickTable("short", StickKind.INTEGER, 100, 60),
        StickTable("lasting", StickKind.INTEGER, 100),
    )
    registry = Registry(Config(tables=tables_), 100, 0.0)
    for table in registry.tables.values():
        table.store(1, "a", 1, 10.0)
        table.store(2, "a", 1, 20.0)
    parts = list(estate.entries(registry, 21.0, 15.0))
    told = {name: [row[0] for row in rows] for part in parts for name, rows in part.items()}
    assert told == {"short": ["2"], "lasting": ["1", "2"]}
