"""`wproxy.idleness`: the share of the time in which the process waits."""

from __future__ import annotations

from wproxy.idleness import Idleness


def test_it_is_the_share_between_two_questions() -> None:
    clock, spent = [10.0], [1.0]
    idleness = Idleness(lambda: clock[0], lambda: spent[0])
    assert idleness.percent() == 100
    clock[0], spent[0] = 12.0, 1.5
    assert idleness.percent() == 75
    clock[0], spent[0] = 12.5, 2.0
    assert idleness.percent() == 75  # half a second says nothing yet
    clock[0], spent[0] = 13.5, 4.0
    assert idleness.percent() == 0  # several threads can spend more than there is
