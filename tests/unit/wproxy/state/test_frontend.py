from __future__ import annotations

from dataclasses import replace

from tests.unit.wproxy.state.parties import frontend_config
from wproxy.state.admission import SCARCE
from wproxy.state.frontend import Frontend, FrontendStatus


def test_its_own_limit_comes_before_the_processs() -> None:
    assert Frontend(frontend_config(), 100).maxconn == 100
    assert Frontend(frontend_config(maxconn=7), 100).maxconn == 7


def test_sessions_come_and_go() -> None:
    front = Frontend(frontend_config(), 100)
    assert front.status is FrontendStatus.OPEN
    front.opened(1.0)
    front.opened(1.5)
    front.closed()
    front.opened(3.0)
    assert (front.current, front.counters.sessions, front.counters.sessions_max) == (2, 3, 2)
    assert front.counters.session_rate.maximum == 2


def test_reaching_the_limit_and_leaving_it_is_told() -> None:
    front = Frontend(frontend_config(maxconn=2), 100)
    told: list[bool] = []
    front.opened(1.0)
    front.opened(1.0)
    front.closed()
    front.on_limit = lambda: told.append(front.full)
    for change in (front.closed, lambda: front.opened(1.0), lambda: front.opened(1.0), lambda: front.opened(1.0)):
        change()
    assert told == [True]
    for _ in range(3):
        front.closed()
    assert told == [True, False]


def test_coming_near_the_limit_and_going_away_from_it_is_told() -> None:
    front = Frontend(frontend_config(maxconn=SCARCE + 2), 10_000)
    told: list[bool] = []
    front.on_limit = lambda: told.append(front.scarce)
    front.opened(1.0)
    assert not front.scarce
    front.opened(1.0)
    front.opened(1.0)
    assert told == [True]
    front.closed()
    front.closed()
    front.closed()
    assert told == [True, False]


def test_a_rate_of_its_own() -> None:
    front = Frontend(replace(frontend_config(), rate_limit=2), 100)
    told: list[float] = []
    front.on_limit = lambda: told.append(front.wait_s(1.5))
    assert front.scarce
    front.opened(1.5)
    front.opened(1.5)
    assert told == [0.0, 0.5]
    assert Frontend(frontend_config(), 1).wait_s(1.5) == 0.0
