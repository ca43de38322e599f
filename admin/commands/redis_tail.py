"""`wproxy redis tail`: the commands of mode redis as they come."""

from __future__ import annotations

import click

from admin.client import refusal
from admin.commands.common import socket_option, stats_socket
from admin.render import printable


@click.group(no_args_is_help=True)
@socket_option
def redis() -> None:
    """Watch what clients of mode redis do."""


@redis.command("tail")
@click.argument("backend", required=False)
@click.option("--for", "seconds", type=click.IntRange(1, 3600), default=60, show_default=True, help="Seconds.")
@click.option("--command", "names", metavar="NAME[,NAME]…", help="Only these commands.")
@click.option("--prefix", metavar="TEXT", help="Only commands with a key that begins so.")
@click.option("--one-in", type=click.IntRange(1), default=1, show_default=True, help="Look at one command in so many.")
@click.option("--rate", type=click.IntRange(1, 2000), default=100, show_default=True, help="Lines a second at most.")
@click.option("--values", is_flag=True, help="Show all arguments, not only keys; never those of AUTH and its kin.")
@socket_option
def tail_command(
    backend: str | None, seconds: int, names: str | None, prefix: str | None, one_in: int, rate: int, *, values: bool
) -> None:
    """Show commands that servers are sent, of BACKEND or all: when, database, client, server, command and keys."""
    words = ["tail", "redis", *([backend] if backend else []), "for", f"{seconds}s", "one-in", str(one_in)]
    words += ["rate", str(rate)]
    words += ["command", _escaped(names)] if names else []
    words += ["prefix", _escaped(prefix)] if prefix else []
    words += ["values"] if values else []
    for line in stats_socket().watch(" ".join(words), seconds):
        if line and not (line[0].isdigit() or line.startswith("#")):
            raise refusal(line)
        if line:
            click.echo(printable(line))


def _escaped(word: str) -> str:
    """Return a word as the stats socket reads it: what separates words and commands has a backslash in front."""
    return "".join(f"\\{letter}" if letter in " \t;\\" else letter for letter in word)
