"""The chain of epochs with simulated servers: every answer is the one that one plain Redis would have given."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.wproxy.policy.redis.servers import World, drive
from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.actions import Ask, Key, Move, Refuse
from wproxy.policy.redis.epochs import Chain, Fence

SERVERS = ("a", "b", "c")
TAGS = ("{s}", "{t}")
NAMES = ("x", "y")
SLOT = slot_of(b"{t}")

servers = st.sampled_from(SERVERS)
tags = st.sampled_from(TAGS)
owners = st.dictionaries(tags, servers, min_size=1)
numbers = st.integers(0, 11)
breaks = st.sampled_from(["", "", "", "", "before", "between", "after", "late", "late removal"])
events = st.lists(st.tuples(numbers, breaks), max_size=12)
words = st.sampled_from(["SET", "GET", "DEL", "APPEND", "PERSIST", "SETEX", "MGET", "MSET", "DEL*", "RENAME"])


class Rebalancing(RuleBasedStateMachine):
    """Commands, changes, drains, scans, crashes, moves that break: in any order, with everything under way at will."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(SERVERS, TAGS)
        self.number = 0

    @initialize()
    def begin(self) -> None:
        for tag in TAGS:
            self.world.ask("SET", "large#", keys=[tag + "x"])
            self.world.ask("SET", "1", keys=[tag + "y"])
        self.happen([(number, "") for number in range(20)])

    def happen(self, events: list[tuple[int, str]]) -> None:
        for number, broken in events:
            self.world.happen(number, broken)

    @rule(tag=tags, names=st.permutations(NAMES), database=st.sampled_from([0, 0, 0, 1]), word=words, events=events)
    def command(self, tag: str, names: list[str], database: int, word: str, events: list[tuple[int, str]]) -> None:
        self.number += 1
        value = f"{self.number}" + "#" * (5 * (self.number % 3 == 0))
        several = word in ("MGET", "MSET", "DEL*", "RENAME")
        keys = [tag + name for name in (names if several else names[:1])]
        self.world.ask(word.strip("*"), value, "4", keys=keys, database=database)
        self.happen(events)

    @rule(changes=st.lists(owners, min_size=1, max_size=3), events=events)
    def change(self, changes: list[dict[str, str]], events: list[tuple[int, str]]) -> None:
        for each in changes:
            self.world.change(each)
        self.happen(events)

    @rule(drained=servers, heir=servers, events=events)
    def drain(self, drained: str, heir: str, events: list[tuple[int, str]]) -> None:
        self.world.change({tag: heir for tag in TAGS if self.world.owner(tag) is self.world.servers[drained]})
        self.happen(events)

    @rule(name=servers, events=events)
    def scan(self, name: str, events: list[tuple[int, str]]) -> None:
        self.world.scan(name)
        self.happen(events)

    @rule(seconds=st.integers(1, 3))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds

    @rule(name=servers, executed=st.integers(0, 3), events=events)
    def crash(self, name: str, executed: int, events: list[tuple[int, str]]) -> None:
        self.world.crash(name, executed)
        self.happen(events)
        self.world.servers[name].up = True

    @rule(name=servers, full=st.booleans())
    def fill(self, name: str, full: bool) -> None:
        self.world.servers[name].full = full

    @rule()
    def rest(self) -> None:
        self.world.settle()
        self.world.check_at_rest()

    @invariant()
    def nothing_is_lost(self) -> None:
        world = self.world
        for key, value in world.reference.items():
            if value[1] is None or value[1] > world.now:
                assert any(server.data.get(key) == value for server in world.servers.values()), key

    def teardown(self) -> None:
        self.world.settle()
        self.world.check_at_rest()


Rebalancing.TestCase.settings = settings(max_examples=500, stateful_step_count=40)
test_rebalancing = Rebalancing.TestCase


@pytest.fixture
def world() -> World:
    return World(SERVERS, TAGS)


def moves(world: World) -> int:
    return sum(isinstance(step, Move) for step in world.steps)


def test_two_changes_in_one_window_with_an_untouched_key(world: World) -> None:
    world.ask("SET", "1", keys=["{t}x"])
    world.change({"{t}": "b"})
    drive(world, lambda: not world.servers["a"].replies and not world.chain.moving[SLOT].holding)
    world.change({"{t}": "c"})
    read = world.ask("GET", keys=["{t}x"])
    drive(world, lambda: read.done)
    assert read.answer == [("1", None)]
    assert list(world.chain.epochs) == [1, 2]
    world.settle()
    world.check_at_rest()


def test_set_in_flight_on_the_old_owner_while_its_slot_moves(world: World) -> None:
    written = world.ask("SET", "1", keys=["{t}x"])
    world.change({"{t}": "b"})
    read = world.ask("GET", keys=["{t}x"])
    assert not world.steps
    assert not world.servers["b"].link
    drive(world, lambda: read.done)
    assert written.answer == read.answer == [("1", None)]


def test_an_old_copy_left_on_the_first_owner(world: World) -> None:
    world.ask("SET", "1", keys=["{t}x"])
    world.change({"{t}": "b"})
    removed = world.ask("DEL", keys=["{t}x"])
    drive(world, lambda: moves(world) == 1)
    world.step(0, broken="between")
    assert len([name for name in "ab" if world.servers[name].data]) == 2
    world.change({"{t}": "c"})
    drive(world, lambda: removed.done)
    assert removed.answer == [True]
    assert not any(server.data for server in world.servers.values())


def test_del_during_a_move(world: World) -> None:
    world.ask("SET", "1", keys=["{t}x"])
    world.change({"{t}": "b"})
    read = world.ask("GET", keys=["{t}x"])
    drive(world, lambda: moves(world) == 1)
    removed, again = world.ask("DEL", keys=["{t}x"]), world.ask("GET", keys=["{t}x"])
    drive(world, lambda: again.done)
    assert (read.answer, removed.answer, again.answer) == ([("1", None)], [True], [None])


def test_a_command_behind_a_second_change_does_not_go_where_its_key_was_at_home_before(world: World) -> None:
    world.ask("SET", "1", keys=["{t}x"])
    world.change({"{t}": "b"})
    read = world.ask("GET", keys=["{t}x"])
    drive(world, lambda: read.done)
    assert world.chain.homes.owners == {b"{t}x": "b"}
    world.change({"{t}": "c"})
    assert not world.chain.homes.owners
    written = world.ask("APPEND", "2", keys=["{t}x"])
    assert all(isinstance(item, Fence) for item in world.servers["b"].link)
    drive(world, lambda: written.done)
    assert written.answer == [("12", None)]
    assert world.chain.homes.owners == {b"{t}x": "c"}


def test_a_key_that_the_background_finds_elsewhere_is_at_home_no_more_until_it_is_settled(
    world: World,
) -> None:
    world.ask("SET", "1", keys=["{t}x"])
    world.change({"{t}": "b"})
    read = world.ask("GET", keys=["{t}x"])
    drive(world, lambda: read.done)
    world.servers["a"].data[0, b"{t}x"] = ("old", None)  # a command that came late
    world._do(world.chain.moving[SLOT].background((0, b"{t}x")))
    assert not world.chain.homes.owners
    again = world.ask("GET", keys=["{t}x"])
    assert not world.servers["b"].link
    drive(world, lambda: again.done)
    assert again.answer == [("1", None)]
    assert (0, b"{t}x") not in world.servers["a"].data


def test_keys_of_slots_that_move_no_more_are_forgotten(world: World) -> None:
    room = world.chain.homes.room_bytes
    world.ask("SET", "1", keys=["{t}x"])
    world.change({"{t}": "b"})
    reads = [world.ask("GET", keys=["{t}x"], database=database) for database in range(2)]
    drive(world, lambda: all(read.done for read in reads))
    assert world.chain.homes.room_bytes < room
    world.settle()
    assert (world.chain.homes.owners, world.chain.homes.room_bytes) == ({}, room)


def test_a_dead_old_owner_refuses_and_keeps_the_epoch_open(world: World) -> None:
    world.ask("SET", "1", keys=["{t}x"])
    drive(world, lambda: bool(world.servers["a"].data))
    world.crash("a", 0)
    world.change({"{t}": "b"})
    read = world.ask("GET", keys=["{t}x"])
    drive(world, lambda: read.done)
    assert read.refused
    assert world.chain.epochs
    world.servers["a"].up = True
    read = world.ask("GET", keys=["{t}x"])
    drive(world, lambda: read.done)
    assert read.answer == [("1", None)]


def test_a_large_key_is_used_where_it_is_until_the_background_moves_it(world: World) -> None:
    world.ask("SET", "large#", keys=["{t}x"])
    world.change({"{t}": "b"})
    grown = world.ask("APPEND", "!", keys=["{t}x"])
    drive(world, lambda: grown.done)
    assert world.servers["a"].data == {(0, b"{t}x"): ("large#!", None)}
    world.settle()
    assert world.servers["b"].data == {(0, b"{t}x"): ("large#!", None)}


def give(slots: range, old: str, new: str) -> dict[int, tuple[str, str]]:
    return dict.fromkeys(slots, (old, new))


def test_epochs_end_each_when_its_own_slots_are_given() -> None:
    chain = Chain(100)
    first = chain.change(give(range(10), "a", "b"), 1.0)
    chain.fenced(first[0], 1.5)
    started = chain.look("a")
    second = chain.change(give(range(5), "b", "c") | give(range(10, 20), "a", "b"), 2.0)
    assert {fence.server: len(fence.slots) for fence in second} == {"b": 5, "a": 10}
    for fence in second:
        chain.fenced(fence, 2.5)
    assert [(epoch.number, epoch.slots, epoch.left) for epoch in chain.epochs.values()] == [(1, 10, 10), (2, 15, 15)]
    chain.cleared("a", started)
    assert list(chain.epochs) == [2]
    assert sorted(chain.givers) == ["a", "b"]
    chain.cleared("b", chain.debts("b"))
    assert sorted(chain.cleared("a", chain.debts("a"))) == list(range(10, 20))
    assert not chain.epochs
    assert not chain.moving


def test_a_scan_that_began_before_a_slot_was_lost_again_says_nothing_about_it() -> None:
    chain = Chain(100)
    for fence in chain.change({0: ("a", "b")}, 1.0):
        chain.fenced(fence, 1.0)
    started = chain.debts("a")
    for pair in (("b", "a"), ("a", "b")):
        for fence in chain.change({0: pair}, 2.0):
            chain.fenced(fence, 2.0)
    chain.cleared("a", started)
    assert chain.owes("a") == 1


def test_a_change_taken_back_before_it_is_in_force_leaves_nothing() -> None:
    chain = Chain(100)
    fences = chain.change({0: ("a", "b")}, 1.0)
    assert chain.change({0: ("b", "a")}, 1.0) == []
    assert not chain.epochs
    assert chain.fenced(fences[0], 1.1) == []
    assert chain.forget_finished([0]) == [0]


def test_a_window_ends_epochs_without_a_scan() -> None:
    chain = Chain(100)
    for now, slots in ((1.0, range(10)), (100.0, range(10, 20))):
        for fence in chain.change(give(slots, "a", "b"), now):
            chain.fenced(fence, now + 1)
    assert chain.outlived(301.0, 300.0) == []
    assert len(chain.outlived(302.0, 300.0)) == 10
    assert chain.slots_left == 10
    assert len(chain.outlived(401.0, 300.0)) == 10
    assert not chain.epochs


@dataclass(eq=False)
class Appended:
    """A client's command that may make a key where it is executed."""

    keys: tuple[Key, ...] = ((0, b"large"),)


def test_a_slot_whose_keys_were_used_on_the_server_meanwhile_is_looked_at_once_more() -> None:
    chain, command = Chain(100), Appended()
    for fence in chain.change({0: ("a", "b")}, 1.0):
        chain.fenced(fence, 1.0)
    debts = chain.look("a")
    chain.moving[0].command(command)
    chain.moving[0].asked(command.keys[0], 1000)
    assert chain.cleared("a", debts) == []
    debts = chain.look("a")
    chain.moving[0].replied(command)  # it may have been executed behind the look
    assert chain.cleared("a", debts) == []
    again = Appended()
    assert chain.moving[0].command(again) == [Ask(0, "a", again.keys[0])]  # it is known no more where it is
    chain.moving[0].asked(again.keys[0], 1000)
    chain.moving[0].replied(again)
    chain.look("a")
    chain.moving[0].command(again)
    chain.moving[0].asked(again.keys[0], None)
    assert chain.cleared("a", chain.look("a")) == [0]


# Long random walks, each with its own habits, so that rare chains of faults come about.
TAG = "{t}"
WALKED_WORDS = ("SET", "GET", "DEL", "APPEND", "PERSIST", "SETEX", "MGET", "MSET", "RENAME")
LASTING = ("SET", "GET", "APPEND", "PERSIST", "MGET", "MSET")  # after them every key is still there
WALKED_BREAKS = ("before", "between", "after", "late", "late removal")
WALKS = 60  # of each seed


class Walk:
    """A world and what happens in it: how often each thing does is drawn once for the whole walk."""

    def __init__(self, draw: random.Random, *, backups: bool) -> None:
        self._draw = draw
        self.world = World(SERVERS, (TAG,))
        self._number = 0
        breaks = (
            WALKED_BREAKS[:1] if backups else WALKED_BREAKS
        )  # an old copy and a broken move: which one is old nobody can tell
        self._breaks = draw.sample(breaks, draw.randrange(1, len(breaks) + 1))
        self._broken = draw.choice((0.0, 0.1, 0.3, 0.6))
        words = LASTING if backups else WALKED_WORDS
        self._words = draw.sample(words, draw.randrange(3, len(words) + 1))
        self._actions: Sequence[Callable[[], None]] = (
            self._happen, self._ask, self._change, self._scan, self._pass_time, self._crash, self._fill, self._rest,
            self._restore_backup,
        )  # fmt: skip
        self._weights = [draw.choice((20, 60)), draw.choice((2, 8)), draw.choice((1, 4)), draw.choice((0, 1, 4)),
                         draw.choice((0, 1)), draw.choice((0, 0, 1)), draw.choice((0, 0, 1)), draw.choice((0, 0.2)),
                         backups * draw.choice((1, 4))]  # fmt: skip

    def go(self, steps: int) -> None:
        for name in ("x", "y"):
            self.world.ask("SET", "1" if name == "x" else "large#", keys=[TAG + name])
        for _ in range(steps):
            self._draw.choices(self._actions, self._weights)[0]()
        self._rest()

    def _happen(self) -> None:
        broken = self._draw.choice(self._breaks) if self._draw.random() < self._broken else ""
        self.world.happen(self._draw.randrange(12), broken)

    def _ask(self) -> None:
        self._number += 1
        word = self._draw.choice(self._words)
        value = f"{self._number}" + "#" * (5 * (self._number % 5 == 0))
        names = self._draw.sample(("x", "y"), 2 if word in ("MGET", "MSET", "RENAME") else 1)
        self.world.ask(word, value, "4", keys=[TAG + name for name in names])

    def _change(self) -> None:
        self.world.change({TAG: self._draw.choice(SERVERS)})

    def _scan(self) -> None:
        self.world.scan(self._draw.choice(SERVERS))

    def _pass_time(self) -> None:
        self.world.now += self._draw.randrange(1, 4)

    def _crash(self) -> None:
        name = self._draw.choice(SERVERS)
        self.world.crash(name, self._draw.randrange(3))
        for _ in range(self._draw.randrange(8)):
            self._happen()
        self.world.servers[name].up = True

    def _fill(self) -> None:
        self.world.servers[self._draw.choice(SERVERS)].full = self._draw.random() < 0.3

    def _restore_backup(self) -> None:
        self.world.restore_backup(self._draw.choice(SERVERS), (0, TAG.encode() + self._draw.choice((b"x", b"y"))))

    def _rest(self) -> None:
        self.world.settle()
        self.world.check_at_rest()


@pytest.mark.parametrize("backups", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_long_walks_with_habits_of_their_own(seed: int, backups: bool) -> None:
    draw = random.Random(seed)
    for number in range(WALKS):
        walk = Walk(draw, backups=backups)
        try:
            walk.go(300)
        except BaseException as error:
            error.add_note(f"walk {number} of seed {seed}")
            raise


def test_what_waits_for_a_server_that_died_is_refused_in_every_slot() -> None:
    chain, commands = Chain(100), [Appended(), Appended()]
    chain.change(give(range(2), "a", "b"), 1.0)
    for slot, command in enumerate(commands):
        assert chain.moving[slot].command(command) == []
    assert chain.stuck("b") == []
    assert chain.stuck("a") == [Refuse(slot, command, "a") for slot, command in enumerate(commands)]
