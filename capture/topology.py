"""What capture and consumer both rely on at the queue: its URL, its name, its arguments.

Both declare the same two quorum queues, so whoever comes first creates them:

    capture ──▶ wproxy.observations ──▶ consumer
                        │  rejected, or delivered too often
                        ▼
                wproxy.observations.dead

There is no queue TTL: expired batches would land beside the poison; the consumer counts and drops them instead.
"""

from __future__ import annotations

from collections.abc import Mapping
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
USER_VARIABLE = "WPROXY_QUEUE_USER"
PASSWORD_VARIABLE = "WPROXY_QUEUE_PASSWORD"
QUEUE_HELP = (
    "amqp://USER:PASSWORD@HOST:PORT,HOST:PORT/VHOST?queue=NAME (the nodes of a cluster are tried in turn), or "
    f"spool:///folder; or in $WPROXY_QUEUE. User and password also in ${USER_VARIABLE} and ${PASSWORD_VARIABLE}."
)
_NO_CREDENTIALS: Mapping[str, str] = {}
_LONGEST_QUEUE_NAME = 255 - len(".dead")  # AMQP 0-9-1: a short string, and the dead letters need one too


class QueueUrlError(ValueError):
    """A queue URL that names no queue. Raised by `parse_queue_url`; the command lines print it and exit 2."""


class TopologyError(Exception):
    """The broker holds something else under a name of ours. Raised by `declare`; printed as one line."""


@dataclass(frozen=True, slots=True)
class BrokerQueue:
    """A queue of a RabbitMQ broker. `str()` masks the password, as every log line must.

    `others` are host and port of the cluster's further nodes, tried in turn when the first cannot be reached.
    """

    host: str
    port: int
    user: str = "guest"
    password: str = field(default="guest", repr=False)
    vhost: str = "/"
    queue: str = DEFAULT_QUEUE
    tls: bool = False
    others: tuple[tuple[str, int], ...] = ()

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Return host and port of every node, in the order of the URL."""
        return ((self.host, self.port), *self.others)

    def __str__(self) -> str:
        scheme = "amqps" if self.tls else "amqp"
        nodes = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.addresses)
        vhost = "" if self.vhost == "/" else quote(self.vhost, safe="")
        return f"{scheme}://{quote(self.user, safe='')}:***@{nodes}/{vhost}?queue={quote(self.queue)}"


@dataclass(frozen=True, slots=True)
class SpoolQueue:
    """A folder on disk that is the queue itself (`capture.spool`)."""

    folder: Path

    def __str__(self) -> str:
        return f"spool://{self.folder}"


def parse_queue_url(url: str, environment: Mapping[str, str] = _NO_CREDENTIALS) -> BrokerQueue | SpoolQueue:
    """Return the queue that `amqp[s]://user:pass@host:port,host:port/vhost?queue=NAME` or `spool:///folder` names.

    User, password and virtual host may be percent-encoded; no vhost and `/` both mean the virtual host "/". A user or
    password that the URL does not name is taken from `environment`. Raises QueueUrlError, whose text never holds the
    password.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise QueueUrlError(f"queue URL: {error}") from error
    match parts.scheme:
        case "spool":
            return _spool_queue(unquote(parts.path), parts.netloc, extra=parts.query or parts.fragment)
        case "amqp" | "amqps":
            login, _, nodes = parts.netloc.rpartition("@")
            user, colon, password = login.partition(":")
            (host, port), *others = [_node(node, PORTS[parts.scheme]) for node in nodes.split(",")]
            return BrokerQueue(
                host=host,
                port=port,
                user=unquote(user) or environment.get(USER_VARIABLE) or "guest",
                password=unquote(password) if colon else environment.get(PASSWORD_VARIABLE) or "guest",
                vhost=unquote(parts.path[1:]) or "/",
                queue=_queue_name(parts.query),
                tls=parts.scheme == "amqps",
                others=tuple(others),
            )
        case _:
            scheme = f"'{parts.scheme}'" if parts.scheme else "none"
            raise QueueUrlError(f"queue URL: scheme {scheme}: expected amqp://, amqps:// or spool:///folder")


def _node(text: str, default_port: int) -> tuple[str, int]:
    """Return host and port of one node; the text may be a part of a misspelt password and is not repeated."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise QueueUrlError("queue URL: a broker is HOST or HOST:PORT, with a port from 1 to 65535") from error
    if not host:
        raise QueueUrlError("queue URL: the broker's host is missing: amqp://HOST:PORT/")
    return host, default_port if port is None else port


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


def connection_parameters(queue: BrokerQueue, turn: int = 0) -> list[pika.ConnectionParameters]:
    """Return pika's parameters for a connection to each node of `queue`'s broker, beginning with the `turn`-th.

    A broker that is silent for two heartbeats of 10 s is gone, one that blocks publishers for 10 s counts as away.
    """
    first = turn % len(queue.addresses)
    return [_parameters(queue, *node) for node in queue.addresses[first:] + queue.addresses[:first]]


def _parameters(queue: BrokerQueue, host: str, port: int) -> pika.ConnectionParameters:
    import ssl

    import pika

    settings: dict[str, Any] = {
        "host": host,
        "port": port,
        "virtual_host": queue.vhost,
        "credentials": pika.PlainCredentials(queue.user, queue.password, erase_on_connect=False),
        "heartbeat": 10,
        "blocked_connection_timeout": 10.0,
        "socket_timeout": 5.0,
        "stack_timeout": 10.0,
        "connection_attempts": 1,
    }
    if queue.tls:
        settings["ssl_options"] = pika.SSLOptions(ssl.create_default_context(), host)
    return pika.ConnectionParameters(**settings)
