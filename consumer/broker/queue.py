"""What the consumer needs of a queue, whichever it is: take a message, acknowledge it, or reject it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class QueueError(Exception):
    """The queue cannot be used, and waiting will not help. Raised by the queues; printed as one line, exit code 1."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in hand. `position` is the queue's own: what to acknowledge it by.

    On RabbitMQ it is the number of the connection and the delivery tag: after a new connection the broker delivers the
    message again, and settling the old delivery does nothing. In a spool it is segment and offset.
    """

    body: bytes
    position: tuple[int, int]
    redelivered: bool = False


class Events(Protocol):
    """What a queue tells its owner. The calls come from the thread that the queue works on, which may be its own."""

    def opened(self) -> None:
        """The queue can be read now; called again after each outage."""

    def lost(self, reason: str) -> None:
        """An attempt to reach the queue failed, or the connection was lost."""

    def acknowledged(self, count: int) -> None:
        """That many messages were acknowledged."""

    def returned(self, count: int) -> None:
        """That many messages were done and could not be acknowledged, because their connection is gone."""

    def torn(self, count: int) -> None:
        """That many records of a spool were cut off or damaged, and are lost."""


class Queue(Protocol):
    """A source of messages. Every delivery is settled once, in the order of delivery, or left unsettled at `close`."""

    def take(self) -> Delivery | None:
        """Return the next message; None when none came within a moment (at most a quarter of a second)."""

    def acknowledge(self, delivery: Delivery) -> None:
        """Have the queue forget the message."""

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move the message to the dead letters."""

    def close(self) -> None:
        """Hand over what was settled and release everything; unsettled messages will be delivered again."""
