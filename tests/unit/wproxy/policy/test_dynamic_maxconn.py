from __future__ import annotations

import pytest

from wproxy.policy.dynamic_maxconn import dynamic_maxconn


@pytest.mark.parametrize(
    ("sessions", "limit"),
    [(0, 2), (1, 2), (4, 2), (5, 2), (6, 3), (7, 3), (8, 4), (19, 9), (20, 10), (21, 10)],
)
def test_the_limit_grows_with_the_sessions_of_the_backend(sessions: int, limit: int) -> None:
    assert dynamic_maxconn(2, 10, sessions, 20) == limit


def test_a_minconn_above_a_maxconn_set_at_runtime_holds_below_full_load() -> None:
    assert [dynamic_maxconn(5, 3, sessions, 20) for sessions in (1, 19, 20)] == [5, 5, 3]
