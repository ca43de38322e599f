from __future__ import annotations

from dataclasses import fields

from prometheus_client import CollectorRegistry, generate_latest

from capture.counters import Counters
from capture.metrics import CountersCollector


def test_what_was_dropped_is_the_sum_over_the_reasons() -> None:
    assert Counters(dropped_queue=2, dropped_spool=3).dropped == 5


def test_the_summary_is_one_line_that_holds_every_fate() -> None:
    summary = Counters(packets=9, parsed=7, unparsed=1, ignored=1, queued=7, confirmed=4, spooled=3).summary()
    assert summary.startswith("9 packets, 0 dropped by the kernel, 7 parsed, 1 unparsed, 1 ignored, 7 queued")
    assert "4 confirmed, 3 spooled" in summary
    assert "\n" not in summary


def test_every_counter_is_on_the_metrics_page() -> None:
    counters = Counters(**{field.name: number for number, field in enumerate(fields(Counters), start=1)})
    registry = CollectorRegistry()
    registry.register(CountersCollector(counters))
    values = {
        line.split()[0]: float(line.split()[-1])
        for line in generate_latest(registry).decode().splitlines()
        if not line.startswith("#")
    }
    assert values["wproxy_capture_packets_total"] == counters.packets
    assert sorted(values.values()) == list(range(1, len(fields(Counters)) + 1))
