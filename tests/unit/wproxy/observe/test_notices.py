from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.state.parties import Clock, backend_config, config, frontend_config, line
from wproxy.config.checks import HealthCheck
from wproxy.config.model import Address, Config, Severity
from wproxy.observe.notices import LogLine, lines
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.state.control import Control, Notice
from wproxy.state.registry import Registry

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
    back = replace(backend_config(line(check=True)), check=HealthCheck(log_changes=True))
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


def test_what_a_server_says_stays_on_its_line() -> None:
    told = Told(Config(frontends=(frontend_config(),), backends=(replace(backend_config(line(check=True))),)))
    for _ in range(3):
        told.control.report_check(told.server, CheckResult(CheckStatus.L7RSP, 'né "<b>"\r\n\x1b[0m\N{CENT SIGN}'))
    assert 'info: "n<C3><A9> <22><3C>b<3E><22><0D><0A><1B>[0m<C2><A2>", check' in told.take()[0].text


class Said:
    """A proxy with two servers, and what is logged about it."""

    def __init__(self) -> None:
        self.registry = Registry(config(line("a", check=True), line("b")), 100, 0.0)
        self.control = Control(self.registry, Clock())
        self.logged: list[LogLine] = []
        self.control.subscribe(lambda notice: self.logged.extend(lines(notice)))
        self.a, self.b = self.registry.backends["back"].servers

    def lines(self) -> list[str]:
        """Return what was logged since the last time."""
        said = [f"[{line.severity}] {line.text}" for line in self.logged]
        self.logged.clear()
        return said


@pytest.fixture
def said() -> Said:
    return Said()


LEFT = "1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
NONE_LEFT = "0 active and 0 backup servers left. 2 sessions active, 0 requeued, 0 remaining in queue."
ONLINE = "{} active and 0 backup servers online. 0 sessions requeued, 0 total in queue."


def test_administration(said: Said) -> None:
    said.control.set_maint(said.a)
    assert said.lines() == [f"[WARNING] Server back/a is going DOWN for maintenance. {LEFT}"]
    said.control.set_ready(said.a)
    assert said.lines() == ["[WARNING] Server back/a is UP/READY (leaving forced maintenance)."]
    said.control.set_drain(said.a)
    assert said.lines() == [f"[WARNING] Server back/a enters drain state. {ONLINE.format(1)}"]
    said.control.set_ready(said.a)
    assert said.lines() == ["[WARNING] Server back/a is UP (leaving forced drain)."]
    said.control.set_maint(said.a)
    said.lines()
    said.control.set_drain(said.a)
    assert said.lines() == [
        "[WARNING] Server back/a is UP/DRAIN (leaving forced maintenance).",
        "[WARNING] Server back/a remains in forced drain mode.",
    ]


def test_health_by_command_and_what_follows(said: Said) -> None:
    said.control.set_stopping(said.b)
    said.control.set_up(said.b)
    said.control.set_down(said.b)
    said.control.set_maint(said.b)
    assert said.lines() == [
        f"[WARNING] Server back/b is stopping, changed from CLI. {ONLINE.format(1)}",
        f"[WARNING] Server back/b is UP, changed from CLI. {ONLINE.format(2)}",
        f"[WARNING] Server back/b is DOWN, changed from CLI. {LEFT}",
        "[WARNING] Server back/b was DOWN and now enters maintenance.",
    ]


def test_servers_that_come_move_and_go(said: Said) -> None:
    added = said.control.add_server(said.registry.backends["back"], line("c"))
    said.control.set_address(added, Address("127.0.0.9", 9))
    said.control.remove_server(added)
    assert said.lines() == [
        "[NOTICE] CLI : 'server back/c' : New server registered.",
        "[NOTICE] Server back/c is at 127.0.0.9:9 from now on.",
        "[NOTICE] CLI : Server deleted.",
    ]


def test_a_frontend_that_is_shut_down(said: Said) -> None:
    said.control.shut_down(said.registry.frontends["front"])
    assert said.lines() == ["[WARNING] Proxy front stopped (cumulated conns: FE: 0, BE: 0)."]


def test_checks(said: Said) -> None:
    said.control.report_check(said.a, CheckResult(CheckStatus.L4CON, "Connection refused", 3))
    reason = 'reason: Layer4 connection problem, info: "Connection refused", check duration: 3ms'
    assert said.lines() == [f"[WARNING] Server back/a is DOWN, {reason}. {LEFT}"]
    for _ in range(2):
        said.control.report_check(said.a, CheckResult(CheckStatus.L4OK, duration_ms=1))
    reason = "reason: Layer4 check passed, check duration: 1ms"
    assert said.lines() == [f"[WARNING] Server back/a is UP, {reason}. {ONLINE.format(2)}"]


def test_the_loss_of_a_backend_is_an_alert(said: Said) -> None:
    said.control.set_weight(said.b, "0")
    assert said.lines() == []
    said.a.current = 2
    said.control.set_maint(said.a)
    assert said.lines() == [
        f"[WARNING] Server back/a is going DOWN for maintenance. {NONE_LEFT}",
        "[ALERT] backend 'back' has no server available!",
    ]
    said.control.set_weight(said.b, "1")
    assert said.lines() == []
    said.registry.backends["back"].in_listen = True
    said.control.set_weight(said.b, "0")
    assert said.lines() == ["[ALERT] proxy 'back' has no server available!"]
