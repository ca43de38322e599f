"""Which responses are compressed and how: what the client accepts and the configuration allows, as HAProxy decides.

The manual's section 4.2 ("compression") lists the conditions. Of the configured algorithms the one that is named last
comes first where a client accepts any; `identity` needs nobody's consent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wproxy.config.http.squeezing import Algorithm, Compression
from wproxy.protocols.http1.fields import Field
from wproxy.protocols.http1.heads import CHUNKED, RequestHead, ResponseHead

_ACCEPT = b"accept-encoding"
_STATUSES = frozenset({200, 201, 202, 203})
_QUALITY = re.compile(rb"([0-9])(?:\.([0-9]{0,3}))?")
_TOKEN = re.compile(rb"[^ \t;]*")
_REMEMBERED = 1024  # lines
_ELEMENTS = 64  # that are looked at; no client has as many
_BLOCKS = 512  # heads' fields
_LONGEST_BLOCK = 2048

_CHUNKED = Field.of(b"transfer-encoding", b"chunked")
_VARY = Field.of(b"vary", b"Accept-Encoding")


class Choice:
    """Made once for each pair of frontend and backend of which one compresses."""

    __slots__ = ("_algorithms", "_blocks", "_codings", "_identity", "_known", "_offloads", "_types")

    def __init__(self, compression: Compression) -> None:
        self._algorithms = tuple(reversed(compression.algorithms))
        self._identity = Algorithm.IDENTITY if Algorithm.IDENTITY in self._algorithms else None
        self._types = tuple(kind.lower() for kind in compression.types)
        self._offloads = compression.offloads
        self._codings = {each: Field.of(b"content-encoding", each.coding) for each in self._algorithms}
        self._known: dict[bytes, Algorithm | None] = {}
        self._blocks: dict[bytes, Algorithm | None] = {}

    @classmethod
    def of(cls, front: Compression, back: Compression) -> Choice | None:
        """Return what both say together: each list is the backend's if that has one; None where nobody compresses."""
        algorithms = back.algorithms or front.algorithms
        if not algorithms:
            return None
        return cls(Compression(algorithms, back.types or front.types, back.offloads or front.offloads))

    # -- requests ------------------------------------------------------------------------------------------------

    def wanted(self, head: RequestHead) -> Algorithm | None:
        """Return how the response may be compressed, None for not at all; with `offload` the server is not asked to."""
        lines = head.lines
        if lines is None or self._offloads or len(lines) > _LONGEST_BLOCK:
            return self._wanted(head)
        known = self._blocks
        if lines not in known:
            if len(known) >= _BLOCKS:
                known.clear()
            known[lines] = self._wanted(head)
        return known[lines]

    def _wanted(self, head: RequestHead) -> Algorithm | None:
        accepted = head.values(_ACCEPT)
        if not accepted:
            return None if self._identity is None or _is_old(head) else self._identity
        line = b",".join(accepted)
        known = self._known
        algorithm = known[line] if line in known else self._accepted(line)
        if _is_old(head):
            return None
        if algorithm is None:
            return self._identity
        if self._offloads:
            head.remove(_ACCEPT)
        return algorithm

    def _accepted(self, line: bytes) -> Algorithm | None:
        """Return the algorithm that a client likes best; what it names earlier where it likes two the same."""
        best, chosen = 0, None
        for part in line.split(b",", _ELEMENTS)[:_ELEMENTS]:
            element = part.strip(b" \t")
            token = _TOKEN.match(element)[0]  # type: ignore[index] # it matches nothing, too
            quality = _quality(element[len(token) :])
            if quality > best:
                algorithm = self._named(token.lower())
                if algorithm is not None:
                    best, chosen = quality, algorithm
        if len(line) <= 512:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[line] = chosen
        return chosen

    def _named(self, token: bytes) -> Algorithm | None:
        if token.startswith(b"*"):
            return self._algorithms[0]
        return next((each for each in self._algorithms if each.coding == token), None)

    # -- responses -----------------------------------------------------------------------------------------------

    def applies(self, head: ResponseHead, request: RequestHead) -> bool:
        """Tell whether this response is one to be compressed."""
        if head.status not in _STATUSES or not head.length or not (head.minor and request.minor):
            return False
        if request.method == b"HEAD":
            return False
        kind: bytes | None = None
        tags = 0
        for field in head.fields:
            name = field.name
            if name == b"content-encoding":
                return False
            if name == b"content-type" and kind is None:
                kind = field.value.lower()
            elif name == b"cache-control" and _has(b"no-transform", field.value):
                return False
            elif name == b"etag":
                tags += 1
                if tags > 1 or not _is_tag(field.value):
                    return False
        return self._fits(kind)

    def _fits(self, kind: bytes | None) -> bool:
        if kind is not None and kind.startswith(b"multipart"):
            return False
        return not self._types or (kind is not None and kind.startswith(self._types))

    def mark(self, head: ResponseHead, algorithm: Algorithm) -> None:
        """Say in the response's head what has become of its body."""
        chunked = head.length == CHUNKED
        fields = list(self._marked(head.fields))
        if not chunked:
            fields.append(_CHUNKED)
        fields.append(_VARY)
        if algorithm is not Algorithm.IDENTITY:
            fields.append(self._codings[algorithm])
        head.replace(fields)
        head.length = CHUNKED

    def _marked(self, fields: Iterable[Field]) -> Iterable[Field]:
        for field in fields:
            if field.name == b"etag" and field.value.startswith(b'"'):
                yield Field.of(b"etag", b"W/" + field.value)  # another body than the one that it was the tag of
            elif field.name != b"content-length":
                yield field


def _quality(rest: bytes) -> int:
    """Return the `q` among parameters in thousandths, 1000 where none is told."""
    rest = rest.lstrip(b" \t")
    if not rest.startswith(b";"):
        return 1000
    for part in rest[1:].split(b";"):
        parameter = part.lstrip(b" \t")
        if parameter.startswith(b"q="):
            match = _QUALITY.match(parameter, 2)
            if match is None:
                return 1000
            return min(int(match[1]) * 1000 + int((match[2] or b"").ljust(3, b"0")), 1000)
    return 1000


def _has(element: bytes, value: bytes) -> bool:
    return any(part.strip(b" \t").lower() == element for part in value.split(b","))


def _is_tag(value: bytes) -> bool:
    """Tell whether `value` is an entity tag, a strong or a weak one."""
    return len(value.removeprefix(b"W/")) >= 2 and value.startswith((b'"', b'W/"')) and value.endswith(b'"')


def _is_old(head: RequestHead) -> bool:
    """Tell whether the client is one of those that called themselves Mozilla/4 and could not decompress."""
    agents = head.values(b"user-agent")
    if not agents or not agents[0].startswith(b"Mozilla/4"):
        return False
    agent = agents[0]
    version = agent[30:31]
    if agent[25:30] != b"MSIE " or version < b"6":
        return True
    return version == b"6" and agent[51:54] != b"SV1"
