"""Hands the listening sockets of one process to the next, over a stats socket on a unix path.

The next process sends `_getsocks`; the answer is one or more messages, each a line of addresses as JSON with as many
descriptors attached (SCM_RIGHTS), and an empty list at the end. Both processes then listen on the same sockets, so that
no client is refused while one begins and the other ends. Same idea as HAProxy's `-x`, whose own format is another.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event

import orjson

COMMAND = "_getsocks"
ORPHANED = "orphaned"  # behind it: only if the master of that process is gone
_AT_ONCE = 200  # descriptors in a message; Linux allows 253
_MESSAGE_BYTES = 64 * 1024
_TIMEOUT_S = 5.0
_ORPHANS_TIMEOUT_S = 1.0  # at each start: nobody need be there
_LONGEST_S = 15.0  # while the one that answers is about to end, because another one has just taken its place
_PATIENCE_S = 2.0  # when it has nothing to give, and perhaps nobody has
_PAUSE_S = 0.02


class _NothingToGiveError(ConnectionError):
    """Who answered has given its sockets up: somebody else has them by now. Raised and caught here."""


def give(descriptor: int, sockets: Sequence[tuple[str, socket.socket]]) -> None:
    """Send `sockets` over the connection `descriptor`, close it without a word if there are none; raise OSError."""
    with socket.socket(fileno=descriptor) as connection:
        if not sockets:
            return
        connection.settimeout(_TIMEOUT_S)
        for start in range(0, len(sockets), _AT_ONCE):
            part = sockets[start : start + _AT_ONCE]
            addresses = orjson.dumps([address for address, _ in part])
            socket.send_fds(connection, [addresses + b"\n"], [listening.fileno() for _, listening in part])
        connection.sendall(b"[]\n")


def receive(path: str) -> list[tuple[str, socket.socket]]:
    """Return the listening sockets of the process whose stats socket is at `path`; [] when none are to be had."""
    pause = Event()
    ends_at, patience_s = time.monotonic() + _LONGEST_S, _PATIENCE_S
    while time.monotonic() < ends_at:
        try:
            return _receive(path, COMMAND, _TIMEOUT_S)
        except (FileNotFoundError, ConnectionRefusedError, PermissionError, ValueError):
            break
        except _NothingToGiveError:
            patience_s -= _PAUSE_S
            if patience_s <= 0:
                break
        except OSError:
            pass  # it is too busy, or has just gone
        pause.wait(_PAUSE_S)
    return []


def _receive(path: str, command: str, timeout_s: float) -> list[tuple[str, socket.socket]]:
    received: list[tuple[str, socket.socket]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(path)
        connection.sendall(f"{command}\n".encode())
        while part := receive_part(connection):
            received += part
    if not received:
        raise _NothingToGiveError
    return received


def receive_from_orphans(path: str) -> tuple[list[tuple[str, socket.socket]], list[int]]:
    """Return the listening sockets of processes that have lost their master, and the process ids of those who serve.

    They go on until they are told to finish. Both are empty when there are none at `path`.
    """
    sockets: list[tuple[str, socket.socket]] = []
    with suppress(OSError, ValueError, IndexError):
        sockets = _receive(path, f"{COMMAND} {ORPHANED}", _ORPHANS_TIMEOUT_S)
        if sockets:
            serving = _ask(path, "show proc").partition("# workers\n")[2].partition("#")[0]
            return sockets, [int(line.split()[0]) for line in serving.splitlines()]
    return sockets, []


def _ask(path: str, command: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(path)
        connection.sendall(f"{command}\n".encode())
        answer = b""
        while data := connection.recv(_MESSAGE_BYTES):
            answer += data
    return answer.decode()


def receive_part(connection: socket.socket) -> list[tuple[str, socket.socket]]:
    """Read one message; [] at the end."""
    data, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, _AT_ONCE)
    listening = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for each in listening:
        # Python takes them for blocking ones, and `dup` would make them so: for the process that still accepts, too.
        each.setblocking(False)
    while data and not data.endswith(b"\n"):
        data += connection.recv(_MESSAGE_BYTES)
    addresses = orjson.loads(data.splitlines()[0]) if data else []
    return list(zip(addresses, listening, strict=False)) if isinstance(addresses, list) else []
