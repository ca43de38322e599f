"""What a balance algorithm is: built from names and weights whenever one changes, asked for one server after another.

It is pure: what it needs besides the weights (the client's key, the loads, random bits) is handed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

NO_KEY: Final = -1
"""The key of a request that has nothing to go by."""


class Load(Protocol):
    """What an algorithm may ask of a server, live."""

    @property
    def current(self) -> int:
        """How many sessions it serves."""

    @property
    def waiting(self) -> int:
        """How many wait in its own queue."""

    @property
    def full(self) -> bool:
        """Whether its `maxconn` allows no more sessions."""

    @property
    def crowded(self) -> bool:
        """Whether it is full and its queue, too, takes no more than an explicit `maxqueue` allows."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The servers of a backend, one index each, in the configuration's order.

    `weights` are those in force, in sixteenths, 0 for whoever takes no part now; `configured` are those of the
    configuration, whatever the states; `ids` are the servers' numbers in the statistics. `draw(n)` returns n random
    bits, `draws` is the argument of `random`, `avalanche` belongs to `hash-type`. `shift` is by how
    many servers another process' turns begin earlier.
    """

    ids: Sequence[int]
    weights: Sequence[int]
    configured: Sequence[int]
    loads: Sequence[Load]
    draw: Callable[[int], int]
    draws: int = 2
    avalanche: bool = False
    shift: int = 0


class Balancer(Protocol):
    """Chooses among the candidates it was built from; built anew when a weight or a state changes."""

    def pick(self, key: int, avoid: int) -> int:
        """Return the index of a server, -1 when none has room.

        `key` is the hash of what the algorithm goes by (0 where it goes by nothing, NO_KEY where a request has nothing
        of it). `avoid` is the index of a server
        to be taken only if there is no other, -1 for none. The server returned may be full where the algorithm means
        this one and no other: then its own queue is the place to wait.
        """

    def changed(self, index: int) -> None:
        """Take note that the load of a server is another than before."""


class LoadBlind:
    """Base of algorithms that the loads do not concern."""

    __slots__ = ()

    def changed(self, index: int) -> None:
        """Do nothing."""
