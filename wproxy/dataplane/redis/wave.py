"""What clients send in one turn of the loop, dealt out together to the owners of the keys.

    client 1   a1 b1 a2    client 2   b2 a3     order    A B A | B A
    shares     A: a1 a2 a3    B: b1 b2          replies  each client's made of A's and B's in its part of the order

A share is one string of bytes on its way to the server and one entry in the queue of those the link owes replies.
A client is answered when its own stretch of the wave is, whatever the others wait for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from wproxy.dataplane.redis.slot import One, Owner
from wproxy.protocols.resp import Run


class Stretch:
    """One client's commands in a wave, in a row: one place in the client's order."""

    __slots__ = ("_left", "_order", "_replies", "commands", "owner", "reply")

    def __init__(self, owner: Owner, commands: int) -> None:
        self.owner = owner
        self.commands = commands
        self.reply: bytes | None = None
        self._order: Sequence[int] = ()
        self._left = 0  # servers that have not answered all of it
        self._replies: dict[int, Iterator[bytes]] = {}

    def expect(self, order: Sequence[int], servers: int) -> None:
        """Take note whose reply comes to each command: that of `servers` different numbers in `order`."""
        self._order = order
        self._left = servers

    def take(self, number: int, replies: Sequence[bytes]) -> None:
        """Take all replies of the server of that number; the last server's complete the reply."""
        self._left -= 1
        if not self._left and not self._replies:
            self.reply = b"".join(replies)
        else:
            self._replies[number] = iter(replies)
            if self._left:
                return
            self.reply = b"".join(map(next, map(self._replies.__getitem__, self._order)))
            self._replies.clear()  # the replies are held once
        self.owner.answered()


class Share:
    """What one server owes to a wave."""

    __slots__ = ("_begun", "_number", "_parts", "name", "names", "wanted")
    timed: ClassVar[bool] = False

    def __init__(self, number: int, parts: list[tuple[Stretch, int]], names: list[str]) -> None:
        """Wait for the replies to commands called `names`: of each stretch in `parts` so many, in that order."""
        self.wanted = len(names)
        self.name = names[0] if names.count(names[0]) == len(names) else None
        self.names = None if self.name is not None else names
        self._number = number
        self._parts = parts[::-1]  # the next one stands last
        self._begun: list[bytes] = []  # replies to the first commands of the next one

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Take the replies that are wanted from `replies`, from `at` on; return where they end."""
        end = min(at + self.wanted, len(replies))
        self.wanted -= end - at
        while at < end:
            stretch, count = self._parts[-1]
            until = at + count - len(self._begun)
            if until > end:
                self._begun += replies[at:end]
                break
            mine = replies[at:until]
            if self._begun:
                mine = [*self._begun, *mine]
                self._begun = []
            self._parts.pop()
            stretch.take(self._number, mine)
            at = until
        return end

    def answer(self, reply: bytes) -> None:
        """Take the same reply for everything that is still wanted."""
        self.take([reply] * self.wanted, 0)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Answer with the error."""
        self.answer(error)

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the replies that are still to come, and how many."""
        found: list[tuple[Owner | None, int]] = [(stretch.owner, count) for stretch, count in reversed(self._parts)]
        if self._begun:
            found[0] = found[0][0], found[0][1] - len(self._begun)
        return found

    def pieces(self) -> Iterator[Piece]:
        """Yield who waits for the reply to each command, where they do not come from one server and in order."""
        for stretch, count in reversed(self._parts):
            pieces = _Pieces(self._number, stretch, count)
            for place in range(count):
                yield Piece(pieces, place)


class _Pieces:
    """The commands of a stretch that have a reply of their own each: taken when all are there."""

    __slots__ = ("_left", "_number", "_replies", "_stretch")

    def __init__(self, number: int, stretch: Stretch, count: int) -> None:
        self._number = number
        self._stretch = stretch
        self._left = count
        self._replies: list[bytes] = [b""] * count

    @property
    def owner(self) -> Owner:
        """Whose they are."""
        return self._stretch.owner

    def take(self, place: int, reply: bytes) -> None:
        """Take one reply."""
        self._replies[place] = reply
        self._left -= 1
        if not self._left:
            self._stretch.take(self._number, self._replies)


class Piece(One):
    """One command of a share."""

    __slots__ = ("_pieces", "_place")

    def __init__(self, pieces: _Pieces, place: int) -> None:
        self._pieces = pieces
        self._place = place

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        self._pieces.take(self._place, reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Answer with the error."""
        self.answer(error)

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the reply."""
        return [(self._pieces.owner, 1)]


class Wave:
    """Commands in columns, in the order in which they came: of each its name, its key and its bytes."""

    __slots__ = ("_stretches", "keys", "names", "raws", "tagged")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.keys: list[bytes] = []
        self.raws: list[bytes] = []
        self.tagged = False  # there may be keys with a `{tag}`
        self._stretches: list[Stretch] = []

    def add(self, run: Run, names: list[str], owner: Owner) -> Stretch:
        """Add the commands of `run`, called `names`; return their place in the client's order."""
        self.names += names
        self.keys += run.keys
        self.raws += run.raws
        self.tagged |= _OPENING in run.whole
        stretch = Stretch(owner, len(names))
        self._stretches.append(stretch)
        return stretch

    def split(self, order: Sequence[int]) -> list[tuple[int, bytes, Share]]:
        """Return for each server in `order` its number, the bytes that go there, and who waits for the replies."""
        numbers = set(order)
        raws: dict[int, list[bytes]] = {number: [] for number in numbers}
        for number, raw in zip(order, self.raws, strict=True):
            raws[number].append(raw)
        parts = self._parts(order, numbers)
        return [
            (number, b"".join(mine), Share(number, parts[number], self._names(order, number, len(mine))))
            for number, mine in raws.items()
        ]

    def _names(self, order: Sequence[int], number: int, count: int) -> list[str]:
        """Return what the `count` commands of a server are called."""
        names = self.names
        if names.count(names[0]) == len(names):
            return names[:count]
        return [name for name, owner in zip(names, order, strict=True) if owner == number]

    def _parts(self, order: Sequence[int], numbers: set[int]) -> dict[int, list[tuple[Stretch, int]]]:
        """Return which stretches each server answers, and how many commands of each."""
        parts: dict[int, list[tuple[Stretch, int]]] = {number: [] for number in numbers}
        at = 0
        for stretch in self._stretches:
            mine = order[at : at + stretch.commands]
            at += stretch.commands
            servers = set(mine)
            for number in servers:
                parts[number].append((stretch, mine.count(number)))
            stretch.expect(mine, len(servers))
        return parts


_OPENING = ord("{")
