"""The commands between MULTI and EXEC: checked and kept by the proxy, then sent whole to the owner of their one slot.

Answers are redis-server's: QUEUED, the error of a command that cannot be queued, EXECABORT after one of those.
"""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.policy.redis.blocking import TIMEOUTS
from wproxy.policy.redis.routing import CROSSING, CROSSSLOT, KEYLESS, Rule, Target, common_slot

MOST_BYTES = 64 * 1024 * 1024
QUEUED = b"+QUEUED\r\n"
ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
NESTED = b"-ERR MULTI calls can not be nested\r\n"
LATE_WATCH = b"-ERR WATCH inside MULTI is not allowed\r\n"
_TOO_LARGE = b"-ERR a transaction of more than %d bytes is too large for this proxy\r\n" % MOST_BYTES
_MULTI = b"*1\r\n$5\r\nMULTI\r\n"
_EXEC = b"*1\r\n$4\r\nEXEC\r\n"
_OWN = frozenset({"echo", "ping"})  # answered by the proxy elsewhere, by the server in between


class Transaction:
    """What one client has queued, and the keys of it, which are in one slot: `routing.KEYLESS` while there are none."""

    __slots__ = ("_raws", "_size", "_slot", "faulty", "keys")

    def __init__(self, slot: int = KEYLESS) -> None:
        """Begin one; `slot` is that of watched keys."""
        self.keys: dict[bytes, None] = {}
        self._slot = slot
        self.faulty = False
        self._raws: list[bytes] = []
        self._size = 0

    def __len__(self) -> int:
        """Return how many commands are queued."""
        return len(self._raws)

    def queue(self, rule: Rule, arguments: Sequence[bytes], raw: bytes) -> bytes:
        """Queue a command that `routing.fault` has nothing against; return the reply to it."""
        error = self._against(rule, arguments)
        if error is None and self._size + len(raw) > MOST_BYTES:
            error = _TOO_LARGE
        if error is not None:
            return self.refuse(error)
        if not self.faulty:
            self._raws.append(raw)
            self._size += len(raw)
        return QUEUED

    def refuse(self, error: bytes) -> bytes:
        """Take note of a command that cannot be queued: there will be no EXEC. Return `error`."""
        self.faulty = True
        self._raws.clear()
        return error

    def whole(self) -> bytes:
        """Return the transaction as it goes to the server: its answers are OK, QUEUED for each command, the replies."""
        return b"".join([_MULTI, *self._raws, _EXEC])

    def _against(self, rule: Rule, arguments: Sequence[bytes]) -> bytes | None:
        """Return what is against queueing a command; None, and the slot is noted, when nothing is."""
        name = rule.command.name
        if rule.target in (Target.SLOT, Target.SPLIT) or name in TIMEOUTS:
            keys = rule.keys(arguments)
            slot = common_slot(keys)
            if slot == CROSSING or (slot != KEYLESS and self._slot not in (slot, KEYLESS)):
                return CROSSSLOT
            if keys:
                self._slot = slot
                self.keys.update(dict.fromkeys(keys))
            return None
        if rule.target is Target.ANY or name in _OWN or name == "unwatch":
            return None
        return b"-ERR '%b' inside MULTI is not supported by this proxy: it is not for the one server of a slot\r\n" % (
            name.encode()
        )
