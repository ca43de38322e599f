"""What the proxy answers itself: the handshake of a connection and questions about it. A row per command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from wproxy.dataplane.redis.client_command import UNCLEAN, clean, client_command
from wproxy.dataplane.redis.info import VERSION, info_text
from wproxy.protocols.resp.values import array, bulk, error, integer, mapping, simple

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

OK = simple("OK")


Arguments = Sequence[bytes]


def _ping(client: Conversation, arguments: Arguments) -> bytes:
    return bulk(arguments[1]) if len(arguments) > 1 else simple("PONG")


def _echo(client: Conversation, arguments: Arguments) -> bytes:
    return bulk(arguments[1])


def _quit(client: Conversation, arguments: Arguments) -> bytes:
    client.quit()
    return OK


def _auth(client: Conversation, arguments: Arguments) -> bytes:
    client.confided = True
    return error(
        "ERR AUTH <password> called without any password configured for the default user. "
        "Are you sure your configuration is correct?"
    )


def hello(client: Conversation, arguments: Arguments) -> bytes:
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
        if not clean(name):
            return UNCLEAN
    if len(arguments) > 1:
        if not arguments[1].isdigit():
            return error("ERR Protocol version is not an integer or out of range")
        if arguments[1] not in (b"2", b"3"):
            return error("NOPROTO unsupported protocol version")
        client.speak(int(arguments[1]))
    client.client_name = name
    facts = {
        b"server": bulk(b"redis"),
        b"version": bulk(VERSION),
        b"proto": integer(client.protocol),
        b"id": integer(client.client_id),
        b"mode": bulk(b"standalone"),
        b"role": bulk(b"master"),
        b"modules": array([]),
    }
    return mapping(facts, client.protocol)


def _acl(client: Conversation, arguments: Arguments) -> bytes:
    if arguments[1].upper() == b"WHOAMI":
        return bulk(b"default")
    return error(f"ERR 'acl|{arguments[1].decode('latin-1').lower()}' is not supported by this proxy: ask the servers")


def _no_cluster(client: Conversation, arguments: Arguments) -> bytes:
    return error("ERR This instance has cluster support disabled")


def _info(client: Conversation, arguments: Arguments) -> bytes:
    text = info_text(client, [argument.lower().decode("latin-1") for argument in arguments[1:]])
    return b"=%d\r\ntxt:%b\r\n" % (len(text) + 4, text) if client.protocol == 3 else bulk(text)


OWN: Mapping[bytes, Callable[[Conversation, Arguments], bytes]] = {
    b"ACL": _acl,
    b"ASKING": _no_cluster,
    b"AUTH": _auth,
    b"CLIENT": client_command,
    b"CLUSTER": _no_cluster,
    b"ECHO": _echo,
    b"INFO": _info,
    b"PING": _ping,
    b"QUIT": _quit,
    b"READONLY": _no_cluster,
    b"READWRITE": _no_cluster,
}
