from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.wproxy.state.parties import Clock, config, line
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.policy.weight import WeightError
from wproxy.state.control import Control, FrontendNotice, Notice, ServerChange, ServerNotice
from wproxy.state.frontend import FrontendStatus
from wproxy.state.registry import Registry
from wproxy.state.server import Admin, Server

PASSED, FAILED = CheckResult(CheckStatus.L4OK), CheckResult(CheckStatus.L4CON, "Connection refused")


class Proxy:
    """Two servers, "a" checked and "b" not, whose changes are noted."""

    def __init__(self, **options: bool) -> None:
        self.clock = Clock()
        self.registry = Registry(config(line("a", 30, check=True, **options), line("b", 70)), 100, self.clock())
        self.control = Control(self.registry, self.clock)
        self.notices: list[Notice] = []
        self.control.subscribe(self.notices.append)
        self.backend = self.registry.backends["back"]
        self.a, self.b = self.backend.servers

    def changes(self) -> list[ServerChange]:
        """Return the changes told since the last time."""
        told = [notice.change for notice in self.notices if isinstance(notice, ServerNotice)]
        self.notices.clear()
        return told


@pytest.fixture
def proxy() -> Proxy:
    return Proxy()


MAINT, DRAIN, READY = "set_maint", "set_drain", "set_ready"


@pytest.mark.parametrize(
    ("commands", "changes", "admin"),
    [
        ([READY], [], Admin.READY),
        ([MAINT], [ServerChange.MAINT], Admin.FORCED_MAINT),
        ([MAINT, MAINT], [ServerChange.MAINT], Admin.FORCED_MAINT),
        ([MAINT, READY], [ServerChange.MAINT, ServerChange.MAINT_TO_READY], Admin.READY),
        ([MAINT, DRAIN], [ServerChange.MAINT, ServerChange.MAINT_TO_DRAIN], Admin.FORCED_DRAIN),
        ([DRAIN], [ServerChange.DRAIN], Admin.FORCED_DRAIN),
        ([DRAIN, DRAIN], [ServerChange.DRAIN], Admin.FORCED_DRAIN),
        ([DRAIN, READY], [ServerChange.DRAIN, ServerChange.DRAIN_TO_READY], Admin.READY),
        ([DRAIN, MAINT], [ServerChange.DRAIN, ServerChange.MAINT], Admin.FORCED_MAINT),
        (
            [DRAIN, MAINT, READY],
            [ServerChange.DRAIN, ServerChange.MAINT, ServerChange.MAINT_TO_READY],
            Admin.READY,
        ),
    ],
)
def test_administration(commands: list[str], changes: list[ServerChange], admin: Admin) -> None:
    for disabled in (False, True):
        proxy = Proxy()
        if disabled:  # the configuration's maintenance was ended: that it was there is remembered, and changes nothing
            proxy = Proxy(disabled=True)
            proxy.control.set_ready(proxy.a)
            assert proxy.changes() == [ServerChange.MAINT_TO_READY]
        for command in commands:
            apply: Callable[[Server], None] = getattr(proxy.control, command)
            apply(proxy.a)
        assert proxy.changes() == changes
        assert proxy.a.admin == admin | (Admin.CONFIG_MAINT if disabled else Admin.READY)
        assert proxy.backend.usable == (2 if admin is Admin.READY else 1)


def test_changes_are_stamped_and_outages_measured(proxy: Proxy) -> None:
    proxy.clock.now = 110.0
    proxy.control.set_maint(proxy.a)
    proxy.clock.now = 115.0
    proxy.control.set_maint(proxy.b)
    assert (proxy.a.changed_at, proxy.b.changed_at, proxy.backend.changed_at) == (110.0, 115.0, 115.0)
    proxy.clock.now = 120.0
    proxy.control.set_ready(proxy.a)
    assert proxy.backend.changed_at == 120.0
    assert (proxy.a.downtime_s(130.0), proxy.b.downtime_s(130.0), proxy.backend.downtime_s(130.0)) == (10, 15, 5)
    assert (proxy.a.downtime.outages, proxy.backend.downtime.outages) == (1, 1)


def test_the_last_server_takes_its_backend_along(proxy: Proxy) -> None:
    proxy.control.set_drain(proxy.b)
    proxy.control.set_weight(proxy.a, "0")
    proxy.control.set_maint(proxy.a)
    lost = [(each.change, each.backend_lost) for each in proxy.notices if isinstance(each, ServerNotice)]
    assert lost == [(ServerChange.DRAIN, False), (ServerChange.WEIGHT, True), (ServerChange.MAINT, False)]
    assert proxy.backend.status == "DOWN"


def test_weights_act_at_once_and_are_not_told(proxy: Proxy) -> None:
    for text, weight in (("50%", 15), ("0", 0), ("256", 256), ("100%", 30)):
        proxy.control.set_weight(proxy.a, text)
        assert proxy.a.weight == weight
        assert proxy.backend.usable == (2 if weight else 1)
    with pytest.raises(WeightError, match="Absolute weight"):
        proxy.control.set_weight(proxy.a, "257")
    assert proxy.a.weight == 30
    assert not proxy.notices


def test_checks_take_a_server_out_and_back(proxy: Proxy) -> None:
    proxy.control.report_check(proxy.a, FAILED)
    assert proxy.notices == [ServerNotice(proxy.backend, proxy.a, ServerChange.DOWN, False, FAILED)]
    assert (proxy.backend.running, proxy.a.status) == ([False, True], "DOWN")
    for result in (FAILED, PASSED, FAILED, PASSED):
        proxy.control.report_check(proxy.a, result)
    assert proxy.changes() == [ServerChange.DOWN]
    # Counted are the failures that changed anything.
    assert (proxy.a.check_counters.failed, proxy.a.last_check) == (2, PASSED)
    proxy.control.report_check(proxy.a, PASSED)
    assert proxy.changes() == [ServerChange.UP]
    assert proxy.backend.usable == 2


def test_maintenance_pauses_the_checks(proxy: Proxy) -> None:
    proxy.control.report_check(proxy.a, FAILED)
    proxy.control.set_maint(proxy.a)
    proxy.control.report_check(proxy.a, PASSED)
    assert (proxy.a.last_check, proxy.a.health.counter) == (FAILED, 0)
    proxy.control.set_ready(proxy.a)
    assert proxy.a.status == "UP 1/3"


def test_frontends_pause_and_resume(proxy: Proxy) -> None:
    front = proxy.registry.frontends["front"]
    for change in (proxy.control.resume, proxy.control.pause, proxy.control.pause, proxy.control.resume):
        change(front)
    assert proxy.notices == [FrontendNotice(front)] * 2
    assert front.status is FrontendStatus.OPEN
