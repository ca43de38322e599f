from __future__ import annotations

from wproxy.memory import Trimmer, trim


def trimmed(*numbers: int) -> list[int]:
    """Return at which of the numbers of sessions, one per step, memory was given back."""
    found: list[int] = []
    sessions: list[None] = []
    trimmer = Trimmer(sessions, lambda: found.append(number))
    for number, count in enumerate(numbers):  # noqa: B007 - the lambda looks at it
        sessions[:] = [None] * count
        assert trimmer.step()
    return found


def test_it_is_done_once_when_a_crowd_has_gone() -> None:
    assert trimmed(0, 64, 60, 33, 32, 31, 30) == [4]
    assert trimmed(0, 64, 0, 0, 64, 1) == [2, 5]


def test_few_are_no_crowd() -> None:
    assert trimmed(31, 0, 30, 0) == []


def test_those_who_go_one_by_one_are_a_crowd_too() -> None:
    assert trimmed(*range(100, 0, -1)) == [50, 82]


def test_the_c_library_is_asked() -> None:
    trim()
