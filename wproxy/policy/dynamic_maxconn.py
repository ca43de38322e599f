"""How many sessions a server with `minconn` may have: the more its backend has, the more (manual, section 5.2)."""

from __future__ import annotations


def dynamic_maxconn(minconn: int, maxconn: int, sessions: int, fullconn: int) -> int:
    """Return the limit of a server while its backend has `sessions`, those who wait in queues included.

    From `fullconn` sessions on it is `maxconn`, below that in proportion, but at least `minconn`.
    """
    if sessions >= fullconn:
        return maxconn
    return max(minconn, sessions * maxconn // fullconn)
