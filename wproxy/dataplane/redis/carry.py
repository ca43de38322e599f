"""Keys on their way through the proxy: DUMP at the source, RESTORE at the target, UNLINK at the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from wproxy.dataplane.redis.batch import Fate, Told
from wproxy.policy.redis.actions import Move, Outcome


class Sending(Protocol):
    """`Mover.send`."""

    def __call__(self, server: str, commands: Sequence[Sequence[bytes]], told: Told, database: int = 0) -> None:
        """Send `commands` to `server`."""


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
        commands = [(command, move.key[1]) for move in self._moves for command in (b"DUMP", b"PTTL", b"PEXPIRETIME")]
        self._send(self._source, commands, self._fetched, self._database)

    def give_up(self, server: str) -> None:
        """Do not begin: `server` is away."""
        self._all_away(self._moves, server)

    def _fetched(self, fate: Fate, replies: Sequence[bytes]) -> None:
        if fate is not Fate.ANSWERED:
            self._all_away(self._moves, self._source)
            return
        moves: list[Move] = []
        commands: list[list[bytes]] = []
        for move, dump, left_ms, at_ms in zip(self._moves, replies[::3], replies[1::3], replies[2::3], strict=True):
            if dump.startswith(b"$-1") or left_ms == b":-2\r\n":
                self._tell(move, Outcome.ABSENT)
            elif not dump.startswith(b"$"):
                self._tell(move, Outcome.DENIED)
            else:
                moves.append(move)
                commands.append(_restoration(move, dump, left_ms, at_ms))
        if moves:
            self._restore(moves, commands)

    def _restore(self, moves: Sequence[Move], commands: Sequence[Sequence[bytes]]) -> None:
        """Store the values; a target without this database would store them in another one, so that is asked first."""

        def restored(fate: Fate, replies: Sequence[bytes]) -> None:
            self._restored(moves, fate, replies)

        def selected(fate: Fate, replies: Sequence[bytes]) -> None:
            if fate is not Fate.ANSWERED:
                self._all_away(moves, self._target)
            elif replies[0].startswith(b"+OK"):
                self._send(self._target, commands, restored, self._database)
            else:
                self._all(moves, Outcome.DENIED)

        if self._database:
            self._send(self._target, [(b"SELECT", b"%d" % self._database), (b"SELECT", b"0")], selected)
        else:
            self._send(self._target, commands, restored)

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

        self._send(self._source, [(b"UNLINK", *(move.key[1] for move in moves))], removed, self._database)

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


def _restoration(move: Move, dump: bytes, left_ms: bytes, at_ms: bytes) -> list[bytes]:
    """Return the command that stores what DUMP, PTTL and PEXPIRETIME have told."""
    expires_at, *options = _life(left_ms, at_ms)
    if move.replace:
        options.append(b"REPLACE")
    return [b"RESTORE", move.key[1], expires_at, dump[dump.index(b"\r\n") + 2 : -2], *options]


def _life(left_ms: bytes, at_ms: bytes) -> list[bytes]:
    """Return RESTORE's time of expiry and the option that it needs; 0 is for ever."""
    if left_ms == b":-1\r\n":
        return [b"0"]
    if at_ms.startswith(b":"):
        return [at_ms[1:-2], b"ABSTTL"]
    return [b"%d" % max(int(left_ms[1:-2]), 1)]
