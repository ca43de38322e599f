"""The one who changes servers and frontends, on behalf of the stats socket and of the health checks.

Every change goes through here, so that whatever depends on it (the balance, the queue, the log, later the workers) can
follow: it is applied, the backend prepares its choice anew, and a notice of it goes to the subscribers.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from wproxy.config.checks import AgentSettings
from wproxy.config.model import Address, ServerLine
from wproxy.policy.checks.verdict import CheckResult, CheckStatus, Outcome
from wproxy.policy.health import Health
from wproxy.policy.weight import parse_weight
from wproxy.records import dataclass
from wproxy.state import marks
from wproxy.state.admission import RateLimit
from wproxy.state.agent import obey
from wproxy.state.backend import Backend
from wproxy.state.counters import CheckCounters, FrontendCounters, TrafficCounters
from wproxy.state.downtime import Downtime
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.rebalance import Rebalances
from wproxy.state.registry import Registry
from wproxy.state.server import Admin, Server
from wproxy.state.session import Session
from wproxy.state.warmup import Warmup


class ServerChange(enum.Enum):
    """What happened to a server, in HAProxy's words."""

    UP = "is UP"
    DOWN = "is DOWN"
    STOPPING = "is stopping"
    MAINT = "is going DOWN for maintenance"
    DRAIN = "enters drain state"
    MAINT_TO_READY = "is UP/READY (leaving forced maintenance)"
    MAINT_TO_DRAIN = "is UP/DRAIN (leaving forced maintenance)"
    DRAIN_TO_READY = "is UP (leaving forced drain)"
    WEIGHT = "has no weight"
    DOWN_TO_MAINT = "was DOWN and now enters maintenance"
    ADDED = "is new"
    REMOVED = "is gone"
    ADDRESS = "has another address"


_RETURNS = frozenset({ServerChange.UP, ServerChange.MAINT_TO_READY, ServerChange.MAINT_TO_DRAIN})


@dataclass(frozen=True, slots=True)
class ServerNotice:
    """A server changed: `check` when a health check was the reason, `backend_lost` when it was the last to serve.

    `by_command` tells that somebody set its health; without that and without `check` the reason has been told before.

    Of weights only the change is told that takes the last server from a backend.
    """

    backend: Backend
    server: Server
    change: ServerChange
    backend_lost: bool = False
    check: CheckResult | None = None
    by_command: bool = False


@dataclass(frozen=True, slots=True)
class CheckNotice:
    """A check of `server`, or of its agent, told something new; `health` is where it stands now."""

    backend: Backend
    server: Server
    result: CheckResult
    health: Health
    agent: bool = False


@dataclass(frozen=True, slots=True)
class FrontendNotice:
    """A frontend was paused, resumed or shut down; `backend` is that of the same `listen` section, if it is one."""

    frontend: Frontend
    backend: Backend | None = None


Notice: TypeAlias = ServerNotice | FrontendNotice | CheckNotice
Subscriber = Callable[[Notice], None]


class Control:
    """Applies changes at `clock()` and tells the subscribers, in order of subscription."""

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self.registry = registry
        self.clock = clock
        self.rebalances = Rebalances(registry.sessions, clock)
        self._subscribers: list[Subscriber] = []
        self.on_command: Callable[[], None] | None = None  # called when somebody has changed what is to be kept

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have `subscriber` called after each change."""
        self._subscribers.append(subscriber)

    def set_weight(self, server: Server, text: str) -> None:
        """Set the weight to `30` or to `50%` of the configured one; raise policy.weight.WeightError."""
        self.set_weights([(server, text)])

    def set_weights(self, wanted: Sequence[tuple[Server, str]]) -> None:
        """Set several weights as one change, or none of them: then it raises policy.weight.WeightError."""
        changed: dict[Server, int] = {}
        for server, text in wanted:
            static = self.registry.backends[server.backend_name].static
            changed[server] = parse_weight(text, server.line.weight, static=static)
        last: dict[str, Server] = {}  # of each backend, what changed last
        for server, weight in changed.items():
            if weight != server.weight:  # an agent says the same each time
                server.weight = weight
                last[server.backend_name] = server
        for name, server in last.items():
            backend = self.registry.backends[name]
            if self._rebuild(backend):
                self._notify(ServerNotice(backend, server, ServerChange.WEIGHT, backend_lost=True))
        if last:
            self._commanded()

    def set_ready(self, server: Server) -> None:
        """End maintenance and drain."""
        if server.admin.maint:
            self._set_admin(server, Admin.READY, ServerChange.MAINT_TO_READY)
        elif server.admin.drain:
            self._set_admin(server, Admin.READY, ServerChange.DRAIN_TO_READY)

    def set_drain(self, server: Server) -> None:
        """Let it finish its sessions and give it no new ones."""
        if server.admin.maint:
            self._set_admin(server, Admin.FORCED_DRAIN, ServerChange.MAINT_TO_DRAIN)
        elif not server.admin.drain:
            self._set_admin(server, Admin.FORCED_DRAIN, ServerChange.DRAIN)

    def set_maint(self, server: Server) -> None:
        """Take it out of service; its checks pause."""
        if not server.admin.maint:
            change = ServerChange.MAINT if server.running else ServerChange.DOWN_TO_MAINT
            self._set_admin(server, Admin.FORCED_MAINT, change)

    def report_check(self, server: Server, result: CheckResult) -> None:
        """Take note of a health check's outcome; one that was under way when maintenance began tells nothing."""
        server.check_running = False
        if server.admin.maint or not server.checking or result.status is CheckStatus.UNKNOWN:
            return
        before = (server.health.counter, server.last_check.status)
        server.last_check = result
        server.check_counters.failed += not result.status.passed and server.health.counter > 0
        with self._watching(server, result):
            if result.status.passed:
                server.health.passed()
                server.stopping = server.health.up and result.status.outcome is Outcome.CONDITIONALLY
            else:
                server.health.failed()
                server.stopping = server.stopping and server.health.up
            if before != (server.health.counter, result.status):
                self._tell_check(server, result, server.health)

    def report_agent(self, server: Server, result: CheckResult) -> None:
        """Do what an agent said; that it cannot be reached means nothing."""
        server.agent_running = False
        if not server.agent_asked or result.status is CheckStatus.UNKNOWN:
            return
        before = (server.agent_health.counter, server.last_agent.status)
        result = server.last_agent = obey(self, server, result)
        with self._watching(server, result):
            if result.status in (CheckStatus.L7OK, CheckStatus.L7STS):
                server.agent_health.force(up=result.status is CheckStatus.L7OK)
            if result.status is not CheckStatus.CHECKED and before != (server.agent_health.counter, result.status):
                self._tell_check(server, result, server.agent_health, agent=True)

    @contextmanager
    def _watching(self, server: Server, result: CheckResult | None = None) -> Iterator[None]:
        """Apply what follows when the body changes whether `server` serves: by `result`, or by hand without one."""
        was_running, was_stopping = server.running, server.stopping
        yield
        if server.running and not was_running:
            change = ServerChange.STOPPING if server.stopping and result is None else ServerChange.UP
        elif was_running and not server.running:
            change = ServerChange.DOWN
        elif server.running and server.stopping is not was_stopping:
            change = ServerChange.STOPPING if server.stopping else ServerChange.UP
        else:
            return
        logged = self.registry.backends[server.backend_name].config.check.log_changes
        self._changed(server, change, None if logged else result, by_command=result is None)

    def _tell_check(self, server: Server, result: CheckResult, health: Health, *, agent: bool = False) -> None:
        backend = self.registry.backends[server.backend_name]
        if backend.config.check.log_changes:
            self._notify(CheckNotice(backend, server, result, health, agent))

    def pause(self, frontend: Frontend) -> None:
        """Stop accepting; live sessions stay."""
        self._set_status(frontend, FrontendStatus.PAUSED)

    def resume(self, frontend: Frontend) -> None:
        """Accept again."""
        self._set_status(frontend, FrontendStatus.OPEN)

    def shut_down(self, frontend: Frontend) -> None:
        """Stop accepting for good; live sessions stay."""
        self._set_status(frontend, FrontendStatus.STOPPED)

    # -- health by command ---------------------------------------------------------------------------------------

    def set_up(self, server: Server) -> None:
        """Take `server` for healthy, until its checks say otherwise; in maintenance this means nothing."""
        self._force(server, up=True)

    def set_stopping(self, server: Server) -> None:
        """Have `server` finish its sessions and get no new ones, until a check passes."""
        self._force(server, up=True, stopping=True)

    def set_down(self, server: Server) -> None:
        """Take `server` for dead, until its checks say otherwise; without checks until `set_up`."""
        self._force(server, up=False)

    def _force(self, server: Server, *, up: bool, stopping: bool = False) -> None:
        if server.admin.maint:
            return
        with self._watching(server):
            server.health.force(up=up)
            server.forced_down = not up and server.check is None
            server.stopping = stopping

    def set_check_address(self, server: Server, host: str | None, port: int | None) -> None:
        """Have `server` checked elsewhere than it serves; None leaves host or port as it is, port 0 ends that."""
        server.check_host = server.check_host if host is None else host
        server.check_port = server.check_port if port is None else port or None

    def set_agent_health(self, server: Server, *, up: bool) -> None:
        """Set what the agent last said by hand (management manual, "set server … agent")."""
        with self._watching(server):
            server.agent_health.force(up=up)

    def set_agent(self, server: Server, agent: AgentSettings) -> None:
        """Ask the agent of `server` elsewhere or with other words, from the next time on."""
        server.agent = agent

    def enable_agent(self, server: Server) -> None:
        """Have the agent asked again that the configuration names."""
        server.agent_asked = server.agent is not None

    def disable_agent(self, server: Server) -> None:
        """Ask the agent no more; the server stays as it has left it."""
        server.agent_asked = False

    def enable_checks(self, server: Server) -> None:
        """Have the checks go on that the configuration asks for."""
        server.checking = server.check is not None

    def disable_checks(self, server: Server) -> None:
        """Stop the checks; the server stays as they have left it."""
        server.checking = False

    # -- limits and addresses ------------------------------------------------------------------------------------

    def set_server_maxconn(self, server: Server, maxconn: int) -> None:
        """Let `server` have so many sessions at a time, 0 for any number; those that wait profit at once."""
        server.maxconn = maxconn or None
        if maxconn == server.minconn:
            server.minconn = 0  # as in HAProxy: what has been equal once is one limit from then on
        self.registry.backends[server.backend_name].serve_queue()

    def set_frontend_maxconn(self, frontend: Frontend, maxconn: int) -> None:
        """Let `frontend` have so many sessions at a time."""
        frontend.maxconn = maxconn
        if frontend.on_limit is not None:
            frontend.on_limit()

    def set_global_maxconn(self, maxconn: int) -> None:
        """Let the process have so many clients at a time, 0 for as many as at the start."""
        self.registry.admission.set_maxconn(maxconn)

    def set_rate_limit(self, kind: RateLimit, limit: int) -> None:
        """Let the process have so many new clients a second, 0 for any number."""
        self.registry.admission.set_rate(kind, limit)

    def set_address(self, server: Server, address: Address) -> None:
        """Connect to `address` from now on; live sessions stay where they are."""
        server.address = address
        backend = self.registry.backends[server.backend_name]
        self._notify(ServerNotice(backend, server, ServerChange.ADDRESS))
        self._commanded()

    # -- sessions and counters -----------------------------------------------------------------------------------

    def kill(self, session: Session) -> None:
        """End `session` at once."""
        if session.carrier is not None:
            session.carrier.kill()

    def kill_sessions(self, server: Server) -> None:
        """End all sessions of `server` at once."""
        for session in [each for each in self.registry.sessions.live if each.server is server]:
            self.kill(session)

    def clear_maxima(self) -> None:
        """Forget the highest values seen so far."""
        self.registry.admission.rate.maximum = 0
        for counters in self._counters():
            counters.sessions_max = counters.session_rate.maximum = 0
            if isinstance(counters, TrafficCounters):
                counters.queue_max = 0
                counters.times.clear_maxima()

    def clear_counters(self) -> None:
        """Forget all that was counted, as after a start."""
        self.registry.sessions.settle()
        self.registry.admission.rate.maximum = 0
        for frontend in self.registry.frontends.values():
            frontend.counters = FrontendCounters()
        for backend in self.registry.backends.values():
            backend.counters = TrafficCounters()
            backend.downtime = Downtime(backend.usable > 0, self.clock())
            for server in backend.servers:
                server.counters, server.check_counters = TrafficCounters(), CheckCounters()
                server.downtime = Downtime(server.running, self.clock())

    def _counters(self) -> list[FrontendCounters | TrafficCounters]:
        registry = self.registry
        fronts = [frontend.counters for frontend in registry.frontends.values()]
        backs = [backend.counters for backend in registry.backends.values()]
        return [*fronts, *backs, *(server.counters for server in registry.servers())]

    # -- servers that come and go --------------------------------------------------------------------------------

    def add_server(
        self, backend: Backend, line: ServerLine, words: Sequence[str] = (), number: int | None = None
    ) -> Server:
        """Take in a server that was not in the configuration; it begins in maintenance, and unchecked.

        `words` are those of the command, `number` is the server's when somebody else has given it one.
        """
        server = Server(backend.name, number or backend.free_number(), line, self.clock())
        server.words = list(words)
        server.admin = Admin.FORCED_MAINT
        server.checking = server.agent_asked = False
        server.health.pause()
        server.downtime = Downtime(there=False, now=self.clock())
        backend.add(server)
        self._notify(ServerNotice(backend, server, ServerChange.ADDED))
        return server

    def remove_server(self, server: Server) -> None:
        """Let a server go, which must be in maintenance and serve nobody."""
        backend = self.registry.backends[server.backend_name]
        backend.remove(server)
        self._notify(ServerNotice(backend, server, ServerChange.REMOVED))

    # -- what another process has decided --------------------------------------------------------------------------

    def followed(self, *changed: tuple[Server, ServerChange]) -> None:
        """Choose by what has been set on servers, each backend once: keys that move with several weights move once.

        Tell of each server: ADDRESS when it is elsewhere now, else WEIGHT (no log).
        """
        backends = self.registry.backends
        for name in dict.fromkeys(server.backend_name for server, _ in changed):
            self._rebuild(backends[name])
        for server, change in changed:
            self._notify(ServerNotice(backends[server.backend_name], server, change))
            marks.follow(server, self.registry.sessions)

    def _set_status(self, frontend: Frontend, status: FrontendStatus) -> None:
        if frontend.status is not status:
            frontend.status = status
            backend = self.registry.backends.get(frontend.name) if frontend.in_listen else None
            self._notify(FrontendNotice(frontend, backend))

    def _set_admin(self, server: Server, admin: Admin, change: ServerChange) -> None:
        was_maint = server.admin.maint
        server.admin = admin | (server.admin & Admin.CONFIG_MAINT)
        if server.admin.maint:
            server.stopping = server.forced_down = False
            server.health.pause()
        elif was_maint:
            server.agent_health.restart()
            if server.check is not None:
                server.health.restart()
        self._changed(server, change)
        self._commanded()

    def _commanded(self) -> None:
        if self.on_command is not None:
            self.on_command()

    def _changed(
        self, server: Server, change: ServerChange, check: CheckResult | None = None, *, by_command: bool = False
    ) -> None:
        """Stamp the change, have the backend choose by it, end what it says has to end, and tell."""
        server.changed_at = self.clock()
        server.downtime.note(server.running, server.changed_at)
        backend = self.registry.backends[server.backend_name]
        self._begin_or_end_slow_start(backend, server, change)
        lost = self._rebuild(backend)
        self._notify(ServerNotice(backend, server, change, lost, check, by_command))
        marks.follow(server, self.registry.sessions)

    def _begin_or_end_slow_start(self, backend: Backend, server: Server, change: ServerChange) -> None:
        """A server that comes back starts slowly, one that is still at it when a drain ends starts over."""
        if not server.running:
            server.warmup = None
        elif server.line.slowstart_s and (change in _RETURNS or server.warmup is not None):
            server.warmup = Warmup(server.line.slowstart_s, server.changed_at, weighted=not backend.static)

    def warm(self) -> bool:
        """Bring the slow starts to where they should be now; tell whether one goes on: then call again in a second."""
        now, goes_on = self.clock(), False
        for backend in self.registry.backends.values():
            warming = [(server, server.warmup) for server in backend.servers if server.warmup is not None]
            moved = [(server, warmup) for server, warmup in warming if warmup.advance(now)]
            over = [server for server, warmup in moved if warmup.over]
            for server in over:
                server.warmup = None
            if moved:
                backend.rebuild()
            for server in over:
                self._notify(ServerNotice(backend, server, ServerChange.UP))
            goes_on = goes_on or len(warming) > len(over)
        return goes_on

    def _rebuild(self, backend: Backend) -> bool:
        """Have `backend` choose anew; tell whether that took the last server from it."""
        before = backend.usable
        backend.rebuild()
        if bool(backend.usable) != bool(before):
            backend.changed_at = self.clock()
            backend.downtime.note(backend.usable > 0, backend.changed_at)
        return bool(before) and not backend.usable

    def _notify(self, notice: Notice) -> None:
        for subscriber in self._subscribers:
            subscriber(notice)
