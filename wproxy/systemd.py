"""Tells systemd how a service stands (sd_notify(3)): datagrams to the socket that it names in the environment."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

READY = b"READY=1\n"
_ALIVE = b"WATCHDOG=1\n"
_US = 1_000_000


def notify(state: bytes, environ: Mapping[str, str]) -> str:
    """Send `state`, if systemd waits for it; return what went wrong, "" for nothing."""
    try:
        sender = _connected(environ)
        if sender is not None:
            with sender:
                sender.send(state)
    except OSError as error:
        return f"cannot tell systemd at {environ['NOTIFY_SOCKET']}: {error.strerror or error}"
    return ""


def _connected(environ: Mapping[str, str]) -> socket.socket | None:
    """Return a socket that leads to systemd, None when it does not wait for anything; raise OSError."""
    path = environ.get("NOTIFY_SOCKET", "")
    if not path:
        return None
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        # A name that begins with @ is one of the abstract namespace.
        sender.connect(f"\0{path[1:]}" if path.startswith("@") else path)
    except OSError:
        sender.close()
        raise
    return sender


class Watchdog:
    """Tells systemd that the process is alive, where its unit has WatchdogSec.

    The socket is opened at once: after a change of root it would be out of reach.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        asked_us = environ.get("WATCHDOG_USEC", "")
        self._pace_s = int(asked_us) / _US / 2 if asked_us.isdecimal() else 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sender: socket.socket | None = None
        with suppress(OSError):
            self._sender = _connected(environ) if self._pace_s else None

    def start(self, loop: asyncio.AbstractEventLoop, is_due: Callable[[], bool]) -> None:
        """Say that the process is alive as often as `loop` gets to it, while `is_due`."""
        if self._sender is None or not is_due():
            return
        with suppress(OSError):  # what systemd cannot take now it is told next time
            self._sender.send(_ALIVE, socket.MSG_DONTWAIT)
        self._timer = loop.call_later(self._pace_s, self.start, loop, is_due)

    def close(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sender is not None:
            self._sender.close()
            self._sender = None
