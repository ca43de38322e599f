"""admin.ingest: the balance, whatever the counters are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.errors import RefusedError
from admin.ingest import Balance, balance

COUNTS = st.integers(0, 10**6)


def page(program: str, **counters: int) -> str:
    lines = [
        f"# TYPE wproxy_{program}_{name} counter\nwproxy_{program}_{name}_total {n}" for name, n in counters.items()
    ]
    if program == "capture":
        lines += ["# TYPE wproxy_capture_dropped counter", 'wproxy_capture_dropped_total{reason="queue full"} 2']
        lines += ['wproxy_capture_dropped_total{reason="spool full"} 3']
    return "\n".join(lines) + "\n"


def test_a_broker_that_is_away_fills_the_spool() -> None:
    made = balance(
        [
            page("capture", parsed=100, queued=98, confirmed=40, spooled=50, drained=5),
            page("consumer", received_observations=30, written=20, expired=4, refused=1),
            page("consumer", received_observations=5, written=5),
        ]
    )
    assert (made.in_capture, made.in_spool, made.in_flight, made.in_hand) == (10, 45, 5, 5)
    assert (made.stored, made.expired, made.dead_lettered, made.came_again) == (25, 4, 1, 0)
    assert made.accounted == made.captured == 100


def test_a_spool_that_is_the_queue() -> None:
    made = balance(
        [page("capture", parsed=105, queued=103, spooled=100), page("consumer", received_observations=60, written=60)]
    )
    assert (made.in_spool, made.in_flight, made.in_capture, made.stored) == (40, 0, 0, 60)
    assert made.accounted == made.captured == 105


def test_what_was_delivered_twice_came_again() -> None:
    made = balance(
        [page("capture", parsed=105, confirmed=100), page("consumer", received_observations=120, written=120)]
    )
    assert (made.in_flight, made.came_again, made.stored) == (0, 20, 120)
    assert made.accounted == 105


@given(*[COUNTS] * 8)
def test_the_sums_agree(
    parsed: int, confirmed: int, spooled: int, drained: int, expired: int, received: int, written: int, refused: int
) -> None:
    made: Balance = balance(
        [
            page("capture", parsed=parsed, confirmed=confirmed, spooled=spooled, drained=drained, expired=expired),
            page("consumer", received_observations=received, written=written, refused=refused),
        ]
    )
    assert made.accounted == made.captured


def test_another_page_is_refused() -> None:
    with pytest.raises(RefusedError, match="no counters of wproxy"):
        balance(["# TYPE up gauge\nup 1\n"])
