from __future__ import annotations

from wproxy.crew.headcount import Headcount


def test_who_is_far_ahead_of_another_is_told_so() -> None:
    count = Headcount(3)
    count.note(2, 10)
    count.note(3, 10)
    assert not count.note(1, 12)
    assert count.note(1, 13)
    count.note(3, 11)
    assert count.note(1, 13)  # the least is what counts
    count.note(2, 11)
    assert not count.note(1, 13)


def test_how_far_is_a_share_of_what_there_is() -> None:
    count = Headcount(2)
    count.note(2, 1600)
    assert not count.note(1, 1702)
    assert count.note(1, 1703)
