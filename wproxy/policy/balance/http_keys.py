"""The bytes of a request that `balance uri`, `url_param`, `hdr` and `hash` go by, a row each, and their hash.

A row makes the function of one backend, once; it returns None when the request has nothing of the kind, and then the
servers serve in turn, as in HAProxy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wproxy.config.acl.facts import HttpFacts, Value
from wproxy.config.acl.hashes import FUNCTIONS
from wproxy.config.http.hashing import HashedPart
from wproxy.policy.balance.balancer import NO_KEY
from wproxy.policy.balance.source import folded

Part = Callable[[HttpFacts], bytes | None]
Key = Callable[[HttpFacts], int]

_REMEMBERED = 4096  # parts
_LONGEST = 512  # bytes of a part that is remembered


class HashedKey:
    """The key of a request for `Backend.assign`; what was hashed lately is remembered, within bounds."""

    __slots__ = ("_function", "_known", "_part")

    def __init__(self, part: Part, function: str) -> None:
        self._part = part
        self._function = FUNCTIONS[function]
        self._known: dict[bytes, int] = {}

    def __call__(self, facts: HttpFacts) -> int:
        """Return the hash, NO_KEY when there is nothing to hash."""
        data = self._part(facts)
        if data is None:
            return NO_KEY
        known = self._known.get(data)
        return self._hash(data) if known is None else known

    def _hash(self, data: bytes) -> int:
        number = self._function(data)
        if len(data) <= _LONGEST:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[data] = number
        return number


def request_key(balance: str, part: HashedPart, function: str) -> Key | None:
    """Return what gives the key of a request under the algorithm `balance`; None where it goes by nothing."""
    if balance == "source":
        return _source
    make = _ROWS.get(balance)
    return None if make is None else HashedKey(make(part), function)


def _source(facts: HttpFacts) -> int:
    return 0 if facts.source is None else folded(facts.source)


def _uri(part: HashedPart) -> Part:
    end = part.length or None
    depth, whole, path_only = part.depth, part.whole, part.path_only

    def uri(facts: HttpFacts) -> bytes:
        target = facts.request.target
        if path_only and not target.startswith(b"/"):
            target = _path(target)
        target = target[:end]
        if not whole:
            target = target.partition(b"?")[0]
        if depth:
            slashes = target.split(b"/", depth + 1)
            target = b"/".join(slashes[: depth + 1])
        return target

    return uri


def _path(target: bytes) -> bytes:
    """Return the path of an absolute URI; nothing of what has none (`*`, an authority)."""
    _, found, rest = target.partition(b"://")
    slash = rest.find(b"/") if found else -1
    return rest[slash:] if slash >= 0 else b""


def _url_param(part: HashedPart) -> Part:
    name = part.name.encode() + b"="
    size = len(name)

    def url_param(facts: HttpFacts) -> bytes | None:
        for parameter in facts.request.target.partition(b"?")[2].split(b"&"):
            if parameter.startswith(name):
                return parameter[size:]
        return None

    return url_param


def _field(part: HashedPart) -> Part:
    name, domain_only = part.name.encode(), part.domain_only

    def field(facts: HttpFacts) -> bytes | None:
        values = facts.request.values(name)
        if not values:
            return None
        value = _first_element(values[0])
        if not value:
            return None
        return _domain(value) if domain_only else value

    return field


def _first_element(value: bytes) -> bytes:
    """Return what stands before the first comma that is not quoted."""
    if b"," not in value:
        return value
    quoted = escaped = False
    for at, byte in enumerate(value):
        if escaped:
            escaped = False
        elif quoted and byte == 0x5C:
            escaped = True
        elif byte == 0x22:
            quoted = not quoted
        elif byte == 0x2C and not quoted:
            return value[:at].rstrip(b" \t")
    return value


def _domain(host: bytes) -> bytes:
    """Return the part of a host's name before its last one; all of it when it has one part only.

    A dot in front does not end a part, nor does the first of two in a row: so does HAProxy count.
    """
    end = host.rfind(b".", 1)
    return host if end < 0 else host[host.rfind(b".", 0, end - 1) + 1 : end]


def _expression(part: HashedPart) -> Part:
    fetch = part.fetch
    assert fetch is not None  # `config.rules` has read it

    def expression(facts: HttpFacts) -> bytes | None:
        value = fetch(facts)
        return None if value is None else as_bytes(value)

    return expression


def as_bytes(value: Value) -> bytes:
    """Return a sample as HAProxy makes it binary: addresses and texts as they are, numbers as 64 bits."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    return int(value).to_bytes(8, "big", signed=True)


_ROWS: Mapping[str, Callable[[HashedPart], Part]] = {
    "uri": _uri,
    "url_param": _url_param,
    "hdr": _field,
    "hash": _expression,
}
