"""Commands that change servers and frontends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, word
from wproxy.state.frontend import FrontendStatus
from wproxy.state.server import Server


def get_weight(context: Context, arguments: Sequence[str]) -> str:
    server = context.server(word(arguments, 0))
    return f"{server.weight} (initial {server.line.weight})\n"


def set_weight(context: Context, arguments: Sequence[str]) -> str:
    context.control.set_weight(context.server(word(arguments, 0)), word(arguments, 1))
    return ""


def set_server(context: Context, arguments: Sequence[str]) -> str:
    server = context.server(word(arguments, 0))
    change = _SETTINGS.get(word(arguments, 1))
    if change is None:
        raise CommandError(f"usage: set server <backend>/<server> {' | '.join(sorted(_SETTINGS))}\n")
    change(context, server, word(arguments, 2))
    return ""


def _set_state(context: Context, server: Server, value: str) -> None:
    states: Mapping[str, Callable[[Server], None]] = {
        "ready": context.control.set_ready,
        "drain": context.control.set_drain,
        "maint": context.control.set_maint,
    }
    apply = states.get(value)
    if apply is None:
        raise CommandError("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n")
    apply(server)


def _set_weight(context: Context, server: Server, value: str) -> None:
    context.control.set_weight(server, value)


_SETTINGS: Mapping[str, Callable[[Context, Server, str], None]] = {"state": _set_state, "weight": _set_weight}


def enable_server(context: Context, arguments: Sequence[str]) -> str:
    context.control.set_ready(context.server(word(arguments, 0)))
    return ""


def disable_server(context: Context, arguments: Sequence[str]) -> str:
    context.control.set_maint(context.server(word(arguments, 0)))
    return ""


def enable_frontend(context: Context, arguments: Sequence[str]) -> str:
    frontend = context.frontend(word(arguments, 0))
    if frontend.status is FrontendStatus.OPEN:
        raise CommandError("All sockets are already enabled.\n")
    context.control.resume(frontend)
    return ""


def disable_frontend(context: Context, arguments: Sequence[str]) -> str:
    frontend = context.frontend(word(arguments, 0))
    if frontend.status is not FrontendStatus.OPEN:
        raise CommandError("All sockets are already disabled.\n")
    context.control.pause(frontend)
    return ""


COMMANDS = (
    Command(("get", "weight"), "get weight <bk>/<srv>", "report a server's current weight", Level.USER, get_weight),
    Command(
        ("set", "weight"), "set weight <bk>/<srv>  (DEPRECATED)",
        "change a server's weight (use 'set server' instead)", Level.ADMIN, set_weight,
    ),
    Command(
        ("set", "server"), "set server <bk>/<srv> [opts]",
        "change a server's state or weight", Level.ADMIN, set_server,
    ),
    Command(
        ("enable", "server"), "enable server  (DEPRECATED)",
        "enable a disabled server (use 'set server' instead)", Level.ADMIN, enable_server,
    ),
    Command(
        ("disable", "server"), "disable server (DEPRECATED)",
        "disable a server for maintenance (use 'set server' instead)", Level.ADMIN, disable_server,
    ),
    Command(
        ("enable", "frontend"), "enable frontend <frontend>",
        "re-enable specific frontend", Level.ADMIN, enable_frontend,
    ),
    Command(
        ("disable", "frontend"), "disable frontend <frontend>",
        "temporarily disable specific frontend", Level.ADMIN, disable_frontend,
    ),
)  # fmt: skip
