"""A proxy that was held up for longer than a timeout: what came meanwhile is there in time.

On HAProxy, too, unless it was stopped in the moment before it looks at its clock.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.beside_http import receive
from tests.support.http_beside import GET
from tests.support.http_server import recording_server
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import accept, connect, listening_socket, port_of, read_exactly
from tests.support.waiting import wait_for

TIMES = ("timeout client 1s", "timeout server 1s")
HELD_UP_S = 1.3


def hold_up(made: Proxy, act: Callable[[], object]) -> None:
    """Do `act` while the proxy stands still until its times are over."""
    made.process.send_signal(signal.SIGSTOP)
    try:
        act()
        threading.Event().wait(HELD_UP_S)
    finally:
        made.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("talker", ["client", "server"])
def test_bytes_keep_a_connection(tmp_path: Path, talker: str) -> None:
    with (
        listening_socket() as listening,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{port_of(listening)}", *TIMES) as made,
        connect(made.port) as client,
        accept(listening) as served,
    ):
        source, sink = (client, served) if talker == "client" else (served, client)
        source.sendall(b"a")
        assert read_exactly(sink, 1) == b"a"
        hold_up(made, lambda: source.sendall(b"b"))
        assert read_exactly(sink, 1) == b"b"
        source.sendall(b"c")
        assert read_exactly(sink, 1) == b"c"


def test_an_answer_is_passed_on(tmp_path: Path) -> None:
    with (
        recording_server() as server,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{server.port}", *TIMES, mode="http") as made,
        connect(made.port) as client,
    ):
        server.may_answer.clear()
        client.sendall(GET)
        wait_for(lambda: any(server.heard()), what="the request at its server")
        hold_up(made, server.may_answer.set)
        assert receive(client).startswith(b"HTTP/1.1 200 ")
