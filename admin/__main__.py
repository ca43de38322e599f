"""The subcommands of `wproxy` that steer a running proxy."""

from __future__ import annotations

import importlib
import sys

import click

from admin.running import run

# subcommand -> "module:command". Each is loaded only when it is asked for: the client of Redis that `seen` takes, for
# one, takes twice as long to load as all of `weight set`.
COMMANDS = {
    "rebalance": "admin.commands.epochs:rebalance",
    "redis": "admin.commands.redis_tail:redis",
    "reload": "admin.commands.reload:reload",
    "seen": "admin.commands.seen:seen",
    "server": "admin.commands.server:server",
    "show": "admin.commands.show:show",
    "weight": "admin.commands.weight:weight",
}


class _Subcommands(click.Group):
    """The subcommands of `COMMANDS`."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return their names."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the one of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group("wproxy", cls=_Subcommands)
def cli() -> None:
    """Watch and steer a running proxy over its stats socket."""


def main() -> None:
    """Run the subcommand that `sys.argv` names and exit with its code: 0, 1, 2 or 3 as docs/architecture.md says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that has no arrow shows a question mark
            stream.reconfigure(errors="replace")
    sys.exit(run(cli, sys.argv[1:]))


if __name__ == "__main__":
    main()
