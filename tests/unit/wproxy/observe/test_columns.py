from __future__ import annotations

import pytest

from tests.unit.wproxy.state.parties import Waiter, backend, frontend_config, line
from wproxy.observe.columns import COLUMNS, Line, Value
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.server import Admin, Server

AT = {column.name: position for position, column in enumerate(COLUMNS)}


def of_server(back: Backend, at: int = 0, now: float = 100.0) -> dict[str, Value]:
    made: Line[Server] = Line(back.servers[at], back, now)
    return {column.name: column.server(made) for column in COLUMNS if column.server is not None}


def of_backend(back: Backend, now: float = 100.0) -> dict[str, Value]:
    made: Line[Backend] = Line(back, back, now)
    return {column.name: column.backend(made) for column in COLUMNS if column.backend is not None}


def of_frontend(front: Frontend, now: float = 100.0) -> dict[str, Value]:
    made: Line[Frontend] = Line(front, front, now)
    return {column.name: column.frontend(made) for column in COLUMNS if column.frontend is not None}


@pytest.mark.parametrize(
    ("name", "position"),
    [
        # hatop and the Prometheus exporter read by position; tests/conformance/test_weights.py compares them all.
        ("pxname", 0), ("scur", 4), ("status", 17), ("weight", 18), ("iid", 27), ("type", 32), ("rate", 33),
        ("req_tot", 48), ("lastsess", 55), ("ttime", 61), ("addr", 73), ("conn_tot", 79), ("uweight", 99),
    ],
)  # fmt: skip
def test_positions_are_haproxys(name: str, position: int) -> None:
    assert AT[name] == position


def test_names_are_unique() -> None:
    assert len(AT) == len(COLUMNS)


def test_a_server() -> None:
    back = backend(line("a", 30, maxconn=5), line("b", 70))
    server = back.servers[0]
    server.weight, server.current = 15, 2
    server.counters.bytes_in, server.counters.retries, server.counters.balanced = 10, 1, 1
    server.opened(98.0)
    shown = of_server(back)
    assert [shown[name] for name in ("pxname", "svname", "iid", "sid", "type", "mode")] == ["back", "a", 3, 1, 2, "tcp"]
    assert [shown[name] for name in ("scur", "smax", "slim", "stot", "lbtot", "bin", "wretr")] == [2, 2, 5, 1, 1, 10, 1]
    assert [shown[name] for name in ("status", "weight", "uweight", "act", "bck")] == ["no check", 15, 15, 1, 0]
    assert [shown[name] for name in ("addr", "lastsess", "lastchg")] == ["127.0.0.1:1", 2, 0]
    unchecked = ("chkfail", "chkdown", "downtime", "check_status", "check_desc", "check_rise", "last_chk")
    assert {shown[name] for name in unchecked} == {None}


def test_a_checked_server() -> None:
    back = backend(line(check=True))
    server = back.servers[0]
    server.last_check = CheckResult(CheckStatus.L4CON, "Connection refused", 3)
    server.check_counters.failed = 4
    names = ("check_status", "check_desc", "check_duration", "last_chk", "check_rise", "check_fall", "check_health")
    shown = of_server(back, now=107.9)
    assert [shown[name] for name in names] == [
        "L4CON", "Layer4 connection problem", 3, "Connection refused", 2, 3, 2,
    ]  # fmt: skip
    assert [shown[name] for name in ("chkfail", "chkdown", "downtime", "lastchg", "lastsess")] == [4, 0, 0, 7, -1]
    server.admin = Admin.FORCED_MAINT
    paused = of_server(back)
    assert {paused[name] for name in names} == {None}
    assert (paused["chkfail"], paused["status"]) == (4, "MAINT")


def test_a_draining_server_keeps_its_weight() -> None:
    back = backend(line(weight=30))
    back.servers[0].admin = Admin.FORCED_DRAIN
    assert (of_server(back)["status"], of_server(back)["weight"]) == ("DRAIN", 30)


def test_a_backend() -> None:
    back = backend(line("a", 30), line("b", 70), line("c", 5, disabled=True))
    for server, sessions in zip(back.servers, (3, 4, 0), strict=True):
        server.counters.balanced = server.counters.connects = sessions
    back.servers[1].last_session_at = 95.0
    back.opened(100.0)
    back.wait(Waiter(1))
    shown = of_backend(back)
    assert [shown[name] for name in ("svname", "type", "sid", "algo", "status")] == [
        "BACKEND", 1, 0, "roundrobin", "UP",
    ]  # fmt: skip
    assert [shown[name] for name in ("weight", "uweight", "act", "bck")] == [100, 100, 2, 0]
    assert [shown[name] for name in ("qcur", "qmax", "scur", "stot", "rate")] == [1, 1, 1, 1, 1]
    assert [shown[name] for name in ("lbtot", "connect", "lastsess", "downtime", "chkdown")] == [7, 7, 5, 0, 0]


def test_a_backend_without_servers() -> None:
    shown = of_backend(backend())
    assert [shown[name] for name in ("status", "weight", "act", "lastsess", "downtime")] == ["UP", 0, 0, -1, None]


def test_a_frontend() -> None:
    front = Frontend(frontend_config(maxconn=9), 100)
    front.opened(100.0)
    front.counters.requests, front.counters.request_errors = 5, 1
    shown = of_frontend(front)
    assert [shown[name] for name in ("pxname", "svname", "status", "type", "iid")] == [
        "front",
        "FRONTEND",
        "OPEN",
        0,
        2,
    ]
    assert [shown[name] for name in ("slim", "scur", "smax", "stot", "rate", "rate_max")] == [9, 1, 1, 1, 1, 1]
    assert [shown[name] for name in ("conn_rate", "conn_rate_max", "conn_tot", "req_tot", "ereq")] == [1, 1, 1, 5, 1]
    assert not {"weight", "act", "addr", "algo", "downtime"} & set(shown)
