"""One batch from delivery to acknowledgement: decode, write, and write again until Redis has answered all of it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from itertools import zip_longest

from hiredis import ReplyError

from capture.messages import Batch, MessageError, decode
from capture.notices import Outage, Recurrence
from consumer.broker.queue import Delivery, Queue
from consumer.counters import Counters
from consumer.records import Record, alive, index_probe, index_records, records
from consumer.retry import OK, Fate, Verdict, backoff_s, is_done, judge
from consumer.writer import Writer

_NS_PER_MS = 1_000_000


class IndexRefusedError(Exception):
    """The index is wanted and Redis, or the proxy, cannot keep it. Raised by `Worker.run`; printed as one line."""


class Worker:
    """Takes from `queue` and writes through `writer`, on the thread that calls `run`; `with_index` keeps the peers."""

    def __init__(
        self,
        queue: Queue,
        writer: Writer,
        counters: Counters,
        ttl_ms: int,
        outage: Outage,
        report: Callable[[str], None],
        *,
        with_index: bool = False,
    ) -> None:
        self._queue = queue
        self._writer = writer
        self._counters = counters
        self._ttl_ms = ttl_ms
        self._outage = outage
        self._burials = Recurrence(report)
        self._with_index = with_index
        self._is_index_possible = not with_index
        self.beat: Callable[[], object] = lambda: None  # called often, as long as the work goes on

    def run(self, stopping: threading.Event) -> None:
        """Consume until `stopping` is set; the batch in hand is finished first, unless Redis is away."""
        self._greet()
        while not stopping.is_set():
            self.beat()
            delivery = self._queue.take()
            if delivery is not None:
                self._consume(delivery, stopping)

    def _greet(self) -> None:
        """Tell the log of a wrong address or password now, not when the first batch comes."""
        lost = self._writer.open()
        if lost is not None:
            self._outage.failed(lost)
        else:
            self._probe_index()

    def _probe_index(self) -> None:
        """Find out whether the index can be kept, before the first batch would be refused for its sake."""
        if self._is_index_possible:
            return
        (reply, *_) = self._writer.exchange([index_probe()]).replies or [None]
        if isinstance(reply, ReplyError) and judge([reply], 1).fate is Fate.DEAD_LETTER:
            raise IndexRefusedError(str(reply))
        self._is_index_possible = is_done(reply)

    def _consume(self, delivery: Delivery, stopping: threading.Event) -> None:
        self._counters.received_batches += 1
        self._counters.redelivered += delivery.redelivered
        try:
            batch = decode(delivery.body)
        except MessageError as error:
            self._bury(delivery, f"unreadable message: {error}")
            return
        verdict = self._store(batch, stopping)
        match verdict.fate:
            case Fate.ACKNOWLEDGE:
                self._queue.acknowledge(delivery)
            case Fate.DEAD_LETTER:
                self._bury(delivery, f"Redis refused a batch for good: {verdict.reason}")
            case Fate.HOLD:
                pass  # stopping while Redis is away: unacknowledged, so it comes again

    def _bury(self, delivery: Delivery, reason: str) -> None:
        self._queue.reject(delivery, reason)
        self._counters.poison += 1
        self._burials.happened(f"{reason}; it went to the dead letters")

    def _store(self, batch: Batch, stopping: threading.Event) -> Verdict:
        """Write `batch` until the verdict on it is final, or `stopping` is set."""
        self._counters.received_observations += len(batch.observations)
        made = records(batch, self._ttl_ms)
        if self._with_index:
            self._probe_index()
            made += index_records(batch, self._ttl_ms)
        pending = self._unexpired(made)
        failures = 0
        while pending:
            verdict, pending = self._attempt(pending)
            if verdict.fate is Fate.DEAD_LETTER:
                self._counters.refused += _observations(pending)
            if verdict.fate is not Fate.HOLD:
                self._outage.recovered()
                return verdict
            failures += 1
            self._outage.failed(verdict.reason)
            self.beat()
            if stopping.wait(backoff_s(failures, random.random())):
                return verdict
            self._counters.retries += 1
            pending = self._unexpired(pending)
        return Verdict(Fate.ACKNOWLEDGE)

    def _attempt(self, pending: list[Record]) -> tuple[Verdict, list[Record]]:
        """Send `pending` once; return the verdict and what Redis did not acknowledge of it."""
        exchange = self._writer.exchange([record.command for record in pending])
        verdict = judge(exchange.replies, len(pending), exchange.lost)
        self._counters.written += exchange.replies.count(OK)
        if verdict.fate is Fate.ACKNOWLEDGE:
            return verdict, []
        return verdict, [record for record, reply in zip_longest(pending, exchange.replies) if not is_done(reply)]

    def _unexpired(self, candidates: list[Record]) -> list[Record]:
        remaining = alive(candidates, time.time_ns() // _NS_PER_MS)
        if len(remaining) < len(candidates):
            self._counters.expired += _observations(candidates) - _observations(remaining)
        return remaining


def _observations(some: list[Record]) -> int:
    return sum(record.is_observation for record in some)
