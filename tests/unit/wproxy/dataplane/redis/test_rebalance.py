"""The moves of one backend, seen from those who must not have one under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from tests.unit.wproxy.state.parties import backend_config, line
from wproxy.config.model import Mode
from wproxy.dataplane.redis import rebalance as rebalance_module
from wproxy.dataplane.redis.rebalance import Held, Rebalance
from wproxy.dataplane.redis.slot import Slot
from wproxy.dataplane.redis.watcher import Watcher
from wproxy.policy.balance.key import MOVING, SlotTable, by_hash, slot_of
from wproxy.policy.redis.actions import Ask, Delete, Move
from wproxy.state.backend import Backend
from wproxy.state.server import Admin

if TYPE_CHECKING:
    from wproxy.dataplane.redis.mover import Mover
    from wproxy.dataplane.services import Services


class World:
    """A backend whose server a has just lost some slots to b; the mover only notes what it is to do."""

    def __init__(self) -> None:
        config = replace(
            backend_config(line("a", 50), line("b", 50), balance="key"), mode=Mode.REDIS, redis_window_s=300.0
        )
        self.backend = Backend(config, 0.0)
        self.turn: Any = None
        self.watcher: Watcher | None = None
        self.owners = by_hash(self.backend.slots)
        self.asked_for: list[Ask | Move | Delete] = []
        self.links: list[Any] = []
        self.sent_to: list[tuple[int, int]] = []  # numbers of servers, and databases
        self.fences: list[Any] = []  # on each of the links
        self.quiet: list[Callable[[], None]] | None = None  # who waits for it; None: it is quiet
        self.loop = SimpleNamespace(call_later=lambda *_: None, call_soon=lambda *_: None)
        services = SimpleNamespace(clock=lambda: 100.0, loop=self.loop)
        self.rebalance = Rebalance(self, cast("Services", services))
        self.rebalance.mover = cast("Mover", SimpleNamespace(do=self.asked_for.append, moved=0))
        self.rebalance.begin()
        self.backend.by_name["a"].weight = 20
        self.backend.rebuild()
        self.rebalance.follow()
        moving = self.rebalance.chain.moving
        self.name = next(name for name in (b"%d" % number for number in range(9999)) if slot_of(name) in moving)
        self.slot = slot_of(self.name)

    def link(self, *_: object) -> Any:
        raise NotImplementedError

    def send(self, index: int, raw: bytes, waiting: object, protocol: int, database: int = 0) -> None:
        self.sent_to.append((index, database))

    def links_to(self, *_: object) -> list[Any]:
        return self.links

    def connect(self, *_: object, **__: object) -> Any:
        raise NotImplementedError

    def when_quiet(self, slots: frozenset[int], call: Callable[[], None]) -> None:
        if self.quiet is None:
            call()
        else:
            self.quiet.append(call)

    def give_back(self) -> None:
        """Have a own again all that it has lost."""
        self.backend.by_name["a"].weight = 50
        self.backend.rebuild()
        self.rebalance.follow()


def test_who_wants_nothing_to_move_waits_for_what_is_under_way_and_holds_up_the_rest() -> None:
    world = World()
    rebalance, key, happened = world.rebalance, (0, world.name), list[str]()
    rebalance.send(world.slot, [world.name], b"GET", Slot(Owner()), 2)
    assert world.asked_for == [Ask(world.slot, "a", key)]
    rebalance.pause(lambda: happened.append("first"))
    rebalance.pause(lambda: happened.append("second"))
    assert happened == []
    rebalance.asked(world.slot, key, 5)
    assert happened == ["first", "second"]
    assert len(world.asked_for) == 1  # the move has to wait
    rebalance.resume()
    assert len(world.asked_for) == 1
    rebalance.resume()
    assert world.asked_for[1:] == [Move(world.slot, "a", "b", key, replace=False)]
    rebalance.pause(lambda: happened.append("third"))
    assert happened == ["first", "second"]


def test_nothing_under_way_is_nothing_to_wait_for() -> None:
    world, happened = World(), list[str]()
    world.rebalance.pause(lambda: happened.append("now"))
    assert happened == ["now"]
    world.rebalance.send(world.slot, [world.name], b"GET", Slot(Owner()), 2)
    assert world.asked_for == []
    world.rebalance.resume()
    assert world.asked_for == [Ask(world.slot, "a", (0, world.name))]


def test_a_slot_has_its_new_owner_when_every_link_has_answered_and_it_is_quiet_beside_them() -> None:
    world = World()
    moving = world.rebalance.chain.moving[world.slot]
    assert (moving.owner, moving.holding) == ("b", False)
    world.quiet = []
    world.links = [SimpleNamespace(fence=world.fences.append)] * 2
    world.give_back()
    assert moving.holding
    world.rebalance.send(world.slot, [world.name], b"GET", Slot(Owner()), 2)
    (call,) = world.quiet
    marks = world.fences
    assert len(marks) == 2
    for passed in (lambda: marks[0].answer(b"+PONG\r\n"), call, lambda: marks[1].refused(b"", b"")):
        assert (moving.owner, moving.holding, world.asked_for) == ("b", True, [])
        passed()
    assert (moving.owner, moving.holding) == ("a", False)
    assert world.asked_for == [Ask(world.slot, "b", (0, world.name))]


def test_a_command_goes_to_the_owner_at_once_only_when_its_key_is_known_to_be_there() -> None:
    world = World()
    rebalance, moving = world.rebalance, world.rebalance.chain.moving[world.slot]
    names = [b"else", world.name, world.name + b"{another}"]

    def homes() -> list[int]:
        order = [0, MOVING, MOVING]
        rebalance.find_homes(order, names)
        return order

    assert homes() == [0, MOVING, MOVING]
    moving.command(Held([(0, world.name)], b"", Slot(Owner()), 2, 0))
    moving.asked((0, world.name), None)
    assert homes() == [0, 1, MOVING]
    rebalance.send(world.slot, [world.name], b"GET", Slot(Owner()), 2)
    rebalance.send(world.slot, [world.name], b"GET", Slot(Owner()), 2, 3)
    assert world.sent_to == [(1, 0)]
    world.links = [SimpleNamespace(fence=lambda waiting: None)]
    world.give_back()
    assert homes() == [0, MOVING, MOVING]


def test_a_key_whose_home_was_deleted_is_refused() -> None:
    world = World()
    moving = world.rebalance.chain.moving[world.slot]
    moving.command(Held([(0, world.name)], b"", Slot(Owner()), 2, 0))
    moving.asked((0, world.name), None)
    for server in world.backend.servers:
        server.admin = Admin.FORCED_MAINT
    world.backend.rebuild()
    world.rebalance.follow()
    world.backend.remove(world.backend.by_name["b"])
    world.backend.by_name["a"].admin = Admin.READY
    world.backend.rebuild()
    world.rebalance.follow()
    order, slot = [MOVING], Slot(Owner())
    world.rebalance.find_homes(order, [world.name])
    assert order == [MOVING]
    world.rebalance.send(world.slot, [world.name], b"GET", slot, 2)
    assert slot.reply is not None
    assert b"is gone" in slot.reply


def test_homes_follow_the_numbers_of_the_servers() -> None:
    world = World()
    moving = world.rebalance.chain.moving[world.slot]
    moving.command(Held([(0, world.name)], b"", Slot(Owner()), 2, 0))
    moving.asked((0, world.name), None)
    world.backend.servers.reverse()
    world.backend.slots = SlotTable(("b", "a"), world.backend.slots.weights[::-1])
    world.rebalance.follow()
    order = [MOVING]
    world.rebalance.find_homes(order, [world.name])
    assert order == [0]


def test_what_the_process_before_has_begun_is_taken_for_unknown() -> None:
    world = World()
    key = (0, world.name)
    assert world.rebalance.chain.moving[world.slot]._tenures.place(key) == "a"
    again = Rebalance(world, cast("Services", SimpleNamespace(clock=lambda: 100.0, loop=world.loop)))
    world.backend.places = [{"a": 50, "b": 50}, {"a": 20, "b": 50}]
    again.begin()
    assert again.chain.moving[world.slot]._tenures.place(key) is None


def taken_over(world: World, *places: dict[str, int]) -> Rebalance:
    """Return what goes on behind a process that has left `places`."""
    made = Rebalance(world, cast("Services", SimpleNamespace(clock=lambda: 100.0, loop=world.loop)))
    world.backend.places = list(places)
    made.begin()
    return made


def test_what_was_on_its_way_to_a_server_that_is_gone_is_looked_for_where_it_was() -> None:
    """All was to go from a to a third server, which is not in the configuration any more."""
    world = World()
    again = taken_over(world, {"a": 1, "b": 0, "gone": 0}, {"a": 0, "b": 0, "gone": 1})
    owner = world.backend.slots.owners
    assert again.chain.moving.keys() == {slot for slot, index in enumerate(owner) if index == 1}
    assert {(moving.owner, moving.older) for moving in again.chain.moving.values()} == {("b", ("a",))}


def test_a_server_that_is_gone_has_nothing_to_give() -> None:
    world = World()
    assert not taken_over(world, {"a": 0, "b": 0, "gone": 1}).chain.moving
    later = taken_over(world, {"a": 0, "b": 0, "gone": 1}, {"a": 1, "b": 0, "gone": 0}).chain.moving
    assert {(moving.owner, moving.older) for moving in later.values()} == {("b", ("a",))}


def test_weights_that_change_often_while_keys_cannot_move_are_kept_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebalance_module, "MOST", 4)
    world = World()
    rebalance = world.rebalance
    for weight in range(51, 58):
        world.backend.by_name["b"].weight = weight
        world.backend.rebuild()
        rebalance.follow()
    *places, last = rebalance.places()
    assert last == {"a": 20, "b": 57}
    assert places[:2] == [{"a": 1}, {"b": 1}]
    assert len(places) <= 4
    again = taken_over(world, *places, last)
    for slot, moving in rebalance.chain.moving.items():
        assert {moving.owner, *moving.older} <= {again.chain.moving[slot].owner, *again.chain.moving[slot].older}
