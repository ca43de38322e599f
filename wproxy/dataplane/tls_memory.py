"""The TLS sessions with servers that can be resumed: a handshake without certificates, at a third of the price."""

from __future__ import annotations

import ssl
from weakref import WeakKeyDictionary

from wproxy.config.tls import TlsServer

_NAMES_MAX = 256  # of one server


class TlsMemory:
    """The last session of each server, and of each name that it was told; gone with the server's context."""

    __slots__ = ("_sessions",)

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[ssl.SSLContext, dict[str | None, ssl.SSLSession]] = WeakKeyDictionary()

    def recall(self, server: TlsServer, sni: str | None, connection: ssl.SSLObject) -> None:
        """Let `connection`, whose handshake has not begun, resume what is remembered."""
        session = self._sessions.get(server.context, {}).get(sni)
        if session is not None:
            connection.session = session

    def keep(self, server: TlsServer, sni: str | None, connection: ssl.SSLObject) -> None:
        """Remember the session of `connection`, which is over, unless it was an earlier one itself."""
        if connection.session_reused:
            return
        try:
            session = connection.session
        except ValueError:  # OpenSSL can give none of a connection that broke in an unlucky moment
            return
        if session is None or (not session.has_ticket and not session.id):
            return
        names = self._sessions.setdefault(server.context, {})
        names.pop(sni, None)
        if len(names) >= _NAMES_MAX:
            del names[next(iter(names))]  # the oldest
        names[sni] = session
