"""The command line of `wproxy consume dead`: look at the dead letters, give them back, or drop them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import click
import orjson

from capture.options import parsed
from capture.topology import QUEUE_HELP, BrokerQueue, SpoolQueue, parse_queue_url
from consumer.broker.graves import Graves, Letter, opened
from consumer.broker.queue import QueueError

F = TypeVar("F", bound=Callable[..., Any])
Queue = BrokerQueue | SpoolQueue
_SHOWN_BYTES = 200


def queue_option(command: F) -> F:
    """Add `--queue`."""
    return click.option(
        "--queue",
        required=True,
        envvar="WPROXY_QUEUE",
        metavar="URL",
        callback=parsed(lambda url: parse_queue_url(url, os.environ)),
        help=QUEUE_HELP,
    )(command)


def count_option(command: F) -> F:
    """Add `--count`."""
    return click.option("--count", metavar="N", type=click.IntRange(1), help="Only the N oldest.")(command)


@click.group()
def dead() -> None:
    """See to the messages that could not be stored: unreadable ones, and those that Redis refused for good."""


@dead.command("list")
@queue_option
@count_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line, with the whole message.")
def list_command(queue: Queue, count: int | None, *, as_json: bool) -> None:
    """List the dead letters, oldest first, each with its reason."""
    with _errors(), opened(queue) as graves:
        for letter in islice(graves.letters(), count):
            click.echo(_document(letter) if as_json else _line(letter))


@dead.command("requeue")
@queue_option
@count_option
def requeue_command(queue: Queue, count: int | None) -> None:
    """Give the dead letters back to the consumers, and forget them here."""
    click.echo(f"{_each(queue, count, lambda graves: graves.requeue())} requeued")


@dead.command("drop")
@queue_option
@count_option
def drop_command(queue: Queue, count: int | None) -> None:
    """Forget the dead letters."""
    click.echo(f"{_each(queue, count, lambda graves: graves.drop())} dropped")


def _each(queue: Queue, count: int | None, act: Callable[[Graves], None]) -> int:
    done = 0
    with _errors(), opened(queue) as graves:
        for _ in islice(graves.letters(), count):
            act(graves)
            done += 1
    return done


@contextmanager
def _errors() -> Iterator[None]:
    """Make a queue's error one line on standard error."""
    try:
        yield
    except QueueError as error:
        raise click.ClickException(str(error)) from error


def _line(letter: Letter) -> str:
    moment = datetime.fromtimestamp(letter.time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if letter.time_s else "-"
    body = letter.body[:_SHOWN_BYTES].decode(errors="replace")
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in body)
    more = "…" if len(letter.body) > _SHOWN_BYTES else ""
    return f"{moment}  {letter.reason}  {len(letter.body)} bytes: {shown}{more}"


def _document(letter: Letter) -> str:
    body = letter.body.decode(errors="backslashreplace")
    return orjson.dumps({"reason": letter.reason, "time": letter.time_s or None, "message": body}).decode()
