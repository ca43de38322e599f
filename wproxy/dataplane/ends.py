"""The two ends of a connection, as the kernel tells them."""

from __future__ import annotations

import asyncio
import socket

from wproxy.protocols.proxy_header import Endpoint, Ends


def ends_of(transport: asyncio.BaseTransport) -> Ends:
    """Return who is connected to where by `transport`; unix sockets have no addresses."""
    return Ends(_endpoint(transport.get_extra_info("peername")), _endpoint(transport.get_extra_info("sockname")))


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
