"""What the proxy answers itself: the handshake of a connection and questions about it. A row per command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from wproxy.protocols.resp.values import array, bulk, error, integer, mapping, null, simple

OK = simple("OK")


class Client(Protocol):
    """What the answers may read and change of a connection."""

    client_id: int
    client_name: bytes
    confided: bool  # it has told a secret
    protocol: int

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
    return simple("RESET")


def _select(client: Client, arguments: Arguments) -> bytes:
    if arguments[1] == b"0":
        return OK
    return error("ERR this proxy serves database 0 only")


def _auth(client: Client, arguments: Arguments) -> bytes:
    client.confided = True
    return error(
        "ERR AUTH <password> called without any password configured for the default user. "
        "Are you sure your configuration is correct?"
    )


def _hello(client: Client, arguments: Arguments) -> bytes:
    """Switch the protocol: `HELLO [2|3 [AUTH user password] [SETNAME name]]`."""
    options = list(arguments[2:])
    name = client.client_name
    while options:
        word = options.pop(0).upper()
        if word == b"AUTH" and len(options) >= 2:
            return _auth(client, options)
        if word != b"SETNAME" or not options:
            return error(f"ERR Syntax error in HELLO option '{word.decode(errors='replace')[:64]}'")
        name = options.pop(0)
    if len(arguments) > 1:
        if not arguments[1].isdigit():
            return error("ERR Protocol version is not an integer or out of range")
        if arguments[1] not in (b"2", b"3"):
            return error("NOPROTO unsupported protocol version")
        client.protocol = int(arguments[1])
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
