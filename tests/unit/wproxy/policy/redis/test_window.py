from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.redis.window import (
    FIRST_COMMANDS,
    MOST_COMMANDS,
    REPLY_BUDGET_BYTES,
    REQUEST_BUDGET_BYTES,
    Window,
)


def test_it_grows_while_replies_are_small() -> None:
    window = Window()
    assert window.room(0) == FIRST_COMMANDS
    window.replied(16, 16 * 5, 0)
    assert window.room(0) == 2 * FIRST_COMMANDS
    for _ in range(10):
        window.replied(100, 500, 0)
    assert window.room(6) == MOST_COMMANDS - 6


def test_large_replies_come_few_at_a_time() -> None:
    window = Window()
    window.replied(16, 16 * 1024 * 1024, 0)
    assert window.room(0) == 4
    window.replied(1, 100 * 1024 * 1024, 0)
    assert window.room(0) == 1


def test_a_client_that_sends_much_waits_until_all_is_answered() -> None:
    window = Window()
    window.received(REQUEST_BUDGET_BYTES + 1)
    assert window.room(0) > 0
    assert window.room(1) == 0
    window.replied(1, 5, 2)
    assert window.room(2) == 0
    window.replied(2, 10, 0)
    assert window.room(1) > 0


@given(st.lists(st.tuples(st.integers(1, 256), st.integers(5, 10**8))))
def test_there_is_always_room_for_one_and_never_for_more_than_the_budget(replies: list[tuple[int, int]]) -> None:
    window = Window()
    for count, size in replies:
        window.replied(count, size * count, 0)
        assert 1 <= window.room(0) <= MOST_COMMANDS
        assert window.room(0) == 1 or window.room(0) * size <= REPLY_BUDGET_BYTES
