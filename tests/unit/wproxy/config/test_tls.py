from __future__ import annotations

import ssl

from wproxy.config.tls import TlsBind, TlsObject, TlsServer


def test_nothing_of_a_context_is_shown() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert repr(TlsBind(context)) == "TlsBind()"
    assert "context" not in repr(TlsServer(context))


def test_a_connection_knows_no_name_at_first() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = TlsObject
    connection = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    assert isinstance(connection, TlsObject)
    assert connection.sni is None
