from __future__ import annotations

from wproxy.state.counters import CheckCounters, FrontendCounters, TrafficCounters


def test_all_begin_at_zero_and_share_nothing() -> None:
    assert CheckCounters().failed == 0
    for made in (FrontendCounters, TrafficCounters):
        first, second = made(), made()
        first.session_rate.add(1.0)
        assert second.session_rate.maximum == 0
        assert first.sessions == first.bytes_in == first.bytes_out == 0
