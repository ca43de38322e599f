"""The counters' line and their descriptions."""

from __future__ import annotations

from dataclasses import fields

from consumer.counters import DESCRIPTIONS, Counters


def test_every_counter_is_described() -> None:
    assert list(DESCRIPTIONS) == [field.name for field in fields(Counters)]


def test_the_line_names_every_counter() -> None:
    line = str(Counters(received_batches=2, received_observations=5, written=4, expired=1, acked=2))
    assert line == (
        "2 received batches, 5 received observations, 4 written, 1 expired, 0 refused, 0 poison, 0 retries, "
        "0 redelivered, 2 acked, 0 returned, 0 torn"
    )
