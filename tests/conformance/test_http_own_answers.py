"""What the proxy itself answers, in the log and in the statistics: the same on HAProxy and on wproxy."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from tests.support.beside_http import lines_of, receive
from tests.support.http_server import recording_server
from tests.support.proxies import Proxy, proxy
from tests.support.syslog import udp_log_server
from tests.support.waiting import wait_for

LINES = (
    "option httplog",
    "monitor-uri /monitor",
    "http-request return status 204 if { path /nothing }",
    "http-request auth if { path /auth }",
    "http-request use-service prometheus-exporter if { path /metrics }",
    "use_backend page if { path_beg /stats /inner }",
    "use_backend empty if { path /elsewhere }",
)
REST = """
backend page
    stats uri /stats
    http-request auth if { path /inner }
backend empty
    errorloc303 503 http://sorry.example/
"""
PATHS = ("/monitor", "/nothing", "/auth", "/metrics", "/stats", "/inner", "/elsewhere", "/")
COLUMNS = ("dreq", "intercepted", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx")
_LINE = re.compile(r'main (\S+) (-?)\d+/(-?)\d+/(-?)\d+/(-?)\d+/\d+ (\d+) \d+ - - (\S+) .* "GET (\S+) ')


def ask(port: int, path: str) -> bytes:
    """Return the head of the answer."""
    with socket.create_connection(("127.0.0.1", port), 10.0) as client:
        client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path.encode())
        return receive(client).partition(b"\r\n\r\n")[0]


def run(program: str, folder: Path) -> tuple[list[bytes], list[bytes], list[tuple[str, ...]], tuple[int, ...]]:
    """Return the answers without a body and the redirect, the log, and the counters of the frontend."""

    def counted(made: Proxy) -> tuple[int, ...]:
        return made.stats.numbers("FRONTEND", *COLUMNS)

    with recording_server() as server, udp_log_server() as log:
        lines = (f"log {log.target} local0", *LINES, f"server s 127.0.0.1:{server.port}")
        with proxy(program, folder, *lines, mode="http", rest=REST) as made:
            answers = {path: ask(made.port, path) for path in PATHS}
            logged = log.wait_for('"GET /', len(PATHS) - 1)
            wait_for(lambda: sum(counted(made)[2:]) == len(PATHS), what="all answers are counted")
            found = [match.groups() for line in logged if (match := _LINE.search(line))]
            found.sort(key=lambda parts: PATHS.index(parts[-1]))  # HAProxy's threads tell them in any order
            return lines_of(answers["/nothing"]), lines_of(answers["/elsewhere"]), found, counted(made)


def test_answers_are_logged_and_counted_alike(tmp_path: Path) -> None:
    """A monitor's requests are not logged, a login asked for is none denied, a 204 has no length."""
    ours = run("wproxy", tmp_path)
    assert ours == run("haproxy", tmp_path)
    assert not any(line.startswith(b"content-length") for line in ours[0])
    assert [line[0] for line in ours[2] if "<" in line[0]] == [
        "main/<NOSRV>", "main/<NOSRV>", "main/<PROMEX>", "page/<STATS>", "page/<NOSRV>", "empty/<NOSRV>"
    ]  # fmt: skip
