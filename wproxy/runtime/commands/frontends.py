"""Commands that open and close frontends."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, word
from wproxy.state.frontend import FrontendStatus


def enable_frontend(context: Context, arguments: Sequence[str]) -> str:
    frontend = context.frontend(word(arguments, 0))
    if frontend.status is FrontendStatus.STOPPED:
        raise CommandError("Frontend was previously shut down, cannot enable.\n")
    if frontend.status is FrontendStatus.OPEN:
        raise CommandError("All sockets are already enabled.\n")
    context.control.resume(frontend)
    return ""


def disable_frontend(context: Context, arguments: Sequence[str]) -> str:
    frontend = context.frontend(word(arguments, 0))
    if frontend.status is FrontendStatus.STOPPED:
        raise CommandError("Frontend was previously shut down, cannot disable.\n")
    if frontend.status is not FrontendStatus.OPEN:
        raise CommandError("All sockets are already disabled.\n")
    context.control.pause(frontend)
    return ""


def shutdown_frontend(context: Context, arguments: Sequence[str]) -> str:
    frontend = context.frontend(word(arguments, 0))
    if frontend.status is FrontendStatus.STOPPED:
        raise CommandError("Frontend was already shut down.\n")
    context.control.shut_down(frontend)
    return ""


COMMANDS = (
    Command(
        ("enable", "frontend"), "enable frontend <frontend>",
        "re-enable specific frontend", Level.ADMIN, enable_frontend,
    ),
    Command(
        ("disable", "frontend"), "disable frontend <frontend>",
        "temporarily disable specific frontend", Level.ADMIN, disable_frontend,
    ),
    Command(
        ("shutdown", "frontend"), "shutdown frontend <frontend>",
        "stop a specific frontend", Level.ADMIN, shutdown_frontend,
    ),
)  # fmt: skip
