"""The moves of one backend, seen from those who must not have one under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from tests.unit.wproxy.state.parties import backend_config, line
from wproxy.config.model import Mode
from wproxy.dataplane.redis.rebalance import Rebalance
from wproxy.dataplane.redis.slot import Slot
from wproxy.policy.balance.key import by_hash, slot_of
from wproxy.policy.redis.actions import Ask, Delete, Move
from wproxy.state.backend import Backend

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
        self.owners = by_hash(self.backend.slots)
        self.asked_for: list[Ask | Move | Delete] = []
        loop = SimpleNamespace(call_later=lambda *_: None, call_soon=lambda *_: None)
        services = SimpleNamespace(clock=lambda: 100.0, loop=loop)
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

    def links_to(self, *_: object) -> list[Any]:
        return []

    def connect(self, *_: object, **__: object) -> Any:
        raise NotImplementedError

    def when_quiet(self, slots: frozenset[int], call: Callable[[], None]) -> None:
        call()


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
