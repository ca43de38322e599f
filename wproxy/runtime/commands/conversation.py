"""Commands about the conversation itself; `help` is in `runtime.interpreter`, which knows all rows."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, Context
from wproxy.runtime.handover import COMMAND


def prompt(context: Context, arguments: Sequence[str]) -> str:
    context.conversation.prompt = not context.conversation.prompt
    return ""


def quit_(context: Context, arguments: Sequence[str]) -> str:
    context.conversation.closing = True
    return ""


def operator(context: Context, arguments: Sequence[str]) -> str:
    context.conversation.level = Level.OPERATOR
    return ""


def user(context: Context, arguments: Sequence[str]) -> str:
    context.conversation.level = Level.USER
    return ""


def getsocks(context: Context, arguments: Sequence[str]) -> str:
    context.conversation.wants_sockets = True
    return ""


COMMANDS = (
    Command((COMMAND,), COMMAND, "hand the listening sockets to the next process", Level.ADMIN, getsocks, hidden=True),
    Command(
        ("operator",), "operator", "lower the level of the current CLI session to operator", Level.OPERATOR, operator
    ),
    Command(("user",), "user", "lower the level of the current CLI session to user", Level.USER, user),
    Command(("prompt",), "prompt", "toggle interactive mode with prompt", Level.USER, prompt),
    Command(("quit",), "quit", "disconnect", Level.USER, quit_),
)
