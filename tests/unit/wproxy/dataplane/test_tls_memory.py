from __future__ import annotations

import ssl
from pathlib import Path

from tests.support.certificates import for_host
from tests.support.memory_tls import client_context, shake_hands
from wproxy.config.tls import TlsServer
from wproxy.dataplane.tls_memory import TlsMemory


def test_sessions_by_server_and_name(tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(for_host("a.example").write(tmp_path / "a.pem"))
    one, other, memory = TlsServer(client_context()), TlsServer(client_context()), TlsMemory()
    client, _ = shake_hands(server, one.context, "a.example")
    memory.keep(one, "a.example", client)

    def remembered(of: TlsServer, name: str) -> bool:
        fresh = of.context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
        memory.recall(of, name, fresh)
        return fresh.session is not None

    assert remembered(one, "a.example")
    assert not remembered(one, "b.example")
    assert not remembered(other, "a.example")


def test_only_so_many_names(tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(for_host("a.example").write(tmp_path / "a.pem"))
    one, memory = TlsServer(client_context()), TlsMemory()
    client, _ = shake_hands(server, one.context, "a.example")
    for number in range(300):
        memory.keep(one, f"n{number}.example", client)
    assert len(memory._sessions[one.context]) == 256
