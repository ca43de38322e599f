"""The dead letters: messages that nobody could store, each with the reason, until somebody looks at them.

On RabbitMQ they wait in the queue `NAME.dead` and carry the reason in a header; those that the broker itself gave up
carry its `x-death` instead. In a spool they are the spool in the folder `dead/`, and a record is the reason's line
followed by the message.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from capture.messages import CONTENT_TYPE
from capture.spool import Position, Record, SpoolError, SpoolReader, SpoolWriter
from capture.topology import BrokerQueue, SpoolQueue, TopologyError, connection_parameters, dead_letters, declare
from consumer.broker.queue import QueueError

if TYPE_CHECKING:
    import pika
    from pika.adapters.blocking_connection import BlockingChannel

REASON_HEADER = "x-wproxy-reason"
_LONGEST_REASON = 500
_READ_AHEAD = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter: why it is dead, when that was said (seconds since 1970, 0 when unknown), and the message."""

    reason: str
    time_s: int
    body: bytes


class Graves(Protocol):
    """The dead letters of one queue, walked through once from the oldest on."""

    def letters(self) -> Iterator[Letter]:
        """Yield those that were there at the beginning; the one yielded last is what `requeue` and `drop` are about."""

    def requeue(self) -> None:
        """Put the letter back into its queue, for good, and forget it here."""

    def drop(self) -> None:
        """Forget the letter."""


@contextmanager
def opened(queue: BrokerQueue | SpoolQueue) -> Iterator[Graves]:
    """Open the dead letters of `queue`; raise QueueError when that cannot be, whatever happens meanwhile included."""
    from pika.exceptions import AMQPError

    from consumer.broker.reasons import reason_of

    try:
        with ExitStack() as stack:
            match queue:
                case BrokerQueue():
                    yield stack.enter_context(_broker_graves(queue))
                case SpoolQueue(folder):
                    yield stack.enter_context(closing(SpoolGraves(folder)))
    except (SpoolError, TopologyError) as error:
        raise QueueError(str(error)) from error
    except (AMQPError, OSError) as error:
        raise QueueError(f"queue {queue}: {reason_of(error)}") from error


@contextmanager
def _broker_graves(queue: BrokerQueue) -> Iterator[Graves]:
    import pika

    connection = pika.BlockingConnection(connection_parameters(queue))
    with closing(connection):
        channel = connection.channel()
        declare(channel, queue.queue)
        channel.confirm_delivery()
        yield BrokerGraves(channel, queue.queue)


class BrokerGraves:
    """The dead letters of a queue of RabbitMQ. What is neither requeued nor dropped is there again afterwards."""

    def __init__(self, channel: BlockingChannel, queue: str) -> None:
        self._channel = channel
        self._queue = queue
        self._tag = 0
        self._body = b""

    def letters(self) -> Iterator[Letter]:
        """Yield the letters; see `Graves`."""
        name = dead_letters(self._queue)
        for _ in range(self._channel.queue_declare(name, passive=True).method.message_count):
            method, properties, body = self._channel.basic_get(name)
            if method is None or properties is None or body is None:
                return
            self._tag, self._body = method.delivery_tag, body
            yield Letter(_reason_in(properties), properties.timestamp or 0, body)

    def requeue(self) -> None:
        """Publish the letter, confirmed, and acknowledge it here."""
        self._channel.basic_publish("", self._queue, self._body, _properties(), mandatory=True)
        self.drop()

    def drop(self) -> None:
        """Acknowledge the letter."""
        self._channel.basic_ack(self._tag)


class SpoolGraves:
    """The dead letters of a spool."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader = SpoolReader(folder / "dead")
        self._writer: SpoolWriter | None = None
        self._body = b""
        self._position = Position(0, 0)

    def letters(self) -> Iterator[Letter]:
        """Yield the letters; see `Graves`."""
        while records := self._reader.read(_READ_AHEAD):
            for record in records:
                letter = _unpacked(record)
                self._body, self._position = letter.body, record.position
                yield letter

    def requeue(self) -> None:
        """Append the letter to the spool; SpoolBusy while a capture writes to it."""
        if self._writer is None:
            self._writer = SpoolWriter(self._folder)
        self._writer.append(self._body)
        self.drop()

    def drop(self) -> None:
        """Commit the letter."""
        self._reader.commit(self._position)

    def close(self) -> None:
        """Release both spools."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()


def letter_properties(reason: str) -> pika.BasicProperties:
    """Return the properties of a message to the dead letters of RabbitMQ."""
    properties = _properties()
    properties.headers = {REASON_HEADER: reason[:_LONGEST_REASON]}
    properties.timestamp = int(time.time())
    return properties


def letter_record(reason: str, body: bytes) -> bytes:
    """Return the record of a message to the dead letters of a spool."""
    words = " ".join(reason.split())[:_LONGEST_REASON]
    return f"{int(time.time())} {words}\n".encode() + body


def _unpacked(record: Record) -> Letter:
    line, _, body = record.payload.partition(b"\n")
    moment, _, reason = line.decode(errors="replace").partition(" ")
    return Letter(reason, int(moment) if moment.isdecimal() else 0, body)


def _properties() -> pika.BasicProperties:
    import pika

    return pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=pika.DeliveryMode.Persistent)


def _reason_in(properties: pika.BasicProperties) -> str:
    headers = properties.headers or {}
    if REASON_HEADER in headers:
        return str(headers[REASON_HEADER])
    deaths = headers.get("x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        return f"given up by the broker: {deaths[0].get('reason', 'no reason')}"
    return "no reason given"
