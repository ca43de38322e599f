"""Which process of a generation this one is, and what it does."""

from __future__ import annotations

import enum
import socket
from collections.abc import Iterable

from wproxy.config.model import Config, Mode
from wproxy.crew.headcount import Headcount
from wproxy.records import dataclass
from wproxy.state.following import Share


class Duty(enum.Enum):
    """What kind of process it is."""

    ALL = "all"  # the only process: it does everything
    SUPERVISOR = "supervisor"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Bus:
    """Where the supervisor is to be found: a listening socket, its address, and what proves who is one of its own.

    `headcount` tells workers of each other.
    """

    listening: socket.socket
    address: bytes
    token: str
    headcount: Headcount

    def close(self) -> None:
        """Close the listening socket."""
        self.listening.close()


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the proxy: what it is called, since when it runs, and after how many reloads it began."""

    pid: int
    kind: str
    since: float
    reloads: int


@dataclass(frozen=True, slots=True)
class Role:
    """One process.

    `number` is 0 for the supervisor and counts workers from 1. `serial` grows with each process of the master's.
    `shown_pid` is the process id that the proxy tells. `successor` tells that workers may know more of the state than
    the supervisor that begins. `lifeline` is a descriptor that ends when the master does. By `news` the master tells
    why it could not reload; a byte written to `wishes` asks it to. `reloads` counts those before this generation,
    `leaving` are the processes of older ones.
    """

    duty: Duty = Duty.ALL
    number: int = 0
    workers: int = 1
    serial: int = 0
    shown_pid: int | None = None
    successor: bool = False
    bus: Bus | None = None
    lifeline: int | None = None
    news: int | None = None
    wishes: int | None = None
    master: Process | None = None
    reloads: int = 0
    leaving: tuple[Process, ...] = ()

    @property
    def owns(self) -> bool:
        """Whether it checks servers, answers the stats sockets and keeps what is set at runtime."""
        return self.duty is not Duty.WORKER

    def serves(self, config: Config) -> frozenset[str]:
        """Return the names of the frontends that it serves."""
        pinned = pinned_frontends(config, self.workers) if self.duty is not Duty.ALL else {}
        names = (frontend.name for frontend in config.frontends if not frontend.disabled)
        if self.duty is Duty.SUPERVISOR:
            return frozenset()
        return frozenset(name for name in names if pinned.get(name, self.number) == self.number)

    def reaches(self, config: Config) -> frozenset[str]:
        """Return the names of the backends whose servers it may send clients to."""
        if self.duty is Duty.ALL:
            return frozenset(backend.name for backend in config.backends)
        served = self.serves(config)
        frontends = [frontend for frontend in config.frontends if frontend.name in served]
        names = {frontend.default_backend for frontend in frontends}
        names |= {rule.backend for frontend in frontends for rule in frontend.switching}
        return frozenset(name for name in names if name is not None)

    def share(self, config: Config, name: str) -> Share:
        """Return its part of the `maxconn` of a frontend, or of the whole for ""."""
        pinned = pinned_frontends(config, self.workers)
        return Share() if name in pinned else Share(self.number - 1, self.workers)


ALONE = Role()


def pinned_frontends(config: Config, workers: int) -> dict[str, int]:
    """Return the frontends that only one worker serves, by its number: those of moving keys.

    While the keys of `balance key` move, whoever answers a command has to know what is under way on its slot: one
    worker serves all frontends that may lead to such a backend. Frontends that share one have the same worker.
    """
    pinned: dict[str, int] = {}
    keyed = [
        backend.name
        for backend in config.backends
        if backend.mode is Mode.REDIS and backend.balance == "key" and not backend.redis_eject
    ]
    groups: list[tuple[set[str], set[str]]] = []  # backends, and the frontends that lead to them
    for frontend in config.frontends:
        reached = {frontend.default_backend, *(rule.backend for rule in frontend.switching)} & set(keyed)
        if reached:
            groups = _joined(groups, {str(name) for name in reached}, frontend.name)
    order = [frontend.name for frontend in config.frontends]
    groups.sort(key=lambda group: min(map(order.index, group[1])))
    for number, (_, frontends) in enumerate(groups):
        pinned |= dict.fromkeys(frontends, number % workers + 1)
    return pinned


def _joined(
    groups: Iterable[tuple[set[str], set[str]]], backends: set[str], frontend: str
) -> list[tuple[set[str], set[str]]]:
    """Return `groups` with one more frontend, which makes one of those whose backends it shares."""
    apart, frontends = [], {frontend}
    for group in groups:
        if group[0] & backends:
            backends, frontends = backends | group[0], frontends | group[1]
        else:
            apart.append(group)
    return [*apart, (backends, frontends)]
