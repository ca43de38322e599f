"""How much of one client's pipeline may be under way at a time, so that what a client costs is bounded.

Nobody knows how large a reply will be. The window begins small and doubles while replies are small; a client whose
replies are large gets only as many at a time as fit into a budget.
"""

from __future__ import annotations

FIRST_COMMANDS = 16
MOST_COMMANDS = 256
REPLY_BUDGET_BYTES = 4 * 1024 * 1024
REQUEST_BUDGET_BYTES = 8 * 1024 * 1024
_SMALL_REPLY_BYTES = REPLY_BUDGET_BYTES // MOST_COMMANDS


class Window:
    """Told of every read and every write of one client; asked before commands are taken."""

    __slots__ = ("_most", "_request_bytes")

    def __init__(self) -> None:
        self._most = FIRST_COMMANDS
        self._request_bytes = 0  # came since nothing was under way

    def room(self, under_way: int) -> int:
        """Return how many commands may be taken while `under_way` others wait for their reply."""
        if under_way and self._request_bytes > REQUEST_BUDGET_BYTES:
            return 0
        return self._most - under_way

    def received(self, size: int) -> None:
        """Take note of `size` bytes from the client."""
        self._request_bytes += size

    def replied(self, count: int, size: int, under_way: int) -> None:
        """Take note that `count` replies of `size` bytes together were written and `under_way` are to come."""
        if self._most < MOST_COMMANDS or size > count * _SMALL_REPLY_BYTES:
            fits = REPLY_BUDGET_BYTES * count // size
            self._most = max(1, min(fits, 2 * self._most, MOST_COMMANDS))
        if not under_way:
            self._request_bytes = 0
