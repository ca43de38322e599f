"""Commands that show what is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, word

_LEADING_NUMBER = re.compile("[+-]?[0-9]{1,9}")


def show_stat(context: Context, arguments: Sequence[str]) -> str:
    """Answer with all lines, or with those that three filters leave; fewer are ignored, as by HAProxy."""
    if len(arguments) < 3:
        return context.reports.statistics(-1, -1, -1)
    proxy = context.proxy(arguments[0])
    proxy_id = _number(arguments[0]) if proxy is None else proxy.proxy_id
    if not proxy_id:
        raise CommandError("No such proxy.\n")
    return context.reports.statistics(proxy_id, _number(arguments[1]), _number(arguments[2]))


def _number(text: str) -> int:
    """Read a filter as C's atoi does, which is what HAProxy's clients have got used to."""
    number = _LEADING_NUMBER.match(text)
    return int(number.group()) if number else 0


def show_info(context: Context, arguments: Sequence[str]) -> str:
    return context.reports.information()


def show_servers_state(context: Context, arguments: Sequence[str]) -> str:
    name = word(arguments, 0)
    if not name:
        return context.reports.servers_state(list(context.registry.backends.values()))
    backend = context.backend(name)
    if backend is None:
        raise CommandError("Can't find backend.\n")
    return context.reports.servers_state([backend])


def show_backend(context: Context, arguments: Sequence[str]) -> str:
    return "# name\n" + "".join(f"{name}\n" for name in context.registry.backends)


def show_cli_level(context: Context, arguments: Sequence[str]) -> str:
    return f"{context.conversation.level.name.lower()}\n"


COMMANDS = (
    Command(
        ("show", "backend"), "show backend",
        "list backends in the current running config", Level.USER, show_backend,
    ),
    Command(
        ("show", "cli", "level"), "show cli level",
        "display the level of the current CLI session", Level.USER, show_cli_level,
    ),
    Command(("show", "info"), "show info", "report information about the running process", Level.USER, show_info),
    Command(
        ("show", "servers", "state"), "show servers state [<backend>]",
        "dump volatile server information (all or for a single backend)", Level.USER, show_servers_state,
    ),
    Command(
        ("show", "stat"), "show stat [<iid>|<proxy> <type> <sid>]",
        "report counters for each proxy and server", Level.USER, show_stat,
    ),
)  # fmt: skip
