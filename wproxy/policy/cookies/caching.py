"""Whether a response that sets a cookie could end in a cache, and so with somebody else (`cookie … nocache`).

As HAProxy decides: by method and status, the response's own word, and whether it has anything to be fresh or validated
by.
"""

from __future__ import annotations

from wproxy.protocols.http1.heads import ResponseHead

_METHODS = (b"GET", b"HEAD", b"OPTIONS", b"TRACE")
_STATUSES = frozenset({200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501})
_VALIDATORS = (b"etag", b"last-modified", b"expires")
_NOT_CACHED = frozenset({b"private", b"no-cache", b"no-store", b"max-age=0", b"s-maxage=0"})
_AGES = (b"max-age", b"s-maxage")


def may_be_cached(head: ResponseHead, method: bytes) -> bool:
    """Tell whether a cache might keep the response."""
    if method not in _METHODS or head.status not in _STATUSES:
        return False
    fresh = False
    allowed = True
    for field in head.fields:
        if field.name in _VALIDATORS:
            fresh = True
        elif field.name == b"pragma" and field.value.lower() == b"no-cache":
            return False
        elif field.name == b"cache-control":
            for part in field.value.lower().split(b","):
                directive = part.strip(b" \t")
                # Of directives that contradict each other the last one counts.
                allowed = directive == b"public" or (allowed and directive not in _NOT_CACHED)
                fresh = fresh or directive.startswith(_AGES)
    return allowed and fresh
