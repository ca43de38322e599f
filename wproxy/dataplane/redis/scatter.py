"""Several commands of one client, sent to the owners of their keys at once: one place in the client's order.

    commands   a1 b1 a2 a3 b2           order     A B A A B
    shares     A: a1 a2 a3   B: b1 b2   reply     made of A's and B's replies in that order, when all are there

A share is one string of bytes on its way to the server and one entry in the queue of those the link owes replies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wproxy.dataplane.redis.slot import One, Owner


class Scatter:
    """The replies to a run of commands, each from the server of its number in `order`."""

    __slots__ = ("_left", "_order", "_shares", "commands", "owner", "reply")

    def __init__(self, owner: Owner, order: Sequence[int]) -> None:
        self.owner = owner
        self.reply: bytes | None = None
        self.commands = len(order)
        self._order = order
        self._shares: dict[int, Share] = {}
        self._left = 0

    def split(self, raws: Iterable[bytes], names: list[str]) -> list[tuple[int, bytes, Share]]:
        """Return for each server its number, the commands of `raws` that go there, and who waits for their replies.

        `names` are those of the commands.
        """
        by_server: dict[int, list[bytes]] = {number: [] for number in set(self._order)}
        if names.count(names[0]) == len(names):
            for number, raw in zip(self._order, raws, strict=True):
                by_server[number].append(raw)
            self._shares = {number: Share(self, len(mine), names[0]) for number, mine in by_server.items()}
        else:
            called: dict[int, list[str]] = {number: [] for number in by_server}
            for number, raw, name in zip(self._order, raws, names, strict=True):
                by_server[number].append(raw)
                called[number].append(name)
            self._shares = {number: Share(self, len(mine), None, mine) for number, mine in called.items()}
        self._left = len(by_server)
        return [(number, b"".join(mine), self._shares[number]) for number, mine in by_server.items()]

    def share_answered(self) -> None:
        """Take note that a share has all its replies; the last one completes the reply."""
        self._left -= 1
        if self._left:
            return
        if len(self._shares) == 1:
            self.reply = b"".join(self._shares[self._order[0]].replies)
        else:
            sources = {number: iter(share.replies) for number, share in self._shares.items()}
            self.reply = b"".join(map(next, map(sources.__getitem__, self._order)))
        self._shares.clear()  # the replies are held once
        self.owner.answered()


class Share:
    """What one server owes to a scatter."""

    __slots__ = ("_scatter", "name", "names", "replies", "wanted")

    def __init__(self, scatter: Scatter, wanted: int, name: str | None, names: list[str] | None = None) -> None:
        self._scatter = scatter
        self.name = name
        self.names = names
        self.wanted = wanted
        self.replies: list[bytes] = []

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Take the replies that are wanted from `replies`, from `at` on; return where they end."""
        mine = replies[at : at + self.wanted]
        self.replies += mine
        self.wanted -= len(mine)
        if not self.wanted:
            self._scatter.share_answered()
        return at + len(mine)

    def answer(self, reply: bytes) -> None:
        """Take the same reply for everything that is still wanted."""
        self.take([reply] * self.wanted, 0)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Answer with the error."""
        self.answer(error)


class Pieces:
    """The commands of one share, each with a reply of its own: made one when all are there."""

    __slots__ = ("_left", "_replies", "_share")

    def __init__(self, share: Share, count: int) -> None:
        self._share = share
        self._left = count
        self._replies: list[bytes] = [b""] * count

    def piece(self, place: int) -> Piece:
        """Return who waits for the reply at `place`."""
        return Piece(self, place)

    def take(self, place: int, reply: bytes) -> None:
        """Take one reply."""
        self._replies[place] = reply
        self._left -= 1
        if not self._left:
            self._share.take(self._replies, 0)


class Piece(One):
    """One command of a share."""

    __slots__ = ("_pieces", "_place")

    def __init__(self, pieces: Pieces, place: int) -> None:
        self._pieces = pieces
        self._place = place

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        self._pieces.take(self._place, reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Answer with the error."""
        self.answer(error)
