"""What `show stat` counts in mode http: the same on HAProxy and on wproxy after the same traffic."""

from __future__ import annotations

import csv
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.support.beside_http import receive
from tests.support.http_beside import GET
from tests.support.http_server import recording_server
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.waiting import wait_for

COLUMNS = (
    "scur", "stot", "dreq", "dresp", "ereq", "econ", "eresp", "wretr", "wredis", "lbtot", "hrsp_1xx", "hrsp_2xx",
    "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other", "req_tot", "cli_abrt", "srv_abrt", "intercepted", "conn_tot",
    "connect", "reuse", "used_conn_cur",
)  # fmt: skip

FOUND_302 = b"HTTP/1.1 302 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NO_HEAD = b"bad\r\n\r\n"
RULES = (
    "http-request deny if { path /denied }",
    "http-request redirect location /there if { path /away }",
    "use_backend found if { path /found }",
    "use_backend bad if { path /bad }",
    "use_backend dead if { path /dead }",
    "use_backend none if { path /none }",
    "http-response deny if { status 302 } { res.hdr(connection) -m str nothing }",
)
PATHS = ("/", "/denied", "/away", "/found", "/bad", "/dead", "/none", "/")


def _equals(ask: Callable[[], tuple[int, ...]], wanted: tuple[int, ...]) -> bool:
    return ask() == wanted


def get(path: str, *, more: bytes = b"") -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (path.encode(), more)


def say(port: int, data: bytes) -> bytes:
    """Send `data` on a connection of their own, return what comes until the end."""
    with socket.create_connection(("127.0.0.1", port), 10.0) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    return answer


def traffic(port: int) -> list[bytes]:
    """Send good and bad requests, return the first lines of the answers."""
    with socket.create_connection(("127.0.0.1", port), 10.0) as client:
        for path in ("/", "/", "/denied", "/"):
            client.sendall(get(path))
            assert receive(client)
    requests = [get(path, more=b"Connection: close\r\n") for path in PATHS]
    requests += [b"junk\r\n\r\n", GET[:-2], b"", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"]
    return [say(port, data).partition(b"\r\n")[0] for data in requests]


def counters(made: Proxy) -> dict[str, dict[str, str]]:
    lines = made.stats.ask("show stat").removeprefix("# ").splitlines()
    rows = {f"{row['pxname']} {row['svname']}": row for row in csv.DictReader(lines)}
    return {name: {column: row[column] for column in COLUMNS} for name, row in rows.items()}


def settled(made: Proxy) -> bool:
    return all(row["scur"] == "0" for row in counters(made).values())


def test_counters(tmp_path: Path) -> None:
    """With one thread: of several one may serve a client while another still holds the connection to be reused."""

    def run(program: str) -> tuple[list[bytes], dict[str, dict[str, str]]]:
        with recording_server() as good, recording_server(FOUND_302) as found, recording_server(NO_HEAD) as bad:
            servers = {"found": found.port, "bad": bad.port, "dead": free_port()}
            rest = "".join(
                f"backend {name}\n    retries 0\n    server s 127.0.0.1:{port}\n" for name, port in servers.items()
            )
            lines = (*RULES, f"server s 127.0.0.1:{good.port}")
            rest += "backend none\n    retries 0\nglobal\n    nbthread 1\n"
            with proxy(program, tmp_path, *lines, mode="http", rest=rest) as made:
                answers = traffic(made.port)
                wait_for(lambda: settled(made), what="no session left")
                return answers, counters(made)

    assert run("wproxy") == run("haproxy")


def test_times_are_told(tmp_path: Path) -> None:
    """How long a response takes is part of `rtime`, in milliseconds."""
    with recording_server(delay_s=0.05) as server:
        for program in ("haproxy", "wproxy"):
            with proxy(program, tmp_path, f"server s 127.0.0.1:{server.port}", mode="http") as made:
                began = time.monotonic()
                for _ in range(4):
                    assert say(made.port, GET)
                most = 1000 * (time.monotonic() - began)
                made.stats.wait_until_idle()  # only then all of them are counted
                for name in ("s", "BACKEND"):
                    response, longest, total = made.stats.numbers(name, "rtime", "rtime_max", "ttime")
                    assert 45 <= response <= most / 4 + 1, program
                    assert 50 <= longest <= most, program
                    assert total >= response, program


def test_idle_connections_are_told(tmp_path: Path) -> None:
    with recording_server() as server:
        line = f"server s 127.0.0.1:{server.port}"
        for program in ("haproxy", "wproxy"):
            with (
                proxy(program, tmp_path, line, mode="http") as made,
                socket.create_connection(("127.0.0.1", made.port), 10.0) as client,
            ):
                client.sendall(GET)
                assert receive(client)
                stats = made.stats
                numbers = partial(stats.numbers, "s", "srv_icur", "used_conn_cur")
                wait_for(partial(_equals, numbers, (1, 0)), what=program)
                assert stats.numbers("FRONTEND", "scur", "req_rate_max") == (1, 1), program


def test_cookies_are_told(tmp_path: Path) -> None:
    """The name of a backend's cookie, and what it says for each server."""
    lines = ("cookie C insert indirect", "server s 127.0.0.1:9 cookie one", "server t 127.0.0.1:9")
    for program in ("haproxy", "wproxy"):
        with proxy(program, tmp_path, *lines, mode="http") as made:
            rows = csv.DictReader(made.stats.ask("show stat").removeprefix("# ").splitlines())
            told = {row["svname"]: row["cookie"] for row in rows if row["pxname"] == "main"}
            assert told == {"FRONTEND": "", "s": "one", "t": "", "BACKEND": "C"}, program


def test_idle_connections_of_each_server(tmp_path: Path) -> None:
    """`show servers conn`, but for HAProxy's list of its threads."""

    def shown(program: str) -> list[str]:
        with recording_server() as server:
            lines = (f"server s 127.0.0.1:{server.port} pool-max-conn 7", "server t 127.0.0.1:1 disabled")
            with proxy(program, tmp_path, *lines, mode="http") as made:
                with socket.create_connection(("127.0.0.1", made.port), 10.0) as client:
                    client.sendall(GET)
                    assert receive(client)
                numbers = partial(made.stats.numbers, "s", "srv_icur", "used_conn_cur")
                wait_for(partial(_equals, numbers, (1, 0)), what="an idle connection")
                text = made.stats.ask("show servers conn").replace(str(server.port), "PORT")
                return [" ".join(line.split()[:13]) for line in text.splitlines()[1:]]

    assert shown("wproxy") == shown("haproxy")
