"""What the data plane tells the log of a frontend's sessions, and the addresses that it asks of sockets for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from wproxy.config.model import Bind
from wproxy.dataplane.ends import peer_of
from wproxy.protocols.proxy_header import Ends
from wproxy.state.session import UNKNOWN_ADDRESS, Session

_IPV4_IN_IPV6 = "::ffff:"


class Listener(Protocol):
    """Who is told; `observe.logs.SessionLog` is one."""

    def accepted(self, session: Session) -> None:
        """Take note of a session whose `source` and `destination` are known."""

    def connected(self, session: Session) -> None:
        """Take note that the server is there."""

    def ended(self, session: Session) -> None:
        """Take note of the end, while the session still has its places."""

    def turned_away(self, session: Session, listener: str, reason: str, *, silent: bool) -> None:
        """Take note of a client that never became a session, of which `source` and `destination` are known."""


class SessionLog:
    """The log of one frontend; a frontend that logs nothing has none, and its sessions pay nothing for it."""

    __slots__ = ("_binds", "_listener", "_names", "connected", "ended")

    def __init__(self, listener: Listener, binds: Sequence[Bind]) -> None:
        self._listener = listener
        self._binds = {bind.address.path: bind.number for bind in binds if bind.address.path}
        self._names = {bind.number: bind.name or str(bind.number) for bind in binds}
        self.connected = listener.connected
        self.ended = listener.ended

    def began(self, session: Session, transport: asyncio.Transport | None, ends: Ends | None = None) -> None:
        """Find out who talks to whom now, because at the end the socket is gone; then tell.

        `ends` are known already where a PROXY header may have told them.
        """
        addresses(session, transport, ends, self._binds)
        self._listener.accepted(session)

    def turned_away(self, session: Session, ends: Ends, number: int, reason: str, *, silent: bool) -> None:
        """Tell of a client that got no further than the address of that number, for `reason`; `silent` said nothing."""
        addresses(session, None, ends, self._binds)
        self._listener.turned_away(session, self._names[number], reason, silent=silent)


def addresses(
    session: Session, transport: asyncio.Transport | None, ends: Ends | None, binds: Mapping[str, int]
) -> None:
    """Note the addresses of `session`: `ends`, or what `transport` has; `binds` are the numbers of unix sockets."""
    if ends is not None and ends.source is not None and ends.destination is not None:
        session.source = ends.source.host.removeprefix(_IPV4_IN_IPV6), ends.source.port
        session.destination = ends.destination.host.removeprefix(_IPV4_IN_IPV6), ends.destination.port
    if session.source == UNKNOWN_ADDRESS and transport is not None:
        local = transport.get_extra_info("sockname")
        if isinstance(local, tuple):
            session.source = _address(peer_of(transport))
            session.destination = _address(local)
        else:
            session.source = session.destination = "unix", binds.get(local or "", 1)


def _address(name: object) -> tuple[str, int]:
    """Return host and port; those of a client that is gone already are not known any more."""
    if not isinstance(name, tuple):
        return UNKNOWN_ADDRESS
    return str(name[0]).removeprefix(_IPV4_IN_IPV6), int(name[1])
