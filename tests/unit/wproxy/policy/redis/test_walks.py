"""Long random walks over the chain of epochs, each with its own habits, so that rare chains of faults come about."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from tests.unit.wproxy.policy.redis.servers import World

SERVERS = ("a", "b", "c")
TAG = "{t}"
WORDS = ("SET", "GET", "DEL", "APPEND", "PERSIST", "SETEX", "MGET", "MSET", "RENAME")
LASTING = ("SET", "GET", "APPEND", "PERSIST", "MGET", "MSET")  # after them every key is still there
BREAKS = ("before", "between", "after", "late", "late removal")
WALKS = 60  # of each seed


class Walk:
    """A world and what happens in it: how often each thing does is drawn once for the whole walk."""

    def __init__(self, draw: random.Random, *, backups: bool) -> None:
        self._draw = draw
        self.world = World(SERVERS, (TAG,))
        self._number = 0
        breaks = BREAKS[:1] if backups else BREAKS  # an old copy and a broken move: which one is old nobody can tell
        self._breaks = draw.sample(breaks, draw.randrange(1, len(breaks) + 1))
        self._broken = draw.choice((0.0, 0.1, 0.3, 0.6))
        words = LASTING if backups else WORDS
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
def test_every_answer_is_one_redis(seed: int, backups: bool) -> None:
    draw = random.Random(seed)
    for number in range(WALKS):
        walk = Walk(draw, backups=backups)
        try:
            walk.go(300)
        except BaseException as error:
            error.add_note(f"walk {number} of seed {seed}")
            raise
