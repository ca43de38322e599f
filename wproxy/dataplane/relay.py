"""The two ends of a relayed connection: bytes in at one, out at the other; end of stream and back-pressure too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wproxy.dataplane.tcp import TcpConnection


class End(asyncio.Protocol):
    """One of the two ends of a relayed connection; the subclasses differ in whose bytes they count."""

    __slots__ = ("at_eof", "connection", "transport", "write")

    def __init__(self, connection: TcpConnection, write: Callable[[bytes], None]) -> None:
        self.connection = connection
        self.transport: asyncio.Transport | None = None
        self.write = write  # where its bytes go
        self.at_eof = False

    def eof_received(self) -> bool:
        """Pass on that this side sends no more; the other direction stays open."""
        self.at_eof = True
        self.connection.half_closed(self)
        return True

    def pause_writing(self) -> None:
        """Stop reading what would have to be written here."""
        self.connection.pause(self)

    def resume_writing(self) -> None:
        """Read on."""
        self.connection.resume(self)

    def _lost(self, error: Exception | None, cause: str) -> None:
        """Tell the connection that this end is gone; then forget it, the loop has nothing more to say."""
        self.connection.lost(self, error, cause)
        # Each has the other, which only the garbage collector would notice, at a tenth of a connection's whole cost.
        del self.connection, self.write


class ClientEnd(End):
    """The end towards the client."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self.transport = transport  # type: ignore[assignment] # what create_server gives is a Transport
        self.connection.start()

    def data_received(self, data: bytes) -> None:
        """Pass on what the client sent."""
        connection = self.connection
        connection.session.bytes_in += len(data)
        connection.active_at = connection.clock()
        self.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        """End the session: the client is gone."""
        self._lost(error, "CD")


class ServerEnd(End):
    """The end towards the server."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the two ends."""
        self.transport = transport  # type: ignore[assignment] # what create_connection gives is a Transport
        self.connection.join(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what the server sent."""
        connection = self.connection
        connection.session.bytes_out += len(data)
        connection.active_at = connection.clock()
        self.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        """End the session: the server is gone."""
        self._lost(error, "SD")
