"""The kernel's probes of idle connections, as its own table of connections shows their timers (proc(5))."""

from __future__ import annotations

from functools import partial
from math import inf
from pathlib import Path

import pytest

from tests.support.proxies import proxy
from tests.support.tcp_server import accept, connect, listening_socket, port_of
from tests.support.waiting import wait_for

IDLE_S = 50
_JIFFIES = 100  # a second's, in what the kernel tells


@pytest.fixture(params=["haproxy", "wproxy"])
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def first_probe_s(local: int, remote: int) -> float:
    """Return in how many seconds the end at port `local` will probe the one at `remote`, infinity for never.

    While data are not acknowledged yet it is 0, and when it is not seen: the table changes while it is read.
    """
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = tuple(int(address.partition(":")[2], 16) for address in fields[1:3])
        kind, _, left = fields[5].partition(":")
        if ports == (local, remote):
            return {"00": inf, "02": int(left, 16) / _JIFFIES}.get(kind, 0.0)
    return 0.0


@pytest.mark.parametrize(
    ("lines", "client_side", "server_side"),
    [
        ((), False, False),
        (("option tcpka",), True, True),
        (("option clitcpka",), True, False),
        (("option srvtcpka",), False, True),
        (("option tcpka", "no option clitcpka"), False, True),
    ],
)
def test_idle_connections_are_probed_where_that_is_asked_for(
    program: str, tmp_path: Path, lines: tuple[str, ...], client_side: bool, server_side: bool
) -> None:
    times = (f"clitcpka-idle {IDLE_S}", f"srvtcpka-idle {IDLE_S}s", "clitcpka-cnt 3", "srvtcpka-intvl 5s")
    with listening_socket() as listening:
        port = port_of(listening)
        with (
            proxy(program, tmp_path, *lines, *times, f"server a 127.0.0.1:{port}") as made,
            connect(made.port) as client,
            accept(listening) as served,
        ):
            client.sendall(b"x")
            assert served.recv(1) == b"x"
            for asked, ports in (
                (client_side, (made.port, port_of(client))),
                (server_side, (served.getpeername()[1], port)),
            ):
                # A delayed acknowledgement counts as the same kind of timer, for less than a second.
                probe_s = wait_for(partial(settled_s, *ports))
                assert (IDLE_S - 10 < probe_s <= IDLE_S + 1) if asked else (probe_s == inf)


def settled_s(local: int, remote: int) -> float:
    """Return the same once nothing else is under way, 0 before."""
    probe_s = first_probe_s(local, remote)
    return probe_s if probe_s > 1 else 0.0
