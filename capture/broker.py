"""One connection to a RabbitMQ broker, on pika's own event loop: what the broker says becomes four calls.

    connect ─▶ channel ─▶ declare dead letters ─▶ declare queue ─▶ confirm mode ─▶ ready ─▶ publish … confirmed …
       └────────┴────────────┴──────────────────────┴───────────────┴────────────────┴─▶ lost

A link is used once. Whatever fails, and whatever the broker refuses (a nack, a message that no queue takes), ends it
with one `lost`: the next link declares the queue anew, so a queue that somebody deleted comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pika
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.channel import Channel
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    ConnectionClosed,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from capture.messages import CONTENT_TYPE
from capture.topology import BrokerQueue, connection_parameters, declaration_error, declarations

_PROPERTIES = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=pika.DeliveryMode.Persistent)


class LinkEvents(Protocol):
    """Who uses a link; called on the event loop."""

    def link_ready(self) -> None:
        """Messages may be published from now on."""

    def link_confirmed(self, tag: int, multiple: bool) -> None:
        """The broker has message `tag` safe, and if `multiple` every one before it."""

    def link_lost(self, reason: str) -> None:
        """The link is of no use any more: what was not confirmed may or may not have arrived."""


class Link:
    """Connects at once, to the broker of `queue`; `events` hears of it until `close` or `link_lost`.

    Of several nodes the `turn`-th is tried first, then those that follow it.
    """

    def __init__(self, queue: BrokerQueue, loop: IOLoop, events: LinkEvents, turn: int = 0) -> None:
        self._queue = queue
        self._events: LinkEvents | None = events
        self._channel: Channel | None = None
        self._last_tag = 0
        self._declarations: Iterator[tuple[str, dict[str, Any]]] = iter(declarations(queue.queue))
        self._declaring = ""
        self._connection: SelectConnection | None = None
        # An attempt is never aborted: pika trips over its own assertions then. It ends by itself, within its time
        # limits, and finds out in `_attempted` whether it is still wanted.
        SelectConnection.create_connection(
            connection_parameters(queue, turn), on_done=self._attempted, custom_ioloop=loop
        )

    def publish(self, payload: bytes) -> int:
        """Send one message, persistent and mandatory; return the tag under which it will be confirmed."""
        assert self._channel is not None, "publish before link_ready"
        self._channel.basic_publish("", self._queue.queue, payload, _PROPERTIES, mandatory=True)
        self._last_tag += 1
        return self._last_tag

    def close(self) -> None:
        """Leave the broker, without a further event."""
        self._events = None
        if self._connection is not None and self._connection.is_open:
            self._connection.close()

    @property
    def is_closed(self) -> bool:
        """Tell whether the broker has heard the good-bye, or none is due."""
        return self._connection is None or bool(self._connection.is_closed)

    def fail(self, reason: str) -> None:
        """Give this link up for `reason`."""
        events = self._events
        self.close()
        if events is not None:
            events.link_lost(reason)

    def _attempted(self, outcome: SelectConnection | Exception) -> None:
        if isinstance(outcome, Exception):
            self._ended(None, outcome)
            return
        self._connection = outcome
        outcome.add_on_close_callback(self._ended)
        if self._events is None:
            outcome.close()
        else:
            outcome.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._returned)
        self._declare_next()

    def _declare_next(self, _frame: object = None) -> None:
        if self._channel is None or self._events is None:
            return
        name, arguments = next(self._declarations, ("", {}))
        self._declaring = name
        if name:
            self._channel.queue_declare(name, durable=True, arguments=arguments, callback=self._declare_next)
        else:
            self._channel.confirm_delivery(self._answered, callback=self._confirming)

    def _confirming(self, _frame: object) -> None:
        if self._events is not None:
            self._events.link_ready()

    def _answered(self, frame: Any) -> None:  # noqa: ANN401 - pika's method frame
        method = frame.method
        if isinstance(method, pika.spec.Basic.Nack):
            self.fail("the broker refused a message")
        elif self._events is not None:
            self._events.link_confirmed(method.delivery_tag, method.multiple)

    def _returned(self, _channel: Channel, method: Any, _properties: object, _body: bytes) -> None:  # noqa: ANN401
        # Comes before the confirmation of the same message, which then finds nobody listening.
        self.fail(f"no queue took a message ({method.reply_text})")

    def _channel_closed(self, _channel: Channel, error: Exception) -> None:
        if self._declaring and isinstance(error, ChannelClosedByBroker):
            self.fail(str(declaration_error(self._declaring, error.reply_code, error.reply_text)))
        else:
            self.fail(describe(error, self._queue))

    def _ended(self, _connection: object, error: BaseException) -> None:
        self.fail(describe(error, self._queue))


def describe(error: BaseException, queue: BrokerQueue) -> str:
    """Return why a connection failed or ended, as one line without pika's class names."""
    for cause in _causes(error):
        match cause:
            case ProbableAuthenticationError():
                return f"login refused for user '{queue.user}': check user and password"
            case ProbableAccessDeniedError():
                return f"no access to virtual host '{queue.vhost}' for user '{queue.user}'"
            case ConnectionClosed() | ChannelClosedByBroker():
                return str(cause.reply_text)
            case OSError() if cause.strerror:
                return cause.strerror
    text = " ".join(str(error).split())
    return text or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and those that pika has wrapped in it, as attributes or as arguments."""
    yield error
    inner = [getattr(error, "exception", None), *getattr(error, "exceptions", ())]
    inner += error.args if isinstance(error, AMQPError) else ()
    for candidate in inner:
        if isinstance(candidate, BaseException):
            yield from _causes(candidate)
