"""One key on its way through the proxy: DUMP at the source, RESTORE at the target, UNLINK at the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from wproxy.dataplane.redis.batch import Fate, Told
from wproxy.policy.redis.moving import Key, Move, Outcome


class Sending(Protocol):
    """`Mover.send`."""

    def __call__(self, server: str, commands: Sequence[Sequence[bytes]], told: Told, database: int = 0) -> None:
        """Send `commands` to `server`."""


class Carry:
    """Moves one key, then tells `moved`, or `away` when surely nothing was done."""

    __slots__ = ("_away", "_move", "_moved", "_send")

    def __init__(
        self,
        move: Move,
        send: Sending,
        moved: Callable[[Move, Outcome], None],
        away: Callable[[int, Key, str], None],
    ) -> None:
        self._move = move
        self._send = send
        self._moved = moved
        self._away = away

    def start(self) -> None:
        """Fetch the value and when it expires, in absolute time where the server tells it (7.0 and later)."""
        database, name = self._move.key
        commands = [(b"DUMP", name), (b"PTTL", name), (b"PEXPIRETIME", name)]
        self._send(self._move.source, commands, self._fetched, database)

    def _fetched(self, fate: Fate, replies: Sequence[bytes]) -> None:
        if fate is not Fate.ANSWERED:
            self._away(self._move.slot, self._move.key, self._move.source)
            return
        dump, left_ms, at_ms = replies
        if dump.startswith(b"$-1") or left_ms == b":-2\r\n":
            self._moved(self._move, Outcome.ABSENT)
        elif not dump.startswith(b"$"):
            self._moved(self._move, Outcome.DENIED)
        else:
            expires_at, *options = _life(left_ms, at_ms)
            value = dump[dump.index(b"\r\n") + 2 : -2]
            command = [b"RESTORE", self._move.key[1], expires_at, value, *options]
            if self._move.replace:
                command.append(b"REPLACE")
            self._restore(command)

    def _restore(self, command: list[bytes]) -> None:
        """Store the value; a target without this database would store it in another one, so that is asked first."""
        database = self._move.key[0]
        if not database:
            self._send(self._move.target, [command], self._restored)
            return

        def selected(fate: Fate, replies: Sequence[bytes]) -> None:
            if fate is not Fate.ANSWERED:
                self._away(self._move.slot, self._move.key, self._move.target)
            elif replies[0].startswith(b"+OK"):
                self._send(self._move.target, [command], self._restored, database)
            else:
                self._moved(self._move, Outcome.DENIED)

        self._send(self._move.target, [(b"SELECT", b"%d" % database), (b"SELECT", b"0")], selected)

    def _restored(self, fate: Fate, replies: Sequence[bytes]) -> None:
        if fate is Fate.REFUSED:
            self._away(self._move.slot, self._move.key, self._move.target)
        elif fate is Fate.LOST:
            self._moved(self._move, Outcome.DOUBT)
        elif replies[0].startswith(b"+OK"):
            database, name = self._move.key
            self._send(self._move.source, [(b"UNLINK", name)], self._removed, database)
        else:
            self._moved(self._move, Outcome.BUSY if replies[0].startswith(b"-BUSYKEY") else Outcome.DENIED)

    def _removed(self, fate: Fate, replies: Sequence[bytes]) -> None:
        done = fate is Fate.ANSWERED and replies[0].startswith(b":")
        self._moved(self._move, Outcome.MOVED if done else Outcome.DOUBT)


def _life(left_ms: bytes, at_ms: bytes) -> list[bytes]:
    """Return RESTORE's time of expiry and the option that it needs; 0 is for ever."""
    if left_ms == b":-1\r\n":
        return [b"0"]
    if at_ms.startswith(b":"):
        return [at_ms[1:-2], b"ABSTTL"]
    return [b"%d" % max(int(left_ms[1:-2]), 1)]
