"""`nbthread`: what pages, metrics and commands tell is whole; `wproxy reload` and `hard-stop-after`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.crews import Crew, crew
from tests.support.programs import WPROXY, free_port, redis_server
from tests.support.resp import Client, pack
from tests.support.tcp_server import connect
from tests.support.waiting import wait_for


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[int]:
    with redis_server(tmp_path) as port:
        yield port


def listen(port: int, server: int, more: str = "") -> str:
    return f"listen main\n bind 127.0.0.1:{port}\n server a 127.0.0.1:{server} weight 30\n{more}"


def page(port: int) -> str:
    return (
        f"frontend web\n mode http\n bind 127.0.0.1:{port}\n stats enable\n stats uri /stats\n stats admin if TRUE\n"
        " http-request use-service prometheus-exporter if { path /metrics }\n"
    )


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def command(proxy: Crew, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WPROXY_SOCKET": str(proxy.stats.path)}
    return subprocess.run([*WPROXY, *words], capture_output=True, text=True, timeout=60, env=environment, check=False)


def served(stack: ExitStack, port: int, number: int) -> None:
    for _ in range(number):
        client = stack.enter_context(connect(port))
        client.sendall(b"PING\r\n")
        assert client.recv(64) == b"+PONG\r\n"


def test_pages_and_metrics_count_what_all_workers_did(tmp_path: Path, redis: int) -> None:
    port, web = free_port(), free_port()
    with crew(tmp_path, listen(port, redis) + page(web)) as proxy, ExitStack() as stack:
        served(stack, port, 30)
        assert len([each for each in proxy.evenness().values() if each]) == 2
        for _ in range(4):  # by either worker
            metrics = get(web, "/metrics")
            assert 'haproxy_backend_sessions_total{proxy="main"} 30' in metrics
            assert "haproxy_process_current_connections 3" in metrics
            row = next(line for line in get(web, "/stats;csv").splitlines() if line.startswith("main,a,"))
            assert row.split(",")[7] == "30"


def test_an_action_on_the_page_is_in_force_in_every_worker(tmp_path: Path, redis: int) -> None:
    port, web = free_port(), free_port()
    other = f" server b 127.0.0.1:{redis} weight 70\n"
    with crew(tmp_path, listen(port, redis, other) + page(web)) as proxy, ExitStack() as stack:
        form = urllib.parse.urlencode({"s": "b", "action": "maint", "b": "main"}).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{web}/stats", form, {"Origin": f"http://127.0.0.1:{web}"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert "st=DONE" in answer.url
        served(stack, port, 20)
        assert proxy.stats.sessions("a", "b") == (20, 0)


def test_commands_of_redis_and_errors_are_counted_once(tmp_path: Path, redis: int) -> None:
    port = free_port()
    lines = (
        f"frontend f\n mode redis\n bind 127.0.0.1:{port}\n default_backend r\n"
        f"backend r\n mode redis\n balance roundrobin\n"
        f" server a 127.0.0.1:{redis} weight 30\n server b 127.0.0.1:{redis} weight 70\n"
    )
    with crew(tmp_path, lines) as proxy, ExitStack() as stack:
        clients = [stack.enter_context(Client(port)) for _ in range(10)]
        for number, client in enumerate(clients):
            client.pipeline([pack("SET", f"key{number}:{each}", each) for each in range(100)])
        rows = [line.split(",") for line in proxy.stats.ask("show redis").splitlines() if ",set," in line]
        calls = {row[1]: int(row[3]) for row in rows}
        assert sum(calls.values()) == 1000
        assert abs(calls["a"] - 300) <= 2  # one of each worker
        with connect(port) as raw:
            raw.sendall(b"*1\r\n!oops\r\n")
            assert raw.recv(100).startswith(b"-ERR")
        wait_for(lambda: "invalid request" in proxy.stats.ask("show errors"), what="the error is kept")


def test_reload_says_what_is_wrong_and_changes_nothing(tmp_path: Path, redis: int) -> None:
    port = free_port()
    with crew(tmp_path, listen(port, redis)) as proxy, ExitStack() as stack:
        done = command(proxy, "reload")
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"reloaded: \d+ \d+ \d+ serve\n", done.stdout)
        serving = {
            int(pid) for pid in done.stdout.split()[1:-1]
        }  # for a moment those before may still tell of themselves
        with (tmp_path / "wproxy.cfg").open("a") as file:
            file.write(" nonsense\n")
        failed = command(proxy, "reload")
        assert failed.returncode == 1
        assert "unknown keyword 'nonsense'" in failed.stderr
        assert {proxy.supervisor, *proxy.workers} == serving
        served(stack, port, 5)
        rows = json.loads(command(proxy, "show", "proc", "--json").stdout)
        assert [row["kind"] for row in rows if not row["old"]] == ["master", "supervisor", "worker", "worker"]


def test_hard_stop_after_ends_who_does_not_finish(tmp_path: Path, redis: int) -> None:
    port = free_port()
    lines = "global\n hard-stop-after 1s\n" + listen(port, redis)
    with crew(tmp_path, lines) as proxy, ExitStack() as stack:
        served(stack, port, 4)
        assert command(proxy, "reload").returncode == 0
        wait_for(lambda: proxy.processes()["old"] == [], what="the old ones have been ended")
        assert proxy.stats.numbers("FRONTEND", "scur") == (0,)
