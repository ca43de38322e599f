"""What capture and consumer both rely on at the queue: its URL, its name, its arguments.

Both declare the same two quorum queues, so whoever comes first creates them:

    capture ──▶ wproxy.observations ──▶ consumer
                        │  rejected, or delivered too often
                        ▼
                wproxy.observations.dead

There is no queue TTL: expired batches would land beside the poison; the consumer counts and drops them instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    import pika
    from pika.adapters.blocking_connection import BlockingChannel

DEFAULT_QUEUE = "wproxy.observations"
DELIVERY_LIMIT = 20  # a batch that came this often and was never acknowledged is poison
PORTS = {"amqp": 5672, "amqps": 5671}
_LONGEST_QUEUE_NAME = 255 - len(".dead")  # AMQP 0-9-1: a short string, and the dead letters need one too


class QueueUrlError(ValueError):
    """A queue URL that names no queue. Raised by `parse_queue_url`; the command lines print it and exit 2."""


class TopologyError(Exception):
    """The broker holds something else under a name of ours. Raised by `declare`; printed as one line."""


@dataclass(frozen=True, slots=True)
class BrokerQueue:
    """A queue of a RabbitMQ broker. `str()` masks the password, as every log line must."""

    host: str
    port: int
    user: str = "guest"
    password: str = field(default="guest", repr=False)
    vhost: str = "/"
    queue: str = DEFAULT_QUEUE
    tls: bool = False

    def __str__(self) -> str:
        scheme = "amqps" if self.tls else "amqp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        vhost = "" if self.vhost == "/" else quote(self.vhost, safe="")
        return f"{scheme}://{quote(self.user, safe='')}:***@{host}:{self.port}/{vhost}?queue={quote(self.queue)}"


@dataclass(frozen=True, slots=True)
class SpoolQueue:
    """A folder on disk that is the queue itself (`capture.spool`)."""

    folder: Path

    def __str__(self) -> str:
        return f"spool://{self.folder}"


def parse_queue_url(url: str) -> BrokerQueue | SpoolQueue:
    """Return the queue that `amqp[s]://user:pass@host:port/vhost?queue=NAME` or `spool:///folder` names.

    User, password and virtual host may be percent-encoded; no vhost and `/` both mean the virtual host "/". Raises
    QueueUrlError, whose text never holds the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise QueueUrlError(f"queue URL: {error}") from error
    match parts.scheme:
        case "spool":
            return _spool_queue(unquote(parts.path), parts.netloc, extra=parts.query or parts.fragment)
        case "amqp" | "amqps":
            return BrokerQueue(
                host=_required(parts.hostname, "queue URL: the broker's host is missing: amqp://HOST:PORT/"),
                port=PORTS[parts.scheme] if port is None else port,
                user=unquote(parts.username or "guest"),
                password=unquote("guest" if parts.password is None else parts.password),
                vhost=unquote(parts.path[1:]) or "/",
                queue=_queue_name(parts.query),
                tls=parts.scheme == "amqps",
            )
        case _:
            scheme = f"'{parts.scheme}'" if parts.scheme else "none"
            raise QueueUrlError(f"queue URL: scheme {scheme}: expected amqp://, amqps:// or spool:///folder")


def _spool_queue(path: str, netloc: str, extra: str) -> SpoolQueue:
    if netloc or extra or not path.startswith("/") or path == "/" or "\0" in path:
        raise QueueUrlError("queue URL: a spool is named by an absolute folder with three slashes: spool:///folder")
    return SpoolQueue(Path(path))


def _queue_name(query: str) -> str:
    options = dict(parse_qsl(query, keep_blank_values=True))
    name = options.pop("queue", DEFAULT_QUEUE)
    if options:
        raise QueueUrlError(f"queue URL: unknown option '{next(iter(options))}': only ?queue=NAME is known")
    if not name or len(name.encode()) > _LONGEST_QUEUE_NAME or name.startswith("amq."):
        raise QueueUrlError(f"queue URL: '{name}' is no queue name: 1 to {_LONGEST_QUEUE_NAME} bytes, not 'amq.…'")
    return name


def _required(value: str | None, message: str) -> str:
    if not value:
        raise QueueUrlError(message)
    return value


def dead_letters(queue: str) -> str:
    """Return the name of the queue that takes the poison of `queue`."""
    return f"{queue}.dead"


def queue_arguments(queue: str) -> dict[str, Any]:
    """Return the arguments `queue` is declared with; its dead letters keep their place until they are safe."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_letters(queue),
        # At most once, the default, loses dead letters when the broker dies in between; this needs reject-publish.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def dead_letter_arguments() -> dict[str, Any]:
    """Return the arguments the dead-letter queue is declared with: it only ever shrinks by somebody's hand."""
    return {"x-queue-type": "quorum"}


def declarations(queue: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return name and arguments of every durable queue to declare, in order: dead letters need their place first."""
    return ((dead_letters(queue), dead_letter_arguments()), (queue, queue_arguments(queue)))


def declare(channel: BlockingChannel, queue: str) -> None:
    """Declare `queue` and its dead letters on a blocking `channel`; raise TopologyError when others exist there."""
    from pika.exceptions import ChannelClosedByBroker

    for name, arguments in declarations(queue):
        try:
            channel.queue_declare(name, durable=True, arguments=arguments)
        except ChannelClosedByBroker as error:
            raise declaration_error(name, error.reply_code, error.reply_text) from error


def declaration_error(queue: str, code: int, text: str) -> TopologyError:
    """Return the error that says why the broker refused the declaration of `queue`."""
    if code == 406:  # PRECONDITION_FAILED
        return TopologyError(
            f"queue '{queue}' exists with other arguments: delete it or name another one with ?queue=NAME ({text})"
        )
    return TopologyError(f"queue '{queue}' was refused: {text}")


def connection_parameters(queue: BrokerQueue, **overrides: Any) -> pika.ConnectionParameters:  # noqa: ANN401 - pika's own
    """Return pika's parameters for a connection to `queue`'s broker; `overrides` are ConnectionParameters' own.

    A broker that is silent for two heartbeats of 10 s is gone, one that blocks publishers for 10 s counts as away.
    """
    import ssl

    import pika

    settings: dict[str, Any] = {
        "host": queue.host,
        "port": queue.port,
        "virtual_host": queue.vhost,
        "credentials": pika.PlainCredentials(queue.user, queue.password, erase_on_connect=False),
        "heartbeat": 10,
        "blocked_connection_timeout": 10.0,
        "socket_timeout": 5.0,
        "stack_timeout": 10.0,
        "connection_attempts": 1,
    }
    if queue.tls:
        settings["ssl_options"] = pika.SSLOptions(ssl.create_default_context(), queue.host)
    return pika.ConnectionParameters(**{**settings, **overrides})
