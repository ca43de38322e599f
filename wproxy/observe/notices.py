"""What changed, in the words of HAProxy's own log lines, so that alerts written for those go on working."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wproxy.state.control import FrontendNotice, ServerChange, ServerNotice
from wproxy.state.frontend import FrontendStatus


class LogLine(NamedTuple):
    """A severity, [ALERT] or [WARNING] as HAProxy prints them, and the text."""

    severity: str
    text: str


_WITHOUT_COUNTS = frozenset({ServerChange.MAINT_TO_READY, ServerChange.MAINT_TO_DRAIN, ServerChange.DRAIN_TO_READY})


def lines(notice: ServerNotice | FrontendNotice) -> Iterator[LogLine]:
    """Yield the lines to log about `notice`."""
    if isinstance(notice, FrontendNotice):
        verb = "Resumed" if notice.frontend.status is FrontendStatus.OPEN else "Paused"
        yield LogLine("WARNING", f"{verb} frontend {notice.frontend.name}.")
        return
    if notice.change is not ServerChange.WEIGHT:
        counts = "" if notice.change in _WITHOUT_COUNTS else f" {_left(notice)}"
        yield LogLine("WARNING", f"{_role(notice)} {notice.server} {notice.change.value}{_reason(notice)}.{counts}")
    if notice.change is ServerChange.MAINT_TO_DRAIN:
        yield LogLine("WARNING", f"{_role(notice)} {notice.server} remains in forced drain mode.")
    if notice.backend_lost:
        kind = "proxy" if notice.backend.in_listen else "backend"
        yield LogLine("ALERT", f"{kind} '{notice.backend.name}' has no server available!")


def _role(notice: ServerNotice) -> str:
    return "Backup Server" if notice.server.line.backup else "Server"


def _reason(notice: ServerNotice) -> str:
    check = notice.check
    if check is None:
        return ""
    info = f', info: "{check.info}"' if check.info else ""
    return f", reason: {check.status.description}{info}, check duration: {check.duration_ms}ms"


def _left(notice: ServerNotice) -> str:
    backend = notice.backend
    counts = f"{backend.active} active and {backend.backups} backup servers"
    on_backup = " Running on backup." if backend.backups and not backend.active else ""
    if notice.server.running:
        return f"{counts} online.{on_backup} 0 sessions requeued, 0 total in queue."
    return f"{counts} left.{on_backup} {notice.server.current} sessions active, 0 requeued, 0 remaining in queue."
