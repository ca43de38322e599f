"""The background scan of one server that has keys to give: which page next, which keys are to move, how long to rest.

A pass goes through all databases of the server by `SCAN`, which returns every key that is there from its beginning to
its end. The keys of the slots it looks for can only become fewer, because the server does not serve them any more: so
after a complete pass in which every key found was settled, none is left. What began after the pass (a slot lost later)
is for the next pass.

No I/O and no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.actions import Key

MOST_LEFT = 10_000  # keys of one pass that are put off to its end
PAGE_KEYS = 250  # the COUNT of one SCAN: what a server looks at in one go
BUSY_COMMANDS = 20  # clients' commands during a page, above which clients go first
_SHARE = 0.008  # of the proxy's time, while clients are busy; the kernel's for it is two to three times as much
_LONGEST_REST_S = 1.0
_STAY_BUSY_S = 1.0


@dataclass(slots=True)
class Pass:
    """One pass over `server`, for the slots of `debts` (`Chain.debts` at its beginning)."""

    server: str
    debts: Mapping[int, int]
    databases: Sequence[int]
    cursor: bytes = b"0"
    complete: bool = False
    left: dict[Key, int] = field(default_factory=dict)  # keys, with their slots, to be moved when all others are
    stuck: bool = False  # a key could not be settled
    _at: int = field(default=0)

    def __post_init__(self) -> None:
        """An empty server is scanned already."""
        self.complete = not self.databases

    @property
    def database(self) -> int:
        """The database of the next page."""
        return self.databases[self._at]

    @property
    def clean(self) -> bool:
        """Whether no key of the slots is left."""
        return self.complete and not self.stuck and not self.left

    def unsettled(self, key: Key) -> None:
        """Keep a key for the end of the pass, if there is room."""
        if len(self.left) < MOST_LEFT:
            self.left[key] = slot_of(key[1])
        else:
            self.stuck = True

    def page(self, cursor: bytes, names: Sequence[bytes]) -> dict[Key, int]:
        """Take one page and the cursor behind it; return the keys that are to move, with their slots."""
        database, debts = self.database, self.debts
        self.cursor = cursor
        if cursor == b"0":
            self._at += 1
            self.complete = self._at == len(self.databases)
        return {(database, name): slot for name in names if (slot := slot_of(name)) in debts}


class Pace:
    """How fast a scan goes: with busy clients it takes a fixed small part of the proxy's time.

    So it costs them no more than that, however long the servers' answers take.
    """

    __slots__ = ("_busy_until",)

    def __init__(self) -> None:
        self._busy_until = float("-inf")

    def rest_s(self, now: float, work_s: float, page_s: float, commands: int) -> float:
        """Return how long to rest after a page that cost the proxy `work_s` seconds and was over after `page_s`.

        `commands` is how many clients sent meanwhile. Clients who were busy a moment ago still are: on a crowded
        machine they may have had no processor for a few milliseconds.
        """
        if commands > BUSY_COMMANDS:
            self._busy_until = now + _STAY_BUSY_S
        if now >= self._busy_until:
            return 0.0
        return min(max(work_s / _SHARE - page_s, 0.0), _LONGEST_REST_S)


def idle(commands: int) -> bool:
    """Tell whether clients that sent `commands` during a short look leave time for a large value."""
    return commands <= BUSY_COMMANDS
