from __future__ import annotations

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
    assert first_server(Cursor(0, 0, 0), [2, 5]) == Cursor(0, 2, 0)


def test_a_server_that_is_gone_is_passed_over() -> None:
    assert first_server(Cursor(1, 3, 77), [2, 5]) == Cursor(1, 5, 0)
    assert first_server(Cursor(1, 6, 77), [2, 5]) is None
    assert first_server(Cursor(0, 0, 0), []) is None


@given(
    st.lists(st.integers(1, MOST_SERVER_ID), min_size=1, max_size=5, unique=True).map(sorted),
    st.lists(st.lists(st.integers(1, 1 << 50), max_size=3, unique=True), min_size=5, max_size=5),
    st.integers(0, 5),
)
def test_a_walk_visits_every_server_in_each_round_and_ends(
    server_ids: list[int], cursors: list[list[int]], rounds_moving: int
) -> None:
    visits: list[tuple[int, int, int]] = []
    owned = {server_id: [*cursors[number], 0] for number, server_id in enumerate(server_ids)}
    text = b"0"
    for _ in range(4 * 5 * 4):
        read = read_cursor(text)
        assert read is not None
        at = first_server(read, server_ids)
        assert at is not None
        visits.append(at)
        answers = owned[at.server_id]
        own = answers[0] if at.own == 0 else answers[answers.index(at.own) + 1]
        number = next_cursor(at, own, server_ids, moving=at.passed < rounds_moving)
        if not number:
            break
        text = b"%d" % number
    rounds = min(rounds_moving, 3) + 1
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
