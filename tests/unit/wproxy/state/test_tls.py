from __future__ import annotations

from wproxy.state.tls import TlsCounters


def test_connections_and_keys() -> None:
    counters = TlsCounters()
    counters.opened(5.0, by_client=True)
    counters.opened(5.0, by_client=True)
    counters.opened(5.0, by_client=False)
    counters.agreed(5.0, by_client=True, resumed=False)
    counters.agreed(5.0, by_client=True, resumed=True)
    counters.agreed(5.0, by_client=False, resumed=False)
    counters.closed()
    assert (counters.current, counters.total, counters.rate.maximum) == (2, 3, 2)
    assert (counters.client_keys.maximum, counters.server_keys.maximum) == (1, 1)
    assert counters.resumed_percent(5.0) == 50


def test_nobody_came() -> None:
    assert TlsCounters().resumed_percent(1.0) == 0
