from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wproxy.dataplane.redis.fencing import Fencing
from wproxy.policy.redis.epochs import Fence

if TYPE_CHECKING:
    from wproxy.dataplane.redis.link import Link
    from wproxy.dataplane.redis.slot import Waiting

FENCE = Fence("a", frozenset({1}))


class Wire:
    """A link that keeps what is sent."""

    def __init__(self) -> None:
        self.fences: list[Waiting] = []

    def fence(self, waiting: Waiting) -> None:
        self.fences.append(waiting)


def fence(wires: list[Wire], more: int = 0) -> tuple[Fencing, list[Fence]]:
    done: list[Fence] = []
    made = Fencing(FENCE, done.append)
    for _ in range(more):
        made.await_one()
    made.send(cast("list[Link]", wires))
    return made, done


def test_every_link_has_answered_what_was_sent_before() -> None:
    wires = [Wire(), Wire()]
    _, done = fence(wires)
    for wire in wires:
        (waiting,) = wire.fences
        assert done == []
        waiting.answer(b"+PONG\r\n")
    assert done == [FENCE]


def test_on_a_link_that_broke_nothing_is_under_way() -> None:
    wires = [Wire(), Wire()]
    _, done = fence(wires)
    wires[0].fences[0].refused(b"", b"")
    assert done == []
    wires[1].fences[0].answer(b"-LOADING\r\n")
    assert done == [FENCE]


def test_what_is_under_way_beside_the_links_is_waited_for_too() -> None:
    made, done = fence([], more=2)
    made.passed()
    assert done == []
    made.passed()
    assert done == [FENCE]


def test_without_links_there_is_nothing_to_wait_for() -> None:
    assert fence([])[1] == [FENCE]
