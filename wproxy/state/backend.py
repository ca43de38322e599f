"""One live backend: its servers, the algorithm that chooses among them, the queue of those who wait for one."""

from __future__ import annotations

from typing import Protocol

from wproxy.config import model
from wproxy.policy.balance import RoundRobin, SlotTable
from wproxy.state.counters import TrafficCounters
from wproxy.state.downtime import Downtime
from wproxy.state.server import Server


class Waiter(Protocol):
    """Somebody in the queue."""

    def grant(self, server: Server) -> None:
        """Take the place on `server` that has been reserved."""


class Backend:
    """Chooses servers and counts who uses them.

    `assign` or the queue reserve a place on a server (`server.current`); whoever got one gives it back by `release`.
    `in_listen` tells that a `listen` section made it, together with a frontend.
    """

    __slots__ = (
        "balance", "by_name", "changed_at", "config", "counters", "current", "downtime", "in_listen", "name",
        "proxy_id", "queue", "running", "servers", "slots", "turns",
    )  # fmt: skip

    def __init__(self, config: model.Backend, now: float, *, in_listen: bool = False) -> None:
        self.config = config
        self.in_listen = in_listen
        self.name = config.name
        self.proxy_id = config.proxy_id
        self.balance = config.balance
        self.servers = [Server(config.name, number, line, now) for number, line in enumerate(config.servers, 1)]
        self.by_name = {server.name: server for server in self.servers}
        self.counters = TrafficCounters()
        self.current = 0
        self.changed_at = now
        self.queue: dict[Waiter, None] = {}  # in order of arrival; a dict, because anyone in it may leave
        self.slots = SlotTable((), ())
        self.rebuild()
        self.downtime = Downtime(self.usable > 0, now)

    def add(self, server: Server) -> None:
        """Take in a server that came at runtime."""
        self.servers.append(server)
        self.by_name[server.name] = server
        self.rebuild()

    def remove(self, server: Server) -> None:
        """Let a server go that serves nobody."""
        self.servers.remove(server)
        del self.by_name[server.name]
        server.removed = True
        self.rebuild()

    def free_number(self) -> int:
        """Return the lowest number that no server has."""
        taken = {server.server_id for server in self.servers}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def rebuild(self) -> None:
        """Prepare the choice anew, after a weight or a state has changed; then serve the queue by it."""
        self.running = [server.running for server in self.servers]  # looked up for every command in mode redis
        self.turns = RoundRobin([server.weight if server.usable else 0 for server in self.servers])
        weights = [server.configured_weight for server in self.servers]
        if self.balance == "key" and self.slots.weights != weights:  # an outage moves no slot, and a table takes long
            self.slots = SlotTable([server.name for server in self.servers], weights)
        self.serve_queue()

    @property
    def usable(self) -> int:
        """How many servers may get new sessions."""
        return self.turns.size

    @property
    def status(self) -> str:
        """HAProxy's `status` column: a backend without servers is never down."""
        return "UP" if self.usable or not self.servers else "DOWN"

    def downtime_s(self, now: float) -> int:
        """Return for how many seconds it had no usable server since the start."""
        return self.downtime.seconds(now)

    def opened(self, now: float) -> None:
        """Count a session that arrives."""
        self.current += 1
        self.counters.sessions += 1
        self.counters.sessions_max = max(self.counters.sessions_max, self.current)
        self.counters.session_rate.add(now)

    def choose(self) -> Server | None:
        """Return the server whose turn it is and that has room; None when no server has."""
        for _ in range(len(self.servers)):
            index = self.turns.pick()
            if index < 0:
                return None
            server = self.servers[index]
            if not server.full:
                return server
        # Heavy servers fill up the turns above; a light one may still have room.
        return next((server for server in self.servers if server.usable and not server.full), None)

    def assign(self, avoid: Server | None = None) -> Server | None:
        """Reserve a place on the next server, if possible not on `avoid`; None when every usable server is full."""
        server = self.choose()
        if server is avoid and server is not None:
            server = self.choose_other(server)
        if server is not None:
            server.current += 1
        return server

    def choose_other(self, avoid: Server) -> Server:
        """Return the next server in turn that is not `avoid`; `avoid` itself when there is no other."""
        for _ in range(len(self.servers)):
            server = self.choose()
            if server is not None and server is not avoid:
                return server
        return next((other for other in self.servers if other.usable and not other.full and other is not avoid), avoid)

    def release(self, server: Server) -> None:
        """Give back a place on `server`; whoever waits longest gets it."""
        server.current -= 1
        if self.queue:
            self.serve_queue()

    def wait(self, waiter: Waiter) -> None:
        """Queue `waiter` until a server has a place for it."""
        self.queue[waiter] = None
        self.counters.queue_max = max(self.counters.queue_max, len(self.queue))

    def leave(self, waiter: Waiter) -> None:
        """Take `waiter` out of the queue, if it is still in it."""
        self.queue.pop(waiter, None)

    def serve_queue(self) -> None:
        """Hand free places to those who wait, in order."""
        while self.queue:
            server = self.assign()
            if server is None:
                return
            waiter = next(iter(self.queue))
            del self.queue[waiter]
            waiter.grant(server)
