"""RabbitMQ as the queue: a thread owns the connection, so that heartbeats never starve behind a slow Redis.

    broker ──▶ Session (thread "amqp") ──deliveries──▶ consumer (main thread)
           ◀── ack, reject ──────────── ◀──settled────

pika is only ever touched by that thread. Nothing is requeued: a delivery stays unacknowledged while Redis is away, and
what a lost connection delivered is dropped here, because the broker delivers it again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    AMQPError,
    ChannelClosed,
    ConnectionClosed,
    ConnectionWrongStateError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from capture.topology import BrokerQueue, TopologyError, connection_parameters, declare
from consumer.broker.acks import AckTracker
from consumer.broker.queue import Delivery, Events, QueueError
from consumer.retry import backoff_s

_TAKE_TIMEOUT_S = 0.25
_EVENTS_TIMEOUT_S = 1.0
_CLOSE_TIMEOUT_S = 5.0


class _Settlement(NamedTuple):
    tag: int
    is_written: bool  # or else rejected


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
        self._settle(delivery, is_written=True)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Reject it without requeue, so that the dead-letter exchange takes it; see `Queue`.

        AMQP's reject has no room for the reason.
        """
        self._settle(delivery, is_written=False)

    def close(self) -> None:
        """Send the last acknowledgements and close the connection; see `Queue`."""
        self._stopping.set()
        session = self._session
        if session is not None:
            session.wake()
        self._thread.join(_CLOSE_TIMEOUT_S)

    def _settle(self, delivery: Delivery, *, is_written: bool) -> None:
        number, tag = delivery.position
        session = self._session
        if session is not None and session.number == number:
            session.settle(_Settlement(tag, is_written))

    def _run(self) -> None:
        number = failures = 0
        while not self._stopping.is_set():
            number += 1
            try:
                self._consume(number)
            except (AMQPError, OSError, TopologyError, _CancelledError) as error:
                failures = 1 if self._session else failures + 1
                self._session = None
                self._events.lost(_reason(error))
                self._stopping.wait(backoff_s(failures, random.random()))

    def _consume(self, number: int) -> None:
        connection = pika.BlockingConnection(connection_parameters(self._target))
        try:
            session = Session(number, connection, self._target.queue, self._prefetch, self._events)
            self._session = session
            self._events.opened()
            session.run(self._stopping)
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
        self._is_cancelled = False
        self._channel = self._subscribe(queue, prefetch)

    def take(self) -> Delivery | None:
        """Return the next delivery, None when none came within a moment."""
        try:
            return self._deliveries.get(timeout=_TAKE_TIMEOUT_S)
        except Empty:
            return None

    def settle(self, settlement: _Settlement) -> None:
        """Have the queue's thread acknowledge or reject a delivery of this session."""
        self._settled.put(settlement)
        self.wake()

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
            tag, is_written = self._settled.get()
            if is_written:
                self._tracker.written(tag)
            else:
                self._tracker.rejected(tag)
                self._channel.basic_reject(tag, requeue=False)
        prefix = self._tracker.take_prefix()
        if prefix is not None:
            tag, covered = prefix
            self._channel.basic_ack(tag, multiple=True)
            self._events.acknowledged(covered)


def _nothing() -> None:
    """Run on pika's loop, so that it returns from its wait."""


def _reason(error: Exception) -> str:
    """Return in one line why there is no connection: pika buries the cause in its exceptions' arguments."""
    match error:
        case ProbableAuthenticationError():
            return "the broker refused the user or the password"
        case ProbableAccessDeniedError():
            return "the broker refused the user access to the virtual host"
        case ConnectionClosed() | ChannelClosed():
            return f"the broker closed the connection: {error.reply_text}"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return str(error) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it was made of: pika's connectors have it in `args` or in an attribute `exception`."""
    yield error
    for inner in (*error.args, getattr(error, "exception", None)):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
