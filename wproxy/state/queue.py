"""The queues of a backend and of its servers: who waits, since when, and for whom.

Whoever may have any server waits in the backend's queue, whoever means a certain one in that server's. A place that is
given back goes to the one who came first of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from wproxy.state.server import Server


class Waiter(Protocol):
    """Somebody in a queue."""

    def grant(self, server: Server | None) -> None:
        """Take the place on `server` that has been reserved; None: ask again, the server waited for is gone."""


class Ticket(NamedTuple):
    """When somebody came, as a number that grows, and the key the algorithm goes by."""

    number: int
    key: int


Queue: TypeAlias = dict[Waiter, Ticket]
"""In order of arrival; a dict, because anyone in it may leave."""


def earliest(*queues: Queue) -> Queue | None:
    """Return the queue whose first one came before those of the others; None when nobody waits."""
    waiting = [queue for queue in queues if queue]
    return min(waiting, key=lambda queue: next(iter(queue.values())).number, default=None)


def take_first(queue: Queue) -> Waiter:
    """Take the first one out of a queue in which somebody waits."""
    waiter = next(iter(queue))
    del queue[waiter]
    return waiter
