"""The place of one reply in a client's order, and what happens when its command cannot be sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, TypeAlias


class Waiting(Protocol):
    """Somebody a link owes replies: `wanted` of them, one but for a share of a wave."""

    @property
    def wanted(self) -> int:
        """How many replies are still to come."""

    @property
    def name(self) -> str | None:
        """What its commands are called, in lower case, when it is known and the same for all."""

    @property
    def names(self) -> Sequence[str] | None:
        """What they are called, when it is known and not the same."""

    @property
    def timed(self) -> bool:
        """Whether it says itself when its command has been slow."""

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Take the replies that are wanted from `replies`, from `at` on; return where they end."""

    def answer(self, reply: bytes) -> None:
        """Take the server's reply, as raw bytes; the same one for all that are wanted."""

    def refused(self, raw: bytes, error: bytes) -> None:
        """Take note that the command was surely not executed: `raw` may be sent elsewhere, or `error` be answered."""

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the replies that are still to come, in their order, and how many; None for the proxy."""


class Owner(Protocol):
    """The connection a slot belongs to."""

    def answered(self) -> None:
        """Take note that one of its slots has got its reply."""

    def origin(self) -> tuple[str, int]:
        """Return the client's address, and the database that it is in."""


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
    timed: ClassVar[bool] = False

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Take the reply at `at`."""
        self.answer(replies[at])
        return at + 1

    @abstractmethod
    def answer(self, reply: bytes) -> None:
        """Take the server's reply."""

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the reply."""
        return [(None, 1)]


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

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return its owner."""
        return [(self.owner, 1)]


Merge: TypeAlias = Callable[[Sequence["bytes | None"]], bytes]


class Gather:
    """Makes one reply of several servers', for one slot."""

    __slots__ = ("_left", "_merge", "_replies", "_slot")

    def __init__(self, slot: Waiting, count: int, merge: Merge) -> None:
        """Wait for `count` replies; `merge` gets them in the order of the parts, None for a server that is away."""
        self._slot = slot
        self._merge = merge
        self._left = count
        self._replies: list[bytes | None] = [None] * count

    def parts(self, *, telling: bool = False) -> Sequence[Part]:
        """Return who waits for each reply; `telling` has `merge` get the error of a server that is away."""
        return [Part(self, index, telling) for index in range(len(self._replies))]

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the reply."""
        return self._slot.clients()

    def take(self, index: int, reply: bytes | None) -> None:
        """Take one server's reply, None when it is away; the last one completes the slot."""
        self._replies[index] = reply
        self._left -= 1
        if not self._left:
            self._slot.answer(self._merge(self._replies))


class Part(One):
    """One server's part in a gathering."""

    __slots__ = ("_gather", "_index", "_telling")

    def __init__(self, gather: Gather, index: int, telling: bool) -> None:
        self._gather = gather
        self._index = index
        self._telling = telling

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        self._gather.take(self._index, reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Pass on that the server is away."""
        self._gather.take(self._index, error if self._telling else None)

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the reply."""
        return self._gather.clients()


class Changed(One):
    """Somebody whose reply is changed on its way, when it is no error."""

    __slots__ = ("_change", "_slot")

    def __init__(self, slot: Waiting, change: Callable[[bytes], bytes]) -> None:
        self._slot = slot
        self._change = change

    def answer(self, reply: bytes) -> None:
        """Pass on what the reply becomes."""
        self._slot.answer(reply if reply.startswith(b"-") else self._change(reply))

    def refused(self, raw: bytes, error: bytes) -> None:
        """Pass on that the command was not executed."""
        self._slot.refused(raw, error)

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the reply."""
        return self._slot.clients()


class Then(One):
    """Somebody whose reply is passed on, and who is told of by a call of `call` then."""

    __slots__ = ("_call", "_slot")

    def __init__(self, slot: Waiting, call: Callable[[], None]) -> None:
        self._slot = slot
        self._call = call

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        self._slot.answer(reply)
        self._call()

    def refused(self, raw: bytes, error: bytes) -> None:
        """Pass on that the command was not executed."""
        self._slot.refused(raw, error)
        self._call()

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the reply."""
        return self._slot.clients()


class Last:
    """Somebody whose reply comes behind others that concern only the proxy, such as QUEUED."""

    __slots__ = ("_slot", "wanted")
    name: ClassVar[None] = None  # looked up in the commands' bytes
    names: ClassVar[None] = None
    timed: ClassVar[bool] = False

    def __init__(self, slot: Waiting, before: int) -> None:
        self._slot = slot
        self.wanted = before + 1

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Skip replies up to the last one that is wanted."""
        end = min(at + self.wanted, len(replies))
        self.wanted -= end - at
        if not self.wanted:
            self._slot.answer(replies[end - 1])
        return end

    def answer(self, reply: bytes) -> None:
        """Take the same reply for all."""
        self.wanted = 0
        self._slot.answer(reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Pass on that nothing was executed."""
        self.wanted = 0
        self._slot.refused(raw, error)

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the last reply."""
        return [(owner, self.wanted) for owner, _ in self._slot.clients()]
