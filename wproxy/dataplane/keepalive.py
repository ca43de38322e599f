"""The kernel's probes of idle connections, which find out that a peer is gone without a word."""

from __future__ import annotations

import socket
from contextlib import suppress

from wproxy.config.model import KeepAlive


def keep_alive(connection: socket.socket, settings: KeepAlive) -> None:
    """Have `connection` probed as `settings` say; one that a listening socket accepts is like that socket.

    A unix socket needs no probes; of a connection that is gone already nothing is said.
    """
    if connection.family == socket.AF_UNIX:
        return
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, settings.on)
        for option, value in (
            (socket.TCP_KEEPIDLE, settings.idle_s),
            (socket.TCP_KEEPINTVL, settings.interval_s),
            (socket.TCP_KEEPCNT, settings.count),
        ):
            if settings.on and value is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
