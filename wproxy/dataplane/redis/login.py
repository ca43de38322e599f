"""What a connection to a server begins with, and what of the answers makes it unusable.

    AUTH [user] password     where the server's line has a login
    HELLO 3                  for connections that speak RESP3
    CLIENT KILL, INFO        where nothing that was sent over the connection before may be executed from now on
    COMMAND                  where the router wants to know what the server can do

No command of a client is sent before all of them are answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from wproxy.policy.redis.access import auth
from wproxy.protocols.resp import pack
from wproxy.state.server import Server

Learn: TypeAlias = Callable[[Server, bytes], None]
"""Told a server's answer to COMMAND, as raw bytes."""

Greeting: TypeAlias = tuple[bytes, Callable[[bytes], str]]
"""A command, and what finds the fault in its answer: words about it, "" when there is none."""

COMMAND = b"*1\r\n$7\r\nCOMMAND\r\n"
HELLO_3 = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"


_INFO = pack([b"CLIENT", b"INFO"])
_NUMBER = re.compile(rb"\bid=(\d+) addr=(\S+)")


class Identity:
    """Which client of the server a connection is, so that the one that follows it can have it closed over there.

    When a connection breaks, what it has sent may lie on the way, or with a server that is held up, and be executed at
    any time later. Behind CLIENT KILL it is not: the server reads no more from that connection, whatever still arrives.
    Both its number and its address are named, so that after a restart of the server nobody else is meant. A server that
    does not tell them (before 6.2, or by its ACL) has at least accepted the new connection after all older ones.
    """

    __slots__ = ("_before", "in_doubt")

    def __init__(self) -> None:
        self.in_doubt = False  # something may still be executed that was sent over a connection that broke
        self._before = b""  # ends the last connection that commands were sent over

    def lost(self) -> None:
        """Take note that a connection broke that owed replies."""
        self.in_doubt = True

    def greetings(self) -> Iterator[Greeting]:
        """Yield what a new connection begins with."""
        if self.in_doubt and self._before:
            yield self._before, lambda reply: ""
        yield _INFO, self._known

    def _known(self, reply: bytes) -> str:
        found = _NUMBER.search(reply)
        self._before = b"" if found is None else pack([b"CLIENT", b"KILL", b"ID", found[1], b"ADDR", found[2]])
        self.in_doubt = False
        return ""


def greetings(
    server: Server, protocol: int, learn: Learn | None, identity: Identity | None = None
) -> Iterator[Greeting]:
    """Yield what to send to `server`, in order."""
    if server.line.login is not None:
        yield auth(server.line.login), _login_fault
    if protocol == 3:
        yield HELLO_3, _hello_fault
    if identity is not None:
        yield from identity.greetings()
    if learn is not None:

        def learned(reply: bytes) -> str:
            if reply.startswith(b"-NOAUTH"):
                return "wants a password: write 'redis-password' on its server line"
            learn(server, reply)
            return ""

        yield COMMAND, learned


def _login_fault(reply: bytes) -> str:
    return f"refuses the login of its server line: {_code(reply)}" if reply.startswith(b"-") else ""


def _hello_fault(reply: bytes) -> str:
    if reply.startswith(b"-NOAUTH"):
        return "wants a password: write 'redis-password' on its server line"
    return f"does not speak RESP3: {_code(reply)}" if reply.startswith(b"-") else ""


def _code(reply: bytes) -> str:
    """Return the first word of an error: the rest is the server's, and not for everybody."""
    return reply[1:].split(None, 1)[0][:32].decode("ascii", "replace") if reply[1:].strip() else "an error"
