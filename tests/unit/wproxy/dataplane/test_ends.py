from __future__ import annotations

import asyncio
import socket

import pytest

from wproxy.dataplane.ends import peer_of

SO_PEERNAME = 28
HOSTS = {socket.AF_INET: "192.0.2.7", socket.AF_INET6: "2001:db8::7"}
KEPT = {  # what the kernel still has of a client that has reset its connection: sockaddr_in and sockaddr_in6
    socket.AF_INET: b"\x02\x00\x12\x34\xc0\x00\x02\x07" + bytes(8),
    socket.AF_INET6: b"\x0a\x00\x12\x34" + bytes(4) + b"\x20\x01\x0d\xb8" + bytes(11) + b"\x07" + bytes(4),
}


class Socket:
    def __init__(self, family: socket.AddressFamily, *, is_closed: bool) -> None:
        self.family = family
        self._is_closed = is_closed

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, SO_PEERNAME)
        if self._is_closed:
            raise OSError(9, "Bad file descriptor")
        name = KEPT[self.family]
        if size > len(name):  # the kernel takes no larger one
            raise OSError(22, "Invalid argument")
        return name[:size]


def transport(**facts: object) -> asyncio.BaseTransport:
    return asyncio.BaseTransport(facts)


def test_who_is_connected() -> None:
    assert peer_of(transport(peername=("192.0.2.7", 1))) == ("192.0.2.7", 1)
    assert peer_of(transport(peername=("2001:db8::7", 1, 0, 0))) == ("2001:db8::7", 1)


@pytest.mark.parametrize("family", HOSTS)
def test_who_has_reset_the_connection_is_still_known(family: socket.AddressFamily) -> None:
    assert peer_of(transport(socket=Socket(family, is_closed=False))) == (HOSTS[family], 0x1234)


def test_nobody() -> None:
    assert peer_of(transport(peername="", socket=Socket(socket.AF_UNIX, is_closed=False))) is None
    assert peer_of(transport(socket=Socket(socket.AF_INET, is_closed=True))) is None
    assert peer_of(transport()) is None
