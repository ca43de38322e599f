"""`show errors`: what clients and servers said that was no RESP, without anybody's secrets."""

from __future__ import annotations

import json
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.programs import WPROXY
from tests.support.proxies import Proxy, proxy
from tests.support.resp import Client, pack
from tests.support.tcp_server import tcp_server
from tests.support.waiting import wait_for


def refused(made: Proxy, data: bytes) -> None:
    """Send `data`, which ends a connection with an error."""
    with Client(made.port) as client:
        client.send(data)
        with suppress(EOFError, ConnectionResetError):
            while True:
                client.reply()


def test_the_last_invalid_request(tmp_path: Path) -> None:
    with proxy("wproxy", tmp_path, "server a 127.0.0.1:1", mode="redis") as made:
        refused(made, b"*1\r\n$4\r\nPING\r\n*1\r\n!4\r\nfirst\r\n")
        refused(made, b"*2\r\n$4\r\nECHO\r\n!6\r\nse\x01cond\r\n")
        lines = made.stats.ask("show errors").splitlines()
        assert lines[0].endswith("] : 2")
        assert lines[1] == " "
        assert lines[2].endswith("] frontend main (#2): invalid request")
        assert lines[3].startswith("  backend main (#2), server <NONE> (#-1), event #1, src 127.0.0.1:")
        assert lines[4] == "  buffer starts at 0 (including 0 out), 16357 free,"
        assert lines[5] == "  len 27, wraps at 16384, error at position 14"
        assert lines[6] == "  session #2, RESP: expected '$', got '!' :"
        assert lines[8:12] == ["  00000  *2\\r\\n", "  00004  $4\\r\\n", "  00008  ECHO\\r\\n", "  00014  !6\\r\\n"]
        assert lines[12] == "  00018  se\\x01cond\\r\\n"
        assert made.stats.ask("show errors main response").count("\n") == 2
        assert "ECHO" in made.stats.ask("show errors 2 request")


def greeted(connection: socket.socket) -> None:
    """Answer what the proxy asks every server first."""
    if not (heard := connection.recv(100)):
        raise ConnectionError("the proxy ends, and has just come back")
    assert heard == pack("COMMAND")
    connection.sendall(b"*0\r\n")


def talk_nonsense(connection: socket.socket) -> None:
    greeted(connection)
    connection.recv(100)
    connection.sendall(b"?what\r\n")


def volunteer(connection: socket.socket) -> None:
    greeted(connection)
    connection.sendall(b"+HI\r\n")
    connection.recv(1)


SECRETS = {
    "a wrong length": pack("AUTH", "hunter2").replace(b"$7", b"$3"),
    "behind the fault": b"*1\r\n!x\r\n" + pack("AUTH", "user", "hunter2") + pack("HELLO", 3, "AUTH", "u", "hunter2"),
    "inline": b"AUTH hunter2 'open\r\n",
    "of a command before": pack("AUTH", "user", "x") + b"*1\r\n!hunter2\r\n",
    "of a HELLO before": pack("HELLO", 3, "AUTH", "user", "x") + b"'hunter2\r\n",
    "of an AUTH without argument before": pack("AUTH") + b"'hunter2\r\n",
    "in two pieces": b"*3\r\n$5\r\nhello\r\n$1\r\n3\r\n!hunter2\r\n",
    "HTTP": b"POST / HTTP/1.1\r\nAuthorization: Basic hunter2\r\n\r\n",
}


@pytest.mark.parametrize("data", SECRETS.values(), ids=SECRETS)
def test_secrets_are_not_shown(tmp_path: Path, data: bytes) -> None:
    with proxy("wproxy", tmp_path, "server a 127.0.0.1:1", mode="redis") as made:
        refused(made, data)
        answer = made.stats.ask("show errors")
        assert "] : 1\n" in answer
        assert "hunter2" not in answer
        assert "***" in answer


def test_the_last_invalid_response(tmp_path: Path) -> None:
    with (
        tcp_server(talk_nonsense) as port,
        proxy("wproxy", tmp_path, f"server a 127.0.0.1:{port}", "balance roundrobin", mode="redis") as made,
    ):
        with Client(made.port) as client:
            assert "may have been executed" in str(client.ask("SET", "k", "v"))
        lines = made.stats.ask("show errors main response").splitlines()
        assert lines[2].endswith("] backend main (#2): invalid response")
        assert lines[3] == "  frontend <NONE> (#-1), server a (#1), event #0"
        assert lines[5] == "  len 7, wraps at 16384, error at position 0"
        assert lines[6] == "  RESP: a reply that begins with b'?' :"
        assert lines[8] == "  00000  ?what\\r\\n"


def test_an_answer_that_nobody_asked_for(tmp_path: Path) -> None:
    with (
        tcp_server(volunteer) as port,
        proxy("wproxy", tmp_path, f"server a 127.0.0.1:{port}", mode="redis") as made,
    ):
        wait_for(lambda: "  +HI\\r\\n" in made.stats.ask("show errors"), what="it is kept")
        assert "an answer that nobody asked for :\n" in made.stats.ask("show errors")


def test_it_is_bounded(tmp_path: Path) -> None:
    with proxy("wproxy", tmp_path, "server a 127.0.0.1:1", mode="redis") as made:
        refused(made, b"*2\r\n$4\r\nECHO\r\n$400000\r\n" + b"x" * 400_000 + b"oops")
        answer = made.stats.ask("show errors")
        assert "  len 16384, wraps at 16384, error at position 14\n" in answer
        assert len(answer) < 20_000


def test_for_people_and_programs(tmp_path: Path) -> None:
    with proxy("wproxy", tmp_path, "server a 127.0.0.1:1", mode="redis") as made:

        def run(*words: str) -> str:
            command = [*WPROXY, "show", "errors", *words, "--socket", str(made.stats.path)]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

        assert run() == "0 captured\n"
        assert json.loads(run("--json")) == {"total": 0, "errors": []}
        refused(made, b"*1\r\n!4\r\n")
        [error] = json.loads(run("--json"))["errors"]
        assert (error["side"], error["proxy"], error["position"]) == ("request", "main", 4)
        assert error["bytes"] == ["00000  *1\\r\\n", "00004  !4\\r\\n"]
        lines = run().splitlines()
        assert lines[0] == "1 captured, the last of each proxy and side:"
        assert f"invalid request of client {error['source']}, proxy main, error at byte 4" in lines[2]
        assert lines[3:] == ["    session #1, RESP: expected '$', got '!'", *(f"    {each}" for each in error["bytes"])]
