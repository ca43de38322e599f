"""A connection to a server: lent to one exchange after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wproxy.dataplane.http.pool import Pool

if TYPE_CHECKING:
    from wproxy.dataplane.http.exchange import Exchange


class ServerConnection(asyncio.Protocol):
    """The end towards a server. Owned by its exchange while it has one, else by the pool."""

    __slots__ = ("exchange", "idle_since", "pool", "served", "sni", "transport", "write")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.exchange: Exchange | None = None
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.served = 0  # exchanges that have begun on it
        self.sni: str | None = None  # the name that the server was told

    @property
    def usable(self) -> bool:
        """Whether another request can be sent on it, as far as is known."""
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be there; who asked for the connection goes on."""
        self.transport = transport  # type: ignore[assignment] # what create_connection gives is a Transport
        self.write = self.transport.write  # type: ignore[union-attr]

    def data_received(self, data: bytes) -> None:
        """Give what the server sent to the exchange; without one it has no business to send anything."""
        exchange = self.exchange
        if exchange is not None:
            exchange.from_server(data)
        else:
            self.pool.discard(self)
            self.close()

    def eof_received(self) -> bool:
        """Tell the exchange that the server sends no more; an idle connection is closed."""
        exchange = self.exchange
        if exchange is None:
            self.pool.discard(self)
            return False
        return exchange.server_finished()

    def connection_lost(self, error: Exception | None) -> None:
        """Take note that the connection is gone."""
        self.transport = None
        exchange = self.exchange
        if exchange is not None:
            self.exchange = None
            self.pool.ended()
            exchange.server_lost(error)
        else:
            self.pool.discard(self)

    def pause_writing(self) -> None:
        """Have the client wait while the server does not take what it is sent."""
        if self.exchange is not None:
            self.exchange.client.pause_reading()

    def resume_writing(self) -> None:
        """Have the client go on."""
        if self.exchange is not None:
            self.exchange.client.resume_reading()

    def detach(self, now: float, *, keep: bool) -> None:
        """End the exchange's use of it: `keep` it for others, or close it."""
        self.exchange = None
        if keep and self.transport is not None:
            self.pool.give(self, now)
            return
        self.pool.ended()
        self.close()

    def close(self) -> None:
        """Close the connection; what its server has not taken yet is nobody's concern any more."""
        if self.transport is not None:
            self.transport.abort() if self.transport.get_write_buffer_size() else self.transport.close()
