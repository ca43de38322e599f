"""What changed, in the words of HAProxy's own log lines, so that alerts written for those go on working."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wproxy.state.control import FrontendNotice, ServerChange, ServerNotice
from wproxy.state.frontend import Frontend, FrontendStatus


class LogLine(NamedTuple):
    """A severity, [ALERT] or [WARNING] as HAProxy prints them, and the text."""

    severity: str
    text: str


_WITHOUT_COUNTS = frozenset(
    {
        ServerChange.MAINT_TO_READY,
        ServerChange.MAINT_TO_DRAIN,
        ServerChange.DRAIN_TO_READY,
        ServerChange.DOWN_TO_MAINT,
    }
)
_NOTED = {
    ServerChange.ADDED: "CLI : 'server {server}' : New server registered.",
    ServerChange.REMOVED: "CLI : Server deleted.",
    ServerChange.ADDRESS: "Server {server} is at {address} from now on.",
}


def lines(notice: ServerNotice | FrontendNotice) -> Iterator[LogLine]:
    """Yield the lines to log about `notice`."""
    if isinstance(notice, FrontendNotice):
        yield _frontend_line(notice.frontend)
        return
    if notice.change in _NOTED:
        yield LogLine("NOTICE", _NOTED[notice.change].format(server=notice.server, address=notice.server.address))
        return
    if notice.change is not ServerChange.WEIGHT:
        counts = "" if notice.change in _WITHOUT_COUNTS else f" {_left(notice)}"
        yield LogLine("WARNING", f"Server {notice.server} {notice.change.value}{_reason(notice)}.{counts}")
    if notice.change is ServerChange.MAINT_TO_DRAIN:
        yield LogLine("WARNING", f"Server {notice.server} remains in forced drain mode.")
    if notice.backend_lost:
        kind = "proxy" if notice.backend.in_listen else "backend"
        yield LogLine("ALERT", f"{kind} '{notice.backend.name}' has no server available!")


def _frontend_line(frontend: Frontend) -> LogLine:
    if frontend.status is FrontendStatus.STOPPED:
        connections = f"FE: {frontend.counters.sessions}, BE: 0"
        return LogLine("WARNING", f"Proxy {frontend.name} stopped (cumulated conns: {connections}).")
    verb = "Resumed" if frontend.status is FrontendStatus.OPEN else "Paused"
    return LogLine("WARNING", f"{verb} frontend {frontend.name}.")


def _reason(notice: ServerNotice) -> str:
    check = notice.check
    if check is None:
        return ", changed from CLI" if notice.by_command else ""
    info = f', info: "{check.info}"' if check.info else ""
    return f", reason: {check.status.description}{info}, check duration: {check.duration_ms}ms"


def _left(notice: ServerNotice) -> str:
    counts = f"{notice.backend.usable} active and 0 backup servers"
    if notice.server.running:
        return f"{counts} online. 0 sessions requeued, 0 total in queue."
    return f"{counts} left. {notice.server.current} sessions active, 0 requeued, 0 remaining in queue."
