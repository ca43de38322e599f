"""Tells systemd how a service stands (sd_notify(3)): one datagram to the socket that it names in the environment."""

from __future__ import annotations

import socket
from collections.abc import Mapping

READY = b"READY=1\n"


def notify(state: bytes, environ: Mapping[str, str]) -> str:
    """Send `state`, if systemd waits for it; return what went wrong, "" for nothing."""
    path = environ.get("NOTIFY_SOCKET", "")
    if not path:
        return ""
    # A name that begins with @ is one of the abstract namespace.
    address = f"\0{path[1:]}" if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state, address)
    except OSError as error:
        return f"cannot tell systemd at {path}: {error.strerror or error}"
    return ""
