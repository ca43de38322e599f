"""What changed, in the words of HAProxy's own log lines, so that alerts written for those go on working."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wproxy.state.backend import Backend
from wproxy.state.control import FrontendNotice, ServerNotice
from wproxy.state.frontend import FrontendStatus


class LogLine(NamedTuple):
    """A severity, [ALERT] or [WARNING] as HAProxy prints them, and the text."""

    severity: str
    text: str


def lines(notice: ServerNotice | FrontendNotice) -> Iterator[LogLine]:
    """Yield the lines to log about `notice`."""
    if isinstance(notice, FrontendNotice):
        verb = "Resumed" if notice.frontend.status is FrontendStatus.OPEN else "Paused"
        yield LogLine("WARNING", f"{verb} frontend {notice.frontend.name}.")
        return
    yield LogLine("WARNING", f"Server {notice.server} {notice.what}{_reason(notice)}. {_left(notice)}")
    if not notice.backend.usable:
        yield LogLine("ALERT", f"backend '{notice.backend.name}' has no server available!")


def _reason(notice: ServerNotice) -> str:
    check = notice.check
    if check is None:
        return ""
    info = f', info: "{check.info}"' if check.info else ""
    return f", reason: {check.status.description}{info}, check duration: {check.duration_ms}ms"


def _left(notice: ServerNotice) -> str:
    backend: Backend = notice.backend
    return (
        f"{backend.usable} active and 0 backup servers {'online' if notice.server.usable else 'left'}. "
        f"{notice.server.current} sessions {'requeued' if notice.server.usable else 'active'}, "
        f"0 {'total' if notice.server.usable else 'requeued, 0 remaining'} in queue."
    )
