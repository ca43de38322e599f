"""What lives on over a reload of any kind: counters, the health of servers, entries of stick tables."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.echo_http import echo_server, http_client
from tests.support.programs import free_ports
from tests.support.proxies import check_log
from tests.support.stats import Stats
from tests.support.storm import Replaced, replaced
from tests.support.tcp_server import Serve, read_all, tcp_server
from tests.support.waiting import wait_for

CONFIGURATION = """
global
    nbthread {workers}
    stats socket {folder}/wproxy.sock mode 600 level admin
    state-file {folder}/state.json
defaults
    timeout connect 2s
    timeout client 60s
    timeout server 60s
listen main
    mode tcp
    bind 127.0.0.1:{ports[0]}
    stick-table type ip size 1k expire 10m
    stick on src
    server a 127.0.0.1:{servers[0]} weight 30
    server b 127.0.0.1:{servers[1]} weight 70
    server gone 127.0.0.1:{ports[1]} check inter 100ms rise 2 fall 100
listen web
    mode http
    bind 127.0.0.1:{ports[2]}
    http-request deny if {{ path /denied }}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    server c 127.0.0.1:{servers[2]}
"""
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def greet(name: bytes) -> Serve:
    """Return what says its name, then hears what comes to its end."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(name)
        read_all(connection)

    return serve


def ask(port: int, source: str) -> str:
    """Return the name of the server that a client from `source` is sent to."""
    with socket.create_connection(("127.0.0.1", port), 15.0, (source, 0)) as connection:
        return connection.recv(1).decode()


@dataclass
class Place:
    made: Replaced
    port: int
    web: int

    def rows(self) -> dict[str, dict[str, str]]:
        main, web = (Stats(self.made.stats.path, section).rows() for section in ("main", "web"))
        return {
            **{f"main/{name}": row for name, row in main.items()},
            **{f"web/{name}": row for name, row in web.items()},
        }

    def counters(self) -> dict[str, float]:
        """Return all that Prometheus calls a counter."""
        with http_client(self.web) as client:
            text = client.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
        names = set(re.findall(r"(?m)^# TYPE (\S+) counter", text))
        lines = [line.rpartition(" ") for line in text.splitlines() if re.split(r"[{ ]", line)[0] in names]
        return {name: float(value) for name, _, value in lines}

    def table(self) -> list[tuple[str, int]]:
        """Return the keys of the stick table with the numbers of their servers."""
        return [(key, int(number)) for key, number in
                re.findall(r"key=(\S+) .*server_id=(\d+)", self.made.stats.ask("show table main"))]  # fmt: skip


@pytest.fixture(params=[("sf", 1), ("sf", 2), ("master", 1), ("master", 2)], ids=lambda each: f"{each[0]}{each[1]}")
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    way, workers = request.param
    with tcp_server(greet(b"a")) as a, tcp_server(greet(b"b")) as b, echo_server("c") as c:
        ports = free_ports(3)
        config = CONFIGURATION.format(workers=workers, folder=tmp_path, ports=ports, servers=(a, b, c.port))
        with replaced(tmp_path, config, under_master=way == "master") as made:
            yield Place(made, ports[0], ports[2])
            check_log(made.log)


def traffic(place: Place, number: int) -> None:
    for index in range(number):
        assert ask(place.port, f"127.0.1.{index + 1}") in "ab"
    with http_client(place.web) as client:
        for _ in range(number):
            assert client.ask(GET).startswith(b"HTTP/1.1 200")
    with http_client(place.web) as client:
        assert client.ask(b"GET /denied HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 403")


def test_counters_live_on_and_never_go_back(place: Place) -> None:
    traffic(place, 20)
    before, exported = place.rows(), place.counters()
    assert before["main/FRONTEND"]["stot"] == "20"
    for number in range(1, 4):
        place.made.replace()
        after = place.rows()
        for name, column in (
            ("main/FRONTEND", "stot"), ("main/FRONTEND", "bout"), ("main/a", "stot"), ("main/b", "stot"),
            ("main/a", "lbtot"), ("web/c", "hrsp_2xx"), ("web/FRONTEND", "req_tot"), ("web/FRONTEND", "hrsp_4xx"),
            ("web/FRONTEND", "dreq"), ("main/BACKEND", "stot"),
        ):  # fmt: skip
            grown = int(after[name][column]) - int(before[name][column])
            more = 20 * (number - 1) if (name, column) == ("main/FRONTEND", "stot") else None
            assert grown >= 0, (name, column)
            assert more is None or grown == more, (name, column, grown)
        now = place.counters()
        backward = {name: (value, now.get(name)) for name, value in exported.items() if now.get(name, -1) < value}
        assert backward == {}
        exported = now
        traffic(place, 20)


def test_what_an_old_process_still_counts_is_counted(place: Place) -> None:
    with socket.create_connection(("127.0.0.1", place.port), 15.0, ("127.0.0.9", 0)) as kept:
        assert kept.recv(1) in (b"a", b"b")
        wait_for(lambda: place.rows()["main/FRONTEND"]["stot"] == "1", what="the session")
        for _ in range(3):
            place.made.replace()
        assert place.rows()["main/FRONTEND"]["stot"] == "1"
        kept.sendall(b"x" * 1000)
        assert len(place.made.pids()) > 1
    wait_for(lambda: place.rows()["main/FRONTEND"]["bin"] == "1000", what="the bytes of the oldest process")


def test_entries_of_stick_tables_live_on(place: Place) -> None:
    names = {f"127.0.2.{index}": ask(place.port, f"127.0.2.{index}") for index in range(1, 21)}
    known = place.table()
    assert {key for key, _ in known} == set(names)
    for _ in range(2):
        place.made.replace()
        assert sorted(place.table()) == sorted(known)
    assert {source: ask(place.port, source) for source in names} == names


def test_a_server_that_is_down_stays_down(place: Place) -> None:
    place.made.stats.ask("set server main/gone health down")
    place.made.stats.wait_for_status("gone", "DOWN")
    before = place.rows()["main/gone"]
    place.made.replace()
    after = place.rows()["main/gone"]
    assert after["status"].startswith("DOWN")
    assert int(after["chkdown"]) == int(before["chkdown"]) == 1
    assert int(after["chkfail"]) >= int(before["chkfail"])
    assert int(after["lastchg"]) >= int(before["lastchg"])
