from __future__ import annotations

from tests.unit.wproxy.state.parties import Waiter
from wproxy.state.queue import Queue, Ticket, earliest, take_first


def test_the_earliest_of_all_queues_is_first() -> None:
    a, b, c = (Waiter(number) for number in range(3))
    one: Queue = {b: Ticket(2, 0), c: Ticket(3, 0)}
    other: Queue = {a: Ticket(1, 0)}
    found = []
    while queue := earliest(one, other, {}):
        found.append(take_first(queue))
    assert found == [a, b, c]
    assert earliest(one, other) is None
