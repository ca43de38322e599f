"""What a supervisor knows of the keys that a worker moves: it asks that worker."""

from __future__ import annotations

from typing import Protocol

from wproxy.policy.balance.key import SLOTS
from wproxy.policy.redis.whereabouts import Table, announced
from wproxy.state.backend import Backend
from wproxy.state.epochs import Progress


class Asked(Protocol):
    """The supervisor; both return None while nobody can tell."""

    def progress(self, backend: str) -> Progress | None:
        """Return how far the keys of `backend` have followed its weights."""

    def owes(self, backend: str, server: str) -> int | None:
        """Return how many slots a server may have keys of without being their owner."""


class Remote:
    """What the worker that moves the keys of a backend tells of it (`state.epochs.Report`)."""

    def __init__(self, supervisor: Asked, backend: Backend) -> None:
        self._supervisor = supervisor
        self._backend = backend

    def progress(self) -> Progress:
        """Ask for it."""
        told = self._supervisor.progress(self._backend.name)
        if told is not None:
            return told
        opened = self._open
        return Progress(tuple((number, 0.0, 0) for number in range(1, opened + 1)), 0, 0, 0, 0, opened, ())

    @property
    def _open(self) -> int:
        """How many epochs the next worker will have to open, for when there is nobody to ask: it begins at 1."""
        return max(len(announced(self._backend.places, weights(self._backend))) - 1, 0)

    def places(self) -> list[dict[str, int]]:
        """Return what it has told last."""
        return self._backend.places

    def owes(self, name: str) -> int:
        """Ask for it."""
        told = self._supervisor.owes(self._backend.name, name)
        return (SLOTS if self._open else 0) if told is None else told


def weights(backend: Backend) -> Table:
    """Return the weights by which its slots are spread."""
    return dict(zip([server.name for server in backend.servers], backend.slots.weights, strict=True))
