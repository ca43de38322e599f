from __future__ import annotations

from wproxy.memory import Trimmer, trim


def trimmed(*numbers: int) -> list[int]:
    """Return how many sessions were left each time memory was given back, with one of `numbers` at each step."""
    found: list[int] = []
    sessions: list[None] = []
    trimmer = Trimmer(sessions, lambda: found.append(len(sessions)))
    for count in numbers:
        sessions[:] = [None] * count
        assert trimmer.step()
    return found


def test_it_is_done_once_when_a_crowd_has_gone() -> None:
    assert trimmed(0, 64, 60, 33, 32, 31, 30) == [32]
    assert trimmed(0, 64, 0, 0, 64, 1) == [0, 1]


def test_few_are_no_crowd() -> None:
    assert trimmed(31, 0, 30, 0) == []


def test_those_who_go_one_by_one_are_a_crowd_too() -> None:
    assert trimmed(*range(100, 0, -1)) == [50, 18]


def test_the_c_library_is_asked() -> None:
    trim()
