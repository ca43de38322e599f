"""What the supervisor keeps of where keys may lie, while the worker that moves them is told of new weights."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import orjson

from wproxy.config.loader import parse
from wproxy.crew.role import Duty, Role
from wproxy.crew.supervisor import Supervisor
from wproxy.protocols.bus import LENGTH_BYTES, Kind, Message
from wproxy.state.control import Control
from wproxy.state.registry import Registry

CONFIGURATION = """
global
    nbthread 2
listen main
    mode redis
    balance key
    bind 127.0.0.1:1
    server a 127.0.0.1:2 weight 30
    server b 127.0.0.1:3 weight 70
"""


class Channel:
    """Takes state at once."""

    waiting = 0
    open = True

    def __init__(self, happened: list[Any]) -> None:
        self._happened = happened

    def send_bytes(self, data: bytes) -> None:
        _, state = orjson.loads(data[LENGTH_BYTES:])
        self._happened.append(state["number"])

    def send(self, *_: object) -> None:
        """Take the rest."""


class World:
    """A supervisor and, after `join`, a worker of which only what it is sent is there."""

    def __init__(self) -> None:
        config = parse(CONFIGURATION, "cfg", {})
        self.registry = Registry(config, 100, 0.0)
        self.backend = self.registry.backends["main"]
        self.control = Control(self.registry, lambda: 0.0)
        self.happened: list[Any] = []
        bus = SimpleNamespace(listening=SimpleNamespace(setblocking=lambda _: None), token="secret")
        loop = SimpleNamespace(
            time=lambda: 0.0, call_soon=lambda *_: None, call_later=lambda *_: None, add_reader=lambda *_: None
        )
        role = Role(Duty.SUPERVISOR, workers=2, bus=cast("Any", bus))
        self.supervisor = Supervisor(role, self.control, cast("Any", loop), lambda *_: None, lambda *_: None)
        self.supervisor.on_places = lambda: self.happened.append(self.weights)
        self.supervisor.start()
        self.channel = cast("Any", Channel(self.happened))

    @property
    def weights(self) -> list[int]:
        """What is kept for the next process: a's weight in each table."""
        return [table["a"] for table in self.backend.places]

    def join(self, number: int = 1) -> None:
        hello = {"token": "secret", "number": number, "pid": 0, "since": 0.0, "records": {}, "held": {}}
        self.supervisor._strangers.add(self.channel)
        self.says(Kind.HELLO, hello)

    def set_weight(self, weight: int) -> None:
        self.control.set_weight(self.backend.by_name["a"], str(weight))
        self.supervisor.changed()

    def says(self, kind: Kind, body: object) -> None:
        self.supervisor._receive(self.channel, Message(kind, body))

    def tells(self, *weights: int) -> None:
        self.says(Kind.PLACES, {"main": [{"a": weight, "b": 70} for weight in weights]})


def test_new_weights_are_kept_before_the_worker_hears_of_them() -> None:
    """It may move keys and end before it has told anything, and the next one has to look for them."""
    world = World()
    world.join()
    world.says(Kind.DONE, 1)
    assert (world.weights, world.happened) == ([30], [1])
    world.set_weight(50)
    world.set_weight(20)
    assert world.happened == [1, [30, 50], 2, [30, 50, 20], 3]


def test_what_the_worker_tells_counts_when_it_knows_the_last_weights() -> None:
    world = World()
    world.join()
    world.says(Kind.DONE, 1)
    world.set_weight(50)
    world.set_weight(20)
    world.tells(30, 50)
    world.says(Kind.DONE, 2)
    assert world.weights == [30, 50, 20]
    world.tells(50, 20)
    assert world.weights == [30, 50, 20]
    world.says(Kind.DONE, 3)
    assert (world.weights, world.happened[-1]) == ([50, 20], [50, 20])
    world.tells(20)
    assert (world.weights, world.happened[-1]) == ([20], [20])


def test_weights_that_no_worker_has_heard_of_are_not_taken_for_some_by_which_keys_lie() -> None:
    world = World()
    world.set_weight(50)
    assert world.weights == [30]
    world.join(2)  # who moves no keys
    assert (world.weights, world.happened) == ([30], [2])
    world.join(1)
    assert (world.weights, world.happened) == ([30, 50], [2, 2, [30, 50]])


def test_a_worker_that_is_found_to_be_gone_keeps_no_news_from_the_others() -> None:
    world = World()
    gone, there = Channel([]), Channel(world.happened)
    for number, channel in enumerate((gone, there), 1):
        world.channel = cast("Any", channel)
        world.join(number)
        world.says(Kind.DONE, 1)
    world.happened.clear()
    cast("Any", gone).send_bytes = lambda _: world.supervisor._lost(cast("Any", gone))  # as by a broken pipe
    world.set_weight(50)
    assert [member.number for member in world.supervisor.members] == [2]
    assert world.happened[0] == [30, 50]
    assert len(world.happened) > 1, "the other one was told"
