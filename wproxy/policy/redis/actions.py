"""What becomes of the keys of a moving slot (`moving`): what is to be done about them, and how it may end."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

Key: TypeAlias = tuple[int, bytes]  # the database and the name


class Command(Protocol):
    """A client's command on one slot."""

    @property
    def keys(self) -> Sequence[Key]:
        """The keys it names, each once, at least one."""


class Outcome(enum.Enum):
    """How a move ended."""

    MOVED = "moved"
    ABSENT = "absent"  # there was nothing to move (any more)
    BUSY = "busy"  # the target has the key already, nothing was done
    DENIED = "denied"  # the target will not have it (out of memory, read only, another version), nothing was done
    DOUBT = "doubt"  # it broke half-way: the target may have a copy or get one, the source may lose its own


class Send(NamedTuple):
    """Send `command` to `server`; with `tell`, call `replied` when it is answered."""

    slot: int
    server: str
    command: Command
    tell: bool = False


class Refuse(NamedTuple):
    """Answer that `command` cannot be done now, because of `server`: it is away, or (`denied`) will not take a key."""

    slot: int
    command: Command
    server: str
    denied: bool = False


class Ask(NamedTuple):
    """Ask whether `server` has `key` and how large it is, then call `asked`."""

    slot: int
    server: str
    key: Key


class Move(NamedTuple):
    """Move `key`, over a copy that `target` may have only with `replace`, then call `moved`.

    Not before nothing can arrive any more of what was sent to `source` and `target` over connections that broke.
    """

    slot: int
    source: str
    target: str
    key: Key
    replace: bool


class Delete(NamedTuple):
    """Delete a copy that was left behind, then call `deleted`."""

    slot: int
    server: str
    key: Key


class Done(NamedTuple):
    """The background's `key` is settled; if not, it could not be moved, or is large and was not forced to."""

    slot: int
    key: Key
    settled: bool


Action: TypeAlias = Send | Refuse | Ask | Move | Delete | Done
Actions: TypeAlias = list[Action]
