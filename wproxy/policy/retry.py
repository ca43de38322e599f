"""Whether the next attempt to reach a server goes to another one (configuration manual, "option redispatch")."""

from __future__ import annotations


def may_redispatch(retry: int, retries: int, interval: int | None) -> bool:
    """Tell whether retry number `retry` (from 1) out of `retries` may go to another server.

    `interval` n: every n-th retry; -n: the n-th from the last; None: none.
    """
    if interval is None:
        return False
    if interval > 0:
        return retry % interval == 0
    return retry == retries + 1 + interval
