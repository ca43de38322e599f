"""The counters of the consumer as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from consumer.counters import DESCRIPTIONS, Counters


class CountersCollector(Collector):
    """Reads `counters` anew at every scrape."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one `wproxy_consumer_<counter>_total` per counter."""
        for name, description in DESCRIPTIONS.items():
            yield CounterMetricFamily(f"wproxy_consumer_{name}", description, value=getattr(self._counters, name))
