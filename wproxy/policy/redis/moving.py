"""One slot whose keys are on their way to another server: what happens to a command on it, and which key moves when.

A slot has one owner, and older servers that may still have some of its keys, the newest first. Every key goes through

    unknown ──▶ looked for on each older server ──▶ moved, or nowhere found ──▶ settled: commands go to the owner
                             │ too large to be moved now, or the owner will not take it
                             ▼
                           pinned: commands of this one key go where it is; after some of them it is unknown again

and a command waits until each of its keys is settled (or its only key pinned), behind those that came before it on the
same key. While the slot changes owner, all commands wait: first those under way to the owner, and the moves under way,
are answered (`fenced`), then the new owner is in force.

The invariant: a command that may write goes out only when no other server has a copy of its keys that this proxy knows
of. So copies that a move left behind when it broke half-way are equal. A server may have others all the same (it was
started with an old backup, a client's command came late): the one is kept that stands where the key was placed last
(`Tenures`). The only copy is never deleted, wherever it stands.

What a broken connection leaves behind may be executed later: until that is out of the question a key is in doubt. It is
not settled before both its older server and its owner have been asked by a move, which makes sure of that (`Move`).

No I/O: the methods take what happened and return what is to be done.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Sequence

from wproxy.policy.redis.actions import Action, Actions, Ask, Command, Delete, Done, Key, Move, Outcome, Refuse, Send
from wproxy.policy.redis.homes import Homes, Settled
from wproxy.policy.redis.placements import Placements, Tenures

_TRIES = 3  # of a move that breaks, before its commands are refused
_PINNED = 16  # keys of one slot that stay pinned while no command is under way
_USES = 32  # commands on a pinned key, before it is looked for again: it may be smaller, or taken, by then


class Step(enum.Enum):
    """What is under way for a key, at most one thing at a time."""

    IDLE = "idle"
    ASKING = "asking"
    MOVING = "moving"
    DELETING = "deleting"


class _Entry:
    """One key that is not settled, or on which commands wait."""

    __slots__ = (
        "background", "denied", "forced", "found", "in_flight", "key", "last_place", "pinned_at", "placed", "queue",
        "stays_at", "step", "tries", "unseen", "uses_left",
    )  # fmt: skip

    def __init__(self, key: Key) -> None:
        self.key = key
        self.queue: deque[Command] = deque()
        self.step = Step.IDLE
        self.unseen: list[str] = []  # older servers still to look at; the first is the one in hand
        self.found = False  # the owner has it from one of those: any other copy is to be deleted
        self.stays_at: str | None = None  # where it is to be pinned, unless it turns out to be elsewhere too
        self.denied = False  # because the owner will not have it
        self.pinned_at: str | None = None
        self.last_place: str | None = None  # where the newest copy is, if that is known
        self.placed = False  # no older server has it
        self.forced = False  # it must move, whatever its size
        self.background = False  # `Done` is to be told
        self.in_flight = 0  # commands under way to where it is pinned
        self.tries = 0
        self.uses_left = 0  # of where it is pinned


class MovingSlot:
    """The slot `slot`, from the moment on when `owner` is to lose it.

    `limit_bytes` is the size up to which a key is moved unless it must be; `known`, whether `owner` has all its keys.
    """

    __slots__ = (
        "_doubts", "_entries", "_fences", "_next", "_settled", "_steps", "_tenures", "limit_bytes", "older", "owner",
        "slot", "used",
    )  # fmt: skip

    def __init__(
        self,
        slot: int,
        owner: str,
        limit_bytes: float,
        placements: Placements | None = None,
        homes: Homes | None = None,
        *,
        known: bool = True,
    ) -> None:
        self.slot = slot
        self.owner = owner
        self.older: tuple[str, ...] = ()
        self.limit_bytes = limit_bytes
        self.used: set[str] = set()  # servers, not the owner, where clients' commands may have made keys
        self._next: str | None = None  # who will be the owner when all under way is answered
        self._fences: set[str] = set()
        self._steps = 0  # entries whose step is not IDLE
        self._entries: dict[Key, _Entry] = {}
        self._settled = Settled(homes or Homes())  # never one that has an entry; none while it changes owner
        self._doubts: set[Key] = set()  # may have equal copies on several servers, now or later
        self._tenures = Tenures(placements or Placements(), owner, known=known)

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def holding(self) -> bool:
        """Whether it is changing owner, and all commands wait."""
        return self._next is not None

    @property
    def finished(self) -> bool:
        """Whether nobody but the owner has a part in it: commands may go to the owner without asking here."""
        return not self.older and not self._entries and self._next is None

    @property
    def givers(self) -> set[str]:
        """Who may have keys of it and is not, or will soon not be, its owner."""
        future = self.owner if self._next is None else self._next
        return {self.owner, *self.older} - {future}

    def at_home(self, key: Key) -> bool:
        """Tell whether a command on `key` alone may go to the owner at once."""
        return key in self._settled.keys

    def leave(self) -> None:
        """Give back what is remembered: the slot moves no more."""
        self._settled.clear()

    def waiting(self) -> list[Command]:
        """Return the commands that wait, for whoever closes all of this."""
        return list(dict.fromkeys(command for entry in self._entries.values() for command in entry.queue))

    # -- the owner changes ---------------------------------------------------------------------------------------

    def change(self, owner: str) -> set[str]:
        """Begin to make `owner` the owner: return the servers on which all under way is to be answered (`fenced`)."""
        if self._next is not None:
            self._next = owner
            return set()
        if owner == self.owner:
            return set()
        self._next = owner
        self._settled.clear()
        used = (entry.pinned_at for entry in self._entries.values() if entry.pinned_at and entry.in_flight)
        self._fences = {self.owner, *used}
        return set(self._fences)

    def fenced(self, server: str) -> Actions:
        """Take note that `server` has answered all that was under way when the change began."""
        self._fences.discard(server)
        return self._enter()

    def waits_for(self, server: str) -> bool:
        """Tell whether all commands wait for what is under way to `server`."""
        return server in self._fences

    def stuck(self, server: str) -> Actions:
        """Refuse what waits, because the answers of `server` that it waits for may not come for long."""
        if server not in self._fences:
            return []
        refused: Actions = [Refuse(self.slot, command, server) for command in self.waiting()]
        for entry in list(self._entries.values()):
            entry.queue.clear()
            if entry.step is Step.IDLE:
                self._drop(entry, remember=False)
        return refused

    def _enter(self) -> Actions:
        """Put the new owner in force, if nothing is under way any more."""
        if self._next is None or self._fences or self._steps:
            return []
        old, new, self._next = self.owner, self._next, None
        if new != old:
            self.owner = new
            self._tenures.begin(new)
            self.older = (old, *(server for server in self.older if server not in (old, new)))
            for entry in list(self._entries.values()):
                entry.placed, entry.pinned_at = False, None
                if not entry.queue:
                    self._drop(entry, remember=False)
        return self._go_on(list(self._entries.values()))

    def cleared(self, server: str) -> Actions:
        """Take note that `server` has no key of it left; for a server that is not in `used`."""
        self.older = tuple(each for each in self.older if each != server)
        if server != self.owner:
            self._tenures.forget(server)
        self.forget_pins(server)
        for entry in self._entries.values():
            entry.unseen[1:] = [each for each in entry.unseen[1:] if each != server]
        return []

    def forget_pins(self, server: str) -> None:
        """Look anew for keys that are used where they are, on `server`, when a command needs them next."""
        for entry in [entry for entry in self._entries.values() if entry.pinned_at == server]:
            entry.uses_left = 0
            if not entry.queue and entry.step is Step.IDLE:
                self._drop(entry, remember=False)

    # -- commands ------------------------------------------------------------------------------------------------

    def command(self, command: Command) -> Actions:
        """Take a client's command."""
        keys = command.keys
        if self._settled.keys.issuperset(keys):
            return [Send(self.slot, self.owner, command)]
        entries = [self._entry(key) for key in keys]
        for entry in entries:
            entry.queue.append(command)
            entry.forced = entry.forced or len(keys) > 1
        return self._go_on(entries)

    def background(self, key: Key, *, force: bool = False) -> Actions:
        """Have `key`, seen on an older server, moved, with `force` however large it is; `Done` follows."""
        entry = self._entry(key)
        entry.placed = False
        entry.background = True
        entry.forced = entry.forced or force
        return self._go_on([entry])

    def replied(self, command: Command) -> Actions:
        """Take note of the answer to a command that was sent with `tell`."""
        entry = self._entries[command.keys[0]]
        entry.in_flight -= 1
        if entry.pinned_at is not None:
            self.used.add(entry.pinned_at)
        return self._go_on([entry])

    def _entry(self, key: Key) -> _Entry:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(key)
            entry.placed = key in self._settled.keys
            self._settled.discard(key)
        return entry

    def _go_on(self, entries: Sequence[_Entry]) -> Actions:
        """Do the next thing for each of `entries` that has nothing under way."""
        if self._next is not None:
            return self._enter()
        actions: Actions = []
        for entry in entries:
            if entry.step is Step.IDLE and self._entries.get(entry.key) is entry:
                actions += self._work(entry)
        return actions

    def _work(self, entry: _Entry) -> Actions:
        if entry.placed:
            return self._settle(entry)
        if entry.pinned_at is None:
            entry.last_place = self._tenures.place(entry.key)
            entry.unseen, entry.tries = sorted(self.older, key=lambda each: each != entry.last_place), 0
            entry.found, entry.stays_at, entry.denied = False, None, False
            return self._look(entry)
        if not entry.forced:
            told = self._tell(entry, settled=False)
            return [*told, *self._release(entry)]
        if entry.in_flight:
            return []
        entry.unseen, entry.last_place, entry.pinned_at, entry.tries = [entry.pinned_at], entry.pinned_at, None, 0
        entry.found, entry.denied = False, False
        return self._move(entry)

    def _settle(self, entry: _Entry) -> Actions:
        entry.forced, entry.tries = False, 0
        self._doubts.discard(entry.key)
        self._tenures.placed(entry.key)
        told = self._tell(entry, settled=True)
        return [*told, *self._release(entry)]

    def _tell(self, entry: _Entry, *, settled: bool) -> Actions:
        told: Actions = [Done(self.slot, entry.key, settled)] if entry.background else []
        entry.background = False
        return told

    def _release(self, entry: _Entry) -> Actions:
        """Send the commands in front whose keys are all where they should be."""
        actions: Actions = []
        place = self.owner if entry.placed else entry.pinned_at
        others: list[_Entry] = []
        touched = False
        while entry.queue and place is not None:
            command = entry.queue[0]
            if len(command.keys) > 1:
                together = [self._entries[key] for key in command.keys]
                if not all(each.placed and each.queue[0] is command for each in together):
                    break
                for each in together:
                    each.queue.popleft()
                others += (each for each in together if each is not entry)
            else:
                entry.queue.popleft()
                if not entry.placed:
                    entry.in_flight += 1
                    entry.uses_left -= 1
                    self.used.add(place)
            touched = True
            actions.append(Send(self.slot, place, command, tell=not entry.placed))
        if not entry.queue:
            self._drop(entry, remember=touched and entry.placed)
        return actions + self._go_on(others)

    def _drop(self, entry: _Entry, *, remember: bool) -> None:
        """Forget an entry that nobody needs any more."""
        if entry.in_flight or entry.background:
            return
        if entry.pinned_at is not None and entry.uses_left > 0 and len(self._entries) <= _PINNED:
            return
        del self._entries[entry.key]
        if remember:
            self._settled.add(entry.key, self.owner)

    # -- one key's way -------------------------------------------------------------------------------------------

    def _look(self, entry: _Entry) -> Actions:
        """Look on the next older server; behind the last one the key is settled, or pinned where it is."""
        if entry.unseen:
            return self._begin(entry, Step.ASKING, Ask(self.slot, entry.unseen[0], entry.key))
        if entry.stays_at is None:
            entry.placed = True
            return self._work(entry)
        entry.pinned_at, entry.stays_at, entry.uses_left = entry.stays_at, None, _USES
        if entry.last_place is None:
            self._tenures.used(entry.pinned_at, entry.key)
        if not entry.denied:
            return self._work(entry)
        entry.forced = False
        together = [command for command in entry.queue if len(command.keys) > 1]
        refused = self._refuse(entry, together, self.owner, denied=True)
        return refused + self._go_on([entry])

    def asked(self, key: Key, size: int | None) -> Actions:
        """Take note of how large `key` is where it was asked for; None means that it is not there."""
        entry = self._end(key)
        if self._next is not None:
            return self._enter()
        if size is None:
            return self._move(entry) if key in self._doubts and not entry.found else self._passed(entry)
        if entry.found or entry.stays_at is not None:
            return self._delete(entry)
        if size > self.limit_bytes and not entry.forced and self._may_stay(entry):
            entry.stays_at = entry.unseen[0]
            return self._passed(entry)
        return self._move(entry)

    def moved(self, key: Key, outcome: Outcome) -> Actions:
        """Take note of how the move of `key` ended."""
        entry = self._end(key)
        if outcome is Outcome.MOVED:
            self._tenures.placed(key)
        if outcome is Outcome.DOUBT:
            self._doubts.add(key)
            if entry.last_place is None:  # the copy that the target may have is the source's
                entry.last_place = entry.unseen[0]
                self._tenures.used(entry.last_place, key)
        if self._next is not None:
            return self._enter()
        match outcome:
            case Outcome.MOVED:
                entry.found = True
                return self._passed(entry)
            case Outcome.ABSENT:
                return self._passed(entry)
            case Outcome.BUSY if entry.last_place in (None, self.owner):
                return self._delete(entry)
            case Outcome.BUSY:  # what stands in the way is older
                return self._move(entry, replace=True)
            case Outcome.DENIED if self._may_stay(entry):
                entry.stays_at, entry.denied = entry.unseen[0], True
                return self._passed(entry)
            case Outcome.DOUBT if entry.tries < _TRIES:
                return self._move(entry)
        return self._give_up(entry, self.owner, denied=outcome is Outcome.DENIED)

    def deleted(self, key: Key) -> Actions:
        """Take note that a copy of `key` is gone."""
        entry = self._end(key)
        if self._next is not None:
            return self._enter()
        entry.found = entry.stays_at is None
        return self._passed(entry)

    def away(self, key: Key, server: str, *, doubt: bool = False) -> Actions:
        """Take note that what was to be done was not, or with `doubt` only later: `server` is out of reach."""
        entry = self._end(key)
        if doubt:
            self._doubts.add(key)
        if self._next is not None:
            return self._enter()
        return self._give_up(entry, server)

    def _passed(self, entry: _Entry) -> Actions:
        del entry.unseen[0]
        entry.tries = 0
        return self._look(entry)

    def _may_stay(self, entry: _Entry) -> bool:
        """Tell whether the key may be used where it has just been found."""
        return entry.key not in self._doubts and entry.last_place in (None, entry.unseen[0])

    def _move(self, entry: _Entry, *, replace: bool = False) -> Actions:
        entry.tries += 1
        move = Move(self.slot, entry.unseen[0], self.owner, entry.key, replace)
        return self._begin(entry, Step.MOVING, move)

    def _delete(self, entry: _Entry) -> Actions:
        return self._begin(entry, Step.DELETING, Delete(self.slot, entry.unseen[0], entry.key))

    def _begin(self, entry: _Entry, step: Step, action: Action) -> Actions:
        entry.step = step
        self._steps += 1
        return [action]

    def _end(self, key: Key) -> _Entry:
        entry = self._entries[key]
        entry.step = Step.IDLE
        self._steps -= 1
        return entry

    def _give_up(self, entry: _Entry, server: str, *, denied: bool = False) -> Actions:
        """Refuse all that wait for the key; the next command tries again."""
        entry.forced, entry.tries = False, 0
        return self._refuse(entry, list(entry.queue), server, denied=denied)

    def _refuse(self, entry: _Entry, commands: Sequence[Command], server: str, *, denied: bool = False) -> Actions:
        actions = self._tell(entry, settled=False)
        others: list[_Entry] = []
        for command in commands:
            actions.append(Refuse(self.slot, command, server, denied))
            for each in (self._entries[key] for key in command.keys):
                each.queue.remove(command)
                others.append(each)
        if not entry.queue:
            self._drop(entry, remember=False)
        return actions + self._go_on([each for each in others if each is not entry])
