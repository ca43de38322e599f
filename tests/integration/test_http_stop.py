"""The end of connections in mode http by the operator: a soft stop, and commands that end sessions."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

from tests.support.beside_http import receive
from tests.support.http_beside import GET
from tests.support.http_server import recording_server
from tests.support.programs import WPROXY, listening
from tests.support.proxies import proxy
from tests.support.waiting import wait_for


def rest_of(client: socket.socket) -> bytes:
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    return data


def test_soft_stop(tmp_path: Path) -> None:
    """An idle client has one request more, whose answer says that it is the last, or is let go after two seconds."""
    with recording_server() as server:
        line = f"server s 127.0.0.1:{server.port}"
        with proxy("wproxy", tmp_path, line, mode="http") as made:
            clients = [socket.create_connection(("127.0.0.1", made.port), 10.0) for _ in range(6)]
            silent, idle, returning, busy, pipelined, beginning = clients
            for client in (idle, returning):
                client.sendall(GET)
                assert receive(client).endswith(b"\r\n\r\nok")
            server.may_answer.clear()
            busy.sendall(GET)
            pipelined.sendall(GET + GET)
            beginning.sendall(GET[:10])
            wait_for(lambda: made.stats.numbers("s", "scur") == (2,), what="two requests")
            made.process.send_signal(signal.SIGUSR1)
            wait_for(lambda: not listening(made.port), what="the signal is heard")
            returning.sendall(GET)
            server.may_answer.set()
            last = rest_of(returning)
            assert last.endswith(b"ok")
            assert b"\r\nconnection: close\r\n" in last
            assert rest_of(idle) == b""
            assert rest_of(silent) == b""
            answer = rest_of(busy)
            assert answer.endswith(b"ok")
            assert b"\r\nconnection: close\r\n" in answer
            assert rest_of(pipelined).count(b"HTTP/1.1 200") == 1
            beginning.sendall(GET[10:])
            assert b"\r\nconnection: close\r\n" in rest_of(beginning)
            for client in clients:
                client.close()
            assert made.process.wait(10.0) == 0


def test_shutdown_sessions(tmp_path: Path) -> None:
    """The stats socket knows on which server a request is, and ends it there."""
    with recording_server(delay_s=30.0) as server:
        line = f"server s 127.0.0.1:{server.port}"
        with (
            proxy("wproxy", tmp_path, line, mode="http") as made,
            socket.create_connection(("127.0.0.1", made.port), 5.0) as client,
            socket.create_connection(("127.0.0.1", made.port), 5.0) as idle,
        ):
            client.sendall(GET)
            wait_for(lambda: " srv=s " in made.stats.ask("show sess"), what="a session on the server")
            wait_for(lambda: made.stats.ask("show sess").count(" srv=<none> ") == 1, what="the idle one")
            made.stats.ask("shutdown sessions server main/s")
            assert rest_of(client) == b""
            made.stats.wait_until_idle("s")
            wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (1,), what="the idle one is left")
            idle.close()


def blocks_sigusr1(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.partition("SigBlk:")[2].split()[0], 16)
    return bool(mask >> (signal.SIGUSR1 - 1) & 1)


def test_a_process_that_is_replaced_while_it_starts(tmp_path: Path) -> None:
    """It ends its own predecessor, then itself; neither is left behind."""
    with (
        recording_server() as server,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{server.port}", mode="http") as old,
    ):
        command = [*WPROXY, "-f", str(tmp_path / "wproxy.cfg"), "-sf", str(old.process.pid)]
        with subprocess.Popen(command) as new:
            wait_for(lambda: blocks_sigusr1(new.pid), what="the new process begins")
            new.send_signal(signal.SIGUSR1)
            assert new.wait(20.0) == 0
        assert old.process.wait(10.0) == 0
