from __future__ import annotations

from wproxy.state.warmup import Warmup


def test_shares_grow_with_whole_seconds() -> None:
    warmup = Warmup(5, 100.0, weighted=True)
    assert (warmup.sixteenths, warmup.percent) == (1, 0)
    found = [(warmup.sixteenths, warmup.percent) for tenth in range(1, 60) if warmup.advance(100.0 + tenth / 10)]
    assert found == [(4, 20), (7, 40), (10, 60), (13, 80), (16, 100)]
    assert warmup.over


def test_static_weights_stay_whole() -> None:
    warmup = Warmup(4, 0.0, weighted=False)
    warmup.advance(1.96)  # a timer may be early
    assert (warmup.sixteenths, warmup.percent, warmup.over) == (16, 50, False)
