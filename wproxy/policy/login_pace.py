"""How fast one address may try passwords: a few at once, then one after another at a slow pace (virtual scheduling).

A wrong password moves the time from which the address has its full allowance again. Who is ahead of it by more than the
allowance has to wait, with the right password as well: otherwise many guesses sent at once would be told apart by the
one that is answered soon.
"""

from __future__ import annotations

import ipaddress

FREE = 10  # wrong passwords that cost nothing
PACE_S = 2.0  # from then on one in so many seconds
PATIENCE_S = 10.0  # who would have to wait longer is told so instead
ADDRESSES = 4096  # the most that are remembered; beyond that the one that has been quiet longest is forgotten
_IPV6_SITE = 64  # an IPv6 client has all addresses of such a network


class LoginPace:
    """Remembers of each address, or IPv6 site, when it is free again; times are of one steady clock, in seconds."""

    __slots__ = ("_free_at",)

    def __init__(self) -> None:
        self._free_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._free_at)

    def wait_s(self, client: str, now: float) -> float:
        """Return how long an answer about a password from `client` is to be held back; above PATIENCE_S refuse it."""
        free_at = self._free_at.get(_site(client))
        return 0.0 if free_at is None else max(0.0, free_at - now - FREE * PACE_S)

    def failed(self, client: str, now: float) -> None:
        """Take note of a wrong password."""
        site = _site(client)
        free_at = max(self._free_at.pop(site, now), now) + PACE_S  # popped: those at the end were here last
        self._free_at[site] = free_at
        if len(self._free_at) > ADDRESSES:
            del self._free_at[next(iter(self._free_at))]


def _site(client: str) -> str:
    if ":" not in client:
        return client
    try:
        address = ipaddress.IPv6Address(client.partition("%")[0])
    except ValueError:
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _IPV6_SITE), strict=False))
