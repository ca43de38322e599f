"""Which keys of moving slots are known to be with their slot's owner: a command on such a key may go there at once.

    Homes     one for all slots of a chain: by name, of database 0, so that a wave of commands is looked up by one dict
    Settled   one for each slot: the same keys, of any database, so that they can be forgotten with it

What is not known here is looked for on the servers, so anything may be forgotten at any time.
"""

from __future__ import annotations

from wproxy.policy.redis.actions import Key

_MOST_BYTES = 64 * 1024 * 1024
_KEY_BYTES = 250  # what a key takes beside its name: a tuple, a place in a set and one in a dict


class Homes:
    """Owns the bound on what is remembered; `owners` has the server's name for each key's, of database 0."""

    __slots__ = ("owners", "room_bytes")

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self.owners: dict[bytes, str] = {}
        self.room_bytes = most_bytes


class Settled:
    """The keys of one slot that its owner has; `clear` it before the slot changes its owner."""

    __slots__ = ("_homes", "keys")

    def __init__(self, homes: Homes) -> None:
        self._homes = homes
        self.keys: set[Key] = set()

    def add(self, key: Key, owner: str) -> None:
        """Take note that `owner`, the slot's, has `key`. Where there is no room the others of this slot make some."""
        size = len(key[1]) + _KEY_BYTES
        if size > self._homes.room_bytes:
            self.clear()
        if size <= self._homes.room_bytes and key not in self.keys:
            self._homes.room_bytes -= size
            self.keys.add(key)
            if not key[0]:
                self._homes.owners[key[1]] = owner

    def discard(self, key: Key) -> None:
        """Forget a key, if it is there."""
        if key in self.keys:
            self.keys.remove(key)
            self._free(key)

    def clear(self) -> None:
        """Forget all of them."""
        keys, self.keys = self.keys, set()
        for key in keys:
            self._free(key)

    def _free(self, key: Key) -> None:
        self._homes.room_bytes += len(key[1]) + _KEY_BYTES
        if not key[0]:
            del self._homes.owners[key[1]]
