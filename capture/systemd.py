"""Tells systemd how a service stands (sd_notify(3)): that it serves, and lives, where its unit asks for it."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

_US = 1_000_000


class Service:
    """One service; without systemd it says nothing. The socket is opened at once, while this user may reach it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        asked_us = environ.get("WATCHDOG_USEC", "")
        self._pace_s = int(asked_us) / _US / 2 if asked_us.isdecimal() else 0.0
        self._beat_at = 0.0
        self._sender: socket.socket | None = None
        if path:
            sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            try:
                # A name that begins with @ is one of the abstract namespace.
                sender.connect(f"\0{path[1:]}" if path.startswith("@") else path)
                self._sender = sender
            except OSError:
                sender.close()

    def ready(self) -> None:
        """Say that it serves."""
        self._say(b"READY=1\n")

    def beat(self) -> None:
        """Say that it is alive, if it is time; called from the loop whose life it is about, as often as it turns."""
        if self._pace_s and (now := time.monotonic()) >= self._beat_at:
            self._beat_at = now + self._pace_s
            self._say(b"WATCHDOG=1\n")

    def close(self) -> None:
        """Give the socket back."""
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def _say(self, state: bytes) -> None:
        if self._sender is not None:
            try:
                self._sender.send(state)
            except OSError:
                return  # systemd is busy, or gone: it is told again in half its time
