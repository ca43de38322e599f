"""TLS of one health check: bytes of the socket in, bytes for the socket and plain text out; it owns no socket."""

from __future__ import annotations

import ssl
from typing import cast

from wproxy.config.tls import TlsObject, TlsServer
from wproxy.dataplane.services import Services
from wproxy.dataplane.tls import sni_for, wrong_name

_READ_BYTES = 16384


class ProbeTls:
    """The client's side of one connection."""

    __slots__ = ("_incoming", "_object", "_outgoing", "_server", "_services", "_sni", "agreed")

    def __init__(self, server: TlsServer, services: Services) -> None:
        self._server = server
        self._services = services
        services.tls.opened(services.clock(), by_client=False)
        self._sni = sni_for(server, None)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = server.context.wrap_bio(self._incoming, self._outgoing, server_hostname=self._sni)
        self._object = cast("TlsObject", made)
        self.agreed = False  # the handshake is over

    def receive(self, data: bytes) -> None:
        """Take bytes of the server; b"" tells that there will be no more."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def shake_hands(self) -> None:
        """Go on with the handshake; raise SSLError, or WrongNameError, when it fails."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        fault = wrong_name(self._server, self._sni, self._object)
        if fault is not None:
            raise fault
        self.agreed = True
        resumed = bool(self._object.session_reused)
        self._services.tls.agreed(self._services.clock(), by_client=False, resumed=resumed)

    def close(self) -> None:
        """Take note that the connection is over."""
        self._services.tls.closed()

    def to_send(self) -> bytes:
        """Return what has to be sent by now."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return what has to be sent for the server to get `data`."""
        self._object.write(data)
        return self._outgoing.read()

    def text(self) -> tuple[bytes, bool]:
        """Return the plain text that has come, and whether it was the last; raise SSLError."""
        parts = []
        try:
            while part := self._object.read(_READ_BYTES):
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts), False
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        return b"".join(parts), True
