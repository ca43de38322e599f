from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.cookies import dates


@given(st.integers(0, 2**30 - 1))
def test_what_is_written_is_read(steps: int) -> None:
    text = dates.written(steps)
    assert len(text) == dates.SIZE
    assert dates.seconds(text) == dates.seconds(text + b"|more") == steps * 4


@pytest.mark.parametrize("text", [b"", b"AAAA", b"AAA-A", b"AAAA=", b"\xff\xff\xff\xff\xff"])
def test_what_is_no_date(text: bytes) -> None:
    assert dates.seconds(text) == 0


def test_the_present_is_rounded_up() -> None:
    assert [dates.now(second) for second in (0, 1, 3, 4, 5)] == [0, 1, 1, 1, 2]
    assert dates.written(dates.now(1795286241)) == b"awHk5"  # as HAProxy wrote it then
