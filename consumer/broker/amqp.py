"""RabbitMQ as the queue: a thread owns the connection, so that heartbeats never starve behind a slow Redis.

    broker ──▶ Session (thread "amqp") ──deliveries──▶ consumer (main thread)
           ◀── ack, reject ──────────── ◀──settled────

pika is only ever touched by that thread. Nothing is requeued: a delivery stays unacknowledged while Redis is away, and
what a lost connection delivered is dropped here, because the broker delivers it again. Poison is published to the dead
letters with the reason as a header, confirmed, and only then acknowledged.
"""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ConnectionWrongStateError

from capture.topology import BrokerQueue, TopologyError, connection_parameters, dead_letters, declare
from consumer.broker.acks import AckTracker
from consumer.broker.graves import letter_properties
from consumer.broker.queue import Delivery, Events, QueueError
from consumer.broker.reasons import reason_of
from consumer.retry import backoff_s

_TAKE_TIMEOUT_S = 0.25
_EVENTS_TIMEOUT_S = 1.0
_CLOSE_TIMEOUT_S = 5.0


class _Settlement(NamedTuple):
    delivery: Delivery
    reason: str | None  # why it goes to the dead letters; None when it was written


class _CancelledError(Exception):
    """The broker cancelled the subscription: the queue was deleted. Raised by `Session`, caught by `AmqpQueue`."""


class AmqpQueue:
    """The queue `target`, read `prefetch` messages ahead. `events` are told on the queue's own thread."""

    def __init__(self, target: BrokerQueue, prefetch: int, events: Events) -> None:
        self._target = target
        self._prefetch = prefetch
        self._events = events
        self._stopping = threading.Event()
        self._session: Session | None = None
        self._telling = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="amqp", daemon=True)
        self._thread.start()

    def take(self) -> Delivery | None:
        """Return the next message of the connection that is open now; see `Queue`."""
        if not self._thread.is_alive():
            raise QueueError("the thread that reads the broker has died")
        session = self._session
        if session is not None:
            return session.take()
        self._stopping.wait(_TAKE_TIMEOUT_S)
        return None

    def acknowledge(self, delivery: Delivery) -> None:
        """Acknowledge it, unless its connection is gone; see `Queue`."""
        self._settle(delivery, None)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Publish it to the dead letters and acknowledge it; see `Queue`."""
        self._settle(delivery, reason)

    def close(self) -> None:
        """Send the last acknowledgements and close the connection; see `Queue`."""
        self._stopping.set()
        session = self._session
        if session is not None:
            session.wake()
        self._thread.join(_CLOSE_TIMEOUT_S)

    def _settle(self, delivery: Delivery, reason: str | None) -> None:
        session = self._session
        if session is None or not session.settle(_Settlement(delivery, reason)):
            self._tell_returned(int(reason is None))

    def _tell_returned(self, count: int) -> None:
        with self._telling:  # both threads come here
            self._events.returned(count)

    def _run(self) -> None:
        number = failures = 0
        while not self._stopping.is_set():
            number += 1
            try:
                self._consume(number, failures)
            except (AMQPError, OSError, TopologyError, _CancelledError) as error:
                failures = 1 if self._session else failures + 1
                self._session = None
                self._events.lost(reason_of(error))
                self._stopping.wait(backoff_s(failures, random.random()))

    def _consume(self, number: int, turn: int) -> None:
        connection = pika.BlockingConnection(connection_parameters(self._target, turn))
        try:
            session = Session(number, connection, self._target.queue, self._prefetch, self._events)
            self._session = session
            self._events.opened()
            try:
                session.run(self._stopping)
            finally:
                self._tell_returned(session.end())
        finally:
            if connection.is_open:
                connection.close()


class Session:
    """One connection from open to close. All methods but `take`, `settle` and `wake` belong to the queue's thread."""

    def __init__(
        self,
        number: int,
        connection: pika.BlockingConnection,
        queue: str,
        prefetch: int,
        events: Events,
    ) -> None:
        self.number = number
        self._connection = connection
        self._events = events
        self._tracker = AckTracker()
        self._deliveries: SimpleQueue[Delivery] = SimpleQueue()  # bounded by the prefetch count
        self._settled: SimpleQueue[_Settlement] = SimpleQueue()  # and so is this
        self._unsent = 0  # written deliveries whose acknowledgement is not on its way
        self._has_ended = False
        self._settling = threading.Lock()
        self._is_cancelled = False
        self._queue = queue
        self._burying: BlockingChannel | None = None  # publishes to the dead letters, opened with the first
        self._channel = self._subscribe(queue, prefetch)

    def take(self) -> Delivery | None:
        """Return the next delivery, None when none came within a moment."""
        try:
            return self._deliveries.get(timeout=_TAKE_TIMEOUT_S)
        except Empty:
            return None

    def settle(self, settlement: _Settlement) -> bool:
        """Have the queue's thread acknowledge a delivery, after burying it if it is poison.

        False when its session is over: the broker delivers it again.
        """
        with self._settling:
            if self._has_ended or settlement.delivery.position[0] != self.number:
                return False
            self._unsent += settlement.reason is None
            self._settled.put(settlement)
        self.wake()
        return True

    def end(self) -> int:
        """Take no more settlements; return of how many written ones the broker was not told."""
        with self._settling:
            self._has_ended = True
            return self._unsent

    def wake(self) -> None:
        """Have the queue's thread look at what is to be done now."""
        with suppress(ConnectionWrongStateError):  # closed meanwhile: everything unsettled is delivered again
            self._connection.add_callback_threadsafe(_nothing)

    def run(self, stopping: threading.Event) -> None:
        """Serve the connection until `stopping` is set and everything settled before has been sent."""
        is_last_turn = False
        while not is_last_turn:
            is_last_turn = stopping.is_set()
            self._connection.process_data_events(time_limit=0 if is_last_turn else _EVENTS_TIMEOUT_S)
            self._send_settled()
            if self._is_cancelled:
                raise _CancelledError("the queue was deleted")

    def _subscribe(self, queue: str, prefetch: int) -> BlockingChannel:
        channel = self._connection.channel()
        declare(channel, queue)
        channel.basic_qos(prefetch_count=prefetch)
        channel.add_on_cancel_callback(self._on_cancel)
        channel.basic_consume(queue, self._on_message)
        return channel

    def _on_message(
        self,
        channel: BlockingChannel,
        method: pika.spec.Basic.Deliver,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        self._tracker.delivered(method.delivery_tag)
        self._deliveries.put(Delivery(body, (self.number, method.delivery_tag), method.redelivered))

    def _on_cancel(self, method: object) -> None:
        self._is_cancelled = True

    def _send_settled(self) -> None:
        while not self._settled.empty():
            delivery, reason = self._settled.get()
            tag = delivery.position[1]
            if reason is None:
                self._tracker.written(tag)
            else:
                self._bury(delivery.body, reason)
                self._tracker.buried(tag)
        prefix = self._tracker.take_prefix()
        if prefix is not None:
            tag, written = prefix
            self._channel.basic_ack(tag, multiple=True)
            with self._settling:
                self._unsent -= written
            self._events.acknowledged(written)

    def _bury(self, body: bytes, reason: str) -> None:
        """Publish to the dead letters; return when the broker has it safe, else raise AMQPError."""
        if self._burying is None:
            self._burying = self._connection.channel()
            self._burying.confirm_delivery()
        self._burying.basic_publish("", dead_letters(self._queue), body, letter_properties(reason), mandatory=True)


def _nothing() -> None:
    """Run on pika's loop, so that it returns from its wait."""
