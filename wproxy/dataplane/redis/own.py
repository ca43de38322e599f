"""What the proxy answers itself: the handshake of a connection and questions about it. A row per command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from wproxy.dataplane.redis.client_command import UNCLEAN, clean, client_command
from wproxy.dataplane.redis.info import VERSION, info_text
from wproxy.policy.redis.access import NOAUTH_HELLO, WRONG, admits, auth_error
from wproxy.protocols.resp.values import array, bulk, error, integer, mapping, simple

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

OK = simple("OK")
_LONGEST_VERSION = 18  # digits of a number that Redis reads as one


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
    refusal = auth_error(client.login, arguments)
    if refusal is not None:
        return refusal
    client.let_in()
    return OK


def hello(client: Conversation, arguments: Arguments) -> bytes:
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
    if not clean(name):
        return UNCLEAN
    if credentials:
        if not admits(client.login, *credentials):
            return WRONG
        client.let_in()
    if not client.admitted:
        return NOAUTH_HELLO
    client.speak(protocol)
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
