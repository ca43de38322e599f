"""The command line of `wproxy consume`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from capture.options import Address, address, duration_ms, parsed
from capture.topology import QUEUE_HELP, BrokerQueue, SpoolQueue, parse_queue_url

if TYPE_CHECKING:
    from consumer.app import Settings

PASSWORD_VARIABLE = "WPROXY_REDIS_PASSWORD"


def main() -> None:
    """Run `wproxy consume …`, or `python -m consumer …`; exit 2 for bad usage, 1 when it cannot start."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["consume"]:
        arguments = arguments[1:]
    try:
        if arguments[:1] == ["dead"]:
            from consumer.dead import dead

            dead.main(arguments[1:], prog_name="wproxy consume dead", standalone_mode=False)
        else:
            consume.main(arguments, prog_name="wproxy consume", standalone_mode=False)
    except click.ClickException as error:
        _exit(error.format_message(), error.exit_code)
    except click.Abort:
        _exit("interrupted before it started", 1)


@click.command(context_settings={"show_default": True})
@click.option(
    "--queue",
    required=True,
    envvar="WPROXY_QUEUE",  # a password in it is then seen by no ps
    metavar="URL",
    callback=parsed(lambda url: parse_queue_url(url, os.environ)),
    help=QUEUE_HELP,
)
@click.option(
    "--redis",
    required=True,
    metavar="HOST:PORT",
    callback=parsed(address),
    help=f"The proxy, or a Redis server. A password is taken from ${PASSWORD_VARIABLE}.",
)
@click.option(
    "--ttl",
    default="5m",
    metavar="DURATION",
    callback=parsed(duration_ms),
    help="How long after its capture an observation stays in Redis: 90s, 5m, 1h.",
)
@click.option("--prefetch", default=20, type=click.IntRange(1, 65_535), help="Batches taken off the queue ahead.")
@click.option("--connection-per-batch", is_flag=True, help="For a proxy whose weights count connections (mode tcp).")
@click.option("--index", is_flag=True, help="Also keep who sent last to whom, for wproxy seen --index (balance key).")
@click.option("--metrics", metavar="HOST:PORT", callback=parsed(address), help="Where Prometheus reads the counters.")
def consume(
    queue: BrokerQueue | SpoolQueue,
    redis: Address,
    ttl: int,
    prefetch: int,
    connection_per_batch: bool,
    index: bool,
    metrics: Address | None,
) -> None:
    """Take batches of observations off the queue and write each observation to Redis, to expire TTL after capture.

    What cannot be stored goes to the dead letters: see wproxy consume dead --help.
    """
    from consumer.app import Settings

    _run(
        Settings(
            queue=queue,
            redis=redis,
            ttl_ms=ttl,
            prefetch=prefetch,
            connection_per_batch=connection_per_batch,
            with_index=index,
            metrics=metrics,
            password=os.environ.get(PASSWORD_VARIABLE) or None,
        )
    )


def _run(settings: Settings) -> None:
    from consumer.app import StartError, run
    from consumer.broker.queue import QueueError

    try:
        run(settings)
    except (StartError, QueueError) as error:
        raise click.ClickException(str(error)) from error


def _exit(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"wproxy consume: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
