from __future__ import annotations

import pytest

from tests.unit.wproxy.state.parties import server
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.state.server import Admin, Server

# weight, admin, checks passed (p) and failed (f), what follows. Without checks: the text is None.
TABLE = [
    (1, Admin.READY, None, "no check", True, True, 1),
    (0, Admin.READY, None, "no check", True, False, 0),
    (1, Admin.FORCED_DRAIN, None, "DRAIN", True, False, 0),
    (1, Admin.FORCED_MAINT, None, "MAINT", False, False, 0),
    (1, Admin.CONFIG_MAINT, None, "no check", True, True, 1),
    (1, Admin.FORCED_MAINT | Admin.CONFIG_MAINT, None, "MAINT", False, False, 0),
    (1, Admin.READY, "", "UP 1/3", True, True, 1),
    (0, Admin.READY, "p", "UP", True, False, 0),
    (1, Admin.READY, "f", "DOWN", False, False, 1),
    (1, Admin.READY, "fp", "DOWN 1/2", False, False, 1),
    (1, Admin.FORCED_DRAIN, "p", "DRAIN", True, False, 0),
    (1, Admin.FORCED_DRAIN, "pf", "DRAIN 2/3", True, False, 0),
    (1, Admin.FORCED_DRAIN, "f", "DOWN", False, False, 0),
    (1, Admin.FORCED_MAINT, "f", "MAINT", False, False, 0),
]


@pytest.mark.parametrize(("weight", "admin", "checks", "status", "running", "usable", "configured"), TABLE)
def test_what_follows_from_weight_administration_and_health(
    weight: int, admin: Admin, checks: str | None, status: str, running: bool, usable: bool, configured: int
) -> None:
    made = server(weight=weight, check=checks is not None)
    made.admin = admin
    for result in checks or "":
        (made.health.passed if result == "p" else made.health.failed)()
    assert made.status == status
    assert (made.running, made.usable, made.configured_weight) == (running, usable, configured)


def test_disabled_by_the_configuration() -> None:
    made = server(disabled=True, check=True)
    assert made.admin == Admin.FORCED_MAINT | Admin.CONFIG_MAINT
    assert (made.status, made.health.counter) == ("MAINT", 0)
    assert made.downtime_s(130.0) == 30
    assert made.last_check.status is CheckStatus.INI


@pytest.mark.parametrize(("maxconn", "full"), [(None, False), (3, False), (2, True), (1, True)])
def test_full(maxconn: int | None, full: bool) -> None:
    made = server() if maxconn is None else server(maxconn=maxconn)
    made.current = 2
    assert made.full == full


def test_sessions_are_counted() -> None:
    made: Server = server()
    assert made.last_session_at is None
    made.current = 1
    made.opened(101.0)
    made.current = 2
    made.opened(102.0)
    counters = made.counters
    assert (counters.sessions, counters.balanced, counters.sessions_max) == (2, 0, 2)  # the backend counts choices
    assert counters.session_rate.maximum == 1
    assert made.last_session_at == 102.0
    assert str(made) == "back/a"
