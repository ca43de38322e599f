"""The subcommands of `wproxy` that steer a running proxy."""

from __future__ import annotations

import sys

import click

from admin.commands.epochs import rebalance
from admin.commands.redis_tail import redis
from admin.commands.reload import reload
from admin.commands.seen import seen
from admin.commands.server import server
from admin.commands.show import show
from admin.commands.weight import weight
from admin.running import run


@click.group("wproxy")
def cli() -> None:
    """Watch and steer a running proxy over its stats socket."""


for _command in (weight, server, rebalance, redis, reload, show, seen):
    cli.add_command(_command)


def main() -> None:
    """Run the subcommand that `sys.argv` names and exit with its code: 0, 1, 2 or 3 as docs/architecture.md says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that has no arrow shows a question mark
            stream.reconfigure(errors="replace")
    sys.exit(run(cli, sys.argv[1:]))


if __name__ == "__main__":
    main()
