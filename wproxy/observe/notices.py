"""What changed, in the words of HAProxy's own log lines, so that alerts written for those go on working."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wproxy.config.model import Severity
from wproxy.policy.checks.verdict import CheckResult, Outcome
from wproxy.state.backend import Backend
from wproxy.state.control import CheckNotice, FrontendNotice, Notice, ServerChange, ServerNotice
from wproxy.state.frontend import Frontend, FrontendStatus


class LogLine(NamedTuple):
    """A severity, [ALERT] or [WARNING] as HAProxy prints them, and the text; `logged` if the log servers' differs."""

    severity: str
    text: str
    level: Severity = Severity.WARNING
    logged: str = ""


_WITHOUT_COUNTS = frozenset(
    {
        ServerChange.MAINT_TO_READY,
        ServerChange.MAINT_TO_DRAIN,
        ServerChange.DRAIN_TO_READY,
        ServerChange.DOWN_TO_MAINT,
    }
)
_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b'"<>')
_KEEP_DRAIN = frozenset({ServerChange.MAINT_TO_DRAIN, ServerChange.UP, ServerChange.DOWN})
_NOTED = {
    ServerChange.ADDED: "CLI : 'server {server}' : New server registered.",
    ServerChange.REMOVED: "CLI : Server deleted.",
    ServerChange.ADDRESS: "Server {server} is at {address} from now on.",
}


def lines(notice: Notice) -> Iterator[LogLine]:
    """Yield the lines to log about `notice`."""
    if isinstance(notice, FrontendNotice):
        yield _frontend_line(notice.frontend, notice.backend)
        return
    if isinstance(notice, CheckNotice):
        yield LogLine("WARNING", _checked(notice), Severity.NOTICE)
        return
    if notice.change in _NOTED:
        text = _NOTED[notice.change].format(server=notice.server, address=notice.server.address)
        yield LogLine("NOTICE", text, Severity.NOTICE)
        return
    if notice.change is not ServerChange.WEIGHT:
        counts = "" if notice.change in _WITHOUT_COUNTS else f" {_left(notice)}"
        level = Severity.NOTICE if notice.server.running else Severity.ALERT
        text = f"{_role(notice)} {notice.server} {notice.change.value}{_reason(notice)}.{counts}"
        yield LogLine("WARNING", text, level)
    if notice.change in _KEEP_DRAIN and notice.server.admin.drain:
        yield LogLine("WARNING", f"{_role(notice)} {notice.server} remains in forced drain mode.")
    if notice.backend_lost:
        kind = "proxy" if notice.backend.in_listen else "backend"
        name = notice.backend.name
        yield LogLine(
            "ALERT",
            f"{kind} '{name}' has no server available!",
            Severity.EMERG,
            f"{kind} {name} has no server available!",
        )


def _role(notice: ServerNotice) -> str:
    return "Backup Server" if notice.server.line.backup else "Server"


def _frontend_line(frontend: Frontend, backend: Backend | None) -> LogLine:
    if frontend.status is FrontendStatus.STOPPED:
        served = backend.counters.sessions if backend is not None else 0
        connections = f"FE: {frontend.counters.sessions}, BE: {served}"
        return LogLine("WARNING", f"Proxy {frontend.name} stopped (cumulated conns: {connections}).")
    verb = "Resumed" if frontend.status is FrontendStatus.OPEN else "Paused"
    kind = "proxy" if frontend.in_listen else "frontend"
    return LogLine("WARNING", f"{verb} {kind} {frontend.name}.")


def _checked(notice: CheckNotice) -> str:
    """Return what `option log-health-checks` tells of a check (configuration manual, section 4.2)."""
    server, outcome, health = notice.server, notice.result.status.outcome, notice.health
    kind = "Agent" if notice.agent else "Health"
    passed = {Outcome.PASSED: "succeeded", Outcome.CONDITIONALLY: "conditionally succeeded"}.get(outcome, "failed")
    side = ("UP" if server.weight else "DRAIN") if health.up else "DOWN"
    return f"{kind} check for server {server} {passed}{_told(notice.result)}, status: {health.steps} {side}."


def _reason(notice: ServerNotice) -> str:
    """Return why a server changed; a log of all checks has just said it."""
    if notice.by_command:
        return ", changed from CLI"
    return "" if notice.check is None else _told(notice.check)


def _told(check: CheckResult) -> str:
    code = f", code: {check.code}" if check.status.has_code else ""
    info = f', info: "{_quoted(check.info)}"' if check.info else ""
    return f", reason: {check.status.description}{code}{info}, check duration: {check.duration_ms}ms"


def _quoted(said: str) -> str:
    """Return what a server has said without what would end the line or its quotes, in HAProxy's notation."""
    return "".join(chr(byte) if byte in _PLAIN else f"<{byte:02X}>" for byte in said.encode("utf-8", "replace"))


def _left(notice: ServerNotice) -> str:
    backend = notice.backend
    counts = f"{backend.active} active and {backend.backups} backup servers"
    on_backup = " Running on backup." if backend.backups and not backend.active else ""
    if notice.server.running:
        return f"{counts} online.{on_backup} 0 sessions requeued, 0 total in queue."
    return f"{counts} left.{on_backup} {notice.server.current} sessions active, 0 requeued, 0 remaining in queue."
