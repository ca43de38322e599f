from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from capture.batcher import Batcher
from capture.messages import Batch, Observation


def seen(number: int) -> Observation:
    return Observation("10.0.0.1", "10.0.0.2", number, 9000, number)


def test_a_batch_is_handed_on_when_it_is_full() -> None:
    batcher = Batcher("a", 2, 0.1)
    assert batcher.add(seen(1), 0.0) is None
    assert batcher.add(seen(2), 0.0) == Batch("a", 0, (seen(1), seen(2)))
    assert batcher.take() is None


def test_a_batch_is_handed_on_when_its_first_observation_has_waited_long_enough() -> None:
    batcher = Batcher("a", 10, 0.1)
    assert batcher.take_due(5.0) is None
    batcher.add(seen(1), 5.0)
    batcher.add(seen(2), 5.09)
    assert batcher.take_due(5.09) is None
    assert batcher.take_due(5.1) == Batch("a", 0, (seen(1), seen(2)))
    batcher.add(seen(3), 5.2)
    assert batcher.take_due(5.21) is None


@given(st.lists(st.integers(0, 3)), st.integers(1, 5))
def test_every_observation_is_in_one_batch_under_its_own_number(steps: list[int], size: int) -> None:
    batcher = Batcher("a", size, 1.0)
    batches: list[Batch | None] = []
    number = 0
    for now, step in enumerate(steps):
        if step == 0:
            batches.append(batcher.take_due(float(now)))
        else:
            batches.append(batcher.add(seen(number), float(now)))
            number += 1
    batches.append(batcher.take())
    numbered = [(b.sequence + i, o.time_ns) for b in batches if b is not None for i, o in enumerate(b.observations)]
    assert numbered == [(i, i) for i in range(number)]
    assert all(len(batch.observations) <= size for batch in batches if batch is not None)
