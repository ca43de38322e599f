from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.wproxy.state.parties import Carrier, Clock, Waiter, config, line
from wproxy.config.checks import AgentSettings, HealthCheck
from wproxy.config.model import Address
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.policy.checks.words import parse
from wproxy.policy.weight import WeightError
from wproxy.state.admission import RateLimit
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


def slow(balance: str = "roundrobin") -> tuple[Control, Server, Clock, list[Notice]]:
    clock, notices = Clock(), list[Notice]()
    registry = Registry(config(line("a", 100, maxconn=50, slowstart_s=5), line("b", 30), balance=balance), 100, clock())
    control = Control(registry, clock)
    control.subscribe(notices.append)
    return control, registry.backends["back"].servers[0], clock, notices


def test_a_server_that_comes_back_starts_slowly() -> None:
    control, server, clock, notices = slow()
    assert server.warmup is None  # not at the start of the process
    control.set_maint(server)
    control.set_ready(server)
    seen = []
    for second in range(6):
        clock.now = 100.0 + second
        goes_on = control.warm()
        seen.append((server.share, server.throttle, server.limit, goes_on))
    assert seen == [
        (100, 6, 1, True), (400, 25, 10, True), (700, 43, 20, True), (1000, 62, 30, True), (1300, 81, 40, True),
        (1600, None, 50, False),
    ]  # fmt: skip
    assert notices[-1] == ServerNotice(control.registry.backends["back"], server, ServerChange.UP)
    assert not control.warm()


def test_a_slow_start_ends_with_maintenance_and_begins_anew_after_a_drain() -> None:
    control, server, clock, _ = slow()
    control.set_drain(server)
    control.set_ready(server)
    assert server.warmup is None  # it was never away
    control.set_maint(server)
    control.set_ready(server)
    clock.now += 3
    control.warm()
    assert server.share == 1000
    control.set_drain(server)
    assert server.throttle is None
    control.set_ready(server)
    assert server.share == 100
    control.set_maint(server)
    assert server.warmup is None


def test_static_weights_start_whole_and_stay() -> None:
    control, server, clock, _ = slow("static-rr")
    control.set_maint(server)
    control.set_ready(server)
    clock.now += 1
    control.warm()
    assert (server.share, server.throttle, server.limit) == (1600, 100, 10)
    with pytest.raises(WeightError, match="static LB algorithm"):
        control.set_weight(server, "50%")
    for text in ("0%", "100%"):
        control.set_weight(server, text)
    assert server.weight == 100


# -- health by command -----------------------------------------------------------------------------------------------

DOWN, STOPPING, UP = "set_down", "set_stopping", "set_up"


@pytest.mark.parametrize(
    ("name", "commands", "status", "changes"),
    [
        ("a", [DOWN], "DOWN", [ServerChange.DOWN]),
        ("a", [DOWN, DOWN], "DOWN", [ServerChange.DOWN]),
        ("a", [DOWN, STOPPING], "NOLB", [ServerChange.DOWN, ServerChange.STOPPING]),
        ("a", [STOPPING, UP], "UP", [ServerChange.STOPPING, ServerChange.UP]),
        ("a", [UP], "UP", []),
        ("b", [DOWN], "DOWN", [ServerChange.DOWN]),
        ("b", [DOWN, UP], "no check", [ServerChange.DOWN, ServerChange.UP]),
        ("b", [DOWN, MAINT], "MAINT", [ServerChange.DOWN, ServerChange.DOWN_TO_MAINT]),
        (
            "b",
            [STOPPING, MAINT, READY],
            "no check",
            [ServerChange.STOPPING, ServerChange.MAINT, ServerChange.MAINT_TO_READY],
        ),
        ("b", [MAINT, DOWN], "MAINT", [ServerChange.MAINT]),
    ],
)
def test_health_by_command(
    proxy: Proxy, name: str, commands: list[str], status: str, changes: list[ServerChange]
) -> None:
    server = proxy.backend.by_name[name]
    for command in commands:
        apply: Callable[[Server], None] = getattr(proxy.control, command)
        apply(server)
    assert (server.status, proxy.changes()) == (status, changes)
    assert server.usable == (status in ("UP", "no check"))


def test_a_passed_check_ends_what_a_command_began(proxy: Proxy) -> None:
    proxy.control.set_stopping(proxy.a)
    proxy.control.report_check(proxy.a, PASSED)
    assert proxy.changes() == [ServerChange.STOPPING, ServerChange.UP]
    assert proxy.a.status == "UP"


def test_checks_are_switched_off_and_on(proxy: Proxy) -> None:
    proxy.control.disable_checks(proxy.a)
    assert (proxy.a.checking, proxy.a.status) == (False, "no check")
    proxy.control.set_down(proxy.a)
    assert proxy.a.status == "DOWN"
    for server, checking in ((proxy.a, True), (proxy.b, False)):
        proxy.control.enable_checks(server)
        assert server.checking == checking


# -- limits, addresses, sessions -------------------------------------------------------------------------------------


def test_addresses(proxy: Proxy) -> None:
    proxy.control.set_address(proxy.a, Address("127.0.0.9", 9))
    assert proxy.changes() == [ServerChange.ADDRESS]
    assert proxy.a.address == Address("127.0.0.9", 9)
    for host, port, expected in (("::1", None, ("::1", None)), (None, 7, ("::1", 7)), (None, 0, ("::1", None))):
        proxy.control.set_check_address(proxy.a, host, port)
        assert (proxy.a.check_host, proxy.a.check_port) == expected


def test_limits(proxy: Proxy) -> None:
    front = proxy.registry.frontends["front"]
    waiter = Waiter(1)
    proxy.control.set_server_maxconn(proxy.a, 1)
    proxy.control.set_maint(proxy.b)
    assert proxy.backend.assign() is proxy.a
    proxy.backend.wait(waiter)
    proxy.control.set_server_maxconn(proxy.a, 0)
    assert (proxy.a.maxconn, waiter.got) == (None, [proxy.a])
    changes: list[int] = []
    proxy.control.set_frontend_maxconn(front, 3)
    front.on_limit = lambda: changes.append(front.maxconn)
    proxy.control.set_frontend_maxconn(front, 4)
    assert changes == [4]
    proxy.control.set_global_maxconn(9)
    proxy.control.set_rate_limit(RateLimit.SESSIONS, 5)
    assert (proxy.registry.maxconn, proxy.registry.admission.limits[RateLimit.SESSIONS]) == (9, 5)


def test_sessions_are_ended(proxy: Proxy) -> None:
    front, killed = proxy.registry.frontends["front"], list[str]()
    for server in (proxy.a, proxy.a, proxy.b, None):
        session = proxy.registry.sessions.open(front, proxy.backend, 1.0)
        session.server = server
        session.carrier = Carrier(str(server), killed)
    proxy.registry.sessions.open(front, proxy.backend, 1.0).server = proxy.a  # not carried yet
    proxy.control.kill_sessions(proxy.a)
    assert killed == ["back/a", "back/a"]


def test_counters_are_cleared(proxy: Proxy) -> None:
    front = proxy.registry.frontends["front"]
    proxy.registry.sessions.open(front, proxy.backend, 100.0).bytes_in = 7
    proxy.backend.counters.queue_max = 4
    proxy.a.counters.times.add(1, 2, 3, 1)
    proxy.control.clear_maxima()
    assert (proxy.a.counters.times.total_max, proxy.a.counters.times.total_ms(1)) == (0, 3)
    assert (front.counters.sessions_max, front.counters.sessions, proxy.backend.counters.queue_max) == (0, 1, 0)
    assert (front.counters.session_rate.maximum, proxy.registry.admission.rate.maximum) == (0, 0)
    proxy.control.set_maint(proxy.a)
    proxy.control.clear_counters()
    assert (front.counters.sessions, front.counters.bytes_in, proxy.a.downtime.outages) == (0, 0, 0)


def test_frontends_are_shut_down(proxy: Proxy) -> None:
    front = proxy.registry.frontends["front"]
    proxy.control.shut_down(front)
    assert (front.status, proxy.notices) == (FrontendStatus.STOPPED, [FrontendNotice(front)])


def test_servers_come_and_go(proxy: Proxy) -> None:
    added = proxy.control.add_server(proxy.backend, line("c", 9, check=True))
    assert (added.server_id, added.status, added.checking) == (3, "MAINT", False)
    assert proxy.changes() == [ServerChange.ADDED]
    proxy.control.set_ready(added)
    assert proxy.backend.usable == 3
    proxy.control.set_maint(proxy.b)
    proxy.control.remove_server(proxy.b)
    assert (list(proxy.backend.by_name), proxy.b.removed) == (["a", "c"], True)
    assert proxy.changes()[-1] is ServerChange.REMOVED
    assert proxy.control.add_server(proxy.backend, line("d")).server_id == 2


# -- checks and agents -----------------------------------------------------------------------------------------------

CONDITIONAL = CheckResult(CheckStatus.L7OKC, code=404)


class Watched(Proxy):
    """The same with an agent for server a and `option log-health-checks`."""

    def __init__(self, *, log_changes: bool = True) -> None:
        super().__init__()
        self.a.agent = AgentSettings(1)
        self.a.agent_asked = True
        self.backend.config = replace(self.backend.config, check=HealthCheck(log_changes=log_changes))

    def told(self) -> list[str]:
        """Return the kinds of what was told since the last time."""
        kinds = [each.change.name if isinstance(each, ServerNotice) else type(each).__name__ for each in self.notices]
        self.notices.clear()
        return kinds

    def says(self, line: str) -> None:
        """Have the agent say `line`."""
        self.control.report_agent(self.a, CheckResult(CheckStatus.CHECKED, agent=parse(line)))


def test_changes_of_checks_are_told_where_that_is_asked_for() -> None:
    proxy = Watched()
    told = []
    for result in (PASSED, PASSED, FAILED, FAILED, FAILED, FAILED, PASSED, PASSED):
        proxy.control.report_check(proxy.a, result)
        told.append(proxy.told())
    check = ["CheckNotice"]
    assert told == [check, [], check, check, [*check, "DOWN"], [], check, [*check, "UP"]]
    silent = Watched(log_changes=False)
    silent.control.report_check(silent.a, FAILED)
    assert silent.notices == [ServerNotice(silent.backend, silent.a, ServerChange.DOWN, False, FAILED)]


def test_a_conditional_pass_takes_no_new_sessions() -> None:
    proxy = Watched(log_changes=False)
    proxy.control.report_check(proxy.a, CONDITIONAL)
    assert (proxy.told(), proxy.a.status, proxy.backend.usable) == (["STOPPING"], "NOLB", 1)
    proxy.control.report_check(proxy.a, FAILED)
    assert (proxy.told(), proxy.a.status) == ([], "NOLB 2/3")
    proxy.control.report_check(proxy.a, PASSED)
    assert (proxy.told(), proxy.a.status) == (["UP"], "UP")


def test_an_agent_takes_its_server_out_and_back() -> None:
    proxy = Watched()
    proxy.control.report_check(proxy.a, PASSED)
    proxy.told()
    proxy.says("down # lunch")
    assert (proxy.told(), proxy.a.status) == (["CheckNotice", "DOWN"], "DOWN (agent)")
    proxy.control.report_check(proxy.a, FAILED)
    proxy.control.report_check(proxy.a, PASSED)
    proxy.control.report_agent(proxy.a, CheckResult(CheckStatus.L7TOUT))  # not reached: nothing changes
    assert proxy.told() == ["CheckNotice"] * 3
    proxy.says("up 50%")
    assert (proxy.told(), proxy.a.status, proxy.a.weight) == (["CheckNotice", "UP"], "UP", 15)
    proxy.says("drain")
    assert (proxy.told(), proxy.a.status) == (["DRAIN"], "DRAIN (agent)")


def test_an_agent_is_listened_to_in_maintenance_and_forgotten_after_it() -> None:
    proxy = Watched()
    proxy.says("maint")
    proxy.says("down")
    assert (proxy.told(), proxy.a.status) == (["MAINT", "CheckNotice"], "MAINT")
    proxy.says("ready")
    assert (proxy.told(), proxy.a.status) == (["MAINT_TO_READY"], "UP 1/3")


def test_the_agent_by_hand() -> None:
    proxy = Watched()
    proxy.control.set_agent_health(proxy.a, up=False)
    assert proxy.notices == [ServerNotice(proxy.backend, proxy.a, ServerChange.DOWN, by_command=True)]
    proxy.control.set_agent_health(proxy.a, up=False)
    proxy.control.set_agent_health(proxy.a, up=True)
    assert proxy.told() == ["DOWN", "UP"]


def test_a_check_that_could_not_be_made_tells_nothing() -> None:
    proxy = Watched()
    proxy.a.check_running = proxy.a.agent_running = True
    proxy.control.report_check(proxy.a, CheckResult(CheckStatus.UNKNOWN))
    proxy.control.report_agent(proxy.a, CheckResult(CheckStatus.UNKNOWN))
    assert (proxy.told(), proxy.a.last_check.status, proxy.a.status) == ([], CheckStatus.INI, "UP 1/3")
    assert not (proxy.a.check_running)
    assert not (proxy.a.agent_running)


def test_what_is_not_checked_any_more_is_not_reported() -> None:
    proxy = Watched()
    proxy.control.disable_checks(proxy.a)
    proxy.control.disable_agent(proxy.a)
    proxy.control.report_check(proxy.a, FAILED)
    proxy.says("down")
    assert (proxy.told(), proxy.a.status) == ([], "no check")


def test_a_maxconn_that_is_set_to_minconn_is_one_limit_from_then_on(proxy: Proxy) -> None:
    proxy.a.maxconn, proxy.a.minconn = 9, 3
    proxy.control.set_server_maxconn(proxy.a, 5)
    assert (proxy.a.maxconn, proxy.a.minconn) == (5, 3)
    proxy.control.set_server_maxconn(proxy.a, 3)
    assert (proxy.a.maxconn, proxy.a.minconn) == (3, 0)
