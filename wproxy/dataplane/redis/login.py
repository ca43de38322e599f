"""What a connection to a server begins with, and what of the answers makes it unusable.

    AUTH [user] password     where the server's line has a login
    HELLO 3                  for connections that speak RESP3
    COMMAND                  where the router wants to know what the server can do

No command of a client is sent before all of them are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from wproxy.policy.redis.access import auth
from wproxy.state.server import Server

Learn: TypeAlias = Callable[[Server, bytes], None]
"""Told a server's answer to COMMAND, as raw bytes."""

Greeting: TypeAlias = tuple[bytes, Callable[[bytes], str]]
"""A command, and what finds the fault in its answer: words about it, "" when there is none."""

COMMAND = b"*1\r\n$7\r\nCOMMAND\r\n"
HELLO_3 = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"


def greetings(server: Server, protocol: int, learn: Learn | None) -> Iterator[Greeting]:
    """Yield what to send to `server`, in order."""
    if server.line.login is not None:
        yield auth(server.line.login), _login_fault
    if protocol == 3:
        yield HELLO_3, _hello_fault
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
