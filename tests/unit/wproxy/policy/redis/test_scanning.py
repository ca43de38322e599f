from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.redis.scanning import (
    MOST_SERVER_ID,
    Cursor,
    first_server,
    next_cursor,
    own_cursor_of,
    read_cursor,
    with_cursor,
)


@pytest.mark.parametrize("text", [b"", b"x", b"-1", b"18446744073709551616", b"9" * 30])
def test_no_cursor(text: bytes) -> None:
    assert read_cursor(text) is None


def test_the_beginning() -> None:
    assert read_cursor(b"0") == Cursor(0, 0, 0)
    assert first_server(Cursor(0, 0, 0), [2, 5], 33) == Cursor(0, 2, 0, 1)


def test_a_server_that_is_gone_is_passed_over() -> None:
    assert first_server(Cursor(1, 3, 77), [2, 5]) == Cursor(1, 5, 0)
    assert first_server(Cursor(1, 6, 77), [2, 5]) is None
    assert first_server(Cursor(0, 0, 0), []) is None


@given(
    st.lists(st.integers(1, MOST_SERVER_ID), min_size=1, max_size=5, unique=True).map(sorted),
    st.lists(st.lists(st.integers(1, 1 << 40), max_size=3, unique=True), min_size=5, max_size=5),
    st.lists(st.integers(0, 70), min_size=5, max_size=5),
)
def test_a_walk_visits_every_server_in_each_round_and_ends(
    server_ids: list[int], cursors: list[list[int]], generations: list[int]
) -> None:
    visits: list[tuple[int, int, int]] = []
    owned = {server_id: [*cursors[number], 0] for number, server_id in enumerate(server_ids)}
    text = b"0"
    for _ in range(4 * 5 * 4):
        read = read_cursor(text)
        assert read is not None
        at = first_server(read, server_ids, generations[0])
        assert at is not None
        visits.append(at[:3])
        answers = owned[at.server_id]
        own = answers[0] if at.own == 0 else answers[answers.index(at.own) + 1]
        number = next_cursor(at, own, server_ids, generations[at.passed + 1])
        if not number:
            break
        text = b"%d" % number
    # The n-th generation is what it is when the n-th round begins and the one before it ends.
    moved = [now & 1 or now % 32 != before % 32 for before, now in pairwise(generations)]
    rounds = next((number for number, each in enumerate(moved[:3], 1) if not each), 4)
    expected = [
        (passed, server_id, own)
        for passed in range(rounds)
        for server_id in server_ids
        for own in [0, *owned[server_id][:-1]]
    ]
    assert visits == expected


def test_replies() -> None:
    reply = b"*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    assert own_cursor_of(reply) == 17
    assert with_cursor(reply, 4097) == b"*2\r\n$4\r\n4097\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
