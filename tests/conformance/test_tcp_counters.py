"""What `show stat` counts of connections that fail: the same on HAProxy and on wproxy after the same events."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import (
    accept,
    ask_name,
    connect,
    ended,
    listening_socket,
    named_server,
    port_of,
    read_all,
    reset,
)

COLUMNS = (
    "stot",
    "lbtot",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "cli_abrt",
    "srv_abrt",
    "connect",
    "bin",
    "bout",
    "status",
)

Counters = dict[str, dict[str, str]]


def counters(made: Proxy) -> Counters:
    made.stats.wait_until_idle()
    return {name: {column: row[column] for column in COLUMNS} for name, row in made.stats.rows().items()}


def on_both(run: Callable[[str], Counters]) -> None:
    """Fail when the two programs do not count the same."""
    assert run("wproxy") == run("haproxy")


RETRIES: dict[str, list[str]] = {
    "no retries": ["retries 0"],
    "retries": ["retries 2"],
    "no retries, redispatch": ["retries 0", "option redispatch"],
    "redispatch": ["retries 2", "option redispatch"],
    "redispatch at every retry": ["retries 2", "option redispatch 1"],
    "redispatch at every second": ["retries 3", "option redispatch 2"],
}


def after_connections(
    program: str, folder: Path, lines: list[str], *, first: int, second: int, connections: int
) -> Counters:
    """Return the counters after `connections`, one after the other, to servers on two ports."""
    servers = f"server first 127.0.0.1:{first} weight 10", f"server second 127.0.0.1:{second} weight 10"
    with proxy(program, folder, "timeout connect 100ms", *servers, *lines) as made:
        for _ in range(connections):
            ask_name(made.port)
        return counters(made)


@pytest.mark.parametrize("lines", RETRIES.values(), ids=RETRIES)
def test_a_server_that_refuses(tmp_path: Path, lines: list[str]) -> None:
    dead = free_port()
    with named_server("alive") as alive:
        on_both(lambda program: after_connections(program, tmp_path, lines, first=dead, second=alive, connections=5))


@pytest.mark.parametrize("lines", RETRIES.values(), ids=RETRIES)
def test_no_server_but_those_that_refuse(tmp_path: Path, lines: list[str]) -> None:
    first, second = free_port(), free_port()
    on_both(lambda program: after_connections(program, tmp_path, lines, first=first, second=second, connections=2))


def test_no_server_at_all(tmp_path: Path) -> None:
    def run(program: str) -> Counters:
        with proxy(program, tmp_path, "server s 127.0.0.1:1 disabled") as made:
            assert ask_name(made.port) == ""
            return counters(made)

    on_both(run)


def client_resets(client: socket.socket, served: socket.socket) -> None:
    reset(client)
    ended(served)  # or the proxy may see the server's end first
    served.close()


def server_resets(client: socket.socket, served: socket.socket) -> None:
    reset(served)
    ended(client)
    client.close()


def client_leaves(client: socket.socket, served: socket.socket) -> None:
    client.close()
    assert read_all(served) == b""
    served.close()


def server_leaves(client: socket.socket, served: socket.socket) -> None:
    served.sendall(b"answer")
    served.close()
    read_all(client)
    client.close()


@pytest.mark.parametrize("end", [client_resets, server_resets, client_leaves, server_leaves])
def test_how_connections_end(tmp_path: Path, end: Callable[[socket.socket, socket.socket], None]) -> None:
    def run(program: str) -> Counters:
        with (
            listening_socket() as listening,
            proxy(program, tmp_path, f"server s 127.0.0.1:{port_of(listening)}") as made,
        ):
            client, served = connect(made.port), accept(listening)
            client.sendall(b"question")
            assert served.recv(8) == b"question"
            end(client, served)
            return counters(made)

    on_both(run)
