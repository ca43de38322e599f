"""TLS of one connection, between the socket's transport and the protocol that is served: both see what they know.

    socket ─▶ transport ──bytes──▶ TlsTransport ──plain text──▶ protocol
                        ◀──bytes──              ◀──write, close, pause_reading …──

It is made on a connection that is there already, so that a PROXY header can go before it. How the handshake ended is
told once; then `serve` names the protocol. The goodbye of one side (close_notify) leaves the other direction open, as
in HAProxy; the socket's own end of stream counts as a goodbye, too.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, cast

from wproxy.config import x509
from wproxy.config.acl.facts import Facts
from wproxy.config.tls import TlsObject, TlsServer
from wproxy.state.tls import TlsCounters

_READ_BYTES = 64 * 1024  # OpenSSL gives no more than one record at a time, of 16 KiB at most
# No more is put into OpenSSL's buffers at once: they never shrink again, and each connection has two.
_SLICE_BYTES = 32 * 1024

# What can be told as SNI: a name of a host, not an address.
_HOST = re.compile(r"(?=.{1,253}$)(?!.*\.\d+$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")

Buffer = bytes | bytearray | memoryview
Settled = Callable[["TlsTransport", Exception | None], None]
"""Told how the handshake ended: None for well, else what went wrong; then the socket is still open."""


class ClosedInHandshakeError(ConnectionError):
    """The peer has said goodbye before there was TLS. Raised by nobody: given to who waits for the handshake."""

    def __init__(self) -> None:
        super().__init__("the connection was closed during the TLS handshake")


class WrongNameError(ConnectionError):
    """A server's certificate is for another host, in HAProxy's words. Given to who waits for the handshake.

    `retried` tells whether another attempt makes sense: for HAProxy only where no SNI has said who is meant.
    """

    def __init__(self, *, retried: bool) -> None:
        kind = "configured" if retried else "expected"
        super().__init__(f"Server presented an SSL certificate different from the {kind} one")
        self.retried = retried


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """The protocol of the socket's transport, and the transport of whoever is served."""

    __slots__ = (
        "_backlog", "_counters", "_ended", "_fault", "_incoming", "_loop", "_outgoing", "_paused", "_protocol",
        "_said_goodbye", "_settled", "_socket", "_unfed", "_wire_ended", "tls",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: ssl.SSLContext,
        counters: TlsCounters,
        settled: Settled,
        *,
        server_side: bool,
        sni: str | None = None,
    ) -> None:
        super().__init__()
        self._loop = loop
        self._counters = counters
        self._settled: Settled | None = settled  # until it has been told
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side, server_hostname=sni)
        self.tls = cast("TlsObject", made)
        self._socket: asyncio.Transport = None  # type: ignore[assignment] # set by `connection_made`
        self._protocol: asyncio.Protocol | None = None
        self._unfed: list[bytes | memoryview] = []  # what has come from the peer and is not in OpenSSL's buffer yet
        self._wire_ended = False  # nothing more will come
        self._backlog: list[bytes] = []  # plain text that had to be read while nobody wanted it
        self._paused = False
        self._ended = False  # the peer sends no more, and the protocol knows
        self._said_goodbye = False
        self._fault: Exception | None = None  # what ends the connection

    # -- the socket's side ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._socket = cast("asyncio.Transport", transport)
        self._counters.opened(self._loop.time(), by_client=self.tls.server_side)
        if not self.tls.server_side:
            self._shake_hands()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        if len(data) <= _SLICE_BYTES and not self._unfed:
            self._incoming.write(data)
        else:
            self._unfed.append(data)
        if self._settled is not None:
            self._shake_hands()
        elif self._protocol is not None:
            self._deliver()

    def eof_received(self) -> bool:
        """Take note that the peer sends no more; without a protocol that stays for that the socket is closed."""
        self._wire_ended = True
        if self._settled is not None:
            self._settle(ClosedInHandshakeError())
            return False
        if self._protocol is not None and not self._ended:
            self._deliver()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who is served, or who waits for the handshake."""
        self._counters.closed()
        protocol, self._protocol = self._protocol, None
        if self._settled is not None:
            self._settle(error or ClosedInHandshakeError())
        elif protocol is not None:
            protocol.connection_lost(self._fault or error)

    def pause_writing(self) -> None:
        """Tell who is served that the peer takes no more for now."""
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Tell who is served that the peer takes more again."""
        if self._protocol is not None:
            self._protocol.resume_writing()

    # -- TLS -----------------------------------------------------------------------------------------------------

    def _shake_hands(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                if not self._feed():
                    return
            except ssl.SSLError as error:
                self._flush()  # the alert
                self._settle(error)
                return
        self._flush()
        now, resumed = self._loop.time(), bool(self.tls.session_reused)
        self._counters.agreed(now, by_client=self.tls.server_side, resumed=resumed)
        self._settle(None)

    def _feed(self) -> bool:
        """Give OpenSSL the next part of what has come; False when there is none, as far as is known."""
        if self._unfed:
            data = self._unfed.pop(0)
            self._incoming.write(data[:_SLICE_BYTES])
            if len(data) > _SLICE_BYTES:
                self._unfed.insert(0, memoryview(data)[_SLICE_BYTES:])
            return True
        if self._wire_ended and not self._incoming.eof:
            self._incoming.write_eof()
            return True
        return False

    @property
    def _has_more(self) -> bool:
        """Whether something that has come is still to be delivered."""
        fed = self._incoming.pending or self.tls.pending()
        return bool(fed or self._unfed or self._backlog or self._wire_ended) and not self._ended

    def _settle(self, fault: Exception | None) -> None:
        settled, self._settled = self._settled, None
        assert settled is not None
        settled(self, fault)

    def serve(self, protocol: asyncio.Protocol) -> None:
        """Let `protocol` have the connection, from its `connection_made` on."""
        self._protocol = protocol
        protocol.connection_made(self)
        if self._has_more:
            self._deliver()

    def _deliver(self) -> None:
        """Give the protocol what has come, until it has enough or there is no more."""
        incoming, tls = self._incoming, self.tls
        if self._socket.is_closing():
            return
        while self._backlog and not self._paused:
            self._give(self._backlog.pop(0))
        while not self._paused and not self._ended:
            try:
                data = tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                if self._feed():
                    continue
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                data = b""
            except ssl.SSLError as error:
                self._fail(error)
                return
            if not data:
                self._end()
                break
            self._give(data)
            # Asked once more than there are records, OpenSSL would answer by an exception.
            if not incoming.pending and not tls.pending() and not self._feed():
                break
        if self._outgoing.pending:
            self._flush()

    def _give(self, data: bytes) -> None:
        if self._protocol is not None:
            self._protocol.data_received(data)

    def _end(self) -> None:
        """Tell the protocol that the peer sends no more; without one that stays for that, all is over."""
        self._ended = True
        if self._protocol is not None and not self._protocol.eof_received():
            self.close()

    def _fail(self, fault: Exception) -> None:
        """End the connection for what the peer has sent; it gets the alert first."""
        self._fault = fault
        self._ended = self._said_goodbye = True
        self._flush()
        self._socket.close()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._socket.is_closing():
            self._socket.write(data)

    # -- the protocol's side -------------------------------------------------------------------------------------

    def write(self, data: Buffer) -> None:
        """Send `data`."""
        if len(data) <= _SLICE_BYTES:
            if data:
                self._encrypt(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), _SLICE_BYTES):
            self._encrypt(view[start : start + _SLICE_BYTES])

    def _encrypt(self, data: Buffer) -> None:
        if self._said_goodbye:
            return
        try:
            self.tls.write(data)
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self._flush()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send all of it."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Tell that a goodbye can be said."""
        return True

    def write_eof(self) -> None:
        """Say goodbye; the peer may go on sending."""
        if not self._said_goodbye:
            self._say_goodbye()
            self._socket.write_eof()

    def _say_goodbye(self) -> None:
        self._said_goodbye = True
        # OpenSSL looks for the peer's goodbye at once, and must not find its data in the way.
        with suppress(ssl.SSLError):
            while not self._ended and (self._incoming.pending or self.tls.pending()):
                data = self.tls.read(_READ_BYTES)
                if not data:
                    break
                self._backlog.append(data)
        with suppress(ssl.SSLError):
            self.tls.unwrap()
        self._flush()

    def close(self) -> None:
        """Close the connection once everything has been sent, and a goodbye after it."""
        if not self._socket.is_closing():
            if self._settled is None and not self._said_goodbye:
                self._say_goodbye()
            self._socket.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._socket.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed, or about to be."""
        return self._socket.is_closing()

    def pause_reading(self) -> None:
        """Give the protocol no more data for now."""
        self._paused = True
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        """Give it data again: those that are here already after whatever it is about to do."""
        self._paused = False
        self._socket.resume_reading()
        if self._has_more:
            self._loop.call_soon(self._deliver)

    def is_reading(self) -> bool:
        """Tell whether data are given to the protocol."""
        return self._socket.is_reading()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the peer has still to take, TLS' own among them."""
        return self._socket.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the limits of the socket's transport."""
        return self._socket.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set them."""
        self._socket.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """Return what is known of the connection: `ssl_object`, else what the socket's transport knows."""
        return self.tls if name == "ssl_object" else self._socket.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol have the connection."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who has it."""
        return self._protocol or self


def sni_for(tls: TlsServer, facts: Facts | None) -> str | None:
    """Return the name that a server is told on the connection that `facts` are about; None for none."""
    name: object = tls.sni
    if tls.sni_of is not None and facts is not None:
        name = tls.sni_of(facts)
    return name if isinstance(name, str) and _HOST.fullmatch(name) else None


def wrong_name(tls: TlsServer, told: str | None, connection: TlsObject) -> WrongNameError | None:
    """Return the fault of a server whose certificate is for another host than that which it was `told` to be."""
    name = told or tls.verifyhost
    if not tls.verified or name is None:
        return None
    der = connection.getpeercert(binary_form=True)
    if der is not None and x509.matches(name, x509.read(der)):
        return None
    return WrongNameError(retried=told is None)
