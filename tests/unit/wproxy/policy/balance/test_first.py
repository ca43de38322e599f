from __future__ import annotations

from tests.unit.wproxy.policy.balance.candidates import Servers
from wproxy.policy.balance.first import First


def test_servers_fill_up_in_order() -> None:
    servers = Servers(First, [1, 0, 256, 1], [2, 9, 1, 1])
    assert servers.take(5) == [0, 0, 2, 3, -1]
    servers.load(3, -1)
    servers.load(0, -1)
    assert servers.take(3) == [0, 3, -1]
    servers.load(2, 0)  # still full
    assert servers.pick() == -1


def test_a_server_is_avoided_if_there_is_another() -> None:
    servers = Servers(First, [1, 1], [2, 1])
    assert servers.take(2, avoid=0) == [1, 0]
    assert servers.take(1) == [0]
