"""Takes an array apart into the raw bytes of its elements, which are passed on undecoded like whole replies."""

from __future__ import annotations

from wproxy.protocols.resp.replies import ReplyError, ReplySplitter

_ARRAYS = frozenset(b"*~>")


def elements(reply: bytes) -> list[bytes]:
    """Return the elements of the array, set or push `reply`, each as its raw bytes; [] of an empty or a null one.

    Raise ReplyError when `reply` is no array.
    """
    end = reply.find(b"\r\n")
    if end < 0 or reply[0] not in _ARRAYS:
        raise ReplyError(f"an array was expected, not {reply[:32]!r}")
    return ReplySplitter().split(reply[end + 2 :])
