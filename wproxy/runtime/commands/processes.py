"""Commands about the processes of the proxy, which HAProxy has on the socket of its master: `show proc`, `reload`."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context


def show_proc(context: Context, arguments: Sequence[str]) -> str:
    return context.reports.processes()


def show_startup_logs(context: Context, arguments: Sequence[str]) -> str:
    """Answer with what was wrong with the configuration when it was last read anew; nothing when nothing was."""
    return context.registry.startup_logs


def reload(context: Context, arguments: Sequence[str]) -> str:
    """Have the configuration read anew; what came of it is told by `show proc` and `show startup-logs`."""
    if not context.reports.reload():
        raise CommandError("There is no master process: start the proxy with -W, or with 'nbthread'.\n")
    return ""


COMMANDS = (
    Command(
        ("show", "proc"), "show proc",
        "list the processes of the proxy, with those that finish their sessions", Level.OPERATOR, show_proc,
    ),
    Command(
        ("show", "startup-logs"), "show startup-logs",
        "report what was wrong with the configuration at the last reload", Level.OPERATOR, show_startup_logs,
    ),
    Command(("reload",), "reload", "read the configuration anew", Level.ADMIN, reload),
)  # fmt: skip
