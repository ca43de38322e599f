from __future__ import annotations

from capture.counters import Counters
from capture.messages import Batch, Observation
from capture.outbox import Outbox

BATCH = Batch("a", 0, (Observation("10.0.0.1", "10.0.0.2", 1, 2, 3),) * 3)


def test_batches_leave_in_order_and_are_counted_as_observations() -> None:
    counters = Counters()
    outbox = Outbox(counters, capacity=2)
    second = Batch("a", 3, BATCH.observations)
    assert outbox.is_empty
    assert outbox.put(BATCH)
    assert outbox.put(second)
    assert counters.queued == 6
    assert [outbox.take(), outbox.take(), outbox.take()] == [BATCH, second, None]


def test_what_finds_no_room_is_refused_at_once_and_not_counted() -> None:
    counters = Counters()
    outbox = Outbox(counters, capacity=1)
    assert outbox.put(BATCH)
    assert not outbox.put(BATCH)
    assert not outbox.put(BATCH, timeout_s=0.01)
    assert counters.queued == 3


def test_it_presses_when_it_is_more_than_half_full() -> None:
    outbox = Outbox(Counters(), capacity=4)
    for _ in range(2):
        outbox.put(BATCH)
    assert not outbox.is_pressed
    outbox.put(BATCH)
    assert outbox.is_pressed
