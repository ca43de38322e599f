"""One pass over a server, and what may not be called settled behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from wproxy.dataplane.redis.batch import Fate, Told
from wproxy.dataplane.redis.scanner import Scanner
from wproxy.policy.redis.epochs import Chain

if TYPE_CHECKING:
    from wproxy.dataplane.redis.mover import Mover
    from wproxy.dataplane.services import Services
    from wproxy.policy.redis.actions import Key

EMPTY = b"$10\r\n# Keyspace\r\n"


class World:
    """A server without keys, that has slot 0 to give; the mover is `sure` or not."""

    def __init__(self, *, sure: bool) -> None:
        self.chain = Chain(100)
        for fence in self.chain.change({0: ("a", "b")}, 1.0):
            self.chain.fenced(fence, 1.0)
        self.mover = cast("Mover", SimpleNamespace(send=self._send, make_sure=lambda: sure))
        self.given: list[int] = []

    def _send(self, server: str, raw: bytes, names: Sequence[str], told: Told, database: int) -> None:
        told(Fate.ANSWERED, [EMPTY])

    def background(self, slot: int, key: Key, done: Callable[[bool], None], *, force: bool) -> None: ...

    def settled(self, slots: Sequence[int]) -> None:
        self.given += slots

    def scanned(self, scanner: Scanner) -> None: ...

    def commands(self) -> int:
        return 0


@pytest.mark.parametrize("sure", [True, False])
def test_a_pass_settles_slots_only_when_nothing_can_arrive_late(sure: bool) -> None:
    world = World(sure=sure)

    async def look() -> bool:
        services = SimpleNamespace(loop=asyncio.get_running_loop(), clock=lambda: 1.0)
        return await Scanner("a", world, cast("Services", services))._pass()

    assert asyncio.run(look()) is sure
    assert (world.given, world.chain.owes("a")) == (([0], 0) if sure else ([], 1))
