"""admin.metrics: counters out of Prometheus' text."""

from __future__ import annotations

from admin.metrics import parse_counters

PAGE = """\
# HELP wproxy_capture_packets_total Packets
# TYPE wproxy_capture_packets_total counter
wproxy_capture_packets_total 12.0
# TYPE wproxy_capture_dropped_total counter
wproxy_capture_dropped_total{where="kernel"} 2
wproxy_capture_dropped_total{where="queue"} 3
# TYPE wproxy_capture_depth gauge
wproxy_capture_depth 7
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 0.5
"""


def test_counters_lose_prefix_and_suffix_and_label_sets_add_up() -> None:
    assert parse_counters(PAGE, "wproxy_capture_") == {
        "packets": 12,
        "dropped": 5,
        "dropped:kernel": 2,
        "dropped:queue": 3,
    }


def test_a_counter_that_is_not_there_reads_as_nothing() -> None:
    assert parse_counters("", "wproxy_capture_")["packets"] == 0
