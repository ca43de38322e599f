"""The connection to Redis (through the proxy): sends a batch's commands as one pipeline and collects the answers.

hiredis packs the commands and reads the answers; the socket is a plain blocking one with timeouts, because redis-py's
pipeline spends three times as long on a record. `Writer` never raises for what the other end does: an exchange that
broke off returns the answers that came and the reason that no more did. The caller decides what that means (`retry`).
"""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from hiredis import ProtocolError, Reader, ReplyError

from capture.options import Address
from consumer.records import pack

_TIMEOUT_S = 5.0
_READ_SIZE = 65_536
# Answers to this many commands fit into the socket's buffers: neither end can wait for the other to read.
_PIPELINE_MAX = 1_000


class RedisAwayError(Exception):
    """The connection cannot be used: refused, timed out, closed, not authenticated. Raised and caught in this file."""


@dataclass(slots=True)
class Exchange:
    """The answers to the first commands, in order, and why there are no more, None when all were answered."""

    replies: list[object] = field(default_factory=list)
    lost: str | None = None


class Writer:
    """Owns the one connection to Redis; opens it when there is something to send, and again after it broke.

    With `connection_per_batch` each exchange has a connection of its own, for a proxy whose weights count connections.
    """

    def __init__(
        self,
        address: Address,
        password: str | None = None,
        *,
        connection_per_batch: bool = False,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._address = address
        self._password = password
        self._connection_per_batch = connection_per_batch
        self._timeout_s = timeout_s
        self._connection: Connection | None = None

    def exchange(self, commands: Sequence[bytes]) -> Exchange:
        """Send `commands`, each packed as RESP, and return what Redis answered, within the timeouts."""
        exchange = Exchange()
        try:
            connection = self._usable_connection()
            for start in range(0, len(commands), _PIPELINE_MAX):
                connection.exchange(commands[start : start + _PIPELINE_MAX], exchange.replies)
        except (OSError, ProtocolError, RedisAwayError) as error:
            exchange.lost = _reason(error, self._timeout_s)
            self.close()
        if self._connection_per_batch:
            self.close()
        return exchange

    def open(self) -> str | None:
        """Open the connection before there is something to send; return why that failed, None when it is open."""
        return None if self._connection_per_batch else self.exchange([]).lost

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _usable_connection(self) -> Connection:
        if self._connection is not None and self._connection.closed_while_idle():
            self.close()
        if self._connection is None:
            self._connection = Connection(self._address, self._timeout_s)
            if self._password is not None:
                self._connection.authenticate(self._password)
        return self._connection


class Connection:
    """One connection: bytes out, answers in. Every wait ends with TimeoutError after `timeout_s`."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Reader()

    def authenticate(self, password: str) -> None:
        """Send AUTH; raise RedisAwayError when it is refused."""
        replies: list[object] = []
        self.exchange([pack(("AUTH", password))], replies)
        if isinstance(replies[0], ReplyError):
            raise RedisAwayError(str(replies[0]))

    def exchange(self, commands: Sequence[bytes], replies: list[object]) -> None:
        """Send `commands` in one write and append their answers to `replies` as they come."""
        self._socket.sendall(b"".join(commands))
        expected = len(replies) + len(commands)
        while len(replies) < expected:
            reply = self._reader.gets()
            if reply is False:  # hiredis' word for "not complete yet"
                self._receive()
            else:
                replies.append(reply)

    def closed_while_idle(self) -> bool:
        """Tell whether a connection on which no answer is due has something to read: its end, or nonsense."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _receive(self) -> None:
        data = self._socket.recv(_READ_SIZE)
        if not data:
            raise RedisAwayError("closed the connection")
        self._reader.feed(data)


def _reason(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, ProtocolError):
        return f"does not speak Redis' protocol ({error})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
