"""The chain of epochs: which weight changes are not over yet, and who has still keys to give because of them.

A change of weights gives slots to other servers and opens an epoch. The epoch is over when every server that lost a
slot by it has been found without keys of that slot (a complete scan of it that began after the loss), or has got the
slot back. Changes may follow each other at any pace: a slot knows all servers that may have keys of it (`moving`), so
the epochs themselves only count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wproxy.policy.redis.actions import Actions
from wproxy.policy.redis.homes import Homes
from wproxy.policy.redis.moving import MovingSlot
from wproxy.policy.redis.placements import Placements


@dataclass(slots=True)
class Epoch:
    """One change: how many slots changed owner, how many are not given yet (`left`).

    `in_force_at` is when the last of those slots had its new owner, in seconds of the caller's clock.
    """

    number: int
    in_force_at: float
    slots: int
    left: int = 0


@dataclass(frozen=True, slots=True)
class Fence:
    """Have `server` answer all that is under way now, then call `Chain.fenced`; `slots` wait for it."""

    server: str
    slots: frozenset[int]


class Chain:
    """Owns the slots that are on their way, and the open epochs, oldest first.

    `limit_bytes`: see `MovingSlot`.
    """

    def __init__(self, limit_bytes: float) -> None:
        self.moving: dict[int, MovingSlot] = {}
        self.epochs: dict[int, Epoch] = {}
        self.opened = 0
        self.homes = Homes()
        self._limit_bytes = limit_bytes
        self._placements = Placements()
        self._debts: dict[str, dict[int, int]] = {}  # by server, by slot: the epoch in which it lost the slot

    def change(self, slots: Mapping[int, tuple[str, str]], now: float, *, known: bool = True) -> list[Fence]:
        """Open an epoch in which each of `slots` goes from one server to another.

        `known` tells whether a slot that has not been on its way has all its keys on the server that loses it; those of
        an epoch that another process began may be anywhere. Returns the servers on which all that is under way is to be
        answered.
        """
        self.opened += 1
        self.epochs[self.opened] = Epoch(self.opened, now, len(slots))
        fences: dict[str, set[int]] = {}
        for slot, (old, new) in slots.items():
            moving = self.moving.get(slot)
            if moving is None:
                moving = self.moving[slot] = MovingSlot(
                    slot, old, self._limit_bytes, self._placements, self.homes, known=known
                )
            for server in moving.change(new):
                fences.setdefault(server, set()).add(slot)
            self._note(moving)
        self._close_epochs()
        return [Fence(server, frozenset(slots)) for server, slots in fences.items()]

    def _note(self, moving: MovingSlot) -> None:
        """Write down who owes keys of a slot that has just changed owner, and who does no more."""
        givers = moving.givers
        for server in givers:
            debts = self._debts.setdefault(server, {})
            if moving.slot not in debts:
                debts[moving.slot] = self.opened
                self.epochs[self.opened].left += 1
        for server in self._debts.keys() - givers:
            self._pay(server, moving.slot)

    def _pay(self, server: str, slot: int) -> None:
        number = self._debts[server].pop(slot, None)
        if number is not None:
            self.epochs[number].left -= 1

    def _close_epochs(self) -> None:
        for number in [number for number, epoch in self.epochs.items() if not epoch.left]:
            del self.epochs[number]
        for server in [server for server, debts in self._debts.items() if not debts]:
            del self._debts[server]

    def fenced(self, fence: Fence, now: float) -> Actions:
        """Take note that the server of `fence` has answered all that was under way."""
        actions: Actions = []
        for number in {self._debts.get(fence.server, {}).get(slot) for slot in fence.slots}:
            if number is not None:
                self.epochs[number].in_force_at = now
        for slot in fence.slots:
            actions += self.moving[slot].fenced(fence.server)
        return actions

    def stuck(self, server: str) -> Actions:
        """Refuse what waits for what is under way to `server`, which has died meanwhile."""
        return [action for moving in self.moving.values() for action in moving.stuck(server)]

    def forget_finished(self, slots: Iterable[int]) -> list[int]:
        """Let go of those of `slots` that are settled; return them: commands may go straight to their owner."""
        done = [slot for slot in slots if slot in self.moving and self.moving[slot].finished]
        for slot in done:
            self.moving.pop(slot).leave()
        if not self.moving:
            self._placements.clear()
        return done

    # -- what is left --------------------------------------------------------------------------------------------

    @property
    def givers(self) -> list[str]:
        """The servers that may have keys of slots they do not own."""
        return list(self._debts)

    def debts(self, server: str) -> Mapping[int, int]:
        """Return the slots that `server` has to give and does not serve any more, with the epoch of their loss."""
        return {
            slot: number for slot, number in self._debts.get(server, {}).items() if server in self.moving[slot].older
        }

    def look(self, server: str) -> Mapping[int, int]:
        """Return the same, for a look at all of `server` that begins now; `cleared` ends it."""
        debts = self.debts(server)
        for slot in debts:
            self.moving[slot].used.discard(server)
            self.moving[slot].forget_pins(server)
        return debts

    @property
    def slots_left(self) -> int:
        """How many pairs of a slot and a server that may have keys of it are left."""
        return sum(epoch.left for epoch in self.epochs.values())

    def owes(self, server: str) -> int:
        """Return how many slots `server` has not given yet."""
        return len(self._debts.get(server, ()))

    def cleared(self, server: str, debts: Mapping[int, int]) -> list[int]:
        """Take note that `server` has no keys of the slots in `debts`, as they stood when it began to be looked at.

        A slot that it has got back meanwhile, or lost once more, or of whose keys one was used there, is left out.
        Returns the slots that are settled now.
        """
        now = self.debts(server)
        slots = [
            slot for slot, number in debts.items() if now.get(slot) == number and server not in self.moving[slot].used
        ]
        for slot in slots:
            self.moving[slot].cleared(server)
            self._pay(server, slot)
        self._close_epochs()
        return self.forget_finished(slots)

    def outlived(self, now: float, window_s: float) -> list[int]:
        """End without a scan the epochs that are older than any key's life, `window_s`; return the slots settled."""
        over = {number for number, epoch in self.epochs.items() if now - epoch.in_force_at >= window_s}
        done: list[int] = []
        for server in self.givers:
            done += self.cleared(server, {slot: at for slot, at in self.debts(server).items() if at in over})
        return done
