"""Builds capture's parts, connects them, and runs them until a stop signal or the end of the file.

    source ──▶ Sieve ──Haul──▶ Batcher ──PackedBatch──▶ Outbox │ publisher ──▶ broker or spool
    └──────────── the capture thread: this one ─────────────────┘ └── a thread of its own ──┘

The capture thread never waits for the network: what the outbox has no room for is dropped and counted. A file is no
wire: when it is read, the outbox is waited for.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import FrameType

from capture.background import SYSLOG, Background, PidFile, has_syslog, log_to_syslog, pid_file
from capture.batcher import Batcher
from capture.counters import Counters
from capture.listener import Listener
from capture.messages import PackedBatch
from capture.metrics import CountersCollector
from capture.metrics_page import metrics_page
from capture.options import Address
from capture.privileges import give_up
from capture.publisher import BrokerPublisher, Publisher, SpoolPublisher, fallback_folder
from capture.shelf import Shelf
from capture.sieve import Haul, Sieve
from capture.sources import InterfaceSource, PcapSource, Source
from capture.spool import SpoolReader, SpoolWriter
from capture.systemd import Service
from capture.targets import Targets
from capture.topology import BrokerQueue, SpoolQueue

STOP_TIMEOUT_S = 5.0
_LOG_EVERY_S = 10.0
_PATIENCE_S = 0.02  # for room in the queue: meanwhile the ring takes what comes
_LONGEST_WAIT_S = 0.1  # how late a stop signal may be noticed

_log = logging.getLogger("wproxy.capture")


class StartError(Exception):
    """Capture cannot start, or cannot go on. Raised by `run`; `__main__` prints it as one line and exits 1."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line said; `read` is a pcap file, "-" standard input, None the interface."""

    listen: tuple[Address, ...]
    interface: str
    queue: BrokerQueue | SpoolQueue
    sensor: str
    state: Path
    read: str | None = None
    is_listening: bool = True
    syn_only: bool = False
    batch_size: int = 1000
    batch_time_s: float = 0.1
    spool_bytes: int = 1 << 30
    ttl_s: float = 300.0
    metrics: Address | None = None
    pid_file: Path | None = None
    user: str | None = None


def run(settings: Settings, background: Background | None = None) -> None:
    """Capture until a stop signal or the end of the file, then log the counters; StartError when that cannot be.

    With `background` this is the process that it made, which detaches as soon as everything is open.
    """
    _log_to_stderr()
    counters = Counters()
    with _stop_request() as stopping, ExitStack() as stack:
        pid = stack.enter_context(pid_file(settings.pid_file))
        service = stack.enter_context(closing(Service(os.environ)))
        listener = Listener(settings.listen, counters) if settings.is_listening and settings.read is None else None
        if listener is not None:
            stack.enter_context(closing(listener))
        source = stack.enter_context(closing(_source(settings)))
        # From here on without any right: before the first thread, and before the first file of the spool.
        give_up(settings.user)
        publisher = _publisher(settings, counters, stack)
        _serve_metrics(settings.metrics, counters, stack)
        publisher.start()
        if listener is not None:
            listener.start()
        _tell_ready(settings, pid, background)
        service.ready()
        loop = _Loop(settings, source, publisher, counters, service.beat)
        try:
            loop.run(stopping)
        finally:
            publisher.stop(STOP_TIMEOUT_S)
    _log.warning("%s", counters.summary())


def _tell_ready(settings: Settings, pid: PidFile | None, background: Background | None) -> None:
    if pid is not None:
        pid.write()
    _log.warning("%s", _ready_line(settings))
    if background is None:
        return
    if not has_syslog():
        _log.warning("no syslog at %s: what is logged before there is one is lost", SYSLOG)
    log_to_syslog(_log)
    background.detach()


class _Loop:
    """The capture thread: from frames to batches in the outbox."""

    def __init__(
        self, settings: Settings, source: Source, publisher: Publisher, counters: Counters, beat: Callable[[], None]
    ) -> None:
        self._beat = beat
        self._source = source
        self._publisher = publisher
        self._counters = counters
        self._batcher = Batcher(settings.sensor, settings.batch_size, settings.batch_time_s)
        self._wait_s = min(settings.batch_time_s, _LONGEST_WAIT_S)
        self._is_file = settings.read is not None
        self._losses = _Losses(counters)

    def run(self, stopping: Event) -> None:
        """Go on until `stopping` or the end of the source; what has gathered is handed on last."""
        is_stopped = False
        while True:
            if not is_stopped and stopping.is_set():
                self._source.stop()
                is_stopped = True
            haul = self._source.read(self._wait_s)
            if haul is None:
                break
            now = time.monotonic()
            self._take(haul, now, stopping)
            self._hand_on(self._batcher.take_due(now), stopping)
            self._count(now)
            self._beat()
        self._hand_on(self._batcher.take(), stopping)
        self._count(time.monotonic())

    def _take(self, haul: Haul, now: float, stopping: Event) -> None:
        self._counters.unparsed += haul.unparsed
        self._counters.ignored += haul.ignored
        self._counters.parsed += haul.parsed
        for run in haul.runs:
            for batch in self._batcher.add(run, now):
                self._hand_on(batch, stopping)

    def _hand_on(self, batch: PackedBatch | None, stopping: Event) -> None:
        if batch is None:
            return
        is_taken = self._publisher.put(batch, _PATIENCE_S)
        while not is_taken and self._is_file and not stopping.is_set() and self._publisher.is_alive:
            is_taken = self._publisher.put(batch, self._wait_s)
        if not is_taken:
            self._counters.dropped_queue += len(batch.observations)

    def _count(self, now: float) -> None:
        packets, drops = self._source.statistics()
        self._counters.packets += packets
        self._counters.kernel_drops += drops
        self._losses.tell(now)
        if not self._publisher.is_alive:
            raise StartError("the publisher has ended: nothing that is captured would be safe")


class _Losses:
    """Tells of packets and observations that were lost, every few seconds at most."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._told = (0, 0)
        self._told_at = float("-inf")

    def tell(self, now: float) -> None:
        lost = (self._counters.kernel_drops, self._counters.dropped_queue)
        if lost == self._told or now - self._told_at < _LOG_EVERY_S:
            return
        drops, dropped = lost[0] - self._told[0], lost[1] - self._told[1]
        _log.warning("lost: %d packets in the kernel, %d observations for want of room in the queue", drops, dropped)
        self._told, self._told_at = lost, now


def _source(settings: Settings) -> Source:
    targets = Targets(settings.listen)
    sieve = Sieve(targets, syn_only=settings.syn_only)
    if settings.read is not None:
        return PcapSource(settings.read, sieve)
    return InterfaceSource(settings.interface, targets.filters(syn_only=settings.syn_only), sieve)


def _publisher(settings: Settings, counters: Counters, stack: ExitStack) -> Publisher:
    queue = settings.queue
    watched = [settings.interface if settings.read is None else "file", *sorted(map(str, settings.listen))]
    folder = queue.folder if isinstance(queue, SpoolQueue) else fallback_folder(settings.state, queue, watched)
    writer = stack.enter_context(closing(SpoolWriter(folder, limit_bytes=settings.spool_bytes)))
    if isinstance(queue, SpoolQueue):
        return SpoolPublisher(Shelf(counters, writer, ttl_s=settings.ttl_s), counters)
    reader = stack.enter_context(closing(SpoolReader(folder)))
    return BrokerPublisher(queue, Shelf(counters, writer, reader, settings.ttl_s), counters)


def _serve_metrics(address: Address | None, counters: Counters, stack: ExitStack) -> None:
    if address is None:
        return
    try:
        stack.enter_context(metrics_page(address, CountersCollector(counters)))
    except OSError as error:
        raise StartError(f"cannot serve metrics on {address}: {error.strerror}") from error


def _ready_line(settings: Settings) -> str:
    targets = ", ".join(str(one) for one in settings.listen)
    if settings.read is not None:
        return f"packets to {targets}, read from {settings.read}, queue {settings.queue}"
    verb = "listening on" if settings.is_listening else "watching"
    return f"{verb} {targets}, interface {settings.interface}, queue {settings.queue}"


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("wproxy capture: %(message)s"))
    _log.handlers[:] = [handler]
    _log.propagate = False
    # pika tells of a lost connection in ten lines of its own classes, the publisher in one.
    logging.getLogger("pika").setLevel(logging.CRITICAL + 1)


@contextmanager
def _stop_request() -> Iterator[Event]:
    """Yield an event that SIGTERM and SIGINT set; a second one of them ends the process at once."""
    stopping = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def request(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, request)
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
