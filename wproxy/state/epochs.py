"""How far the keys of a backend with `balance key` have followed its weights, as its router tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class ServerProgress:
    """One server that has keys to give: slots left, keys seen of those there by the pass that runs, passes done."""

    name: str
    slots_left: int
    keys_seen: int
    keys: int
    passes: int
    state: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The open `epochs` as (number, age in seconds, slots that changed owner), and what is left of them.

    `slots_left` counts pairs of a slot and a server that may have keys of it. `keys_moved` counts since an
    epoch was opened last while none was open.
    """

    epochs: tuple[tuple[int, float, int], ...]
    slots_moving: int
    slots_left: int
    keys_moved: int
    keys_moved_ever: int
    opened: int
    servers: tuple[ServerProgress, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Progress:
        """Return what became JSON in another process."""
        servers = tuple(ServerProgress(**each) for each in values["servers"])
        epochs = tuple((number, age_s, slots) for number, age_s, slots in values["epochs"])
        return cls(**{**values, "servers": servers, "epochs": epochs})


class Report(Protocol):
    """Asked by the stats socket (`Backend.epochs`)."""

    def progress(self) -> Progress:
        """Return how far it is."""

    def places(self) -> list[dict[str, int]]:
        """Return the weights, by server, of each table by which keys may lie, the one in force last."""

    def owes(self, name: str) -> int:
        """Return how many slots the server may have keys of without being their owner."""
