"""What changed, in the words of HAProxy's own log lines, so that alerts written for those go on working."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wproxy.policy.checks.verdict import CheckResult, Outcome
from wproxy.state.control import CheckNotice, FrontendNotice, Notice, ServerChange, ServerNotice
from wproxy.state.frontend import FrontendStatus


class LogLine(NamedTuple):
    """A severity, [ALERT] or [WARNING] as HAProxy prints them, and the text."""

    severity: str
    text: str


_WITHOUT_COUNTS = frozenset({ServerChange.MAINT_TO_READY, ServerChange.MAINT_TO_DRAIN, ServerChange.DRAIN_TO_READY})


_KEEP_DRAIN = frozenset({ServerChange.MAINT_TO_DRAIN, ServerChange.UP, ServerChange.DOWN})


def lines(notice: Notice) -> Iterator[LogLine]:
    """Yield the lines to log about `notice`."""
    if isinstance(notice, FrontendNotice):
        verb = "Resumed" if notice.frontend.status is FrontendStatus.OPEN else "Paused"
        yield LogLine("WARNING", f"{verb} frontend {notice.frontend.name}.")
        return
    if isinstance(notice, CheckNotice):
        yield LogLine("WARNING", _checked(notice))
        return
    if notice.change is not ServerChange.WEIGHT:
        counts = "" if notice.change in _WITHOUT_COUNTS else f" {_left(notice)}"
        yield LogLine("WARNING", f"Server {notice.server} {notice.change.value}{_reason(notice)}.{counts}")
    if notice.change in _KEEP_DRAIN and notice.server.admin.drain:
        yield LogLine("WARNING", f"Server {notice.server} remains in forced drain mode.")
    if notice.backend_lost:
        kind = "proxy" if notice.backend.in_listen else "backend"
        yield LogLine("ALERT", f"{kind} '{notice.backend.name}' has no server available!")


def _checked(notice: CheckNotice) -> str:
    """Return what `option log-health-checks` tells of a check (configuration manual, section 4.2)."""
    server, outcome, health = notice.server, notice.result.status.outcome, notice.health
    kind = "Agent" if notice.agent else "Health"
    passed = {Outcome.PASSED: "succeeded", Outcome.CONDITIONALLY: "conditionally succeeded"}.get(outcome, "failed")
    side = ("UP" if server.weight else "DRAIN") if health.up else "DOWN"
    return f"{kind} check for server {server} {passed}{_told(notice.result)}, status: {health.steps} {side}."


def _reason(notice: ServerNotice) -> str:
    if notice.by_command:
        return ", changed from CLI"
    return "" if notice.check is None else _told(notice.check)


def _told(check: CheckResult) -> str:
    code = f", code: {check.code}" if check.status.has_code else ""
    info = f', info: "{check.info}"' if check.info else ""
    return f", reason: {check.status.description}{code}{info}, check duration: {check.duration_ms}ms"


def _left(notice: ServerNotice) -> str:
    counts = f"{notice.backend.usable} active and 0 backup servers"
    if notice.server.running:
        return f"{counts} online. 0 sessions requeued, 0 total in queue."
    return f"{counts} left. {notice.server.current} sessions active, 0 requeued, 0 remaining in queue."
