"""Keys on their way through the proxy: DUMP at the source, RESTORE at the target, UNLINK at the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from wproxy.dataplane.redis.batch import Fate, Told, select
from wproxy.policy.redis.actions import Move, Outcome
from wproxy.protocols.resp import pack


class Sending(Protocol):
    """`Mover.send`."""

    def __call__(self, server: str, raw: bytes, names: Sequence[str], told: Told, database: int = 0) -> None:
        """Send `raw`, commands that are called `names`, to `server`."""


_FETCH = b"*2\r\n$4\r\nDUMP\r\n%b*2\r\n$4\r\nPTTL\r\n%b*2\r\n$11\r\nPEXPIRETIME\r\n%b"
_FETCH_NAMES = ("dump", "pttl", "pexpiretime")
_GONE = b":-2\r\n"  # expired between two of them

Moved = Callable[[Move, Outcome], None]
Away = Callable[[Move, str], None]


class Carry:
    """Makes `moves`, of one database and from one server to another; of each it tells `moved`, or `away` and who is.

    `away` is told when surely nothing was done. `ended` is called behind the last.
    """

    __slots__ = ("_away", "_database", "_ended", "_left", "_moved", "_moves", "_send", "_source", "_target")

    def __init__(
        self, moves: Sequence[Move], send: Sending, moved: Moved, away: Away, ended: Callable[[], None]
    ) -> None:
        self._left = len(moves)
        self._ended = ended
        self._moves = moves
        self._source = moves[0].source
        self._target = moves[0].target
        self._database = moves[0].key[0]
        self._send = send
        self._moved = moved
        self._away = away

    def start(self) -> None:
        """Fetch the values and when they expire, in absolute time where the server tells it (7.0 and later)."""
        names = [b"$%d\r\n%b\r\n" % (len(move.key[1]), move.key[1]) for move in self._moves]
        raw = b"".join([_FETCH % (name, name, name) for name in names])
        self._send(self._source, raw, _FETCH_NAMES * len(names), self._fetched, self._database)

    def give_up(self, server: str) -> None:
        """Do not begin: `server` is away."""
        self._all_away(self._moves, server)

    def _fetched(self, fate: Fate, replies: Sequence[bytes]) -> None:
        if fate is not Fate.ANSWERED:
            self._all_away(self._moves, self._source)
            return
        moves: list[Move] = []
        commands: list[bytes] = []
        for move, dump, left_ms, at_ms in zip(self._moves, replies[::3], replies[1::3], replies[2::3], strict=True):
            if dump.startswith(b"$-1") or left_ms == _GONE or at_ms == _GONE:
                self._tell(move, Outcome.ABSENT)
            elif not dump.startswith(b"$"):
                self._tell(move, Outcome.DENIED)
            else:
                moves.append(move)
                commands.append(_restoration(move, dump, left_ms, at_ms))
        if moves:
            self._restore(moves, commands)

    def _restore(self, moves: Sequence[Move], commands: Sequence[bytes]) -> None:
        """Store the values; a target without this database would store them in another one, so that is asked first."""
        raw, names = b"".join(commands), ["restore"] * len(moves)

        def restored(fate: Fate, replies: Sequence[bytes]) -> None:
            self._restored(moves, fate, replies)

        def selected(fate: Fate, replies: Sequence[bytes]) -> None:
            if fate is not Fate.ANSWERED:
                self._all_away(moves, self._target)
            elif replies[0].startswith(b"+OK"):
                self._send(self._target, raw, names, restored, self._database)
            else:
                self._all(moves, Outcome.DENIED)

        if self._database:
            self._send(self._target, select(self._database) + select(0), ["select"] * 2, selected)
        else:
            self._send(self._target, raw, names, restored)

    def _restored(self, moves: Sequence[Move], fate: Fate, replies: Sequence[bytes]) -> None:
        if fate is Fate.REFUSED:
            self._all_away(moves, self._target)
            return
        if fate is Fate.LOST:
            self._all(moves, Outcome.DOUBT)
            return
        stored: list[Move] = []
        for move, reply in zip(moves, replies, strict=True):
            if reply.startswith(b"+OK"):
                stored.append(move)
            else:
                self._tell(move, Outcome.BUSY if reply.startswith(b"-BUSYKEY") else Outcome.DENIED)
        if stored:
            self._remove(stored)

    def _remove(self, moves: Sequence[Move]) -> None:
        def removed(fate: Fate, replies: Sequence[bytes]) -> None:
            done = fate is Fate.ANSWERED and replies[0].startswith(b":")
            self._all(moves, Outcome.MOVED if done else Outcome.DOUBT)

        raw = pack([b"UNLINK", *(move.key[1] for move in moves)])
        self._send(self._source, raw, ["unlink"], removed, self._database)

    def _all(self, moves: Sequence[Move], outcome: Outcome) -> None:
        for move in moves:
            self._tell(move, outcome)

    def _all_away(self, moves: Sequence[Move], server: str) -> None:
        for move in moves:
            self._away(move, server)
            self._end_one()

    def _tell(self, move: Move, outcome: Outcome) -> None:
        self._moved(move, outcome)
        self._end_one()

    def _end_one(self) -> None:
        self._left -= 1
        if not self._left:
            self._ended()


def _restoration(move: Move, dump: bytes, left_ms: bytes, at_ms: bytes) -> bytes:
    """Return the command that stores what DUMP, PTTL and PEXPIRETIME have told; a time of 0 is for ever."""
    name, at, options = move.key[1], b"0", b""
    if left_ms != b":-1\r\n":
        if at_ms.startswith(b":"):
            at, options = at_ms[1:-2], b"$6\r\nABSTTL\r\n"
        else:
            at = b"%d" % max(int(left_ms[1:-2]), 1)
    if move.replace:
        options += b"$7\r\nREPLACE\r\n"
    count = 4 + options.count(b"$")
    return b"*%d\r\n$7\r\nRESTORE\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n%b%b" % (
        count, len(name), name, len(at), at, dump, options,
    )  # fmt: skip
