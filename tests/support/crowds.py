"""Crowds of connections that come and go, and what they may cost a proxy: nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable

from tests.support.proxies import Proxy
from tests.support.tcp_server import reset
from tests.support.waiting import wait_for


def burst(port: int, number: int, held: int = 500) -> None:
    """Open and reset `number` connections, `held` at a time; most are reset before they are accepted."""
    for _ in range(number // held):
        connections = []
        for _ in range(held):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            connections.append(connection)
        for connection in connections:
            reset(connection)


def stays_flat(made: Proxy, crowd: Callable[[], object], rounds: int) -> None:
    """Fail unless descriptors come back after each `crowd`, and the later half of them costs no further memory."""
    descriptors = made.descriptors
    resident = []
    for _ in range(rounds):
        crowd()
        made.stats.wait_until_idle("FRONTEND")
        wait_for(lambda: made.descriptors <= descriptors, what="all descriptors given back")
        resident.append(made.resident_bytes)
    half = rounds // 2
    assert max(resident[half:]) - max(resident[:half]) < 2 << 20, resident
