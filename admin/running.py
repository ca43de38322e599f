"""Runs a subcommand: one line of errors, one exit code per kind of failure."""

from __future__ import annotations

import os
import sys

import click

from admin.errors import AdminError

INTERRUPTED = 130


def run(command: click.Command, arguments: list[str], name: str = "wproxy") -> int:
    """Run `command`, print what went wrong as one line on standard error, return the exit code."""
    try:
        result = command.main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except AdminError as error:
        click.echo(f"{name}: {error}", err=True)
        return error.exit_code
    except click.UsageError as error:
        click.echo(f"{name}: {usage_line(error, name)}", err=True)
        return 2
    except click.Abort:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; the flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0


def usage_line(error: click.UsageError, name: str) -> str:
    """Return click's message, which may have several lines, as one that also names the help to read."""
    path = error.ctx.command_path if error.ctx else name
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{message} (see {path} --help)"
