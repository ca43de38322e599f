"""The metrics page: the counters as Prometheus text over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from consumer.counters import DESCRIPTIONS, Counters
from consumer.options import Address


class CountersCollector(Collector):
    """Reads `counters` anew at every scrape."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one `wproxy_consumer_<counter>_total` per counter."""
        for name, description in DESCRIPTIONS.items():
            yield CounterMetricFamily(f"wproxy_consumer_{name}", description, value=getattr(self._counters, name))


@contextmanager
def metrics_page(address: Address, counters: Counters) -> Iterator[None]:
    """Serve `counters` on `address` until the end of the block; OSError when it cannot be opened."""
    registry = CollectorRegistry()
    registry.register(CountersCollector(counters))
    server, thread = start_http_server(address.port, address.host, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
