"""Servers to choose among, with loads that a test sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wproxy.policy.balance import Balancer, Candidates, Draws

SIXTEENTHS = 16


@dataclass
class Load:
    current: int = 0
    waiting: int = 0
    limit: int = 10**9
    maxqueue: int = 0

    @property
    def full(self) -> bool:
        return self.current >= self.limit

    @property
    def crowded(self) -> bool:
        return self.current + self.waiting >= self.limit + self.maxqueue


class Servers:
    """An algorithm over servers of `weights`; `limits` are what each may serve."""

    def __init__(
        self,
        make: Callable[[Candidates], Balancer],
        weights: Sequence[int],
        limits: Sequence[int] = (),
        *,
        configured: Sequence[int] = (),
        draws: int = 2,
        avalanche: bool = False,
        maxqueue: int = 0,
    ) -> None:
        self.loads = [Load(maxqueue=maxqueue) for _ in weights]
        for load, limit in zip(self.loads, limits, strict=False):
            load.limit = limit
        self.balancer = make(
            Candidates(
                ids=range(1, len(weights) + 1),
                weights=[weight * SIXTEENTHS for weight in weights],
                configured=configured or weights,
                loads=self.loads,
                draw=Draws(7),
                draws=draws,
                avalanche=avalanche,
            )
        )

    def pick(self, key: int = 0, avoid: int = -1) -> int:
        return self.balancer.pick(key, avoid)

    def take(self, count: int = 1, avoid: int = -1) -> list[int]:
        """Pick and load whoever is picked, `count` times."""
        taken = []
        for _ in range(count):
            index = self.pick(avoid=avoid)
            if index >= 0:
                self.load(index, +1)
            taken.append(index)
        return taken

    def load(self, index: int, change: int) -> None:
        self.loads[index].current += change
        self.balancer.changed(index)
