from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from capture.batcher import Batcher
from capture.messages import Batch, Observation, PackedBatch, decode, encode
from capture.runs import Listed


def seen(*numbers: int) -> Listed:
    return Listed([Observation("10.0.0.1", "10.0.0.2", number, 9000, number) for number in numbers])


def unpacked(batch: PackedBatch | None) -> Batch:
    """Return what a consumer makes of `batch`."""
    assert batch is not None
    decoded = decode(encode(batch))
    assert len(batch.observations) == len(decoded.observations)
    return decoded


def test_a_batch_is_handed_on_when_it_is_full() -> None:
    batcher = Batcher("a", 2, 0.1)
    assert list(batcher.add(seen(1), 0.0)) == []
    (batch,) = batcher.add(seen(2), 0.0)
    assert unpacked(batch) == Batch("a", 0, tuple(seen(1, 2).observations))
    assert batcher.take() is None


def test_a_run_longer_than_a_batch_is_cut() -> None:
    batcher = Batcher("a", 3, 0.1)
    assert [unpacked(batch) for batch in batcher.add(seen(0, 1, 2, 3, 4, 5, 6), 0.0)] == [
        Batch("a", 0, tuple(seen(0, 1, 2).observations)),
        Batch("a", 3, tuple(seen(3, 4, 5).observations)),
    ]
    assert unpacked(batcher.take()) == Batch("a", 6, tuple(seen(6).observations))


def test_a_batch_is_handed_on_when_its_first_observation_has_waited_long_enough() -> None:
    batcher = Batcher("a", 10, 0.1)
    assert batcher.take_due(5.0) is None
    list(batcher.add(seen(1), 5.0))
    list(batcher.add(seen(2), 5.09))
    assert batcher.take_due(5.09) is None
    assert unpacked(batcher.take_due(5.1)) == Batch("a", 0, tuple(seen(1, 2).observations))
    list(batcher.add(seen(3), 5.2))
    assert batcher.take_due(5.21) is None


@given(st.lists(st.integers(0, 12)), st.integers(1, 5))
def test_every_observation_is_in_one_batch_under_its_own_number(lengths: list[int], size: int) -> None:
    batcher = Batcher("a", size, 1.0)
    batches: list[PackedBatch] = []
    number = 0
    for now, length in enumerate(lengths):
        if length == 0 and (due := batcher.take_due(float(now))) is not None:
            batches.append(due)
        batches += batcher.add(seen(*range(number, number + length)), float(now))
        number += length
    if (last := batcher.take()) is not None:
        batches.append(last)
    numbered = [(b.sequence + i, o.time_ns) for b in map(unpacked, batches) for i, o in enumerate(b.observations)]
    assert numbered == [(i, i) for i in range(number)]
    assert all(len(batch.observations) <= size for batch in batches)
