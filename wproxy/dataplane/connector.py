"""Connections to servers, by whatever kind of address the configuration gives, with TLS where it is asked for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from wproxy.config.acl.facts import Facts
from wproxy.config.model import Address
from wproxy.config.tls import TlsServer
from wproxy.dataplane.resolving import FAMILIES
from wproxy.dataplane.services import Services
from wproxy.dataplane.source import bind_to
from wproxy.dataplane.tls import TlsTransport, sni_for, wrong_name
from wproxy.dataplane.tls_memory import TlsMemory
from wproxy.records import dataclass
from wproxy.state.counters import TrafficCounters
from wproxy.state.server import Server
from wproxy.state.tls import TlsCounters

P = TypeVar("P", bound=asyncio.BaseProtocol)


@dataclass(frozen=True, slots=True)
class Secure:
    """What TLS with a server needs: its line's, the name it is told, and what goes before the handshake."""

    tls: TlsServer
    counters: TlsCounters
    memory: TlsMemory
    sni: str | None = None
    preface: bytes = b""
    traffic: TrafficCounters | None = None  # the server's


def secure_to(
    server: Server,
    services: Services,
    facts: Facts | None = None,
    preface: Callable[[Server], bytes] = lambda server: b"",
) -> Secure | None:
    """Return what TLS with `server` needs, None where it speaks none.

    `facts` are about the client whose connection it will be, None where it is shared; `preface` is asked for what goes
    before the handshake.
    """
    tls = server.line.tls
    if tls is None:
        return None
    return Secure(tls, services.tls, services.tls_memory, sni_for(tls, facts), preface(server), server.counters)


async def open_connection(
    loop: asyncio.AbstractEventLoop, server: Server, factory: Callable[[], P], secure: Secure | None = None
) -> P:
    """Connect to `server` and return the protocol that `factory` made for it; raise OSError.

    With `secure` it is made when the handshake is over; what goes wrong in that is an OSError, too.
    """
    if secure is None:
        return await _connect(loop, server, factory)
    settled: asyncio.Future[P] = loop.create_future()
    made = partial(_Wire, loop, secure, partial(_serve, secure, settled, factory))
    wire = await _connect(loop, server, made)
    try:
        return await settled
    except asyncio.CancelledError:
        wire.abort()
        raise


async def _connect(loop: asyncio.AbstractEventLoop, server: Server, factory: Callable[[], P]) -> P:
    address, source = server.address, server.line.source
    if address.path:
        _, protocol = await loop.create_unix_connection(factory, address.path)
    elif source is not None:
        sock = await _connected(loop, address, source)
        _, protocol = await loop.create_connection(factory, sock=sock)
    else:
        family = FAMILIES[address.family]
        _, protocol = await loop.create_connection(factory, address.host, address.port, family=family)
    return protocol


async def _connected(loop: asyncio.AbstractEventLoop, address: Address, source: Address) -> socket.socket:
    """Return a connection from `source`."""
    found = await loop.getaddrinfo(address.host, address.port, family=FAMILIES[address.family], type=socket.SOCK_STREAM)
    family, _, _, _, destination = found[0]
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        bind_to(sock, source)
        await loop.sock_connect(sock, destination)
    except BaseException:  # of whoever has no more time, too
        sock.close()
        raise
    return sock


class _Wire(TlsTransport):
    """The client's side of TLS; sends the preface as soon as there is a connection."""

    __slots__ = ("_secure",)

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        secure: Secure,
        settled: Callable[[TlsTransport, Exception | None], None],
    ) -> None:
        super().__init__(loop, secure.tls.context, secure.counters, settled, server_side=False, sni=secure.sni)
        self._secure = secure
        if secure.tls.resumes:
            secure.memory.recall(secure.tls, secure.sni, self.tls)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface and begin the handshake."""
        if self._secure.preface:
            transport.write(self._secure.preface)  # type: ignore[attr-defined] # what create_connection gives is a Transport
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Remember the session: with TLSv1.3 its ticket has come after the handshake."""
        secure = self._secure
        if secure.tls.resumes and self._protocol is not None:  # the handshake was good
            secure.memory.keep(secure.tls, secure.sni, self.tls)
        super().connection_lost(error)


def _serve(
    secure: Secure, settled: asyncio.Future[P], factory: Callable[[], P], wire: TlsTransport, fault: Exception | None
) -> None:
    """Hand the connection to its protocol once the handshake is over, or tell what went wrong."""
    traffic = secure.traffic
    if traffic is not None:
        if fault is not None:
            traffic.tls_failed += 1
        elif wire.tls.session_reused:
            traffic.tls_resumed += 1
        else:
            traffic.tls_sessions += 1
    fault = fault or wrong_name(secure.tls, secure.sni, wire.tls)
    if settled.done():  # nobody waits any more
        wire.abort()
    elif fault is not None:
        settled.set_exception(fault if isinstance(fault, OSError) else ConnectionError(str(fault)))
        wire.close()
    else:
        protocol = factory()
        wire.serve(protocol)  # type: ignore[arg-type] # who connects with TLS is a Protocol
        settled.set_result(protocol)
