"""state.rebalance: who is closed, when, and that clients come back where sessions are missing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.unit.wproxy.state.parties import Carrier, Clock, config, line
from wproxy.config.model import ServerLine
from wproxy.state.control import Control
from wproxy.state.rebalance import PATIENCE_S, QUIET_S, RETURN_S, STEP_S, Phase, Rebalance
from wproxy.state.registry import Registry
from wproxy.state.server import Server
from wproxy.state.session import Session, Standing


@dataclass(eq=False)
class Connection(Carrier):
    """A session's connection: killing it gives its place back, as the data plane's does."""

    proxy: Proxy | None = None
    session: Session | None = None

    def kill(self) -> None:
        super().kill()
        assert self.proxy is not None
        assert self.session is not None
        self.proxy.end(self.session)


class Proxy:
    """The servers a and b, weight 50 each and other `lines`, with sessions placed by the algorithm."""

    def __init__(self, *lines: ServerLine, balance: str = "roundrobin") -> None:
        self.clock = Clock()
        lines = lines or (line("a", 50), line("b", 50))
        self.registry = Registry(config(*lines, balance=balance), 100, 0.0)
        self.control = Control(self.registry, self.clock)
        self.begun = 0
        self.control.rebalances.on_begin = self._begin
        self.backend = self.registry.backends["back"]
        self.a, self.b = self.backend.servers[:2]
        self.killed: list[str] = []

    def _begin(self) -> None:
        self.begun += 1

    def connect(self, count: int, *, silent_s: float = 10.0, busy: bool = False, home: Server | None = None) -> None:
        """Let clients come, who have been silent for some time and are tied to a server or not."""
        for _ in range(count):
            server = self.backend.assign()
            assert server is not None
            self.seat(server, silent_s, busy=busy, home=home)

    def seat(self, server: Server, silent_s: float, *, busy: bool = False, home: Server | None = None) -> Session:
        session = self.registry.sessions.open(self.registry.frontends["front"], self.backend, self.clock())
        session.server, session.placed = server, True
        name = f"{server.name}{session.session_id}"
        stands = Standing(self.clock() - silent_s, busy, home)
        session.carrier = Connection(name, self.killed, stands, proxy=self, session=session)
        return session

    def end(self, session: Session) -> None:
        assert session.server is not None
        self.registry.sessions.close(session)
        self.backend.release(session.server)
        session.placed = False

    def step(self, after_s: float = STEP_S) -> bool:
        self.clock.now += after_s
        return self.control.rebalances.step()

    @property
    def loads(self) -> tuple[int, ...]:
        return tuple(server.current for server in self.backend.servers)

    def rebalance(self, rate: int = 10_000) -> Rebalance:
        return self.control.rebalances.begin(self.backend, rate)


def test_the_surplus_goes_and_comes_back_where_sessions_are_missing() -> None:
    proxy = Proxy()
    proxy.connect(100)
    proxy.control.set_weight(proxy.a, "30")
    proxy.control.set_weight(proxy.b, "70")
    run = proxy.rebalance()
    assert (run.phase, run.surplus, run.closed_total, proxy.loads) == (Phase.RETURNING, 20, 20, (30, 50))
    proxy.connect(5)
    assert proxy.loads == (30, 55)  # in turn it would have been 31 or 32
    assert (run.returned, proxy.begun, proxy.step()) == (5, 1, True)
    proxy.connect(15)
    assert proxy.loads == (30, 70)
    assert (proxy.step(), run.phase, run.returned) == (False, Phase.DONE, 20)
    proxy.connect(100)
    assert proxy.loads == (60, 140)


def test_without_a_surplus_nothing_begins() -> None:
    proxy = Proxy()
    proxy.connect(10)
    run = proxy.rebalance()
    assert (run.phase, run.closed_total, proxy.begun, proxy.killed) == (Phase.DONE, 0, 0, [])
    assert proxy.control.rebalances.of(proxy.backend) is run


def test_those_who_were_silent_for_longest_go_first() -> None:
    proxy = Proxy()
    silences = [5.0, 9.0, 7.0, 3.0]
    for silent_s in silences:
        proxy.backend.take(proxy.a)
        proxy.seat(proxy.a, silent_s)
    proxy.rebalance()
    assert proxy.killed == ["a2", "a3"]


def test_no_more_a_second_than_asked_for() -> None:
    proxy = Proxy()
    proxy.connect(100)
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance(rate=20)
    counts = [run.closed_total]
    for _ in range(10):
        proxy.step()
        counts.append(run.closed_total)
    assert all(2 * number + 1 <= count <= 2 * number + 2 for number, count in enumerate(counts))
    proxy.step(after_s=5.0)
    assert run.closed_total - counts[-1] in (4, 5)  # a loop that was held up does not make up for all of it


@pytest.mark.parametrize("rate", [1, 4, 15, 150, 9_999])
def test_any_rate_is_kept_in_the_long_run(rate: int) -> None:
    proxy = Proxy()
    proxy.connect(4 * rate)
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance(rate)
    first = run.closed_total
    for _ in range(10):
        proxy.step()
    assert abs(run.closed_total - first - rate) <= 1


def test_busy_ones_are_waited_for_and_taken_when_they_fall_silent() -> None:
    proxy = Proxy()
    proxy.connect(10, silent_s=0.0)
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance()
    assert (run.closed_total, run.phase, proxy.begun) == (0, Phase.CLOSING, 1)
    proxy.step(QUIET_S / 2)
    assert run.closed_total == 0
    proxy.step(QUIET_S)
    assert (run.closed_total, run.phase) == (5, Phase.RETURNING)


def test_patience_with_busy_ones_ends_but_what_is_on_the_way_is_never_cut() -> None:
    proxy = Proxy()
    proxy.connect(8, silent_s=-100.0)  # they will not have been silent for long at any time of this test
    proxy.connect(2, silent_s=-100.0, busy=True)
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance()
    while proxy.clock() < 100.0 + PATIENCE_S - STEP_S:
        proxy.step()
    assert run.closed_total == 0
    proxy.step(2 * STEP_S)
    assert (run.closed_total, run.phase, run.plan.total, proxy.loads) == (4, Phase.RETURNING, 1, (1, 5))


def test_whose_server_owes_an_answer_goes_last_however_long_it_is_silent() -> None:
    proxy = Proxy()
    proxy.connect(20)
    on_a = sorted((each for each in proxy.registry.sessions.live if each.server is proxy.a), key=lambda s: s.session_id)
    for number, session in enumerate(on_a):
        assert isinstance(session.carrier, Connection)
        session.carrier.unanswered = number < 5
        at = proxy.clock() + number + (-20.0 if number < 8 else 100.0)
        session.carrier.stands = Standing(at, busy=False, home=None)
    names = [session.carrier.name for session in on_a if isinstance(session.carrier, Connection)]
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance()
    assert proxy.killed == names[5:8]
    proxy.step(PATIENCE_S / 2)
    assert proxy.killed == names[5:8]
    proxy.step(PATIENCE_S)
    assert proxy.killed == names[5:] + names[:5]
    assert run.phase is Phase.RETURNING


def test_who_leaves_by_itself_is_not_made_up_for() -> None:
    proxy = Proxy()
    proxy.connect(100)
    proxy.control.set_weight(proxy.a, "0")
    proxy.control.set_weight(proxy.a, "20")
    run = proxy.rebalance(rate=10)
    assert (run.surplus, run.closed_total) == (21, 1)
    for session in [each for each in proxy.registry.sessions.live if each.server is proxy.a][:30]:
        proxy.end(session)
    while run.phase is Phase.CLOSING:
        proxy.step()
    assert proxy.loads == (19, 50)
    assert run.closed_total == 1


def test_a_weight_that_changes_again_meanwhile_is_obeyed() -> None:
    proxy = Proxy()
    proxy.connect(100)
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance(rate=10)
    proxy.control.set_ready(proxy.a)
    proxy.step()
    assert (run.phase, run.closed_total) == (Phase.RETURNING, 1)
    proxy.connect(1)
    assert proxy.loads == (50, 50)


def test_who_is_tied_to_a_server_goes_there_or_stays() -> None:
    proxy = Proxy()
    proxy.connect(20)
    for server, home in ((proxy.a, proxy.a), (proxy.a, proxy.b)):
        proxy.backend.take(server)
        proxy.seat(server, 5.0, home=home)
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance()
    assert (proxy.loads, run.closed_total, run.plan.bound) == ((1, 10), 11, [1, 0])
    assert proxy.backend.awaited == 10  # the other one is led back by what ties it
    proxy.connect(10)
    assert run.phase is Phase.RETURNING
    assert proxy.step()
    proxy.backend.take(proxy.b)
    assert not proxy.step()


def test_under_a_keyed_algorithm_only_who_is_tied_elsewhere_goes() -> None:
    proxy = Proxy(balance="source")
    for home in (proxy.a, proxy.a, proxy.a, proxy.b):
        proxy.backend.take(proxy.a)
        proxy.seat(proxy.a, 5.0, home=home)
    run = proxy.rebalance()
    assert (run.surplus, run.closed_total, run.plan.quotas, proxy.loads) == (1, 1, [3, 1], (3, 0))


def test_first_fills_the_first_servers_again() -> None:
    proxy = Proxy(line("a", 1, maxconn=10), line("b", 1, maxconn=10), line("c", 1), balance="first")
    proxy.connect(25)
    for session in [each for each in proxy.registry.sessions.live if each.server is proxy.a][:4]:
        proxy.end(session)
    run = proxy.rebalance()
    assert (proxy.loads, run.closed_total) == ((6, 10, 1), 4)
    proxy.connect(4)
    assert proxy.loads == (10, 10, 1)


def test_a_session_that_is_not_connected_yet_or_has_no_connection_of_its_own_counts_and_stays() -> None:
    proxy = Proxy()
    proxy.connect(10)
    for session in proxy.registry.sessions.live:
        if session.server is proxy.a and isinstance(session.carrier, Connection):
            session.carrier.stands = None
    proxy.registry.sessions.open(proxy.registry.frontends["front"], proxy.backend, 100.0)  # has no place at all
    proxy.control.set_drain(proxy.a)
    assert (proxy.rebalance().closed_total, proxy.loads) == (0, (5, 5))


def test_clients_who_do_not_come_back_are_not_awaited_for_ever() -> None:
    proxy = Proxy()
    proxy.connect(10)
    proxy.control.set_drain(proxy.a)
    run = proxy.rebalance()
    assert proxy.backend.awaited == 5
    assert proxy.step(RETURN_S - 1.0)
    assert not proxy.step(2.0)
    assert (proxy.backend.awaited, run.phase, run.returned) == (0, Phase.DONE, 0)


def test_a_second_one_goes_on_from_the_first() -> None:
    proxy = Proxy()
    proxy.connect(100)
    proxy.control.set_weight(proxy.a, "30")
    proxy.control.set_weight(proxy.b, "70")
    proxy.rebalance()
    again = proxy.rebalance()
    assert (again.surplus, proxy.loads, proxy.backend.awaited) == (0, (30, 50), 20)
    proxy.connect(20)
    assert (again.returned, proxy.loads, proxy.step()) == (20, (30, 70), False)


def test_who_comes_again_after_a_failed_attempt_is_counted_once_and_sent_elsewhere() -> None:
    proxy = Proxy(line("a", 50), line("b", 50), line("c", 50))
    proxy.connect(30)
    proxy.control.set_drain(proxy.a)
    proxy.rebalance()
    assert proxy.backend.awaited == 10
    tried = proxy.backend.assign()
    assert tried is not None
    assert proxy.backend.awaited == 9
    proxy.backend.release(tried)
    other = proxy.backend.assign(avoid=tried)
    assert other not in (tried, proxy.a)
    assert proxy.backend.awaited == 9
