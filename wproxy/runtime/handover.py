"""Hands the listening sockets of one process to the next, over a stats socket on a unix path.

The next process sends `_getsocks`; the answer is one or more messages, each a line of addresses as JSON with as many
descriptors attached (SCM_RIGHTS), and an empty list at the end. Both processes then listen on the same sockets, so that
no client is refused while one begins and the other ends. Same idea as HAProxy's `-x`, whose own format is another.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress

import orjson

COMMAND = "_getsocks"
_AT_ONCE = 200  # descriptors in a message; Linux allows 253
_MESSAGE_BYTES = 64 * 1024
_TIMEOUT_S = 5.0


def give(descriptor: int, sockets: Sequence[tuple[str, socket.socket]]) -> None:
    """Send `sockets` over the connection `descriptor`; raise OSError."""
    with socket.socket(fileno=descriptor) as connection:
        connection.settimeout(_TIMEOUT_S)
        for start in range(0, len(sockets), _AT_ONCE):
            part = sockets[start : start + _AT_ONCE]
            addresses = orjson.dumps([address for address, _ in part])
            socket.send_fds(connection, [addresses + b"\n"], [listening.fileno() for _, listening in part])
        connection.sendall(b"[]\n")


def receive(path: str) -> list[tuple[str, socket.socket]]:
    """Return the listening sockets of the process whose stats socket is at `path`; [] when none are to be had."""
    received: list[tuple[str, socket.socket]] = []
    with suppress(OSError, orjson.JSONDecodeError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(path)
        connection.sendall(f"{COMMAND}\n".encode())
        while part := _receive_part(connection):
            received += part
    return received


def _receive_part(connection: socket.socket) -> list[tuple[str, socket.socket]]:
    """Read one message; [] at the end."""
    data, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, _AT_ONCE)
    listening = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    while data and not data.endswith(b"\n"):
        data += connection.recv(_MESSAGE_BYTES)
    addresses = orjson.loads(data.splitlines()[0]) if data else []
    return list(zip(addresses, listening, strict=False)) if isinstance(addresses, list) else []
