"""What can be asked about the first bytes of a client, in mode tcp, a row each (manual, section 7.3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from wproxy.config.acl import arguments
from wproxy.config.acl.content_facts import ContentFacts, HelloFacts
from wproxy.config.acl.facts import Binary, Facts, Kind, Stage, Value
from wproxy.config.acl.fetch import Fetch, plain
from wproxy.config.acl.scope import Scope
from wproxy.config.values import ArgumentError

Ask = Callable[[ContentFacts], Value | None]
_RELATIVE = re.compile(r"[+-][0-9]+")


def _asking(ask: Ask) -> Callable[[Facts], Value | None]:
    """Return what asks where there is something to be asked."""
    return lambda facts: None if facts.contents is None else ask(facts.contents)


def _of_hello(name: str, kind: Kind, value: Callable[[HelloFacts], Value | None]) -> Fetch:
    """Return the row of what a client says when it begins to speak TLS."""

    def ask(contents: ContentFacts) -> Value | None:
        hello = contents.hello()
        return None if hello is None else value(hello)

    return plain(name, kind, _asking(ask), Stage.CONTENT)


def _of_client(value: Callable[[HelloFacts], Value | None]) -> Callable[[HelloFacts], Value | None]:
    """Return `value` of a client's hello, None of any other message."""
    return lambda hello: None if hello.version is None else value(hello)


def _protocols(facts: Facts) -> Iterable[Value]:
    hello = None if facts.contents is None else facts.contents.hello()
    return () if hello is None else hello.protocols


def _first_protocol(facts: Facts) -> Value | None:
    return next(iter(_protocols(facts)), None)


def _length(contents: ContentFacts) -> int:
    contents.unsure = True
    return len(contents.data)


def _wait_end(facts: Facts) -> bool | None:
    """Return True when nothing more is waited for, and nothing before."""
    contents = facts.contents
    if contents is None or contents.final:
        return True
    contents.unsure = True
    return None


def _payload(offset: int, size: int) -> Callable[[Facts], Value | None]:
    """Return the fetch of `size` bytes from `offset` on; of all of them where `size` is 0."""

    def ask(contents: ContentFacts) -> Value | None:
        data = contents.data
        contents.unsure = not size or offset + size > len(data)
        if offset + size > len(data):
            return None
        return Binary(data[offset : offset + size if size else None].decode("latin-1"))

    return _asking(ask)


def _counted_payload(at: int, size: int, begins: tuple[int, bool] | None) -> Callable[[Facts], Value | None]:
    """Return the fetch of as many bytes as the `size` bytes at `at` say, from behind them on or from `begins`."""
    behind = at + size
    start = behind if begins is None else begins[0] + (behind if begins[1] else 0)

    def ask(contents: ContentFacts) -> Value | None:
        data = contents.data
        end = start + int.from_bytes(data[at:behind], "big")
        contents.unsure = len(data) < max(behind, end)
        if contents.unsure or end == start:
            return None
        return Binary(data[start:end].decode("latin-1"))

    return _asking(ask)


def _is_http(facts: Facts) -> bool:
    """Tell whether a client speaks HTTP: in mode http it does."""
    return True if facts.contents is None else facts.contents.is_http()


def _size(text: str, scope: Scope) -> int:
    """Return how many bytes a length takes."""
    size = arguments.index(text, scope)
    if not size:
        raise ArgumentError("expects a length of 1 or more in parentheses, not '0'")
    return size


def _place(text: str, scope: Scope) -> tuple[int, bool] | None:
    """Return an offset, and whether it is from behind the length; None when it is left out."""
    return (arguments.integer(text, scope), _RELATIVE.fullmatch(text) is not None) if text else None


CONTENT_FETCHES = (
    _of_hello("req.ssl_hello_type", Kind.INTEGER, lambda hello: hello.kind),
    _of_hello("req.ssl_sni", Kind.STRING, lambda hello: hello.server_name),
    _of_hello("req.ssl_ver", Kind.INTEGER, lambda hello: hello.version),
    _of_hello("req.ssl_ec_ext", Kind.BOOLEAN, lambda hello: hello.names_groups or None),
    _of_hello("req.ssl_st_ext", Kind.INTEGER, _of_client(lambda hello: hello.ticket)),
    Fetch("req.ssl_alpn", Kind.STRING, lambda: _first_protocol, stages=Stage.CONTENT, each=lambda: _protocols),
    plain("req.len", Kind.INTEGER, _asking(_length), Stage.CONTENT),
    plain("wait_end", Kind.BOOLEAN, _wait_end),
    Fetch("req.payload", Kind.BINARY, _payload, (arguments.index, arguments.index), Stage.CONTENT),
    Fetch("req.payload_lv", Kind.BINARY, _counted_payload, (arguments.index, _size, _place), Stage.CONTENT),
    plain("req.proto_http", Kind.BOOLEAN, _is_http, Stage.CONTENT | Stage.REQUEST | Stage.RESPONSE | Stage.LOG),
)

CONTENT_ALIASES = {
    "req_len": "req.len",
    "req_ssl_hello_type": "req.ssl_hello_type",
    "req_ssl_sni": "req.ssl_sni",
    "req_ssl_ver": "req.ssl_ver",
    "req_proto_http": "req.proto_http",
    "payload": "req.payload",
    "payload_lv": "req.payload_lv",
}
