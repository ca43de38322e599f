"""Commands that may wait for data: where their timeout stands, and how to ask again with the time that remains.

Source: the redis.io command reference; errors are a server's own, who is sent whatever makes no sense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from wproxy.protocols.resp.requests import pack

_LAST, _BLOCK = -1, 0  # the last argument; the one behind the word BLOCK, in milliseconds
TIMEOUTS: Mapping[str, int] = {
    "blmove": _LAST,
    "blmpop": 1,
    "blpop": _LAST,
    "brpop": _LAST,
    "brpoplpush": _LAST,
    "bzmpop": 1,
    "bzpopmax": _LAST,
    "bzpopmin": _LAST,
    "xread": _BLOCK,
    "xreadgroup": _BLOCK,
}
_OPTIONS_AT: Mapping[str, int] = {"xread": 1, "xreadgroup": 4}
_NILS = frozenset({b"*-1\r\n", b"$-1\r\n", b"_\r\n"})


def patience_s(name: str, arguments: Sequence[bytes]) -> float | None:
    """Return for how long the command `name` may wait, infinity for ever, None when it cannot wait.

    Infinity also for what is no number to us: the server may see one in it (0x10).
    """
    at = _where(name, arguments)
    if at is None:
        return None
    try:
        given = float(arguments[at])
    except ValueError:
        return inf
    if not given > 0:
        return inf
    return given / 1000 if TIMEOUTS[name] == _BLOCK else given


def with_patience(name: str, arguments: Sequence[bytes], left_s: float) -> bytes:
    """Return the command with `left_s` seconds of patience, infinity for ever."""
    at = _where(name, arguments)
    assert at is not None
    if left_s == inf:
        text = b"0"
    elif TIMEOUTS[name] == _BLOCK:
        text = b"%d" % max(1, round(left_s * 1000))
    else:
        text = b"%.3f" % max(0.001, left_s)
    return pack([*arguments[:at], text, *arguments[at + 1 :]])


def came_to_nothing(reply: bytes) -> bool:
    """Tell whether the reply says that there was nothing in time."""
    return reply in _NILS


def _where(name: str, arguments: Sequence[bytes]) -> int | None:
    """Return where the timeout stands."""
    place = TIMEOUTS[name]
    if place == _LAST:
        return len(arguments) - 1
    if place != _BLOCK:
        return place
    for at in range(_OPTIONS_AT[name], len(arguments) - 1):
        word = arguments[at].upper()
        if word == b"BLOCK":
            return at + 1
        if word == b"STREAMS":
            break
    return None
