"""Takes batches out of the outbox to where they are safe, in a thread of its own: the broker, or the spool.

    outbox ──▶ broker                      while the link is up and the spool is drained
       └─────▶ spool ──▶ broker            while it is down or the broker is slow, and after, in order

A batch leaves the process' care when the broker confirms it or the disk has it. What waited in the spool longer than
its time to live is dropped and counted: nobody would store it any more.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple, Protocol

from pika.adapters.select_connection import IOLoop

from capture.broker import Link
from capture.counters import Counters
from capture.messages import Batch, PackedBatch, encode
from capture.notices import Outage
from capture.outbox import Outbox
from capture.shelf import Shelf, extent_of
from capture.spool import Position, Record
from capture.topology import BrokerQueue

WINDOW = 64  # messages that may be under way to the broker, not yet confirmed
CONFIRM_TIMEOUT_S = 10.0
_TICK_S = 0.5
_PATIENCE_S = 0.1
_BACKOFF_FIRST_S, _BACKOFF_MOST_S = 0.25, 10.0

_log = logging.getLogger("wproxy.capture")


class Publisher(Protocol):
    """What takes the batches of one capture process; used by the capture thread."""

    def start(self) -> None:
        """Start the thread."""

    def put(self, batch: Batch | PackedBatch, timeout_s: float = 0.0) -> bool:
        """Hand one batch over; False when there was no room for it within `timeout_s`."""

    def stop(self, timeout_s: float) -> None:
        """Bring what was handed over to safety, within about `timeout_s`, and end the thread."""

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread runs: when it does not, nothing is safe any more."""


class SpoolPublisher:
    """Appends to a spool that is the queue itself (`spool:///folder`)."""

    def __init__(self, shelf: Shelf, counters: Counters) -> None:
        self._outbox = Outbox(counters)
        self._shelf = shelf
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="publisher")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, batch: Batch | PackedBatch, timeout_s: float = 0.0) -> bool:
        """Hand one batch over; False when there was no room for it within `timeout_s`."""
        return self._outbox.put(batch, timeout_s)

    def stop(self, timeout_s: float) -> None:
        """Write what was handed over, end the thread."""
        self._stopping.set()
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while True:
            # Read first: what is put before `stop` is then surely found.
            last_turn = self._stopping.is_set()
            batch = self._outbox.take(0.0 if last_turn else _PATIENCE_S)
            if batch is not None:
                self._shelf.put(encode(batch), len(batch.observations))
            elif last_turn:
                return


@dataclass(slots=True)
class _Sent:
    """A message on its way: to be confirmed under `tag`, from `position` in the spool or fresh (None).

    One that has expired in the spool, or is no batch, waits here only for its turn to be committed; its tag is 0.
    """

    tag: int
    payload: bytes
    count: int
    position: Position | None
    sent_at: float
    is_done: bool = False
    is_expired: bool = False


class Backoff(NamedTuple):
    """How long to wait before the next attempt: doubling, with jitter, so that many sensors do not come at once."""

    failures: int = 0

    def delay_s(self, jitter: float) -> float:
        """Return the wait for a `jitter` in [0, 1)."""
        longest: float = min(_BACKOFF_MOST_S, _BACKOFF_FIRST_S * 2 ** min(self.failures, 10))
        return longest * (0.5 + jitter / 2)

    def failed(self) -> Backoff:
        """Return what follows a failure."""
        return Backoff(self.failures + 1)


class BrokerPublisher:
    """Publishes to RabbitMQ, with the spool behind `shelf` to fall back on.

    All state but the outbox belongs to the publisher thread, which runs pika's event loop.
    """

    def __init__(self, queue: BrokerQueue, shelf: Shelf, counters: Counters) -> None:
        self._queue = queue
        self._shelf = shelf
        self._counters = counters
        self._outbox = Outbox(counters)
        self._loop = IOLoop()
        self._link: Link | None = None
        self._is_ready = False
        self._is_trying_first = True  # until the first answer batches wait in the outbox: most brokers are there
        self._backoff = Backoff()
        self._outage = Outage(str(queue), "batches go to the spool", _log.warning)
        self._in_flight: deque[_Sent] = deque()
        self._has_backlog = shelf.backlog_bytes > 0
        self._stop_at: float | None = None
        self._is_finishing = False
        self._thread = Thread(target=self._run, name="publisher")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, batch: Batch | PackedBatch, timeout_s: float = 0.0) -> bool:
        """Hand one batch over; False when there was no room for it within `timeout_s`."""
        is_taken = self._outbox.put(batch, timeout_s)
        if is_taken:
            self._loop.add_callback_threadsafe(self._pump)
        return is_taken

    def stop(self, timeout_s: float) -> None:
        """Publish what was handed over until `timeout_s` have passed, put the rest into the spool, end the thread."""
        stop_at = time.monotonic() + timeout_s
        self._loop.add_callback_threadsafe(lambda: self._begin_stop(stop_at))
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread.is_alive()

    # The event loop's callbacks.

    def link_ready(self) -> None:
        """Go on with what waited."""
        self._is_ready, self._is_trying_first = True, False
        backlog = f", {self._shelf.backlog_bytes} bytes to drain from the spool" if self._has_backlog else ""
        self._outage.recovered(backlog)
        self._pump()

    def link_confirmed(self, tag: int, multiple: bool) -> None:
        """Forget what the broker has; the spool's records in order, so that a commit never covers an open one."""
        self._backoff = Backoff()
        for sent in self._in_flight:
            if sent.tag > tag:
                break
            if multiple or sent.tag == tag:
                sent.is_done = True
        self._settle()
        self._pump()

    def link_lost(self, reason: str) -> None:
        """Put aside what was under way, and try again later."""
        self._outage.failed(reason)
        self._give_up_link()
        if self._stop_at is None:
            self._loop.call_later(self._backoff.delay_s(random.random()), self._connect)
            self._backoff = self._backoff.failed()
        self._pump()

    def _run(self) -> None:
        self._connect()
        self._tick()
        self._loop.start()
        self._loop.close()

    def _connect(self) -> None:
        if self._stop_at is None:
            self._link = Link(self._queue, self._loop, self, self._backoff.failures)

    def _tick(self) -> None:
        """Look after what no event tells: a broker that confirms nothing, the end of the time to stop."""
        self._loop.call_later(_TICK_S, self._tick)
        now = time.monotonic()
        if self._link is not None and self._in_flight and now - self._in_flight[0].sent_at > CONFIRM_TIMEOUT_S:
            self._link.fail(f"no confirmation within {CONFIRM_TIMEOUT_S:.0f} s")
        if not self._is_ready and self._has_backlog:
            self._shelf.expire()
        self._pump()

    def _pump(self) -> None:
        """Move everything that can move."""
        self._drain_spool()
        while self._may_take():
            batch = self._outbox.take()
            if batch is None:
                break
            payload, count = encode(batch), len(batch.observations)
            if self._may_send() and not self._has_backlog:
                self._send(payload, count, None)
            else:
                self._put_aside(payload, count)
        if self._stop_at is not None and not self._is_finishing:
            self._finish_if_done(self._stop_at)

    def _may_send(self) -> bool:
        return self._is_ready and len(self._in_flight) < WINDOW

    def _may_take(self) -> bool:
        """Tell whether the next batch should leave the outbox, for the broker or for the spool."""
        if self._has_backlog or self._outbox.is_pressed:
            return True
        return self._may_send() if self._is_ready else not self._is_trying_first

    def _drain_spool(self) -> None:
        while self._has_backlog and self._may_send():
            record = self._shelf.take()
            if record is None:
                self._has_backlog = False
            else:
                self._send_again(record)
        self._settle()

    def _send_again(self, record: Record) -> None:
        size = extent_of(record.payload)
        if not self._shelf.is_expired(size):
            self._send(record.payload, size.observations, record.position)
            return
        gone = _Sent(0, b"", size.observations, record.position, time.monotonic(), is_done=True, is_expired=True)
        self._in_flight.append(gone)

    def _send(self, payload: bytes, count: int, position: Position | None) -> None:
        assert self._link is not None
        tag = self._link.publish(payload)
        self._in_flight.append(_Sent(tag, payload, count, position, time.monotonic()))

    def _settle(self) -> None:
        """Count and forget the messages that are done and have nothing open before them."""
        position = None
        while self._in_flight and self._in_flight[0].is_done:
            sent = self._in_flight.popleft()
            self._count(sent)
            position = sent.position or position
        if position is not None:
            self._shelf.commit(position)

    def _count(self, done: _Sent) -> None:
        if done.is_expired:
            self._counters.expired += done.count
        else:
            self._counters.confirmed += done.count
        if done.position is not None:
            self._counters.drained += done.count

    def _put_aside(self, payload: bytes, count: int) -> None:
        self._has_backlog |= self._shelf.put(payload, count)

    def _give_up_link(self) -> None:
        """Bring what is in flight to safety: the spool's records are still there, the fresh ones join them."""
        self._is_ready = self._is_trying_first = False
        self._link = None
        unsettled, self._in_flight = self._in_flight, deque()
        for sent in unsettled:
            if sent.position is not None:
                self._has_backlog = True
            elif sent.is_done:
                self._count(sent)
            else:
                self._put_aside(sent.payload, sent.count)
        self._shelf.rewind()

    def _begin_stop(self, stop_at: float) -> None:
        self._stop_at = stop_at
        self._loop.call_later(max(0.0, stop_at - time.monotonic()), self._pump)
        self._pump()

    def _finish_if_done(self, stop_at: float) -> None:
        is_waiting = self._is_trying_first or (self._is_ready and (self._has_backlog or bool(self._in_flight)))
        if (is_waiting or not self._outbox.is_empty) and time.monotonic() < stop_at:
            return
        self._is_finishing = True
        link = self._link
        self._give_up_link()
        while (batch := self._outbox.take()) is not None:
            self._put_aside(encode(batch), len(batch.observations))
        if link is not None:
            link.close()
        self._end_when(lambda: link is None or link.is_closed, time.monotonic() + 1.0)

    def _end_when(self, condition: Callable[[], bool], deadline: float) -> None:
        """Let the loop run until the good-bye is said: a broker logs a connection that just breaks as a fault."""
        if condition() or time.monotonic() > deadline:
            self._loop.stop()
        else:
            self._loop.call_later(0.02, lambda: self._end_when(condition, deadline))


def fallback_folder(state: Path, queue: BrokerQueue, watched: Sequence[str]) -> Path:
    """Return the folder in `state` of the spool for `queue` of the capture that watches `watched`, a text or more.

    A spool has one writer and one reader, so captures that differ in either have different folders, and a capture finds
    its own again after a restart.
    """
    identity = (queue.host, str(queue.port), queue.vhost, queue.queue, *watched)
    readable = "".join(letter if letter.isalnum() or letter in "-._" else "_" for letter in "-".join(identity))
    return state / f"{readable[:180]}-{sha256(chr(0).join(identity).encode()).hexdigest()[:12]}"
