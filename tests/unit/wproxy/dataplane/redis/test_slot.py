from __future__ import annotations

from functools import partial
from itertools import permutations

import pytest

from wproxy.dataplane.redis.slot import Changed, Gather, Last, Slot
from wproxy.policy.redis.routing import SERVER_AWAY, merge

NIL, VALUE = b"$-1\r\n", b"$1\r\nx\r\n"


class Owner:
    """A connection that counts the replies it is told of."""

    def __init__(self) -> None:
        self.told = 0

    def answered(self) -> None:
        self.told += 1

    def origin(self) -> tuple[str, int]:
        return "192.0.2.1:5000", 0


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


def test_a_telling_part_passes_on_why_its_server_is_away() -> None:
    slot = Slot(Owner())
    first, second = Gather(slot, 2, lambda replies: b"".join(reply or b"?" for reply in replies)).parts(telling=True)
    second.refused(b"", b"-SERVERDOWN\r\n")
    first.answer(VALUE)
    assert slot.reply == VALUE + b"-SERVERDOWN\r\n"


def test_a_reply_is_changed_on_its_way_but_an_error_is_not() -> None:
    for reply, passed_on in ((VALUE, NIL), (b"-ERR\r\n", b"-ERR\r\n")):
        slot = Slot(Owner())
        Changed(slot, lambda _: NIL).answer(reply)
        assert slot.reply == passed_on


@pytest.mark.parametrize("at", range(4))
def test_the_last_of_several_replies_is_the_clients(at: int) -> None:
    slot, replies = Slot(Owner()), [b"+OK\r\n", b"+QUEUED\r\n", VALUE, NIL]
    last = Last(slot, 2)
    end = last.take(replies[:at], 0)
    assert (end, last.wanted) == (min(at, 3), 3 - min(at, 3))
    if last.wanted:
        assert slot.reply is None
        assert last.take(replies, end) == 3
    assert slot.reply == VALUE


def test_a_transaction_that_is_lost_has_one_reply() -> None:
    for slot in (Slot(Owner()), Slot(Owner())):
        last = Last(slot, 2)
        last.take([b"+OK\r\n"], 0)
        last.answer(b"-SERVERDOWN\r\n")
        assert (slot.reply, last.wanted) == (b"-SERVERDOWN\r\n", 0)
