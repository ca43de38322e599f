"""The one who changes servers and frontends, on behalf of the stats socket and of the health checks.

Every change goes through here, so that whatever depends on it (the balance, the queue, the log, later the workers) can
follow: it is applied, the backend prepares its choice anew, and a notice of it goes to the subscribers.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from wproxy.policy.health import Transition
from wproxy.policy.weight import parse_weight
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.registry import Registry
from wproxy.state.server import Admin, CheckResult, Server
from wproxy.state.warmup import Warmup


class ServerChange(enum.Enum):
    """What happened to a server, in HAProxy's words."""

    UP = "is UP"
    DOWN = "is DOWN"
    MAINT = "is going DOWN for maintenance"
    DRAIN = "enters drain state"
    MAINT_TO_READY = "is UP/READY (leaving forced maintenance)"
    MAINT_TO_DRAIN = "is UP/DRAIN (leaving forced maintenance)"
    DRAIN_TO_READY = "is UP (leaving forced drain)"
    WEIGHT = "has no weight"


_RETURNS = frozenset({ServerChange.UP, ServerChange.MAINT_TO_READY, ServerChange.MAINT_TO_DRAIN})


@dataclass(frozen=True, slots=True)
class ServerNotice:
    """A server changed: `check` when a health check was the reason, `backend_lost` when it was the last to serve.

    Of weights only the change is told that takes the last server from a backend.
    """

    backend: Backend
    server: Server
    change: ServerChange
    backend_lost: bool = False
    check: CheckResult | None = None


@dataclass(frozen=True, slots=True)
class FrontendNotice:
    """A frontend was paused or resumed."""

    frontend: Frontend


@dataclass(frozen=True, slots=True)
class CheckNotice:
    """A health check ended otherwise than the one before; told for backends with `option log-health-checks` only."""

    backend: Backend
    server: Server
    check: CheckResult


Notice: TypeAlias = ServerNotice | FrontendNotice | CheckNotice
Subscriber = Callable[[Notice], None]


class Control:
    """Applies changes at `clock()` and tells the subscribers, in order of subscription."""

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self.registry = registry
        self.clock = clock
        self._subscribers: list[Subscriber] = []
        self.on_command: Callable[[], None] | None = None  # called when somebody has changed what is to be kept

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have `subscriber` called after each change."""
        self._subscribers.append(subscriber)

    def set_weight(self, server: Server, text: str) -> None:
        """Set the weight to `30` or to `50%` of the configured one; raise policy.weight.WeightError."""
        backend = self.registry.backends[server.backend_name]
        server.weight = parse_weight(text, server.line.weight, static=backend.static)
        if self._rebuild(backend):
            self._notify(ServerNotice(backend, server, ServerChange.WEIGHT, backend_lost=True))
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
            self._set_admin(server, Admin.FORCED_MAINT, ServerChange.MAINT)

    def report_check(self, server: Server, result: CheckResult) -> None:
        """Take note of a health check's outcome; one that was under way when maintenance began tells nothing."""
        if server.admin.maint:
            return
        before, server.last_check = (server.last_check.status, str(server.health)), result
        if result.status.passed:
            transition = server.health.passed()
        else:
            server.check_counters.failed += server.health.counter > 0
            transition = server.health.failed()
        backend = self.registry.backends[server.backend_name]
        if backend.config.logs.health_checks and (result.status, str(server.health)) != before:
            self._notify(CheckNotice(backend, server, result))
        if transition is Transition.UP:
            self._changed(server, ServerChange.UP, result)
        elif transition is Transition.DOWN:
            self._changed(server, ServerChange.DOWN, result)

    def pause(self, frontend: Frontend) -> None:
        """Stop accepting; live sessions stay."""
        self._set_status(frontend, FrontendStatus.PAUSED)

    def resume(self, frontend: Frontend) -> None:
        """Accept again."""
        self._set_status(frontend, FrontendStatus.OPEN)

    def _set_status(self, frontend: Frontend, status: FrontendStatus) -> None:
        if frontend.status is not status:
            frontend.status = status
            self._notify(FrontendNotice(frontend))

    def _set_admin(self, server: Server, admin: Admin, change: ServerChange) -> None:
        was_maint = server.admin.maint
        server.admin = admin | (server.admin & Admin.CONFIG_MAINT)
        if server.admin.maint:
            server.health.pause()
        elif was_maint and server.check is not None:
            server.health.restart()
        self._changed(server, change)
        self._commanded()

    def _commanded(self) -> None:
        if self.on_command is not None:
            self.on_command()

    def _changed(self, server: Server, change: ServerChange, check: CheckResult | None = None) -> None:
        """Stamp the change, have the backend choose by it, and tell."""
        server.changed_at = self.clock()
        server.downtime.note(server.running, server.changed_at)
        backend = self.registry.backends[server.backend_name]
        self._begin_or_end_slow_start(backend, server, change)
        lost = self._rebuild(backend)
        self._notify(ServerNotice(backend, server, change, lost, check))

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
