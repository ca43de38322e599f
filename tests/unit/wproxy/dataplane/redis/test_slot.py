from __future__ import annotations

from functools import partial
from itertools import permutations

import pytest

from wproxy.dataplane.redis.slot import Gather, Slot
from wproxy.policy.redis.routing import SERVER_AWAY, merge

NIL, VALUE = b"$-1\r\n", b"$1\r\nx\r\n"


class Owner:
    """A connection that counts the replies it is told of."""

    def __init__(self) -> None:
        self.told = 0

    def answered(self) -> None:
        self.told += 1


def test_a_slot_keeps_the_reply_and_tells_its_owner() -> None:
    owner = Owner()
    slot = Slot(owner)
    slot.answer(VALUE)
    assert (slot.reply, owner.told) == (VALUE, 1)


def test_a_command_that_cannot_be_sent_is_answered_with_the_error() -> None:
    owner = Owner()
    slot = Slot(owner)
    slot.refused(b"*1\r\n$4\r\nPING\r\n", b"-SERVERDOWN\r\n")
    assert (slot.reply, owner.told) == (b"-SERVERDOWN\r\n", 1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    ("replies", "merged"),
    [([NIL, VALUE, NIL], VALUE), ([NIL, NIL, NIL], NIL), ([NIL, None, NIL], SERVER_AWAY), ([None, VALUE, None], VALUE)],
)
def test_the_last_reply_of_a_gathering_completes_the_slot(
    order: tuple[int, ...], replies: list[bytes | None], merged: bytes
) -> None:
    owner = Owner()
    slot = Slot(owner)
    parts = Gather(slot, 3, partial(merge, absent=frozenset({NIL}))).parts()
    for done, index in enumerate(order):
        assert (slot.reply, owner.told) == (None, 0), done
        reply = replies[index]
        if reply is None:
            parts[index].refused(b"", b"-SERVERDOWN\r\n")
        else:
            parts[index].answer(reply)
    assert (slot.reply, owner.told) == (merged, 1)
