"""Handshakes without a socket: both sides in memory."""

from __future__ import annotations

import ssl
from contextlib import suppress


def client_context(**settings: object) -> ssl.SSLContext:
    """Return a client that takes any certificate; `settings` are attributes of the context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Return the client's and the server's side of a connection; raise the SSLError of whoever gives up first."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    for side in (one, other):
        with suppress(ssl.SSLWantReadError):
            side.read(1)  # an alert that came after its own handshake was over
    return one, other
