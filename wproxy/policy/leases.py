"""How several processes share the `maxconn` of a server: each may use as many places as it has a lease for.

    wanted ──report──▶ settle ──▶ lease of each
                       never more than `total` are out at a time: what is taken from one is given to another only
                       when the first has said that it is free

Pure: whoever owns it carries the messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_UNTOLD = 0  # the version of whoever has not been told of any lease


class Leases:
    """The places of one server. Holders are numbers; versions are numbers from 1 that grow."""

    __slots__ = ("_held", "_leases", "_turn", "_versions", "_wanted")

    def __init__(self) -> None:
        self._leases: dict[int, int] = {}
        self._held: dict[int, int] = {}  # what each may be using at most
        self._wanted: dict[int, int] = {}
        self._versions: dict[int, int] = {}  # of the change that each was told last
        self._turn = 0

    def join(self, holder: int, held: int = 0) -> None:
        """Take in a holder; `held` are the places that it uses already."""
        self._leases[holder] = self._held[holder] = held
        self._wanted[holder] = held
        self._versions[holder] = _UNTOLD

    def admit(self, holder: int) -> None:
        """Take in a holder that has nothing yet, if it is not here already."""
        if holder not in self._leases:
            self.join(holder)

    def leave(self, holder: int) -> None:
        """Let a holder go, and have its places back."""
        for known in (self._leases, self._held, self._wanted, self._versions):
            known.pop(holder, None)

    def report(self, holder: int, version: int, held: int, wanted: int) -> None:
        """Take note of what a holder has and could use; what it has is true only if it knows its last lease."""
        if holder in self._leases:
            self._wanted[holder] = wanted
            if version == self._versions[holder]:
                self._held[holder] = held

    @property
    def contended(self) -> bool:
        """Whether somebody wants more than its lease."""
        return any(wanted > self._leases[holder] for holder, wanted in self._wanted.items())

    def next_turn(self) -> None:
        """Let others have what there is not enough of for everybody; to be called now and then while `contended`."""
        self._turn += 1

    def settle(self, total: int, version: int) -> dict[int, int]:
        """Give out `total` places by what is wanted; return the leases that have changed, by holder.

        `version` is the number of this change. Call it again when a report has come.
        """
        before = dict(self._leases)
        targets = self._targets(total)
        for holder, target in targets.items():
            self._leases[holder] = min(self._leases[holder], target)
        for holder, target in targets.items():
            taken = sum(max(self._held[each], self._leases[each]) for each in self._leases)
            mine = max(self._held[holder], self._leases[holder])
            self._leases[holder] = max(self._leases[holder], min(target, mine + total - taken))
            self._held[holder] = max(self._held[holder], self._leases[holder])
        changed = {
            holder: lease
            for holder, lease in self._leases.items()
            if lease != before[holder] or self._versions[holder] == _UNTOLD
        }
        self._versions.update(dict.fromkeys(changed, version))
        return changed

    def _targets(self, total: int) -> Mapping[int, int]:
        """Return what each is to have: what it has, as long as nobody goes short of what he wants."""
        if not self.contended and sum(self._leases.values()) == total:
            return self._leases
        holders = sorted(self._leases)
        hungry = [holder for holder in holders if self._wanted[holder]]
        if len(hungry) > total:  # there is not one for each: they take turns
            at = self._turn % len(hungry)
            order = [*hungry[at:], *hungry[:at], *holders]
            holders.sort(key=order.index)
        targets = _filled(holders, self._wanted, total)
        spare = total - sum(targets.values())
        for place, holder in enumerate(holders):
            targets[holder] += spare // len(holders) + (place < spare % len(holders))
        return targets


def _filled(holders: Sequence[int], wanted: Mapping[int, int], total: int) -> dict[int, int]:
    """Return equal parts of `total`, but to nobody more than he wants; the first ones get what is left over."""
    parts = dict.fromkeys(holders, 0)
    open_ = [holder for holder in holders if wanted[holder]]
    while total and open_:
        each = max(total // len(open_), 1)
        for holder in open_:
            more = min(each, wanted[holder] - parts[holder], total)
            parts[holder] += more
            total -= more
        open_ = [holder for holder in open_ if parts[holder] < wanted[holder]]
    return parts
