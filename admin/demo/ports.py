"""Where the demo's programs listen: ports of loopback, each given once."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

HOST = "127.0.0.1"
_PORTS = (11_000, 32_000)


class FreePorts:
    """TCP ports of loopback for programs that will listen soon: no two get the same.

    They lie below the range from which the kernel takes the ports of outgoing connections, of which the demo's traffic
    makes many: one of those must not take a port before the program that it is meant for.
    """

    def __init__(self) -> None:
        self._given: set[int] = set()

    def take(self) -> int:
        """Return a port on which nobody listens now, another one each time."""
        while True:
            port = random.randint(*_PORTS)
            if port in self._given:
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with suppress(OSError):
                    probe.bind((HOST, port))
                    self._given.add(port)
                    return port
