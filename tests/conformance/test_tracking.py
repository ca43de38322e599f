"""What rules count of clients in stick tables: HAProxy and wproxy answer the same and show the same tables."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.beside_http import receive
from tests.support.http_beside import request_end
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import connect
from tests.support.waiting import wait_for

ALL = (
    "gpt0,gpc0,gpc0_rate(60s),conn_cnt,conn_rate(60s),conn_cur,sess_cnt,sess_rate(60s),http_req_cnt,http_req_rate(60s),"
    "http_err_cnt,http_err_rate(60s),bytes_in_cnt,bytes_in_rate(60s),bytes_out_cnt,bytes_out_rate(60s),gpc1,"
    "gpc1_rate(60s),http_fail_cnt,http_fail_rate(60s)"
)
TABLES = f"""
backend all
    stick-table type ip size 1k expire 1m store {ALL}
backend other
    stick-table type ip size 1k expire 1m store http_req_cnt,gpc0,gpt0
backend texts
    stick-table type string len 20 size 1k expire 1m store http_req_cnt
"""
SHOWN = ("all", "other", "texts")


def answer(connection: socket.socket) -> None:
    """Answer each request with the status that begins its path, 200 for any other."""
    data = b""
    while True:
        end = request_end(data)
        if end is not None:
            found = re.match(rb"[A-Z]+ /([0-9]{3})", data)
            status = found[1] if found else b"200"
            data = data[end:]
            connection.sendall(b"HTTP/1.1 %b Yes\r\nContent-Length: 2\r\n\r\nok" % status)
        elif not (more := connection.recv(65536)):
            return
        else:
            data += more


def attend(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        answer(connection)


def serve(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=attend, args=(connection,), daemon=True).start()


@contextmanager
def server() -> Iterator[int]:
    """Run a server that answers by the path."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def get(path: str, **fields: str) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n{more}\r\n".encode()


def ask(made: Proxy, *requests: bytes, source: int = 1) -> list[bytes]:
    """Return the statuses and bodies of what comes back on one connection from 127.0.0.`source`."""
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(10.0)
        client.bind((f"127.0.0.{source}", 0))
        with suppress(OSError):
            client.connect(("127.0.0.1", made.port))
        for request in requests:
            head = body = b""
            with suppress(OSError):  # it has been turned away
                client.sendall(request)
                head, _, body = receive(client).partition(b"\r\n\r\n")
            answers.append(head[9:12] + b" " + (b"" if body.startswith(b"<html>") else body))
    return answers


def masked(text: str, *, bytes_too: bool = False) -> str:
    """Return a table without what is never the same; in mode http HAProxy counts bytes as it keeps them."""
    text = re.sub(r"(?m)^0x[0-9a-f]+|exp=\d+", "_", text)
    return text if bytes_too else re.sub(r"bytes_\w+(\(\d+\))?=\d+", "_", text)


def shown(made: Proxy, *, bytes_too: bool = False) -> list[str]:
    """Return the tables, none of whose entries are in use any more."""

    def tables() -> list[str]:
        text = "".join(made.stats.ask(f"show table {name}") for name in SHOWN)
        return sorted(line for line in masked(text, bytes_too=bytes_too).split("\n") if line)

    wait_for(lambda: not any(re.search(r"use=[1-9]", line) for line in tables()), what="no entry is in use")
    return tables()


def on_both(
    folder: Path, lines: Sequence[str], run: Callable[[Proxy], list[object]], *, mode: str = "http"
) -> list[object]:
    """Return what `run` notes; fail when the two programs differ."""
    answers = {}
    with server() as port:
        for program in ("haproxy", "wproxy"):
            back = f"backend back\n    server s 127.0.0.1:{port}\n"
            section = [*lines, "default_backend back"]
            with proxy(program, folder, *section, mode=mode, rest=back + TABLES) as made:
                answers[program] = run(made)
    assert answers["wproxy"] == answers["haproxy"]
    return answers["wproxy"]


STATUSES = [get(f"/{status}") for status in (200, 302, 400, 401, 404, 499, 500, 501, 502, 503, 504, 505)]
OWN = [
    "http-request deny deny_status 429 if { path /deny }",
    "http-request return status 404 if { path /return }",
    "http-request tarpit if { path /tarpit }",
    "http-request auth if { path /auth }",
    "http-request redirect location / if { path /redirect }",
    "http-response deny if { status 302 }",
    "timeout tarpit 50ms",
]
TRACKED = {
    "requests": ["http-request track-sc0 src table all"],
    "requests twice": ["http-request track-sc0 src table all", "http-request track-sc0 src table other"],
    "requests in two tables": ["http-request track-sc0 src table all", "http-request track-sc2 src table other"],
    "some requests": ["http-request track-sc1 src table all if { path_beg /4 /deny }"],
    "by a header": ["http-request track-sc0 hdr(x) table texts", "http-request track-sc1 path table texts"],
    "connections": ["tcp-request connection track-sc0 src table all"],
    "both": ["tcp-request connection track-sc0 src table all", "http-request track-sc0 src table other"],
    "both, one table": ["tcp-request connection track-sc0 src table all", "http-request track-sc1 src table all"],
    "responses": ["http-response track-sc0 src table all"],
    "some responses": ["http-response track-sc0 src table all if { status 404 500 }"],
    "tags": [
        "http-request track-sc0 src table all",
        "http-request sc-inc-gpc0(0) if { path_beg /4 }",
        "http-request sc-inc-gpc1(0)",
        "http-request sc-inc-gpc0(1)",
        "http-request sc-set-gpt0(0) 7 if { path /404 }",
        "http-response sc-inc-gpc1(0) if { status 500 }",
        "http-response sc-set-gpt0(0) status if { status 500 }",
    ],
}


@pytest.mark.parametrize("lines", TRACKED.values(), ids=TRACKED)
def test_what_is_counted(tmp_path: Path, lines: list[str]) -> None:
    def run(made: Proxy) -> list[object]:
        own = [get(path) for path in ("/deny", "/return", "/tarpit", "/auth", "/redirect")]
        kept = ask(made, *STATUSES[:5], source=2)
        alone = [ask(made, request, source=3) for request in (*STATUSES, *own, b"junk\r\n\r\n")]
        headers = [ask(made, get("/a", x=value), source=4) for value in ("one", "two", "one", "x" * 30)]
        return [kept, alone, headers, *shown(made)]

    on_both(tmp_path, [*lines, *OWN], run)


NUMBERED = ("http_req_rate", "http_req_cnt", "conn_cur", "conn_cnt", "get_gpc0", "trackers", "tracked")
ASKED = [
    *(f"sc{number}_{name}" for name in NUMBERED for number in range(3)),
    "sc_http_req_rate(0)", "sc_http_req_rate(0,all)", "sc_http_req_rate(0,other)", "sc_http_req_cnt(0,other)",
    "sc_http_req_cnt(0,texts)", "sc0_http_req_cnt(other)", "sc_tracked(0,other)", "sc_conn_cnt(0,other)",
    "sc0_sess_cnt", "sc0_sess_rate", "sc0_http_err_rate", "sc0_http_fail_cnt",
    "sc0_gpc0_rate", "sc0_gpc1_rate", "sc0_get_gpt0", "sc0_get_gpc1",
    "src_http_req_cnt(all)", "src_http_req_rate(all)", "src_conn_cnt(other)", "src_http_req_cnt(other)",
    "src_get_gpc0(other)", "src_conn_cur(all)", "src_http_err_cnt(all)",
    "table_cnt(all)", "table_avl(all)", "table_cnt(other)",
    "src,in_table(all)", "src,in_table(other)", "src,table_http_req_cnt(all)", "src,table_http_req_rate(all)",
    "src,table_conn_cnt(other)", "str(127.0.0.9),in_table(all)",
    "str(127.0.0.9),table_http_req_cnt(all)", "str(x),in_table(all)", "src,table_gpt0(all)", "src,table_gpc0(all)",
    "hdr(x),in_table(texts)", "hdr(x),table_http_req_cnt(texts)",
    "sc0_inc_gpc0", "sc0_inc_gpc0", "sc0_inc_gpc1", "sc0_clr_gpc0", "sc0_clr_gpc0", "src_inc_gpc0(other)",
    "src_inc_gpc0(other)", "src_clr_gpc0(other)", "sc1_inc_gpc0", "src_inc_gpc1(other)",
]  # fmt: skip


def test_what_can_be_asked(tmp_path: Path) -> None:
    """Each is asked after those in front of it have been."""
    said = "http-request return status 200 content-type text/plain lf-string"
    lines = [
        "http-request track-sc0 src table all",
        "http-request track-sc2 hdr(x) table texts if { hdr(x) -m found }",
        *(f'{said} "%[{text}]" if {{ path /{at} }}' for at, text in enumerate(ASKED)),
    ]

    def run(made: Proxy) -> list[object]:
        answers: list[object] = []
        for source, fields in ((2, {}), (3, {"x": "k"})):
            for at, text in enumerate(ASKED):
                shown(made)  # on a busy machine HAProxy tracks the one before for a moment longer
                answers.append((text, ask(made, get(f"/{at}", **fields), source=source)))
        return [*answers, *shown(made)]

    on_both(tmp_path, lines, run)


def test_a_limit_of_requests(tmp_path: Path) -> None:
    """As published: a client has so many requests in a time, others are not concerned."""
    lines = [
        "stick-table type ip size 100k expire 30s store http_req_rate(10s)",
        "http-request track-sc0 src",
        "http-request deny deny_status 429 if { sc_http_req_rate(0) gt 20 }",
    ]

    def run(made: Proxy) -> list[object]:
        return [*(ask(made, *[get("/")] * 30, source=source) for source in (2, 3)), ask(made, get("/"), source=4)]

    first, second, third = on_both(tmp_path, lines, run)
    assert first == second == [b"200 ok"] * 20 + [b"429 "] * 10
    assert third == [b"200 ok"]


def test_a_limit_of_connections(tmp_path: Path) -> None:
    lines = [
        "tcp-request connection track-sc0 src table all",
        "tcp-request connection reject if { sc_conn_cur(0) gt 2 } || { src_conn_rate(all) gt 6 }",
    ]

    def run(made: Proxy) -> list[object]:
        found: list[object] = []
        with ExitStack() as stack:
            for _ in range(4):
                try:
                    client = stack.enter_context(connect(made.port))
                    client.sendall(get("/"))
                    found.append(receive(client)[:12])
                except OSError:
                    found.append(b"")
        shown(made)
        found += [ask(made, get("/")) for _ in range(4)]
        return [*found, *shown(made), made.stats.numbers("FRONTEND", "dcon", "stot")]

    on_both(tmp_path, lines, run)


def test_connections_of_mode_tcp(tmp_path: Path) -> None:
    lines = [
        "tcp-request connection track-sc0 src table all",
        "tcp-request connection sc-inc-gpc0(0) if { src 127.0.0.3 }",
        "tcp-request connection sc-set-gpt0(0) 9 if { src 127.0.0.3 }",
        "tcp-request connection reject if { sc0_get_gpc0 gt 2 }",
        "tcp-request connection accept",
        "tcp-request connection track-sc1 src table other",
    ]

    def run(made: Proxy) -> list[object]:
        asked = [ask(made, get("/"), get("/404"), source=source) for source in (2, 3, 3, 3, 2)]
        return [*asked, *shown(made, bytes_too=True)]

    on_both(tmp_path, lines, run, mode="tcp")


def test_rates_fade(tmp_path: Path) -> None:
    """What is left of a rate after a part of its period depends on the moment: what it is at last does not."""
    lines = ["stick-table type ip size 1k store http_req_rate(600ms),gpc0_rate(10s)", "http-request track-sc0 src"]

    def run(made: Proxy) -> list[object]:
        ask(made, *[get("/")] * 5)
        before = made.stats.ask("show table main")
        wait_for(lambda: "http_req_rate(600)=0" in made.stats.ask("show table main"), what="the rate is over")
        return ["http_req_rate(600)=5" in before or before]

    on_both(tmp_path, lines, run)


COMMANDS = (
    "show table all data.http_req_cnt gt 1", "show table all data.http_req_cnt gt 2", "show table all data.gpt0 eq 0",
    "show table all data.http_req_rate gt 1 data.gpc0 lt 1", "show table all data.server_id gt 0",
    "show table all data.gpc gt 0", "show table other data.conn_cnt gt 0", "show table texts data.http_req_cnt eq 1",
    "show table all key 127.0.0.2", "show table", "clear table all data.http_req_cnt gt 2", "show table all",
    "clear table all", "show table all", "clear table texts key b", "show table texts",
)  # fmt: skip


def test_commands(tmp_path: Path) -> None:
    lines = ["http-request track-sc0 src table all", "http-request track-sc1 hdr(x) table texts"]

    def run(made: Proxy) -> list[object]:
        ask(made, get("/", x="a"), get("/", x="b"), source=2)
        ask(made, get("/", x="a"), get("/"), get("/"), source=3)
        shown(made)
        return [(command, sorted(masked(made.stats.ask(command)).split("\n"))) for command in COMMANDS]

    on_both(tmp_path, lines, run)


def test_an_entry_in_use_stays(tmp_path: Path) -> None:
    lines = ["tcp-request connection track-sc0 src table all"]
    commands = ("show table all", "clear table all key 127.0.0.1", "clear table all", "show table all")

    def run(made: Proxy) -> list[object]:
        with connect(made.port) as client:
            client.sendall(get("/"))
            answers = [receive(client)[:12], *(masked(made.stats.ask(command)) for command in commands)]
        return [*answers, *shown(made)]

    on_both(tmp_path, lines, run)
