"""One live server: its weight, its administrative state, its health, how many sessions it serves."""

from __future__ import annotations

import enum
from typing import Protocol

from wproxy.config.checks import AgentSettings
from wproxy.config.model import CheckSettings, ServerLine
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.policy.dynamic_maxconn import dynamic_maxconn
from wproxy.policy.health import Health
from wproxy.state.counters import CheckCounters, TrafficCounters
from wproxy.state.downtime import Downtime
from wproxy.state.queue import Queue
from wproxy.state.warmup import WHOLE, Warmup


class Admin(enum.IntFlag):
    """What an administrator asked for; the values are `srv_admin_state`'s (management manual, "show servers state").

    CONFIG_MAINT remembers for good that the configuration said `disabled`; it comes with FORCED_MAINT, which ends.
    """

    READY = 0
    FORCED_MAINT = 1
    CONFIG_MAINT = 4
    FORCED_DRAIN = 8

    @property
    def maint(self) -> bool:
        """Whether the server is in maintenance."""
        return bool(int(self) & _FORCED_MAINT)

    @property
    def drain(self) -> bool:
        """Whether the server keeps its sessions and gets no new ones."""
        return bool(self & Admin.FORCED_DRAIN)


class Crowd(Protocol):
    """The sessions of a backend, from the first on that is on its way to a server, and from how many on it is full."""

    current: int
    fullconn: int


_FORCED_MAINT = int(Admin.FORCED_MAINT)  # asked for by every command for all servers; flags take 0.5 µs to compare


class Server:
    """One server of one backend. Changed only by `state.control.Control`, but for the counters and `current`."""

    __slots__ = (
        "address", "admin", "agent", "agent_asked", "agent_health", "agent_running", "backend_name",
        "changed_at", "check", "check_counters", "check_host", "check_port", "check_running", "checking", "cookie",
        "counters", "crowd", "current", "downtime", "elsewhere", "forced_down", "health", "idle", "last_agent",
        "last_check", "last_session_at", "lease", "line", "maxconn", "minconn", "name", "queue", "removed", "served",
        "server_id", "stopping", "warmup", "weight", "words",
    )  # fmt: skip

    def __init__(self, backend_name: str, server_id: int, line: ServerLine, now: float) -> None:
        self.backend_name = backend_name
        self.name = line.name
        self.server_id = server_id
        self.line = line
        self.address = line.address
        self.cookie = line.cookie.encode()
        self.weight = line.weight
        self.admin = Admin.FORCED_MAINT | Admin.CONFIG_MAINT if line.disabled else Admin.READY
        self.check: CheckSettings | None = line.check
        self.check_host = line.check.host if line.check else None  # where checks go instead of where it serves
        self.check_port = line.check.port if line.check else None
        self.checking = line.check is not None  # `disable health` stops the checks that the configuration asks for
        self.forced_down = False  # `set server … health down` where no check could say it
        self.stopping = False  # it keeps its sessions and gets no new ones: a command says so, or its check
        self.removed = False
        settings = line.check or CheckSettings()
        self.health = Health(settings.rise, settings.fall)
        if line.disabled:
            self.health.pause()
        self.last_check = CheckResult(CheckStatus.INI)
        self.check_running = False
        self.agent: AgentSettings | None = line.agent
        self.agent_asked = line.agent is not None  # `disable agent` stops the questions
        self.agent_health = Health(1, 1)
        self.last_agent = CheckResult(CheckStatus.INI)
        self.agent_running = False
        self.maxconn = line.maxconn
        self.minconn = line.minconn  # 0 unless the limit depends on how many sessions the backend has, its crowd
        self.crowd: Crowd | None = None
        self.queue: Queue = {}
        self.elsewhere = 0  # how many wait for it in other processes
        self.lease: int | None = None  # of its `maxconn`, what this process may use; None when it is all of it
        self.words: list[str] | None = None  # of the `add server` that made it
        self.warmup: Warmup | None = None  # while it starts slowly
        self.served = 0  # how many have got a place from its queue
        self.current = 0  # sessions it serves now
        self.idle = 0  # connections to it that wait for a request, in mode http
        self.counters = TrafficCounters()
        self.check_counters = CheckCounters()
        self.changed_at = now
        self.downtime = Downtime(self.running, now)
        self.last_session_at: float | None = None

    def __str__(self) -> str:
        return f"{self.backend_name}/{self.name}"

    @property
    def running(self) -> bool:
        """Whether it is there at all: not in maintenance, and healthy as far as is known."""
        if self.admin.maint or self.forced_down:
            return False
        return (self.check is None or self.health.up) and self.agent_health.up

    @property
    def usable(self) -> bool:
        """Whether it may get new sessions."""
        return self.running and not self.admin.drain and not self.stopping and self.weight > 0

    @property
    def configured_weight(self) -> int:
        """The weight by which data are spread, whatever its health: an outage must not move keys."""
        return 0 if self.admin.maint or self.admin.drain else self.weight

    @property
    def full(self) -> bool:
        """Whether `maxconn` allows no more sessions."""
        return self.maxconn is not None and self.current >= self.limit

    @property
    def limit(self) -> int:
        """The `maxconn` in force, at least 1 while it warms up; only for a server that has one."""
        if self.lease is not None:
            return self.lease
        maxconn = self.maxconn or 0
        if self.minconn and self.crowd is not None:
            maxconn = dynamic_maxconn(self.minconn, maxconn, self.crowd.current, self.crowd.fullconn)
        return maxconn if self.warmup is None else max(1, maxconn * self.warmup.percent // 100)

    @property
    def waiting(self) -> int:
        """How many wait for this server and no other."""
        return len(self.queue) + self.elsewhere

    @property
    def crowded(self) -> bool:
        """Whether it is full and may not be waited for, as an explicit `maxqueue` allows under leastconn."""
        return self.maxconn is not None and self.current + len(self.queue) >= self.limit + (self.line.maxqueue or 0)

    @property
    def queue_full(self) -> bool:
        """Whether as many wait for it as `maxqueue` allows."""
        return self.line.maxqueue is not None and len(self.queue) >= self.line.maxqueue

    @property
    def share(self) -> int:
        """The weight in force, in sixteenths of a weight of 1."""
        return self.weight * (WHOLE if self.warmup is None else self.warmup.sixteenths)

    @property
    def throttle(self) -> int | None:
        """HAProxy's `throttle` column: per cent of the weight while it warms up."""
        if self.warmup is None or not self.usable:
            return None
        return (100 * self.share + WHOLE - 1) // (WHOLE * self.weight)

    @property
    def status(self) -> str:
        """HAProxy's `status` column."""
        if self.admin.maint:
            return "MAINT"
        if not self.agent_health.up:
            return "DOWN (agent)" if self.agent_asked else "DOWN"
        if self.admin.drain and self.agent_asked and self.running:
            return "DRAIN (agent)"
        if not self.checking:
            return self._unchecked_status
        health = str(self.health)
        if self.stopping:
            return health.replace("UP", "NOLB")
        return health.replace("UP", "DRAIN") if self.admin.drain else health

    @property
    def _unchecked_status(self) -> str:
        if not self.running:
            return "DOWN"
        if self.stopping:
            return "NOLB"
        return "DRAIN" if self.admin.drain else "no check"

    def opened(self, now: float) -> None:
        """Count a session on a place that was reserved here."""
        counters = self.counters
        counters.sessions += 1
        if self.current > counters.sessions_max:
            counters.sessions_max = self.current
        counters.session_rate.add(now)
        self.last_session_at = now

    def downtime_s(self, now: float) -> int:
        """Return how many seconds it has been away since the start."""
        return self.downtime.seconds(now)
