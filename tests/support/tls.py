"""A TLS server that tells what it was told, and clients of TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.support.memory_tls import client_context
from tests.support.tcp_server import TIMEOUT_S, connect, port_of

T = TypeVar("T")


@dataclass(frozen=True)
class Peer:
    """How a server behaves: with TLS of a version and a certificate, or as something that speaks none."""

    certificate: Path | None = None
    authority: Path | None = None  # clients need a certificate of it
    highest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    plain: bytes = b""  # what it says without TLS
    silent: bool = False

    def context(self) -> ssl.SSLContext | None:
        """Return the context of all its connections, so that they can be resumed; None without TLS."""
        if self.certificate is None:
            return None
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.certificate)
        made.maximum_version = self.highest
        made.set_alpn_protocols(["x", "http/1.1"])
        if self.authority is not None:
            made.verify_mode = ssl.CERT_REQUIRED
            made.load_verify_locations(self.authority)
        return made


@contextmanager
def tls_server(peer: Peer) -> Iterator[int]:
    """Run a server on a free port: it answers the first bytes with them and what it knows of the connection."""
    stop, context = threading.Event(), peer.context()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        listening.settimeout(0.05)
        thread = threading.Thread(target=_accept, args=(listening, peer, context, stop))
        thread.start()
        try:
            yield port_of(listening)
        finally:
            stop.set()
            thread.join()


def _accept(listening: socket.socket, peer: Peer, context: ssl.SSLContext | None, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            accepted, _ = listening.accept()
            accepted.settimeout(TIMEOUT_S)
            threading.Thread(target=_answer, args=(accepted, peer, context, stop), daemon=True).start()


def _answer(accepted: socket.socket, peer: Peer, context: ssl.SSLContext | None, stop: threading.Event) -> None:
    with accepted, suppress(OSError, ValueError):
        if context is None:
            accepted.sendall(peer.plain)
            if peer.silent:
                stop.wait(TIMEOUT_S)
            accepted.recv(65536)
            return
        served = Spoken(accepted, context, server_side=True).shake_hands()
        data = served.receive()
        tls = served.tls
        told = [served.name, tls.selected_alpn_protocol(), tls.version(), bool(tls.getpeercert(True))]
        served.send(data + " ".join(str(fact) for fact in told).encode())
        served.receive_all()
        served.run(tls.unwrap)


class _Named(ssl.SSLObject):
    told: str | None = None


def _note(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
    assert isinstance(connection, _Named)
    connection.told = name


class Spoken:
    """TLS on a connected socket, step by step: either side, and goodbyes said without waiting for an answer.

    Unlike `SSLSocket` it loses no socket that is reset before it begins.
    """

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, *, server_side: bool = False, name: str | None = None
    ) -> None:
        self.socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        if server_side:
            context.sslobject_class = _Named
            context.sni_callback = _note
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side, server_hostname=name)

    @property
    def name(self) -> str | None:
        """The name by which a client has called."""
        return getattr(self.tls, "told", None)

    def run(self, act: Callable[[], T]) -> T:
        """Do something that needs the peer's bytes, or has some for it."""
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                pass
            finally:
                self._flush()
            data = self.socket.recv(65536)
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self.socket.sendall(self._outgoing.read())

    def shake_hands(self) -> Spoken:
        self.run(self.tls.do_handshake)
        return self

    def send(self, data: bytes) -> None:
        self.run(lambda: self.tls.write(data))

    def receive(self, size: int = 65536) -> bytes:
        """Return what has come; b"" is the peer's goodbye, a mere end of stream is an SSLEOFError."""
        return self.run(lambda: self._read(size))

    def _read(self, size: int) -> bytes:
        try:
            return self.tls.read(size)
        except ssl.SSLZeroReturnError:
            return b""

    def receive_all(self) -> bytes:
        """Return everything up to the peer's goodbye."""
        data = bytearray()
        while chunk := self.receive():
            data += chunk
        return bytes(data)

    def say_goodbye(self) -> None:
        """Tell that nothing more will be sent, and go on listening."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self._flush()

    def close(self) -> None:
        self.socket.close()


def tls_connect(
    port: int, name: str | None = None, context: ssl.SSLContext | None = None, preface: bytes = b""
) -> ssl.SSLSocket:
    """Return a connection that speaks TLS to `port`, having said `preface` before it."""
    connection = connect(port)
    connection.sendall(preface)
    made = (context or client_context()).wrap_socket(connection, server_hostname=name, do_handshake_on_connect=False)
    try:
        made.do_handshake()
    except OSError:
        made.close()
        raise
    return made
