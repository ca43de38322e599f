"""The counters of capture as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from capture.counters import Counters

_DESCRIPTIONS = {
    "packets": "Packets that passed the filter, by the kernel's count, or that the file held",
    "kernel_drops": "Packets the kernel dropped because the socket's buffer was full",
    "parsed": "Packets that became observations",
    "unparsed": "Packets that are no readable TCP packet",
    "ignored": "Packets to other addresses or ports",
    "queued": "Observations handed to the publisher",
    "confirmed": "Observations the broker has confirmed",
    "spooled": "Observations written to the spool",
    "drained": "Observations taken from the spool for good",
    "expired": "Observations that grew older than their time to live in the spool",
    "torn": "Spool records that were cut off or damaged",
    "connections": "Connections accepted on the listening addresses",
}


class CountersCollector(Collector):
    """Reads `counters` anew at every scrape."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one `wproxy_capture_<counter>_total` per counter, the dropped observations by reason."""
        for name, description in _DESCRIPTIONS.items():
            yield CounterMetricFamily(f"wproxy_capture_{name}", description, value=getattr(self._counters, name))
        dropped = CounterMetricFamily("wproxy_capture_dropped", "Observations dropped, by reason", labels=["reason"])
        dropped.add_metric(["queue full"], self._counters.dropped_queue)
        dropped.add_metric(["spool full"], self._counters.dropped_spool)
        yield dropped
