"""Health checks: a dead server gets nothing until it is back, and `show stat` tells it in HAProxy's words."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.programs import free_port, redis_server
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import accept, ask_name, connect, listening_socket, named_server, port_of, read_exactly
from tests.support.waiting import wait_for

CHECK = "check inter 50ms rise 2 fall 3"
COLUMNS = (
    "status", "weight", "act", "bck", "chkfail", "chkdown", "check_status", "check_rise", "check_fall", "check_health",
    "check_desc", "last_chk", "mode", "type",
)  # fmt: skip


@pytest.fixture(params=["haproxy", "wproxy"])
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def settled(made: Proxy, status: str, health: str) -> dict[str, dict[str, str]]:
    """Return the columns about health when server a has come to rest."""

    def at_rest() -> dict[str, dict[str, str]]:
        rows = made.stats.rows()
        return rows if (rows["a"]["status"], rows["a"]["check_health"]) == (status, health) else {}

    rows = wait_for(at_rest, what=f"a is {status} with health {health}")
    del rows["BACKEND"]["chkdown"]  # HAProxy counts here how often no server was left, wproxy sums the servers
    return {name: {column: row.get(column, "") for column in COLUMNS} for name, row in rows.items()}


def life_of_a_server(program: str, folder: Path) -> list[dict[str, dict[str, str]]]:
    """Return what `show stat` says while server a is up, gone, back, gone with b, and back."""
    port_a, port_b = free_port(), free_port()
    lines = f"server a 127.0.0.1:{port_a} weight 30 {CHECK}", f"server b 127.0.0.1:{port_b} weight 70"
    with ExitStack() as a:
        a.enter_context(named_server("a", port_a))
        with proxy(program, folder, *lines) as made, named_server("b", port_b):
            seen = [settled(made, "UP", "4")]
            a.close()
            seen.append(settled(made, "DOWN", "0"))
            with named_server("a", port_a):
                seen.append(settled(made, "UP", "4"))
                made.stats.ask("disable server main/b")
                seen.append(settled(made, "UP", "4"))
            seen.append(settled(made, "DOWN", "0"))
            with named_server("a", port_a):
                seen.append(settled(made, "UP", "4"))
    return seen


def test_the_columns_of_a_life_are_haproxys(tmp_path: Path) -> None:
    for ours, theirs in zip(life_of_a_server("wproxy", tmp_path), life_of_a_server("haproxy", tmp_path), strict=True):
        assert ours == theirs


def test_a_server_that_dies_gets_nothing_until_it_is_back(program: str, tmp_path: Path) -> None:
    port_a = free_port()
    with named_server("b") as port_b, ExitStack() as a:
        a.enter_context(named_server("a", port_a))
        lines = f"server a 127.0.0.1:{port_a} {CHECK}", f"server b 127.0.0.1:{port_b} {CHECK}"
        with proxy(program, tmp_path, *lines) as made:
            made.stats.wait_for_status("a", "UP")
            assert {ask_name(made.port) for _ in range(4)} == {"a", "b"}
            a.close()
            made.stats.wait_for_status("a", "DOWN")
            before = made.stats.sessions("a")
            assert [ask_name(made.port) for _ in range(10)] == ["b"] * 10
            assert made.stats.sessions("a") == before
            with named_server("a", port_a):
                made.stats.wait_for_status("a", "UP")
                assert {ask_name(made.port) for _ in range(4)} == {"a", "b"}


def test_a_connection_survives_its_servers_bad_health(program: str, tmp_path: Path) -> None:
    with listening_socket() as listening, proxy(
        program, tmp_path, f"server a 127.0.0.1:{port_of(listening)}", f"server b 127.0.0.1:1 {CHECK} fall 1"
    ) as made, connect(made.port) as client, accept(listening) as served:  # fmt: skip
        made.stats.ask("disable server main/a")
        made.stats.wait_for_status("BACKEND", "DOWN")
        client.sendall(b"still there")
        assert read_exactly(served, 11) == b"still there"
        assert ask_name(made.port) == ""
        made.stats.ask("enable server main/a")
        with connect(made.port) as other, accept(listening) as served_too:
            other.sendall(b"again")
            assert read_exactly(served_too, 5) == b"again"


def test_a_server_in_maintenance_is_not_checked(program: str, tmp_path: Path) -> None:
    port_a = free_port()
    with ExitStack() as a:
        a.enter_context(named_server("a", port_a))
        with proxy(program, tmp_path, f"server a 127.0.0.1:{port_a} {CHECK}") as made:
            made.stats.wait_for_status("a", "UP")
            made.stats.ask("set server main/a state maint")
            a.close()
            assert made.stats.row("a")["status"] == "MAINT"
            made.stats.ask("set server main/a state ready")
            made.stats.wait_for_status("a", "DOWN")


def test_what_happens_is_logged_in_haproxys_words(tmp_path: Path) -> None:
    with proxy("wproxy", tmp_path, f"server a 127.0.0.1:1 {CHECK} fall 1") as made:
        made.stats.wait_for_status("a", "DOWN")
        wait_for(lambda: "has no server available" in made.log)
        assert "Server main/a is DOWN, reason: Layer4 connection problem" in made.log
        assert 'info: "Connection refused"' in made.log
        assert "'main' has no server available!" in made.log


def test_a_redis_server_that_dies_is_marked(tmp_path: Path) -> None:
    with redis_server(tmp_path) as alive:
        lines = f"server a 127.0.0.1:{alive} {CHECK}", f"server b 127.0.0.1:1 {CHECK}"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made:
            made.stats.wait_for_status("a", "UP")
            made.stats.wait_for_status("b", "DOWN")
            assert made.stats.row("b")["last_chk"] == "Connection refused"
