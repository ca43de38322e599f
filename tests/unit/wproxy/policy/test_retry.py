from __future__ import annotations

import pytest

from wproxy.policy.retry import may_redispatch


@pytest.mark.parametrize(
    ("interval", "elsewhere"),
    [
        (None, []),
        (1, [1, 2, 3, 4]),
        (2, [2, 4]),
        (3, [3]),
        (5, []),
        (-1, [4]),
        (-2, [3]),
        (-4, [1]),
        (-5, []),
    ],
)
def test_which_of_four_retries_go_elsewhere(interval: int | None, elsewhere: list[int]) -> None:
    assert [retry for retry in range(1, 5) if may_redispatch(retry, 4, interval)] == elsewhere
