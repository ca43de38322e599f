"""How often the log hears of what happens."""

from __future__ import annotations

import pytest

from capture.notices import INTERVAL_S, Outage, Recurrence


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def outage(clock: Clock, lines: list[str]) -> Outage:
    return Outage("redis 127.0.0.1:1", "trying again", lines.append, clock)


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends(
    outage: Outage, clock: Clock, lines: list[str]
) -> None:
    outage.failed("connection refused")
    outage.failed("connection reset")
    clock.now += 3.2
    outage.recovered()
    outage.recovered()
    assert lines == ["redis 127.0.0.1:1: connection refused; trying again", "redis 127.0.0.1:1: back after 3.2 s"]


def test_a_long_outage_is_called_to_mind(outage: Outage, clock: Clock, lines: list[str]) -> None:
    for _ in range(3):
        outage.failed("connection refused")
        clock.now += INTERVAL_S
    assert len(lines) == 3


def test_what_comes_and_goes_all_the_time_does_not_fill_the_log(outage: Outage, clock: Clock, lines: list[str]) -> None:
    for _ in range(9):
        outage.failed("connection refused")
        outage.recovered()
        clock.now += INTERVAL_S / 10
    assert len(lines) == 2


def test_nothing_is_said_while_all_is_well(outage: Outage, lines: list[str]) -> None:
    outage.recovered()
    assert lines == []


def test_what_recurs_is_told_by_its_number(clock: Clock, lines: list[str]) -> None:
    recurrence = Recurrence(lines.append, clock)
    for _ in range(4):
        recurrence.happened("unreadable message")
    clock.now += INTERVAL_S
    recurrence.happened("unreadable message")
    clock.now += INTERVAL_S
    recurrence.happened("unreadable message")
    assert lines == [
        "unreadable message",
        "unreadable message (3 more since the last such line)",
        "unreadable message",
    ]
