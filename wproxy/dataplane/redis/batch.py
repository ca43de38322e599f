"""Commands that the proxy itself sends over a link, and what becomes of their replies."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import ClassVar

from wproxy.dataplane.redis.slot import Owner
from wproxy.protocols.resp import pack

LOST = b"-SERVERDOWN "  # what a link answers for a server whose connection broke; servers do not say so


class Fate(enum.Enum):
    """What became of a batch."""

    ANSWERED = "answered"
    LOST = "lost"  # the connection broke: it may have been executed
    REFUSED = "refused"  # surely not executed


Told = Callable[[Fate, Sequence[bytes]], None]


class Batch:
    """Waits for the replies to the commands of `raw` (`slot.Waiting`), then tells `told` all of them at once.

    `names` has what each of them is called, in lower case. `database` other than 0 is selected before and 0 again
    behind: the link is in database 0 for whoever comes next.
    """

    __slots__ = ("_replies", "_selects", "_told", "names", "raw", "wanted")
    name: ClassVar[None] = None  # see `names`
    timed: ClassVar[bool] = False

    def __init__(self, raw: bytes, names: Sequence[str], told: Told, database: int = 0) -> None:
        self.raw = raw
        self.names = names
        if database:
            self.raw = b"".join([select(database), raw, select(0)])
            self.names = ["select", *names, "select"]
        self._selects = bool(database)
        self.wanted = len(self.names)
        self._told = told
        self._replies: list[bytes] = []

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Take the replies that are wanted from `replies`, from `at` on; return where they end."""
        mine = replies[at : at + self.wanted]
        self._replies += mine
        self.wanted -= len(mine)
        if not self.wanted:
            lost = self._replies[-1].startswith(LOST)
            told = self._replies[1:-1] if self._selects else self._replies
            self._told(Fate.LOST if lost else Fate.ANSWERED, () if lost else told)
        return at + len(mine)

    def answer(self, reply: bytes) -> None:
        """Take the same reply for all that is still wanted."""
        self.take([reply] * self.wanted, 0)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Tell that nothing was sent."""
        self.wanted = 0
        self._told(Fate.REFUSED, ())

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return that no client gets them."""
        return [(None, self.wanted)]


def select(database: int) -> bytes:
    """Return the command that changes to `database`."""
    return pack([b"SELECT", b"%d" % database])
