"""Describes the sockets of a session for the stats socket; asked seldom, so nothing of it is kept on the way."""

from __future__ import annotations

import asyncio
import socket
import struct
from math import inf

from wproxy.state.session import Carriage

# `struct tcp_info` of linux/tcp.h: eight bytes, nine numbers, then the milliseconds since data were last sent and, one
# number further, since data last came.
_LAST_DATA = struct.Struct("=44xI4xI")
_PROTOCOLS = {socket.AF_INET: "tcpv4", socket.AF_INET6: "tcpv6"}


def describe(
    client: asyncio.Transport | None, server: asyncio.Transport | None, phase: str, expires_at: float, now: float
) -> Carriage:
    """Return what the two transports of a session show, in the words of HAProxy's `show sess`."""
    return Carriage(
        protocol=_protocol(client),
        source=_address(client, "peername"),
        listener=_address(client, "sockname"),
        outgoing=_address(server, "sockname"),
        phase=phase,
        expires_s=None if expires_at == inf else max(expires_at - now, 0.0),
        buffered_in=server.get_write_buffer_size() if server is not None else 0,
        buffered_out=client.get_write_buffer_size() if client is not None else 0,
        descriptors=(_descriptor(client), _descriptor(server)),
    )


def owes_answer(transport: asyncio.Transport | None) -> bool:
    """Tell whether the peer has sent nothing since the last data to it; False of a unix socket, which keeps no times.

    The kernel knows, so that the relay need not take note of who spoke last.
    """
    connection = None if transport is None else transport.get_extra_info("socket")
    if connection is None or connection.family == socket.AF_UNIX:
        return False
    try:
        times = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA.size)
    except OSError:
        return False  # it has just been closed
    since_sent_ms, since_received_ms = _LAST_DATA.unpack(times)
    return bool(since_sent_ms < since_received_ms)


def _protocol(transport: asyncio.Transport | None) -> str:
    connection = None if transport is None else transport.get_extra_info("socket")
    return _PROTOCOLS.get(connection.family, "unix_stream") if connection is not None else "unknown"


def _address(transport: asyncio.Transport | None, name: str) -> str:
    """Return `host:port`, `[host]:port` or `unix`; "" of an end that is gone."""
    address = None if transport is None else transport.get_extra_info(name)
    if not isinstance(address, tuple):
        return "" if transport is None else "unix"
    host, port = address[:2]
    return f"{host}:{port}"


def _descriptor(transport: asyncio.Transport | None) -> int:
    connection = None if transport is None else transport.get_extra_info("socket")
    return -1 if connection is None else connection.fileno()
