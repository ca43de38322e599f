"""The address that connections to a server come from (configuration manual, section 4.2, "source")."""

from __future__ import annotations

import socket
from contextlib import suppress

from wproxy.config.model import Address

_BIND_ADDRESS_NO_PORT = 24  # ip(7), IP_BIND_ADDRESS_NO_PORT: not in Python's module before 3.12


def bind_to(sock: socket.socket, source: Address) -> None:
    """Give `sock`, which is about to connect, the address `source`; raise OSError.

    Without a port the kernel chooses one when the destination is known, so that one address has as many connections to
    each destination as there are ports.
    """
    if source.port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
    sock.bind((source.host, source.port))
