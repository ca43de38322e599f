"""The demo's queue: a spool in its own folder, or a queue of its own on the broker that `--amqp` names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from admin.errors import DemoError, MisusedError

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class DemoQueue:
    """What capture and consumer are told, and how the view names it: without a password."""

    url: str
    shown: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the variable in which they are told: on a command line ps would show the password."""
        return {"WPROXY_QUEUE": self.url}


@contextmanager
def demo_queue(amqp: str | None, folder: Path) -> Iterator[DemoQueue]:
    """Yield the queue; a broker is asked first whether it is there, and afterwards to delete what the demo made."""
    if amqp is None:
        spool = folder / "queue"
        yield DemoQueue(f"spool://{quote(str(spool))}", "spool on disk")
        return
    name = f"wproxy.demo.{os.getpid()}"
    url = with_queue(amqp, name)
    _delete(amqp, name)
    try:
        yield DemoQueue(url, f"RabbitMQ at {_place(amqp)}")
    finally:
        _delete(amqp, name)


def with_queue(amqp: str, name: str) -> str:
    """Return the broker's URL with the queue's name as its only option; raise MisusedError when it is no URL of one."""
    try:
        parts = urlsplit(amqp)
        valid = parts.scheme in ("amqp", "amqps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise MisusedError("--amqp takes amqp://USER:PASSWORD@HOST:PORT/VHOST")
    return urlunsplit(parts._replace(query=f"queue={quote(name)}", fragment=""))


def _place(amqp: str) -> str:
    parts = urlsplit(amqp)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _delete(amqp: str, name: str) -> None:
    """Delete the queue and its dead letters; a queue that is not there is fine to the broker."""
    import pika
    from pika.exceptions import AMQPError

    try:
        parameters = pika.URLParameters(urlunsplit(urlsplit(amqp)._replace(query="", fragment="")))
        parameters.socket_timeout = parameters.stack_timeout = _TIMEOUT_S
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            for queue in (name, f"{name}.dead"):
                channel.queue_delete(queue)
        finally:
            connection.close()
    except (AMQPError, OSError, ValueError) as error:
        reason = str(error) or "it refuses the connection"  # pika has no words for that
        raise DemoError(f"no RabbitMQ at {_place(amqp)}: {reason}") from error
