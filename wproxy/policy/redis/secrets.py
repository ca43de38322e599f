"""Which bytes of a conversation in RESP may be shown to somebody who looks for an error."""

from __future__ import annotations

import re

# Commands whose arguments are secrets, or may be: what follows one of these words is not shown, whatever it is.
NAMES = frozenset({b"ACL", b"AUTH", b"CONFIG", b"HELLO", b"MIGRATE"})
_WORD = re.compile(rb"auth|hello|(?<![a-z0-9])(?:acl|config|migrate)(?![a-z0-9])", re.IGNORECASE)
_VISIBLE = re.compile(rb"[^\r\n]")


def masked(data: bytes) -> bytes:
    """Return `data` with everything but its line ends hidden behind the first word that comes before a secret."""
    word = _WORD.search(data)
    return data if word is None else data[: word.end()] + hidden(data[word.end() :])


def hidden(data: bytes) -> bytes:
    """Return only the shape of `data`: as many stars as bytes, and its line ends."""
    return _VISIBLE.sub(b"*", data)
