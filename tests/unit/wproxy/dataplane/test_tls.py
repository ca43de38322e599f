from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.certificates import for_host
from tests.support.memory_tls import client_context
from wproxy.config.tls import TlsObject, TlsServer
from wproxy.dataplane.tls import ClosedInHandshakeError, TlsTransport, sni_for, wrong_name
from wproxy.state.tls import TlsCounters


class Wire(asyncio.Transport):
    """The socket's transport: what was done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.reading = True
        self.closed = False
        self.hung_up = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def write_eof(self) -> None:
        self.hung_up = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Served(asyncio.Protocol):
    """Keeps what it is given."""

    def __init__(self, *, stays: bool = True) -> None:
        self.heard: list[bytes | str] = []
        self._stays = stays

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.heard.append("made")

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def eof_received(self) -> bool:
        self.heard.append("eof")
        return self._stays

    def connection_lost(self, error: Exception | None) -> None:
        self.heard.append("lost" if error is None else type(error).__name__)


class Stage:
    """A client in memory, and the transport that serves it."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sslobject_class = TlsObject
        context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
        context.load_cert_chain(for_host("a.example").write(folder / "a.pem"))
        self.settled: list[Exception | None] = []
        self.wire, self.served, self.counters = Wire(), Served(), TlsCounters()
        self.transport = TlsTransport(
            loop, context, self.counters, lambda transport, fault: self.settled.append(fault), server_side=True
        )
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client_context().wrap_bio(self._incoming, self._outgoing)
        self.transport.connection_made(self.wire)

    def give(self) -> bytes:
        """Return what the client has sent."""
        return self._outgoing.read()

    def take(self) -> None:
        sent, self.wire.sent = self.wire.sent, b""
        self._incoming.write(sent)

    def shake_hands(self) -> None:
        while not self.settled:
            self.take()
            with suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.transport.data_received(self.give())
        self.transport.serve(self.served)

    def send(self, data: bytes) -> None:
        self.client.write(data)
        self.transport.data_received(self.give())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, _Loop())  # type: ignore[arg-type] # as much of a loop as is asked for


class _Loop:
    """Calls at once what is to be called soon."""

    def time(self) -> float:
        return 1.0

    def call_soon(self, act: object) -> None:
        assert callable(act)
        act()


def test_a_connection(stage: Stage) -> None:
    stage.shake_hands()
    assert stage.settled == [None]
    stage.send(b"question")
    stage.transport.writelines([b"an", b"swer"])
    stage.take()
    assert stage.client.read() == b"answer"
    with suppress(ssl.SSLWantReadError):
        stage.client.unwrap()
    stage.transport.data_received(stage.give())
    stage.transport.write(b"more")
    stage.transport.close()
    stage.transport.connection_lost(None)
    assert stage.served.heard == ["made", b"question", "eof", "lost"]
    assert (stage.wire.closed, stage.counters.current, stage.counters.total) == (True, 0, 1)


def test_data_that_came_before_the_protocol(stage: Stage) -> None:
    stage.take()
    with suppress(ssl.SSLWantReadError):
        stage.client.do_handshake()
    stage.transport.data_received(stage.give())
    stage.take()
    stage.client.do_handshake()
    stage.client.write(b"early")
    stage.transport.data_received(stage.give())
    stage.transport.serve(stage.served)
    assert stage.served.heard == ["made", b"early"]


def test_nothing_is_given_to_who_has_enough(stage: Stage) -> None:
    stage.shake_hands()
    stage.transport.pause_reading()
    assert not stage.wire.reading
    stage.send(b"later")
    assert stage.served.heard == ["made"]
    stage.transport.resume_reading()
    assert stage.served.heard == ["made", b"later"]


def test_a_goodbye_loses_nothing_that_waits(stage: Stage) -> None:
    stage.shake_hands()
    stage.transport.pause_reading()
    stage.send(b"one")
    stage.send(b"two")
    stage.transport.write_eof()
    assert stage.wire.hung_up
    stage.send(b"three")
    assert stage.served.heard == ["made"]
    stage.transport.resume_reading()
    assert stage.served.heard == ["made", b"one", b"two", b"three"]
    stage.take()
    assert stage.client.read() == b""


def test_nothing_can_be_written_after_a_goodbye(stage: Stage) -> None:
    stage.shake_hands()
    stage.transport.write_eof()
    sent = stage.wire.sent
    stage.transport.write(b"more")
    assert stage.wire.sent == sent


def test_an_end_without_a_goodbye(stage: Stage) -> None:
    stage.shake_hands()
    stage.transport.pause_reading()
    stage.send(b"last")
    assert stage.transport.eof_received()
    assert stage.served.heard == ["made"]
    stage.transport.resume_reading()
    assert stage.served.heard == ["made", b"last", "eof"]


def test_who_does_not_stay_is_closed(stage: Stage) -> None:
    stage.served = Served(stays=False)
    stage.shake_hands()
    assert stage.transport.eof_received()
    assert stage.wire.closed


def test_nonsense_ends_it_with_an_alert(stage: Stage) -> None:
    stage.shake_hands()
    stage.take()
    stage.transport.data_received(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    assert stage.wire.closed
    stage.take()
    with pytest.raises(ssl.SSLError, match="ALERT"):
        stage.client.read()
    stage.transport.connection_lost(None)
    assert stage.served.heard == ["made", "SSLError"]


def test_a_handshake_that_fails(stage: Stage) -> None:
    stage.transport.data_received(b"GET / HTTP/1.0\r\n\r\n")
    assert isinstance(stage.settled[0], ssl.SSLError)


def test_a_client_that_leaves_in_the_handshake(stage: Stage) -> None:
    assert not stage.transport.eof_received()
    stage.transport.connection_lost(None)
    assert [type(fault) for fault in stage.settled] == [ClosedInHandshakeError]


def test_what_is_told_as_sni() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    names = ("a.example", "A-b_c.example", "", "127.0.0.1", "::1", "a..b", "x" * 64, "a b", "ä.example")
    told = [sni_for(TlsServer(context, name), None) for name in names]
    assert told == ["a.example", "A-b_c.example", *[None] * 7]
    assert sni_for(TlsServer(context), None) is None


def test_names_of_servers(stage: Stage) -> None:
    stage.shake_hands()
    context, connection = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), stage.client
    assert isinstance(connection, ssl.SSLObject)

    def fault(told: str | None, verifyhost: str | None = None, *, verified: bool = True) -> str:
        return str(wrong_name(TlsServer(context, verifyhost=verifyhost, verified=verified), told, connection) or "")  # type: ignore[arg-type] # any SSLObject does

    assert fault(None) == fault("a.example") == fault(None, "a.example") == fault("b.example", verified=False) == ""
    assert fault("a.example", "b.example") == ""
    assert fault("b.example") == "Server presented an SSL certificate different from the expected one"
    assert fault(None, "b.example") == "Server presented an SSL certificate different from the configured one"


def test_much_at_once(stage: Stage) -> None:
    """More than is given to OpenSSL at a time, in both directions; whoever has had enough gets the rest later."""
    stage.shake_hands()
    data = bytes(range(256)) * 4_000
    stage.send(data)
    assert b"".join(part for part in stage.served.heard if isinstance(part, bytes)) == data
    stage.transport.write(memoryview(data))
    stage.take()
    answer = b""
    while len(answer) < len(data):
        answer += stage.client.read(1 << 20)
    assert answer == data


def test_whoever_has_enough_in_the_middle(stage: Stage) -> None:
    class Hesitant(Served):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            stage.transport.pause_reading()

    stage.served = Hesitant()
    stage.shake_hands()
    data = bytes(range(256)) * 1_000
    stage.send(data)
    stage.transport.eof_received()
    turns = 0
    while "eof" not in stage.served.heard:
        turns += 1
        stage.transport.resume_reading()
    assert b"".join(part for part in stage.served.heard if isinstance(part, bytes)) == data
    assert turns > 10
