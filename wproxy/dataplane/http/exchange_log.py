"""What the data plane tells the log of a frontend in mode http."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from wproxy.config.model import Bind
from wproxy.dataplane.session_log import addresses
from wproxy.protocols.proxy_header import Ends
from wproxy.state.session import Session
from wproxy.state.transaction import Transaction


class Listener(Protocol):
    """Who is told; `observe.logs.ExchangeLog` is one."""

    def responded(self, transaction: Transaction) -> None:
        """Take note that the head of the response is there."""

    def finished(self, transaction: Transaction) -> None:
        """Take note of the end of a request, while it still has its places."""


class ExchangeLog:
    """The log of one frontend; a frontend that logs nothing has none, and its requests pay nothing for it."""

    __slots__ = ("_paths", "finished", "responded")

    def __init__(self, listener: Listener, binds: Sequence[Bind]) -> None:
        self._paths = {bind.address.path: bind.number for bind in binds if bind.address.path}
        self.responded = listener.responded
        self.finished = listener.finished

    def began(self, session: Session, transport: asyncio.Transport | None, ends: Ends | None = None) -> None:
        """Find out who talks to whom now, because at the end the socket is gone."""
        addresses(session, transport, ends, self._paths)
