"""What rules count in stick tables when there are several workers, when one dies, and over a reload."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

from tests.support.beside_http import receive
from tests.support.crews import Crew, crew, wait_until_whole
from tests.support.pids import alive
from tests.support.programs import free_port
from tests.support.waiting import wait_for

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
STORED = "http_req_cnt,http_req_rate(60s),conn_cur"


def listen(port: int) -> str:
    return (
        f"listen main\n mode http\n bind 127.0.0.1:{port}\n"
        f" stick-table type ip size 100 expire 1m store {STORED}\n"
        " tcp-request connection track-sc0 src\n"
        " http-request deny deny_status 429 if { sc_http_req_cnt(0) gt 40 }\n"
        " http-request return status 200\n"
    )


def shown(proxy: Crew, *data: str) -> bool:
    text = proxy.stats.ask("show table main")
    return all(f"{each}" in text for each in data)


def connected(stack: ExitStack, port: int, count: int) -> list[socket.socket]:
    return [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10.0)) for _ in range(count)]


def ask(client: socket.socket) -> bytes:
    client.sendall(GET)
    return receive(client)[9:12]


def test_requests_are_counted_together(tmp_path: Path) -> None:
    port = free_port()
    with crew(tmp_path, listen(port)) as proxy, ExitStack() as stack:
        clients = connected(stack, port, 20)
        assert {ask(client) for client in clients} == {b"200"}
        assert len(proxy.evenness()) == 2
        wait_for(lambda: shown(proxy, "http_req_cnt=20 http_req_rate(60000)=20", "conn_cur=20"), what="all are counted")
        assert {ask(client) for client in clients} == {b"200"}
        wait_for(lambda: shown(proxy, "http_req_cnt=40"), what="all are counted")
        assert {ask(client) for client in clients} == {b"429"}  # in every worker
        wait_for(lambda: shown(proxy, "http_req_cnt=60"), what="all are counted")

        proxy.kill(proxy.workers[0])
        wait_until_whole(proxy)
        wait_for(lambda: shown(proxy, f"conn_cur={len(proxy.sessions())} "), what="those of the dead worker have left")
        assert 0 < len(proxy.sessions()) < 20
        wait_for(lambda: shown(proxy, "http_req_cnt=60"), what="nothing is forgotten")
        new = connected(stack, port, 4)
        assert {ask(client) for client in new} == {b"429"}


def test_the_next_process_goes_on_counting(tmp_path: Path) -> None:
    port = free_port()
    with crew(tmp_path, listen(port), 2, "-W") as proxy, ExitStack() as stack:
        with ExitStack() as some:
            for client in connected(some, port, 10):
                assert ask(client) == b"200"
        wait_for(lambda: shown(proxy, "http_req_cnt=10", "conn_cur=0"), what="all are counted")
        before = set(proxy.workers)
        os.kill(proxy.process.pid, signal.SIGUSR2)
        wait_for(lambda: not before & set(proxy.workers) and len(proxy.workers) == 2, 20.0, "new ones serve")
        wait_for(lambda: not any(alive(pid) for pid in before), 20.0, "the old ones accept no more")
        wait_for(lambda: shown(proxy, "http_req_cnt=10 http_req_rate(60000)=10"), what="it is known")
        (client,) = connected(stack, port, 1)
        assert ask(client) == b"200"
        wait_for(lambda: shown(proxy, "http_req_cnt=11 http_req_rate(60000)=11", "conn_cur=1"), what="it goes on")
