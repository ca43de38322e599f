"""One live backend: its servers, the algorithm that chooses among them, the queue of those who wait for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wproxy.config import model
from wproxy.policy.balance import ALGORITHMS, Balancer, Candidates, Draws, RoundRobin, SlotTable
from wproxy.policy.rebalance import filled, quotas
from wproxy.state.counters import TrafficCounters
from wproxy.state.downtime import Downtime
from wproxy.state.epochs import Report
from wproxy.state.queue import Queue, Ticket, Waiter, earliest, take_first
from wproxy.state.redis_view import RedisView
from wproxy.state.server import Server


class Backend:
    """Chooses servers and counts who uses them.

    `assign` or a queue reserve a place on a server (`server.current`); whoever got one gives it back by `release`.
    `in_listen` tells that a `listen` section made it, together with a frontend. `seed` is what random choices grow
    from. `fullconn` is from how many sessions on its servers are under full load.
    """

    __slots__ = (
        "_arrivals", "_balancer", "_drawing", "_growing", "_index", "_members", "_overtakes", "_waits_for",
        "active", "algorithm", "awaited", "backups", "balance", "by_name", "changed_at", "config", "counters",
        "current", "downtime", "elsewhere", "epochs", "fullconn", "in_listen", "name", "on_rebuild", "on_settled",
        "on_wait", "places", "proxy_id", "queue", "running", "served", "servers", "shift", "slots", "turns",
        "under_way", "view",
    )  # fmt: skip

    def __init__(
        self,
        config: model.Backend,
        now: float,
        *,
        in_listen: bool = False,
        seed: int = 0,
        fullconn: int = 1,
        shift: int = 0,
    ) -> None:
        self.config = config
        self.in_listen = in_listen
        self.name = config.name
        self.proxy_id = config.proxy_id
        self.balance = config.balance
        self.algorithm = ALGORITHMS[config.balance]
        self.servers = [Server(config.name, number, line, now) for number, line in enumerate(config.servers, 1)]
        self.by_name = {server.name: server for server in self.servers}
        for server in self.servers:
            server.crowd = self
        self.counters = TrafficCounters()
        self.current = 0
        self.fullconn = fullconn
        self.shift = shift  # so that not every process begins with the same server
        self.elsewhere = 0  # how many wait in the queues of other processes
        self.on_wait: Callable[[], None] | None = None  # called when somebody has to wait
        self.changed_at = now
        self.served = 0  # how many have got a server from the queue
        self.queue: Queue = {}  # of those whom any server may serve
        self.awaited = 0  # clients that `state.rebalance` has sent away, and who are to go where sessions are missing
        self._waits_for: dict[Waiter, Server] = {}  # who waits in the queue of a server
        self._arrivals = 0
        self._drawing = Draws(seed)
        self.turns = RoundRobin(())
        self.slots = SlotTable((), ())
        self.epochs: Report | None = None  # of whoever moves keys after the slots
        self.places: list[dict[str, int]] = []  # of the process before: `Report.places`
        self.on_settled: Callable[[], None] | None = None  # called when keys have followed
        self.on_rebuild: Callable[[], None] | None = None
        self.under_way: Callable[[Server], bool] | None = None  # mode redis: whether a server owes answers
        slowlog = config.slowlog
        self.view = RedisView(slowlog.slower_us, slowlog.most, seed) if config.mode is model.Mode.REDIS else None
        self.rebuild()
        self.downtime = Downtime(self.usable > 0, now)

    def add(self, server: Server) -> None:
        """Take in a server that came at runtime."""
        server.crowd = self
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
        """Prepare the choice anew, after a weight or a state has changed; then serve the queues by it."""
        self.running = [server.running for server in self.servers]  # looked up for every command in mode redis
        self._index = {server: index for index, server in enumerate(self.servers)}
        self._members = self._choose_members()
        weights = self.shares
        if self.config.mode is model.Mode.REDIS:
            self.turns = RoundRobin(weights, self.shift)
        if self.balance == "key":
            self._rebuild_slots()
        self._balancer = self._make(self._candidates(weights))
        self._growing = [index for index, server in enumerate(self.servers) if server.minconn]
        self._overtakes = self.algorithm.overtakes and bool(self._growing)
        self._send_away()
        self.serve_queue()
        if self.on_rebuild is not None:
            self.on_rebuild()

    def _choose_members(self) -> set[Server]:
        """Return who takes part in the choice: the active servers, or without any the backup servers."""
        usable = [server for server in self.servers if server.usable]
        active = [server for server in usable if not server.line.backup]
        backups = [server for server in usable if server.line.backup]
        self.active, self.backups = len(active), len(backups)
        return set(active or (backups if self.config.allbackups else backups[:1]))

    def _rebuild_slots(self) -> None:
        ejects = self.config.redis_eject
        weights = [0 if ejects and not server.running else server.configured_weight for server in self.servers]
        if self.slots.weights != weights:  # an outage moves no slot, and a table takes long
            self.slots = SlotTable([server.name for server in self.servers], weights, self.slots)

    def _make(self, candidates: Candidates) -> Balancer:
        consistent = self.algorithm.consistent if self.config.hash_type.consistent else None
        return (consistent or self.algorithm.make)(candidates)

    def _candidates(self, weights: list[int]) -> Candidates:
        return Candidates(
            ids=[server.server_id for server in self.servers],
            weights=weights,
            configured=[server.line.weight for server in self.servers],
            loads=self.servers,
            draw=self._drawing,
            draws=self.config.draws,
            avalanche=self.config.hash_type.avalanche,
            shift=self.shift,
        )

    @property
    def static(self) -> bool:
        """Whether the algorithm takes no other weights at runtime than 0 and the configured ones."""
        return self.algorithm.static and not (self.algorithm.consistent and self.config.hash_type.consistent)

    @property
    def usable(self) -> int:
        """How many servers may get new sessions now; backup servers count while no active one can."""
        return len(self._members)

    @property
    def share(self) -> int:
        """The weights in force of those servers together, in sixteenths."""
        return sum(server.share for server in self._members)

    @property
    def shares(self) -> list[int]:
        """The weight in force of each server, in sixteenths, 0 for whoever takes no part in the choice."""
        return [server.share if server in self._members else 0 for server in self.servers]

    def quotas(self, total: int, seated: Sequence[int]) -> list[int]:
        """Return how many of `total` sessions belong on each server; it has `seated` now."""
        limits = [None if server.maxconn is None else server.limit for server in self.servers]
        if self.algorithm.in_order:
            return filled(self.shares, limits, total)
        return quotas(self.shares, limits, total, seated)

    def meant_for(self, key: int) -> Server | None:
        """Return the server that a keyed algorithm means for `key`, None when there is none at all."""
        return self._pick(None, key)

    @property
    def weight(self) -> int:
        """The weights of those servers together as users set them, whatever slow starts leave of them."""
        return sum(server.weight for server in self._members)

    @property
    def waiting(self) -> int:
        """How many wait for any server."""
        return len(self.queue) + self.elsewhere

    @property
    def status(self) -> str:
        """HAProxy's `status` column: a backend without servers is never down."""
        return "UP" if self.usable or not self.servers else "DOWN"

    def downtime_s(self, now: float) -> int:
        """Return for how many seconds it had no usable server since the start."""
        return self.downtime.seconds(now)

    def opened(self, now: float) -> None:
        """Count a session that arrives."""
        counters = self.counters
        self.current = current = self.current + 1
        counters.sessions += 1
        if current > counters.sessions_max:
            counters.sessions_max = current
        counters.session_rate.add(now)

    def assign(self, avoid: Server | None = None, key: int = 0) -> Server | None:
        """Reserve a place on the server of the algorithm's choice, if possible not on `avoid`.

        `key` is the hash of what a keyed algorithm goes by. None when there is no place: then `wait` for one.
        """
        if self._growing and self.algorithm.by_load:
            self._look_at_limits()
        # While somebody waits for any server there is none with room: no need to look at them all.
        waits = self.queue and not self._overtakes
        server = None if waits else self._choose(avoid, key) if self.awaited else self._pick(avoid, key)
        if server is None or (server.maxconn is not None and (server.full or server.queue)):
            return None
        if server is not avoid:
            server.counters.balanced += 1
            self.counters.balanced += 1
        server.current += 1
        if self.algorithm.by_load:
            self._balancer.changed(self._index[server])
        return server

    def to_wait_for(self, avoid: Server | None = None, key: int = 0) -> Server | None:
        """Return the server that the algorithm means although it is full; None when any server will do."""
        server = None if self.queue and not self._overtakes else self._choose(avoid, key)
        if server is not None:
            self._count(server, avoid)
        return server

    def _count(self, server: Server, avoid: Server | None) -> None:
        """Count a choice of the algorithm, unless it is the server that was tried before."""
        if server is not avoid:
            server.counters.balanced += 1
            self.counters.balanced += 1

    def _look_at_limits(self) -> None:
        """Have the algorithm see the limits that depend on how many sessions there are."""
        for index in self._growing:
            self._balancer.changed(index)

    def _choose(self, avoid: Server | None, key: int) -> Server | None:
        return (self.awaited and self._most_missing(avoid)) or self._pick(avoid, key)

    def _most_missing(self, avoid: Server | None) -> Server | None:
        """Return the server with room that most sessions are missing from; None when there is none."""
        seated = [server.current for server in self.servers]
        quota = self.quotas(sum(seated) + self.awaited, seated)
        missing = {server: quota[index] - seated[index] for index, server in enumerate(self.servers)}
        candidates = [server for server in self.servers if missing[server] > 0 and not server.full]
        best = max((server for server in candidates if server is not avoid), key=missing.__getitem__, default=None)
        if best is not None and avoid is None:  # who comes again after a failure has been counted
            self.awaited -= 1
        return best

    def _pick(self, avoid: Server | None, key: int) -> Server | None:
        index = self._balancer.pick(key, -1 if avoid is None else self._index.get(avoid, -1))
        return self.servers[index] if index >= 0 else None

    def release(self, server: Server) -> None:
        """Give back a place on `server`; whoever waits longest gets it."""
        server.current -= 1
        if self.queue or server.queue:
            self._serve(server)
        if self.algorithm.by_load:
            self._balancer.changed(self._index[server])

    def wait(self, waiter: Waiter, server: Server | None = None, key: int = 0) -> None:
        """Queue `waiter` until a place is free on `server`, or on any server when that is None."""
        party = self if server is None else server
        self._arrivals += 1
        party.queue[waiter] = Ticket(self._arrivals, key)
        party.counters.queue_max = max(party.counters.queue_max, len(party.queue))
        if server is not None:
            self._waits_for[waiter] = server
            self._load_changed(server)
        if self.on_wait is not None:
            self.on_wait()

    def leave(self, waiter: Waiter) -> None:
        """Take `waiter` out of its queue, if it is still in one."""
        self.queue.pop(waiter, None)
        server = self._waits_for.pop(waiter, None)
        if server is not None:
            del server.queue[waiter]
            self._load_changed(server)

    def serve_queue(self) -> None:
        """Hand free places to those who wait, in order."""
        while self.queue:
            server = self._choose(None, next(iter(self.queue.values())).key)
            if server is None or server.full:
                break
            waiter = take_first(self.queue)
            self.served += 1
            self.take(server)
            waiter.grant(server)
        for server in self.servers:
            if server.queue:
                self._serve(server)

    def _serve(self, server: Server) -> None:
        """Hand the free places of `server` to those who wait for it or for any server, the earliest first."""
        while not server.full:
            queue = earliest(server.queue, self.queue if server in self._members else {})
            if queue is None:
                return
            waiter = take_first(queue)
            self._waits_for.pop(waiter, None)
            party = self if queue is self.queue else server
            party.served += 1
            self.take(server)
            waiter.grant(server)

    def _send_away(self) -> None:
        """Have those who wait for a server that serves no more ask again, if `option redispatch` lets them."""
        if self.config.redispatch is None:
            return
        for server in self.servers:
            is_leaving = not server.running or server.admin.drain or server.stopping
            while server.queue and is_leaving:
                waiter = take_first(server.queue)
                del self._waits_for[waiter]
                waiter.grant(None)

    def take(self, server: Server) -> None:
        """Reserve a place."""
        server.current += 1
        self._load_changed(server)

    def _load_changed(self, server: Server) -> None:
        if self.algorithm.by_load:
            self._balancer.changed(self._index[server])
