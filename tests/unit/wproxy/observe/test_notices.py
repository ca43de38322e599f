from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.state.parties import Clock, backend_config, config, frontend_config, line
from wproxy.config.model import Config, Logs, Severity
from wproxy.observe.notices import LogLine, lines
from wproxy.state.control import Control, Notice
from wproxy.state.registry import Registry
from wproxy.state.server import CheckResult, CheckStatus

PASSED, FAILED = CheckResult(CheckStatus.L4OK), CheckResult(CheckStatus.L4CON, "Connection refused", 3)


class Told:
    """A backend with one checked server, and the lines about its changes."""

    def __init__(self, settings: Config) -> None:
        self.registry = Registry(settings, 100, 100.0)
        self.control = Control(self.registry, Clock())
        self.lines: list[LogLine] = []
        self.control.subscribe(self.note)
        self.server = self.registry.backends["back"].servers[0]

    def note(self, notice: Notice) -> None:
        self.lines.extend(lines(notice))

    def take(self) -> list[LogLine]:
        told, self.lines = self.lines, []
        return told


def test_a_server_goes_and_comes() -> None:
    told = Told(config(line(check=True)))
    told.control.report_check(told.server, FAILED)
    gone, lost = told.take()
    assert gone.text == (
        'Server back/a is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 3ms.'
        " 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
    )
    assert (gone.severity, gone.level) == ("WARNING", Severity.ALERT)
    assert lost == LogLine(
        "ALERT", "backend 'back' has no server available!", Severity.EMERG, "backend back has no server available!"
    )
    for _ in range(2):
        told.control.report_check(told.server, PASSED)
    [back] = told.take()
    assert (back.severity, back.level) == ("WARNING", Severity.NOTICE)


def test_administrators() -> None:
    told = Told(config(line()))
    told.control.set_maint(told.server)
    told.take()
    told.control.set_drain(told.server)
    assert [each.text for each in told.take()] == [
        "Server back/a is UP/DRAIN (leaving forced maintenance).",
        "Server back/a remains in forced drain mode.",
    ]
    told.control.set_ready(told.server)
    told.take()
    told.control.set_weight(told.server, "0")
    assert [each.severity for each in told.take()] == ["ALERT"]


@pytest.mark.parametrize(("proxy_id", "kind"), [(2, "proxy"), (3, "frontend")])
def test_frontends(proxy_id: int, kind: str) -> None:
    told = Told(Config(frontends=(frontend_config(proxy_id=2),), backends=(backend_config(line(), proxy_id=proxy_id),)))
    frontend = told.registry.frontends["front"]
    told.control.pause(frontend)
    told.control.resume(frontend)
    assert [each.text for each in told.take()] == [f"Paused {kind} front.", f"Resumed {kind} front."]
    assert Severity.WARNING is LogLine("WARNING", "").level


def test_a_log_of_checks_tells_each_that_ends_otherwise_and_saves_the_reason() -> None:
    back = replace(backend_config(line(check=True)), logs=Logs(health_checks=True))
    told = Told(Config(frontends=(frontend_config(),), backends=(back,)))
    for _ in range(2):
        told.control.report_check(told.server, PASSED)
    outcome = "succeeded, reason: Layer4 check passed, check duration: 0ms, status: 3/3 UP."
    assert told.take() == [LogLine("WARNING", f"Health check for server back/a {outcome}", Severity.NOTICE)]
    for _ in range(4):
        told.control.report_check(told.server, FAILED)
    texts = [each.text for each in told.take()]
    assert texts[2].endswith('info: "Connection refused", check duration: 3ms, status: 0/2 DOWN.')
    assert texts[3].startswith("Server back/a is DOWN. 0 active")
