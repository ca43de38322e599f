"""admin.waiting: the end of a wait, and what is said when it does not come."""

from __future__ import annotations

import pytest

from admin.errors import UnfinishedError
from admin.waiting import wait_until


def test_it_ends_when_nothing_is_left() -> None:
    left = ["two", "one", ""]
    wait_until(lambda: left.pop(0), 10.0)
    assert left == []


def test_it_says_what_is_left_when_time_is_over() -> None:
    with pytest.raises(UnfinishedError, match=r"^3 sessions after 0 s$"):
        wait_until(lambda: "3 sessions", 0.0)


def test_without_a_timeout_it_just_waits() -> None:
    left = ["one", ""]
    wait_until(lambda: left.pop(0), None)
