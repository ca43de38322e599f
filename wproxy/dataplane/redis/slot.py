"""The place of one reply in a client's order, and what happens when its command cannot be sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

from wproxy.policy.redis.routing import merge


class Waiting(Protocol):
    """Somebody a link owes replies: `wanted` of them, one but for a share of a scatter."""

    @property
    def wanted(self) -> int:
        """How many replies are still to come."""

    @property
    def name(self) -> str | None:
        """What its commands are called, in lower case, when it is known and the same for all."""

    @property
    def names(self) -> Sequence[str] | None:
        """What they are called, when it is known and not the same."""

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Take the replies that are wanted from `replies`, from `at` on; return where they end."""

    def answer(self, reply: bytes) -> None:
        """Take the server's reply, as raw bytes; the same one for all that are wanted."""

    def refused(self, raw: bytes, error: bytes) -> None:
        """Take note that the command was surely not executed: `raw` may be sent elsewhere, or `error` be answered."""


class Owner(Protocol):
    """The connection a slot belongs to."""

    def answered(self) -> None:
        """Take note that one of its slots has got its reply."""


class Place(Protocol):
    """A place in a client's order: of one command, or of several in a row whose replies come together."""

    @property
    def commands(self) -> int:
        """How many commands it stands for."""

    @property
    def reply(self) -> bytes | None:
        """What all of them are answered with; None while that is not known."""


class One(ABC):
    """Somebody who waits for one reply."""

    __slots__ = ()
    wanted: ClassVar[int] = 1
    name: str | None = None  # has it looked up in the command's bytes
    names: ClassVar[None] = None

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Take the reply at `at`."""
        self.answer(replies[at])
        return at + 1

    @abstractmethod
    def answer(self, reply: bytes) -> None:
        """Take the server's reply."""


class Slot(One):
    """One reply of one client."""

    __slots__ = ("name", "owner", "reply")
    commands: ClassVar[int] = 1

    def __init__(self, owner: Owner, name: str | None = None) -> None:
        self.name = name
        self.owner = owner
        self.reply: bytes | None = None

    def answer(self, reply: bytes) -> None:
        """Take the reply."""
        self.reply = reply
        self.owner.answered()

    def refused(self, raw: bytes, error: bytes) -> None:
        """Answer with the error."""
        self.answer(error)


class Gather:
    """Makes one reply of every server's, for one slot."""

    __slots__ = ("_absent", "_left", "_replies", "_slot")

    def __init__(self, slot: Waiting, servers: int, absent: frozenset[bytes]) -> None:
        self._slot = slot
        self._absent = absent
        self._left = servers
        self._replies: list[bytes | None] = [None] * servers

    def parts(self) -> Sequence[Part]:
        """Return who waits for each server's reply, in the servers' order."""
        return [Part(self, index) for index in range(len(self._replies))]

    def take(self, index: int, reply: bytes | None) -> None:
        """Take one server's reply, None when it is away; the last one completes the slot."""
        self._replies[index] = reply
        self._left -= 1
        if not self._left:
            self._slot.answer(merge(self._replies, self._absent))


class Part(One):
    """One server's part in a gathering."""

    __slots__ = ("_gather", "_index")

    def __init__(self, gather: Gather, index: int) -> None:
        self._gather = gather
        self._index = index

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        self._gather.take(self._index, reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Pass on that the server is away."""
        self._gather.take(self._index, None)
