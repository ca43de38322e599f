"""The counters as Prometheus text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from consumer.counters import DESCRIPTIONS, Counters
from consumer.metrics import CountersCollector


def test_a_scrape_reads_the_counters_as_they_are_now() -> None:
    counters = Counters()
    registry = CollectorRegistry()
    registry.register(CountersCollector(counters))
    counters.written = 17
    text = generate_latest(registry).decode()
    assert "\nwproxy_consumer_written_total 17.0\n" in text
    assert text.count("# TYPE wproxy_consumer_") == len(DESCRIPTIONS)
