"""The ingest pipeline's balance: what became of every packet, from the counters of all captures and consumers.

captured = stored + expired + dead letters + dropped (for a reason) + still under way - what came again

What is delivered twice is written twice, over itself: it is received more often than it was sent. The counts of a
process that was killed are gone with it; until a restart of the others they show as under way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from admin.errors import RefusedError
from admin.metrics import parse_counters

CAPTURE, CONSUMER = "wproxy_capture_", "wproxy_consumer_"


@dataclass(frozen=True, slots=True)
class Balance:
    """Observations, but for `packets` to `ignored`, and `unreadable`, which are messages."""

    packets: int
    kernel_drops: int
    unparsed: int
    ignored: int
    captured: int
    dropped_queue_full: int
    dropped_spool_full: int
    in_capture: int
    in_spool: int
    in_flight: int
    in_hand: int
    stored: int
    expired: int
    dead_lettered: int
    came_again: int
    unreadable: int

    @property
    def accounted(self) -> int:
        """Return what all of them have in common with `captured`: the same number, while nothing changes."""
        dropped = self.dropped_queue_full + self.dropped_spool_full
        under_way = self.in_capture + self.in_spool + self.in_flight + self.in_hand
        return self.stored + self.expired + self.dead_lettered + dropped + under_way - self.came_again


def balance(pages: Iterable[str]) -> Balance:
    """Return the balance of what the metrics pages say; raise RefusedError for a page of something else."""
    capture: Counter[str] = Counter()
    consumer: Counter[str] = Counter()
    for page in pages:
        of_capture, of_consumer = parse_counters(page, CAPTURE), parse_counters(page, CONSUMER)
        if not of_capture and not of_consumer:
            raise RefusedError("a metrics page has no counters of wproxy capture or wproxy consume")
        capture.update(of_capture)
        consumer.update(of_consumer)
    return _balance(capture, consumer)


def _balance(capture: Counter[str], consumer: Counter[str]) -> Balance:
    received = consumer["received_observations"]
    spooled = capture["spooled"] - capture["drained"]
    # Without a broker the spool is the queue: what is received was in it.
    sent, in_spool = (capture["confirmed"], spooled) if capture["confirmed"] else (spooled, 0)
    left = sent - received
    if not capture["confirmed"]:
        in_spool, left = max(left, 0), min(left, 0)
    settled = capture["confirmed"] + capture["expired"] + capture["spooled"] + capture["dropped:spool full"]
    return Balance(
        packets=capture["packets"],
        kernel_drops=capture["kernel_drops"],
        unparsed=capture["unparsed"],
        ignored=capture["ignored"],
        captured=capture["parsed"],
        dropped_queue_full=capture["dropped:queue full"],
        dropped_spool_full=capture["dropped:spool full"],
        in_capture=capture["parsed"] - capture["dropped:queue full"] + capture["drained"] - settled,
        in_spool=in_spool,
        in_flight=max(left, 0),
        in_hand=received - consumer["written"] - consumer["expired"] - consumer["refused"],
        stored=consumer["written"],
        expired=capture["expired"] + consumer["expired"],
        dead_lettered=consumer["refused"],
        came_again=max(-left, 0),
        unreadable=consumer["poison"],
    )
