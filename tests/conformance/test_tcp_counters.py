"""What `show stat` counts of connections that fail: the same on HAProxy and on wproxy after the same events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import proxy
from tests.support.tcp_server import accept, ask_name, connect, listening_socket, named_server, port_of, read_exactly, reset

COLUMNS = ("stot", "lbtot", "econ", "eresp", "wretr", "wredis", "cli_abrt", "srv_abrt", "connect", "smax", "bin", "bout")

Counters = dict[str, dict[str, str]]


def counters(program: str, folder: Path, *lines: str, dead: int, alive: int, connections: int) -> Counters:
    """Return the counters after `connections` that were made one after the other, one of them to see it listen."""
    servers = f"server dead 127.0.0.1:{dead} weight 10", f"server alive 127.0.0.1:{alive} weight 10"
    with proxy(program, folder, "timeout connect 100ms", *servers, *lines) as made:
        made.stats.wait_until_idle()
        for _ in range(connections):
            ask_name(made.port)
        made.stats.wait_until_idle()
        rows = made.stats.rows()
    return {name: {column: row[column] for column in COLUMNS} for name, row in rows.items()}


RETRIES: dict[str, list[str]] = {
    "no retries": ["retries 0"],
    "retries": ["retries 2"],
    "no retries, redispatch": ["retries 0", "option redispatch"],
    "redispatch": ["retries 2", "option redispatch"],
    "redispatch at every retry": ["retries 2", "option redispatch 1"],
    "redispatch at every second": ["retries 3", "option redispatch 2"],
}


@pytest.mark.parametrize("lines", RETRIES.values(), ids=RETRIES)
def test_a_server_that_refuses(tmp_path: Path, lines: list[str]) -> None:
    with named_server("alive") as alive:
        dead = free_port()
        seen = [
            counters(program, tmp_path, *lines, dead=dead, alive=alive, connections=5)
            for program in ("haproxy", "wproxy")
        ]
    assert seen[1] == seen[0]


@pytest.mark.parametrize("lines", RETRIES.values(), ids=RETRIES)
def test_no_server_but_those_that_refuse(tmp_path: Path, lines: list[str]) -> None:
    dead, alive = free_port(), free_port()
    seen = [
        counters(program, tmp_path, *lines, dead=dead, alive=alive, connections=2) for program in ("haproxy", "wproxy")
    ]
    assert seen[1] == seen[0]
