"""Where processes of one proxy find each other: a name that the kernel chooses, for their own user only."""

from __future__ import annotations

import os
import socket
import struct

_CREDENTIALS = struct.Struct("3i")  # struct ucred, unix(7)


def listen() -> socket.socket:
    """Return a socket that listens under a name that the kernel chooses (unix(7), autobind)."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind("")
    listening.listen(socket.SOMAXCONN)
    return listening


def accept(listening: socket.socket) -> socket.socket | None:
    """Return the next connection; None if there is none any more, or if it is of another user than root or our own."""
    try:
        sock, _ = listening.accept()
    except OSError:
        return None
    _, user, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if user in (0, os.geteuid()):
        return sock
    sock.close()
    return None
