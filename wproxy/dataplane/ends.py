"""The two ends of a connection, as the kernel tells them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from wproxy.protocols.proxy_header import Endpoint, Ends

_SO_PEERNAME = 28  # of Linux' asm-generic/socket.h; Python has no name for it
_NAME_BYTES = {socket.AF_INET: 16, socket.AF_INET6: 28}  # of `struct sockaddr_in` and `struct sockaddr_in6`


def ends_of(transport: asyncio.BaseTransport) -> Ends:
    """Return who is connected to where by `transport`; unix sockets have no addresses."""
    return Ends(_endpoint(peer_of(transport)), _endpoint(transport.get_extra_info("sockname")))


def peer_of(transport: asyncio.BaseTransport) -> tuple[str, int] | None:
    """Return host and port at the other end of `transport`; None of a unix socket, and when the socket is gone.

    A client that resets its connection before it has been accepted is still known: not to getpeername, but to
    SO_PEERNAME.
    """
    name = transport.get_extra_info("peername")
    if isinstance(name, tuple):
        return name[0], name[1]
    connection = transport.get_extra_info("socket")
    size = _NAME_BYTES.get(connection.family) if connection is not None else None
    if size is None:
        return None
    with suppress(OSError):
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERNAME, size)
        host = raw[4:8] if connection.family == socket.AF_INET else raw[8:24]
        return socket.inet_ntop(connection.family, host), int.from_bytes(raw[2:4], "big")
    return None


def ends_of_probe(probe: socket.socket) -> Ends:
    """Return who is connected to where by `probe`, this process being the client; raise OSError."""
    return Ends(_endpoint(probe.getsockname()), _endpoint(probe.getpeername()))


def _endpoint(name: object) -> Endpoint | None:
    if not isinstance(name, tuple):
        return None
    host, port = name[0], name[1]
    if ":" in host:
        return Endpoint(socket.inet_pton(socket.AF_INET6, host.partition("%")[0]), port)
    return Endpoint(socket.inet_pton(socket.AF_INET, host), port)
