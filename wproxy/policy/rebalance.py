"""Which live sessions are in the wrong place, now that weights or states have changed.

A session whose client is tied to a server (by its address, by a stick table) is in the wrong place when it is anywhere
else. The others are free: a server with more sessions than its quota has some too many, whichever they are. The quota
is the server's exact share of all sessions, rounded by largest remainder.
"""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.records import dataclass

FREE = -1


@dataclass(frozen=True, slots=True)
class Seat:
    """A live session: the index of its server, of the one its client is tied to (or FREE), when it last moved a byte.

    The time is of any steady clock, in seconds.
    """

    server: int
    home: int
    active_at: float


def quotas(weights: Sequence[int], limits: Sequence[int | None], total: int, seated: Sequence[int]) -> list[int]:
    """Return how many of `total` sessions belong on each server: less than one off its exact share, 0 without weight.

    No quota is above the server's limit; what that takes away is shared by the others, and belongs nowhere when all
    are at their limits. Of equal remainders the server with more sessions in `seated` is rounded up: fewer move.
    """
    result = [0] * len(weights)
    left, open_ = total, [index for index, weight in enumerate(weights) if weight]
    while open_:
        whole = sum(weights[index] for index in open_)
        beyond = [index for index in open_ if _exceeds(left * weights[index], limits[index], whole)]
        if not beyond:
            _share_out(result, open_, weights, left, seated)
            break
        for index in beyond:
            result[index] = limits[index] or 0
        left -= sum(result[index] for index in beyond)
        open_ = [index for index in open_ if index not in beyond]
    return result


def _exceeds(share: int, limit: int | None, whole: int) -> bool:
    return limit is not None and share > limit * whole


def _share_out(
    result: list[int], members: list[int], weights: Sequence[int], total: int, seated: Sequence[int]
) -> None:
    """Give each of `members` its part of `total`, by largest remainder."""
    whole = sum(weights[index] for index in members)
    for index in members:
        result[index] = total * weights[index] // whole
    rest = total - sum(result[index] for index in members)
    by_remainder = sorted(members, key=lambda index: (-(total * weights[index] % whole), result[index] - seated[index]))
    for index in by_remainder[:rest]:
        result[index] += 1


def filled(weights: Sequence[int], limits: Sequence[int | None], total: int) -> list[int]:
    """Return the same for `balance first`: each server with a weight is filled up to its limit before the next."""
    result = []
    for weight, limit in zip(weights, limits, strict=True):
        taken = 0 if not weight else total if limit is None else min(limit, total)
        result.append(taken)
        total -= taken
    return result


class Surplus:
    """The seats that are in the wrong place: asked for one at a time, told of each that has been left.

    `order` has the indices of all seats that may be left, the longest idle first: more than have to be, because some
    may turn out to be busy. `bound` counts, per server, what is above its quota and tied to it all the same.
    """

    __slots__ = ("_leaving", "_moves", "_strays", "bound", "order", "quotas")

    def __init__(self, seats: Sequence[Seat], quotas: Sequence[int], awaited: int = 0) -> None:
        """Take all seats of a backend; `quotas` share out the seats and `awaited` clients, who are still to come."""
        seated, free = seats_by_server(seats, len(quotas)), [0] * len(quotas)
        for seat in seats:
            if seat.home == FREE:
                free[seat.server] += 1
        above = [max(0, have - quota) for have, quota in zip(seated, quotas, strict=True)]
        below = sum(max(0, quota - have) for have, quota in zip(seated, quotas, strict=True))
        self.quotas = list(quotas)
        self.bound = [max(0, count - movable) for count, movable in zip(above, free, strict=True)]
        self._leaving = [min(count, movable) for count, movable in zip(above, free, strict=True)]
        self._moves = max(0, min(sum(self._leaving), below - awaited))  # no more than there is room for
        self._strays = sum(1 for seat in seats if seat.home not in (FREE, seat.server))
        wrong = [index for index, seat in enumerate(seats) if self.has_to_leave(seat)]
        self.order = sorted(wrong, key=lambda index: seats[index].active_at)

    @property
    def total(self) -> int:
        """How many seats are still to be left."""
        return self._moves + self._strays

    def has_to_leave(self, seat: Seat) -> bool:
        """Tell whether `seat` is in the wrong place, as long as no others have been left instead."""
        if seat.home == FREE:
            return self._moves > 0 and self._leaving[seat.server] > 0
        return seat.home != seat.server

    def left(self, seat: Seat) -> None:
        """Take note that `seat`, which had to, has been left."""
        if seat.home == FREE:
            self._moves -= 1
            self._leaving[seat.server] -= 1
        else:
            self._strays -= 1


def seats_by_server(seats: Sequence[Seat], servers: int) -> list[int]:
    """Return how many sessions each server will have once those who are tied to one are there."""
    counts = [0] * servers
    for seat in seats:
        counts[seat.server if seat.home == FREE else seat.home] += 1
    return counts
