"""What the proxy answers itself: the handshake of a connection and questions about it. A row per command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from wproxy.config.login import Login
from wproxy.policy.redis.access import NOAUTH_HELLO, WRONG, admits, auth_error
from wproxy.protocols.resp.values import array, bulk, error, integer, mapping, null, simple

OK = simple("OK")
_LONGEST_VERSION = 18  # digits of a number that Redis reads as one


class Client(Protocol):
    """What the answers may read and change of a connection."""

    client_id: int
    client_name: bytes
    confided: bool  # it has told a secret
    protocol: int

    @property
    def login(self) -> Login | None:
        """What it has to log in with; None where nobody has to."""

    @property
    def admitted(self) -> bool:
        """Whether it is in."""

    def let_in(self) -> None:
        """Take note that it has logged in."""

    def lock(self) -> None:
        """Shut it out again, where there is a login."""

    def quit(self) -> None:
        """Close when everything up to here has been answered."""


Arguments = Sequence[bytes]


def _ping(client: Client, arguments: Arguments) -> bytes:
    return bulk(arguments[1]) if len(arguments) > 1 else simple("PONG")


def _echo(client: Client, arguments: Arguments) -> bytes:
    return bulk(arguments[1])


def _quit(client: Client, arguments: Arguments) -> bytes:
    client.quit()
    return OK


def _reset(client: Client, arguments: Arguments) -> bytes:
    client.protocol = 2
    client.client_name = b""
    client.lock()
    return simple("RESET")


def _select(client: Client, arguments: Arguments) -> bytes:
    if arguments[1] == b"0":
        return OK
    return error("ERR this proxy serves database 0 only")


def _auth(client: Client, arguments: Arguments) -> bytes:
    client.confided = True
    refusal = auth_error(client.login, arguments)
    if refusal is not None:
        return refusal
    client.let_in()
    return OK


def _hello(client: Client, arguments: Arguments) -> bytes:
    """Switch the protocol: `HELLO [2|3 [AUTH user password] [SETNAME name]]`."""
    protocol = client.protocol
    if len(arguments) > 1:
        if not arguments[1].isdigit() or len(arguments[1]) > _LONGEST_VERSION:
            return error("ERR Protocol version is not an integer or out of range")
        protocol = int(arguments[1])
        if protocol not in (2, 3):
            return error("NOPROTO unsupported protocol version")
    name = client.client_name
    credentials: Arguments = ()
    options = list(arguments[2:])
    while options:
        word = options.pop(0).upper()
        if word == b"AUTH" and len(options) >= 2:
            client.confided = True
            credentials, options = options[:2], options[2:]
        elif word == b"SETNAME" and options:
            name = options.pop(0)
        else:
            return error(f"ERR Syntax error in HELLO option '{word.decode(errors='replace')[:64]}'")
    if credentials:
        if not admits(client.login, *credentials):
            return WRONG
        client.let_in()
    if not client.admitted:
        return NOAUTH_HELLO
    client.protocol = protocol
    client.client_name = name
    facts = {
        b"server": bulk(b"redis"),
        b"version": bulk(b"7.0.0"),
        b"proto": integer(client.protocol),
        b"id": integer(client.client_id),
        b"mode": bulk(b"standalone"),
        b"role": bulk(b"master"),
        b"modules": array([]),
    }
    return mapping(facts, client.protocol)


def _client(client: Client, arguments: Arguments) -> bytes:
    word = arguments[1].upper()
    if word == b"SETNAME" and len(arguments) == 3:
        client.client_name = arguments[2]
        return OK
    if word == b"SETINFO" and len(arguments) == 4:
        return OK
    if word == b"GETNAME":
        return bulk(client.client_name) if client.client_name else null(client.protocol)
    if word == b"ID":
        return integer(client.client_id)
    shown = word.decode("latin-1")[:64]
    return error(f"ERR 'client|{shown.lower()}' is not supported by this proxy")


def _command(client: Client, arguments: Arguments) -> bytes:
    """Answer that nothing is known: clients that ask, such as redis-cli, then do without hints."""
    word = arguments[1].upper() if len(arguments) > 1 else b""
    if word == b"COUNT":
        return integer(0)
    return mapping({}, client.protocol) if word == b"DOCS" else array([])


OWN: Mapping[bytes, Callable[[Client, Arguments], bytes]] = {
    b"AUTH": _auth,
    b"CLIENT": _client,
    b"COMMAND": _command,
    b"ECHO": _echo,
    b"HELLO": _hello,
    b"PING": _ping,
    b"QUIT": _quit,
    b"RESET": _reset,
    b"SELECT": _select,
}
