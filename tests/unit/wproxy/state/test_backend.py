from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.wproxy.state.parties import Waiter, backend, backend_config, line
from wproxy.config.model import HashType, ServerLine
from wproxy.state.backend import Backend
from wproxy.state.server import Admin, Server


def names(servers: list[Server | None]) -> str:
    return "".join(server.name if server else "-" for server in servers)


def test_servers_by_weight_and_by_name() -> None:
    back = backend(line("a", 30), line("b", 70), line("c", 0), line("d", 9, disabled=True))
    assert Counter(names([back.assign() for _ in range(100)])) == {"a": 30, "b": 70}
    assert back.usable == 2
    assert back.running == [True, True, True, False]
    assert [back.by_name[name].server_id for name in "abcd"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("servers", "status", "usable"),
    [((), "UP", 0), ((line(),), "UP", 1), ((line(disabled=True),), "DOWN", 0), ((line(weight=0),), "DOWN", 0)],
)
def test_status(servers: tuple[object, ...], status: str, usable: int) -> None:
    back = backend(*servers)  # type: ignore[arg-type]
    assert (back.status, back.usable, back.assign() is None) == (status, usable, not usable)
    assert back.downtime_s(107.0) == (0 if usable else 7)


def test_a_full_server_is_passed_over() -> None:
    back = backend(line("a", 256, maxconn=1), line("b", 1))
    assert names([back.assign() for _ in range(9)]) == "abbbbbbbb"


def test_a_light_server_with_room_is_found_behind_heavy_full_ones() -> None:
    back = backend(line("a", 256, maxconn=1), line("b", 256, maxconn=1), line("c", 1, maxconn=2))
    assert sorted(names([back.assign() for _ in range(5)])) == ["-", "a", "b", "c", "c"]


def test_the_server_to_avoid_is_taken_only_if_it_is_the_only_one() -> None:
    back = backend(line("a", 256), line("b", 1))
    for _ in range(300):
        assert back.assign(avoid=back.by_name["a"]) is back.by_name["b"]
    alone = backend(line("a"), line("b", 0))
    assert alone.assign(avoid=alone.by_name["a"]) is alone.by_name["a"]
    full = backend(line("a"), line("b", maxconn=0))
    assert full.assign(avoid=full.by_name["a"]) is full.by_name["a"]
    assert full.assign(avoid=None) is full.by_name["a"]


def test_sessions_are_counted() -> None:
    back = backend(line())
    for _ in range(3):
        back.opened(100.0)
    assert (back.current, back.counters.sessions, back.counters.sessions_max) == (3, 3, 3)
    assert back.counters.session_rate.per_second(100.0) == 3


def test_only_balance_key_has_a_table_and_only_weights_change_it() -> None:
    back = backend(line("a", 1), line("b", 1, check=True), balance="key")
    table = back.slots
    assert set(table.owners) == {0, 1}
    back.servers[1].health.pause()
    back.rebuild()
    assert back.usable == 1
    assert back.slots is table  # an outage moves no key
    back.servers[1].weight = 0
    back.rebuild()
    assert set(back.slots.owners) == {0}
    assert set(backend(line("a")).slots.owners) == {-1}


def test_whoever_leaves_the_queue_gets_nothing() -> None:
    back = backend(line(maxconn=1))
    place = back.assign()
    assert place is not None
    first, second = Waiter(1), Waiter(2)
    back.wait(first)
    back.wait(second)
    back.leave(first)
    back.leave(first)
    back.release(place)
    assert (first.got, second.got) == ([], [place])
    assert back.counters.queue_max == 2


def custom(*servers: ServerLine, balance: str = "roundrobin", **more: Any) -> Backend:
    return Backend(replace(backend_config(*servers, balance=balance), **more), 100.0)


def test_backups_serve_only_when_nobody_else_can() -> None:
    servers = line("a"), line("b", backup=True), line("c", backup=True)
    for allbackups, names_of_backups in ((False, "bbbb"), (True, "bcbc")):
        back = custom(*servers, allbackups=allbackups)
        assert names([back.assign() for _ in range(4)]) == "aaaa"
        back.by_name["a"].admin = Admin.FORCED_MAINT
        back.rebuild()
        assert names([back.assign() for _ in range(4)]) == names_of_backups
        assert (back.active, back.backups, back.usable, back.status) == (0, 2, len(set(names_of_backups)), "UP")
        back.by_name["a"].admin = Admin.READY
        back.rebuild()
        assert (names([back.assign()]), back.active) == ("a", 1)


def test_whoever_means_a_server_waits_for_it() -> None:
    back = custom(line("a", maxconn=1, maxqueue=1), line("b", maxconn=1), balance="source", redispatch=-1)
    a, b = back.servers
    assert (back.assign(key=0), back.assign(key=0), back.to_wait_for(key=2)) == (a, None, a)
    first, second, third = Waiter(1), Waiter(2), Waiter(3)
    back.wait(first, a, 0)
    assert (a.queue_full, a.waiting, a.counters.queue_max, a.counters.balanced, b.waiting) == (True, 1, 1, 2, 0)
    back.leave(first)
    back.wait(second, a, 0)
    back.release(a)
    assert (first.got, second.got, a.current) == ([], [a], 1)
    back.wait(third, a, 0)
    a.admin = Admin.FORCED_MAINT
    back.rebuild()
    assert (third.got, back.assign(key=0)) == ([None], b)  # sent away: it asks again and gets the other one


def test_without_redispatch_it_waits_on() -> None:
    back = custom(line("a", maxconn=1), line("b", maxconn=1), balance="source")
    a = back.servers[0]
    back.assign(key=0)
    waiter = Waiter(1)
    back.wait(waiter, a, 0)
    a.admin = Admin.FORCED_DRAIN
    back.rebuild()
    assert waiter.got == []
    back.release(a)
    assert waiter.got == [a]


def test_a_raised_limit_serves_a_servers_queue() -> None:
    back = custom(line("a", maxconn=1), balance="source")
    (a,) = back.servers
    back.assign()
    waiter = Waiter(1)
    back.wait(waiter, a)
    a.maxconn = 2
    back.rebuild()
    assert (waiter.got, a.current) == ([a], 2)


def test_leastconn_sees_every_change_of_load() -> None:
    back = custom(line("a"), line("b"), balance="leastconn")
    a, b = back.servers
    assert [back.assign(), back.assign(), back.assign()] == [a, b, a]
    back.release(a)
    back.release(a)
    assert [back.assign(), back.assign(), back.assign()] == [a, b, a]


@pytest.mark.parametrize(
    ("balance", "hash_type", "static"),
    [
        ("roundrobin", HashType(), False), ("static-rr", HashType(), True), ("source", HashType(), True),
        ("source", HashType(consistent=True), False), ("static-rr", HashType(consistent=True), True),
    ],
)  # fmt: skip
def test_static(balance: str, hash_type: HashType, static: bool) -> None:
    assert custom(line(), balance=balance, hash_type=hash_type).static is static


class Places(RuleBasedStateMachine):
    """Clients come, wait, leave and end in any order, while weights and states change."""

    def __init__(self) -> None:
        super().__init__()
        self.backend = backend(line("a", 3, maxconn=2), line("b", 1, maxconn=1), line("c", 2, maxconn=3))
        self.places: list[Server] = []
        self.waiting: list[Waiter] = []
        self.arrived = 0

    @rule()
    def arrive(self) -> None:
        server = self.backend.assign()
        if server is not None:
            self.places.append(server)
            return
        self.arrived += 1
        self.waiting.append(Waiter(self.arrived))
        self.backend.wait(self.waiting[-1])

    @precondition(lambda self: self.places)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.backend.release(self.places.pop(data.draw(st.integers(0, len(self.places) - 1))))
        self.collect()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.backend.leave(self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1))))

    @rule(at=st.integers(0, 2), weight=st.sampled_from([0, 1, 256]), maint=st.booleans())
    def change(self, at: int, weight: int, maint: bool) -> None:
        server = self.backend.servers[at]
        server.weight = weight
        server.admin = Admin.FORCED_MAINT if maint else Admin.READY
        self.backend.rebuild()
        self.collect()

    def collect(self) -> None:
        """Take those from the queue who got a place: the first in order, and nobody else."""
        while self.waiting and self.waiting[0].got:
            (server,) = self.waiting.pop(0).got
            assert server is not None
            self.places.append(server)

    @invariant()
    def nobody_is_lost_and_nobody_overtakes(self) -> None:
        assert not any(waiter.got for waiter in self.waiting)
        assert list(self.backend.queue) == self.waiting

    @invariant()
    def places_are_counted_and_bounded(self) -> None:
        taken = Counter(server.name for server in self.places)
        for server in self.backend.servers:
            assert server.current == taken[server.name] <= (server.maxconn or 0)

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        if self.waiting:
            assert all(server.full or not server.usable for server in self.backend.servers)


Places.TestCase.settings = settings(max_examples=60)
TestPlaces = Places.TestCase


@pytest.mark.parametrize(("balance", "overtakes"), [("roundrobin", False), ("leastconn", True), ("first", False)])
def test_a_limit_with_minconn_grows_with_the_sessions(balance: str, overtakes: bool) -> None:
    config = backend_config(replace(line(maxconn=4), minconn=1), balance=balance)
    back = Backend(config, 100.0, fullconn=8)
    waiter = Waiter(1)
    back.opened(100.0)
    assert names([back.assign()]) == "a"
    back.opened(100.0)
    assert back.assign() is None
    back.wait(waiter)
    for _ in range(2):
        back.opened(100.0)
    assert back.servers[0].limit == 2
    assert (back.assign() is not None) is overtakes  # newcomers stand in line, but for some algorithms, as in HAProxy
    back.release(back.servers[0])
    assert len(waiter.got) == 1


def test_a_server_that_is_waited_for_is_not_free() -> None:
    back = Backend(backend_config(replace(line(maxconn=4), minconn=1), balance="source"), 100.0, fullconn=4)
    back.opened(100.0)
    assert back.assign() is not None
    back.wait(Waiter(1), back.to_wait_for())
    for _ in range(3):
        back.opened(100.0)
    assert not back.servers[0].full
    assert back.assign() is None
