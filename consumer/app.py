"""Builds the consumer's parts, connects them, and runs them until SIGTERM or SIGINT.

queue ──Delivery──▶ Worker ──commands──▶ Writer ──▶ Redis
      ◀──ack────────       ◀──answers───
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from capture.notices import Outage
from capture.options import Address
from capture.systemd import Service
from capture.topology import BrokerQueue, SpoolQueue
from consumer.broker.queue import Queue
from consumer.counters import Counters
from consumer.worker import IndexRefusedError, Worker
from consumer.writer import Writer

_COLLECT_AFTER = 50_000  # objects: a batch makes some thousand tuples, none of them in a cycle
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StartError(Exception):
    """The consumer cannot start. Raised by `run`; `__main__` prints it as one line and exits 1."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line and the environment said."""

    queue: BrokerQueue | SpoolQueue
    redis: Address
    ttl_ms: int
    prefetch: int
    connection_per_batch: bool = False
    with_index: bool = False
    metrics: Address | None = None
    password: str | None = field(default=None, repr=False)


class _QueueLog:
    """Follows the queue for log and counters; `queue.Events` says who calls what."""

    def __init__(self, name: str, ready_line: str, counters: Counters) -> None:
        self._name = name
        self._ready_line: str | None = ready_line
        self._counters = counters
        self._outage = Outage(f"queue {name}", "trying again, nothing is lost", report)

    def opened(self) -> None:
        self._outage.recovered()
        if self._ready_line is not None:
            report(self._ready_line)
            self._ready_line = None

    def lost(self, reason: str) -> None:
        self._outage.failed(reason)

    def acknowledged(self, count: int) -> None:
        self._counters.acked += count

    def returned(self, count: int) -> None:
        self._counters.returned += count

    def torn(self, count: int) -> None:
        self._counters.torn += count
        report(f"queue {self._name}: records cut off or damaged on the disk, and lost: {count}")


def run(settings: Settings) -> None:
    """Consume until a stop signal, then print the counters; raise StartError or QueueError when that cannot be."""
    stopping = _stop_request()
    # pika tells of a lost connection in ten lines of its own classes, the queue's Outage in one.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    counters = Counters()
    with ExitStack() as stack:
        service = stack.enter_context(closing(Service(os.environ)))
        _serve_metrics(settings.metrics, counters, stack)
        writer = stack.enter_context(
            closing(Writer(settings.redis, settings.password, connection_per_batch=settings.connection_per_batch))
        )
        queue = stack.enter_context(closing(_open_queue(settings, counters, stopping)))
        outage = Outage(f"redis {settings.redis}", "batches are held and written when it answers", report)
        worker = Worker(queue, writer, counters, settings.ttl_ms, outage, report, with_index=settings.with_index)
        worker.beat = service.beat
        service.ready()
        try:
            worker.run(stopping)
        except IndexRefusedError as error:
            raise StartError(
                f"--index: redis {settings.redis}: {error}; the index needs 'balance key', or a Redis of its own"
            ) from error
    report(str(counters))


def report(line: str) -> None:
    """Print one line on stderr, in one piece whichever thread it comes from."""
    sys.stderr.write(f"wproxy consume: {line}\n")
    sys.stderr.flush()


def _open_queue(settings: Settings, counters: Counters, stopping: threading.Event) -> Queue:
    ready_line = f"queue {settings.queue} → redis {settings.redis}"
    events = _QueueLog(str(settings.queue), ready_line, counters)
    match settings.queue:
        case BrokerQueue() as target:
            from consumer.broker.amqp import AmqpQueue

            return AmqpQueue(target, settings.prefetch, events)
        case SpoolQueue(folder):
            from consumer.broker.spool import SpooledQueue

            return SpooledQueue(folder, settings.prefetch, events, stopping.wait)


def _serve_metrics(address: Address | None, counters: Counters, stack: ExitStack) -> None:
    if address is None:
        return
    from capture.metrics_page import metrics_page
    from consumer.metrics import CountersCollector

    try:
        stack.enter_context(metrics_page(address, CountersCollector(counters)))
    except OSError as error:
        raise StartError(
            f"--metrics {address}: {(error.strerror or str(error)).lower()}; choose another HOST:PORT"
        ) from error


def _stop_request() -> threading.Event:
    """Return an event that the first stop signal sets; a second one ends the process at once.

    A thread waits for the signal, because a handler would run in the midst of the main thread, which may hold the very
    lock that setting the event takes. Every thread started from here on has the signals blocked.
    """
    stopping = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)

    def wait_for_signal() -> None:
        signal.sigwait(_STOP_SIGNALS)
        stopping.set()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)

    threading.Thread(target=wait_for_signal, name="signals", daemon=True).start()
    return stopping
