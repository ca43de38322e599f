"""The one who changes servers and frontends, on behalf of the stats socket and of the health checks.

Every change goes through here, so that whatever depends on it (the balance, the queue, the log, later the workers) can
follow: it is applied, the backend prepares its choice anew, and a notice of it goes to the subscribers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wproxy.policy.health import Transition
from wproxy.policy.weight import parse_weight
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.registry import Registry
from wproxy.state.server import Admin, CheckResult, Server


@dataclass(frozen=True, slots=True)
class ServerNotice:
    """A server changed: `what` in HAProxy's words, `check` when a health check was the reason."""

    backend: Backend
    server: Server
    what: str
    check: CheckResult | None = None


@dataclass(frozen=True, slots=True)
class FrontendNotice:
    """A frontend was paused or resumed."""

    frontend: Frontend


Subscriber = Callable[[ServerNotice | FrontendNotice], None]


class Control:
    """Applies changes at `clock()` and tells the subscribers, in order of subscription."""

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self.registry = registry
        self.clock = clock
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have `subscriber` called after each change."""
        self._subscribers.append(subscriber)

    def set_weight(self, server: Server, text: str) -> None:
        """Set the weight to `30` or to `50%` of the configured one; raise policy.weight.WeightError."""
        server.weight = parse_weight(text, server.line.weight)
        self._backend(server).rebuild()

    def set_ready(self, server: Server) -> None:
        """End maintenance and drain."""
        was = server.admin
        self._set_admin(server, Admin.READY)
        if was.maint:
            self._tell(server, "is UP/READY (leaving forced maintenance)")
        elif was.drain:
            self._tell(server, "is UP (leaving forced drain)")

    def set_drain(self, server: Server) -> None:
        """Let it finish its sessions and give it no new ones."""
        if not server.admin.drain:
            self._set_admin(server, Admin.FORCED_DRAIN)
            self._tell(server, "enters drain state")

    def set_maint(self, server: Server) -> None:
        """Take it out of service; its checks pause."""
        if not server.admin.maint:
            self._set_admin(server, server.admin | Admin.FORCED_MAINT)
            self._tell(server, "is going DOWN for maintenance")

    def enable(self, server: Server) -> None:
        """End maintenance, leave drain as it is ("enable server")."""
        if server.admin.maint:
            self._set_admin(server, server.admin & Admin.FORCED_DRAIN)
            self._tell(server, "is UP/READY (leaving forced maintenance)")

    def report_check(self, server: Server, result: CheckResult) -> None:
        """Take note of a health check's outcome."""
        server.last_check = result
        if result.status.passed:
            transition = server.health.passed()
        else:
            server.check_counters.failed += server.health.up
            transition = server.health.failed()
        if transition is Transition.NONE:
            return
        if transition is Transition.DOWN:
            server.check_counters.downs += 1
        self._changed(server)
        self._tell(server, f"is {transition.name}", result)

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

    def _set_admin(self, server: Server, admin: Admin) -> None:
        if server.admin != admin:
            server.admin = admin
            self._changed(server)

    def _changed(self, server: Server) -> None:
        """Stamp the change and have the backend choose by it."""
        now = self.clock()
        server.changed_at = now
        server.downtime.note(server.running, now)
        backend = self._backend(server)
        before = backend.status
        backend.rebuild()
        backend.downtime.note(backend.usable > 0, now)
        if backend.status != before:
            backend.changed_at = now

    def _backend(self, server: Server) -> Backend:
        return self.registry.backends[server.backend_name]

    def _tell(self, server: Server, what: str, check: CheckResult | None = None) -> None:
        self._notify(ServerNotice(self._backend(server), server, what, check))

    def _notify(self, notice: ServerNotice | FrontendNotice) -> None:
        for subscriber in self._subscribers:
            subscriber(notice)
