"""CLIENT: what a client says of itself and asks about itself. Other clients are not shown and not touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from wproxy.protocols.resp.values import array, bulk, error, integer, mapping, null, simple

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

_OK = simple("OK")
_SYNTAX = error("ERR syntax error")
UNCLEAN = error("ERR Client names cannot contain spaces, newlines or special characters.")


def client_command(client: Conversation, arguments: Sequence[bytes]) -> bytes:
    """Return the answer to `CLIENT …`; the number of arguments has been checked."""
    word = arguments[1].upper()
    handler = _SUBCOMMANDS.get(word)
    if handler is None:
        shown = word.decode("latin-1")[:64]
        return error(f"ERR 'client|{shown.lower()}' is not supported by this proxy")
    return handler(client, arguments[2:])


def clean(name: bytes) -> bool:
    """Tell whether `name` consists of printable ASCII without spaces, as Redis demands."""
    return all(33 <= byte <= 126 for byte in name)


def description(client: Conversation) -> bytes:
    """Return the line of CLIENT INFO, without its end."""
    subscriber, now = client.subscriber, client.services.clock()
    listens = subscriber.subscriptions if subscriber is not None else None
    flags = ("P" if listens else "") + ("x" if client.queued >= 0 else "")
    facts = {
        "id": client.client_id,
        "addr": _address(client, "peername"),
        "laddr": _address(client, "sockname"),
        "fd": _descriptor(client),
        "name": client.client_name.decode("latin-1"),
        "age": int(now - client.session.accepted_at),
        "idle": 0,
        "flags": flags or "N",
        "db": client.database,
        "sub": len(listens.channels) if listens else 0,
        "psub": len(listens.patterns) if listens else 0,
        "multi": client.queued,
        "cmd": "client|info",
        "user": "default",
        "redir": -1,
        "resp": client.protocol,
        "lib-name": client.library[0].decode("latin-1"),
        "lib-ver": client.library[1].decode("latin-1"),
    }
    return " ".join(f"{name}={value}" for name, value in facts.items()).encode("latin-1")


def _address(client: Conversation, which: str) -> str:
    found = client.transport.get_extra_info(which)
    return f"{found[0]}:{found[1]}" if isinstance(found, tuple) else "unix:0"


def _descriptor(client: Conversation) -> int:
    sock = client.transport.get_extra_info("socket")
    return -1 if sock is None else int(sock.fileno())


def _set_name(client: Conversation, given: Sequence[bytes]) -> bytes:
    if not clean(given[0]):
        return UNCLEAN
    client.client_name = given[0]
    return _OK


def _set_info(client: Conversation, given: Sequence[bytes]) -> bytes:
    name, version = client.library
    if not clean(given[1]):
        return error("ERR lib-name and lib-ver cannot contain spaces, newlines or special characters.")
    match given[0].upper():
        case b"LIB-NAME":
            client.library = (given[1][:_LONGEST], version)
        case b"LIB-VER":
            client.library = (name, given[1][:_LONGEST])
        case _:
            return error(f"ERR Unrecognized option '{given[0].decode('latin-1')[:64]}'")
    return _OK


_LONGEST = 256


def _get_name(client: Conversation, given: Sequence[bytes]) -> bytes:
    return bulk(client.client_name) if client.client_name else null(client.protocol)


def _identity(client: Conversation, given: Sequence[bytes]) -> bytes:
    return integer(client.client_id)


def _info(client: Conversation, given: Sequence[bytes]) -> bytes:
    return _text(client, description(client) + b"\n")


def _list(client: Conversation, given: Sequence[bytes]) -> bytes:
    """Show the client itself, where the filter lets it through."""
    words = [word.upper() for word in given]
    line = description(client) + b"\n"
    if not words:
        return _text(client, line)
    if words[0] == b"TYPE" and len(words) == 2:
        kind = b"PUBSUB" if client.subscriber is not None else b"NORMAL"
        return _text(client, line if words[1] == kind else b"")
    if words[0] == b"ID" and len(words) > 1:
        return _text(client, line if b"%d" % client.client_id in words[1:] else b"")
    return _SYNTAX


def _text(client: Conversation, text: bytes) -> bytes:
    return b"=%d\r\ntxt:%b\r\n" % (len(text) + 4, text) if client.protocol == 3 else bulk(text)


def _on_or_off(client: Conversation, given: Sequence[bytes]) -> bytes:
    return _OK if given[0].upper() in (b"ON", b"OFF") else _SYNTAX


def _reply(client: Conversation, given: Sequence[bytes]) -> bytes:
    match given[0].upper():
        case b"ON":
            return _OK
        case b"OFF" | b"SKIP":
            return error("ERR CLIENT REPLY OFF and SKIP are not supported by this proxy: read the replies")
    return _SYNTAX


def _tracking_info(client: Conversation, given: Sequence[bytes]) -> bytes:
    facts = {b"flags": array([bulk(b"off")]), b"redirect": integer(-1), b"prefixes": array([])}
    if client.protocol == 3:
        facts[b"flags"] = b"~1\r\n" + bulk(b"off")
    return mapping(facts, client.protocol)


_SUBCOMMANDS: Mapping[bytes, Callable[[Conversation, Sequence[bytes]], bytes]] = {
    b"GETNAME": _get_name,
    b"GETREDIR": lambda client, given: integer(-1),
    b"ID": _identity,
    b"INFO": _info,
    b"LIST": _list,
    b"NO-EVICT": _on_or_off,
    b"NO-TOUCH": _on_or_off,
    b"REPLY": _reply,
    b"SETINFO": _set_info,
    b"SETNAME": _set_name,
    b"TRACKINGINFO": _tracking_info,
}
