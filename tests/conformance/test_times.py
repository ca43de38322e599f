"""How long sessions took and how many a backend is meant for, in `show stat`: HAProxy's numbers beside ours."""

from __future__ import annotations

import csv
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import connect, listening_socket, port_of, read_all, tcp_server
from tests.support.waiting import wait_for

PROGRAMS = ("haproxy", "wproxy")
AVERAGES = ("qtime", "ctime", "rtime", "ttime")
MAXIMA = ("qtime_max", "ctime_max", "rtime_max", "ttime_max")
COLUMNS = (*AVERAGES, *MAXIMA)
SLACK_MS = 60  # of an average on a busy machine; of a maximum three times as much


def serve(connection: socket.socket) -> None:
    """Hang up after the milliseconds that the client asks for."""
    Event().wait(int(connection.recv(16)) / 1000)  # the length of the session is what is measured


@contextmanager
def patient_server() -> Iterator[int]:
    """Serve any number of connections at a time in that way; yield the port."""
    with listening_socket(1024) as listening:
        listening.settimeout(None)

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

        def serve_one(connection: socket.socket) -> None:
            with connection, suppress(OSError, ValueError):
                serve(connection)

        threading.Thread(target=run, daemon=True).start()
        try:
            yield port_of(listening)
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def last(port: int, duration_ms: int) -> float:
    """Have one session of that length; return by how many milliseconds it was longer."""
    began = time.monotonic()
    with connect(port) as client, suppress(ConnectionError):
        client.sendall(b"%d" % duration_ms)
        read_all(client)
    return (time.monotonic() - began) * 1000 - duration_ms


def numbers(made: Proxy, *names: str) -> dict[str, tuple[int, ...]]:
    made.stats.wait_until_idle()
    return {name: made.stats.numbers(name, *COLUMNS, "lbtot") for name in names}


def assert_close(seen: list[dict[str, tuple[int, ...]]], slack_ms: float = SLACK_MS, *, late_ms: float = 0.0) -> None:
    """Compare both programs' numbers: what was counted agrees exactly, averages and maxima but for some slack.

    To that comes by how much sessions have been late by the clients' clock: the machine was busy.
    """
    slack_ms += late_ms
    averages = len(AVERAGES)
    for name, haproxys in seen[0].items():
        assert seen[1][name][:averages] == pytest.approx(haproxys[:averages], abs=slack_ms), name
        assert seen[1][name][averages:] == pytest.approx(haproxys[averages:], abs=3 * slack_ms), name
        assert seen[1][name][-1] == haproxys[-1], name


def test_averages_and_maxima_of_a_known_series(tmp_path: Path) -> None:
    seen, late_ms = [], 0.0
    for program in PROGRAMS:
        with tcp_server(serve) as port, proxy(program, tmp_path, f"server s 127.0.0.1:{port}") as made:
            late_ms += sum(last(made.port, duration_ms) for duration_ms in (600, 0, 300, 0, 0, 0))
            seen.append(numbers(made, "s", "BACKEND"))
            before = numbers(made, "s")["s"]
            made.stats.ask("clear counters")
            assert numbers(made, "s")["s"] == (*before[:4], 0, 0, 0, 0, before[-1])
            made.stats.ask("clear counters all")
            assert numbers(made, "s", "BACKEND") == {"s": (0,) * 9, "BACKEND": (0,) * 9}
    assert_close(seen, late_ms=late_ms)
    assert seen[1]["s"][3] == pytest.approx(150, abs=SLACK_MS + late_ms)


def test_attempts_that_fail_make_the_average_smaller(tmp_path: Path) -> None:
    seen, late_ms = [], 0.0
    for program in PROGRAMS:
        with tcp_server(serve) as port:
            lines = "retries 0", f"server s 127.0.0.1:{port}", "server dead 127.0.0.1:1"
            with proxy(program, tmp_path, *lines) as made:
                late_ms += sum(last(made.port, duration_ms) for duration_ms in (600, 0, 0, 0))
                seen.append(numbers(made, "s", "dead", "BACKEND"))
    assert_close(seen, late_ms=late_ms)
    assert seen[1]["dead"][:8] == (0,) * 8
    assert seen[1]["BACKEND"][3] < seen[1]["s"][3] < seen[1]["s"][7]


def test_the_wait_in_the_queue_and_for_a_retry(tmp_path: Path) -> None:
    queued, retried = [], []
    for program in PROGRAMS:
        with patient_server() as port, proxy(program, tmp_path, f"server s 127.0.0.1:{port} maxconn 1") as made:
            clients = [threading.Thread(target=last, args=(made.port, 300)) for _ in range(3)]
            for number, client in enumerate(clients, 1):
                client.start()
                wait_for(lambda made=made, number=number: made.stats.numbers("BACKEND", "stot") == (number,))  # type: ignore[misc]
            for client in clients:
                client.join()
            queued.append(numbers(made, "s", "BACKEND"))
        later = free_port()
        with proxy(program, tmp_path, f"server s 127.0.0.1:{later}") as made:
            client = threading.Thread(target=last, args=(made.port, 0))
            client.start()
            wait_for(lambda made=made: made.stats.numbers("s", "wretr") >= (1,))  # type: ignore[misc]
            with tcp_server(serve, later):
                client.join()
                retried.append(numbers(made, "s", "BACKEND"))
    # Two of three came from the queue, which counts as no choice of the algorithm: their waits are added up.
    assert_close(queued, 4 * SLACK_MS)
    assert queued[1]["s"][0] > queued[1]["s"][4] >= 550
    assert_close(retried, 2 * SLACK_MS)
    assert retried[1]["s"][1] >= 900


def test_old_sessions_are_forgotten_as_fast(tmp_path: Path) -> None:
    seen, late_ms = [], 0.0
    for program in PROGRAMS:
        with patient_server() as port, proxy(program, tmp_path, f"server s 127.0.0.1:{port}") as made:
            began = time.monotonic()
            slow = [connect(made.port) for _ in range(50)]
            for client in slow:
                client.sendall(b"1500")
            for client in slow:
                read_all(client)
                client.close()
            late_ms = max(late_ms, (time.monotonic() - began) * 100 - 150)  # a tenth of the sessions
            sums = []
            for count in (450, 500):
                late_ms += sum(last(made.port, 0) for _ in range(count)) / count
                sums.append(numbers(made, "s")["s"][3])
            seen.append(sums)
    # 75 seconds in 500 sessions; another 500 leave as much of it as (1 - 1/512) to that power.
    assert seen[0] == pytest.approx([151, 57], abs=15 + late_ms)
    assert seen[1] == pytest.approx(seen[0], abs=15 + late_ms)


FULLCONN = """\
global
    maxconn 500
frontend f1
    bind 127.0.0.1:{}
    maxconn 100
    use_backend b1 if FALSE
    default_backend b1
frontend f2
    bind 127.0.0.1:{}
    maxconn 205
    use_backend b1 if TRUE
    use_backend b1 if FALSE
    default_backend b2
frontend f3
    bind 127.0.0.1:{}
    maxconn 7
    default_backend b3
frontend off
    bind 127.0.0.1:{}
    disabled
    default_backend b3
listen l1
    bind 127.0.0.1:{}
    maxconn 300
    default_backend b5
    server s 127.0.0.1:1
listen l2
    bind 127.0.0.1:{}
    maxconn 400
    use_backend b5 if TRUE
    use_backend l1 if TRUE
    server s 127.0.0.1:1
backend b1
    server s 127.0.0.1:1
backend b2
    server s 127.0.0.1:1
backend b3
    server s 127.0.0.1:1
backend b4
    server s 127.0.0.1:1
backend b5
backend b6
    fullconn 77
    server s 127.0.0.1:1
backend b7
    fullconn 0
    server s 127.0.0.1:1
defaults
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    fullconn 88
backend b8
    server s 127.0.0.1:1
"""


def limits(made: Proxy) -> list[tuple[str, str, str]]:
    lines = made.stats.ask("show stat").removeprefix("# ").splitlines()
    return [(row["pxname"], row["svname"], row["slim"]) for row in csv.DictReader(lines) if row["pxname"]]


def test_the_limit_of_a_backend(tmp_path: Path) -> None:
    seen = []
    for program in PROGRAMS:
        rest = FULLCONN.format(*(free_port() for _ in range(6)))
        with proxy(program, tmp_path, "server s 127.0.0.1:1", rest=rest) as made:
            before = limits(made)
            made.stats.ask("set maxconn frontend f1 400")
            seen.append((before, limits(made)))
    assert seen[1] == seen[0]
    assert ("b1", "BACKEND", "31") in seen[1][0]
