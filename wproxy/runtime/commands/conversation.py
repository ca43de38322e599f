"""Commands about the conversation itself; `help` is in `runtime.interpreter`, which knows all rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, SeverityOutput, word
from wproxy.runtime.handover import COMMAND, ORPHANED

_DELAY = re.compile(r"([0-9]{1,9})(us|ms|s|m|h|d|)")
_UNIT_S = {"us": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def prompt(context: Context, arguments: Sequence[str]) -> str:
    context.conversation.prompt = not context.conversation.prompt
    return ""


def quit_(context: Context, arguments: Sequence[str]) -> str:
    context.conversation.closing = True
    return ""


def operator(context: Context, arguments: Sequence[str]) -> str:
    _lower(context, Level.OPERATOR)
    return ""


def user(context: Context, arguments: Sequence[str]) -> str:
    _lower(context, Level.USER)
    return ""


def _lower(context: Context, level: Level) -> None:
    context.conversation.level = level
    context.conversation.expert = context.conversation.experimental = False


def set_severity_output(context: Context, arguments: Sequence[str]) -> str:
    known = {each.value: each for each in SeverityOutput}
    wanted = known.get(word(arguments, 0))
    if wanted is None:
        raise CommandError("one of 'none', 'number', 'string' is a required argument\n")
    context.conversation.severity = wanted
    return ""


def set_timeout(context: Context, arguments: Sequence[str]) -> str:
    if word(arguments, 0) != "cli":
        raise CommandError("'set timeout' only supports 'cli'.\n")
    if not word(arguments, 1):
        raise CommandError("Expects an integer value.\n")
    delay = _DELAY.fullmatch(arguments[1])
    idle_s = int(delay[1]) * _UNIT_S[delay[2]] if delay else 0.0
    if idle_s < _UNIT_S["ms"]:
        raise CommandError("Invalid timeout value.\n")
    context.conversation.idle_s = idle_s
    return ""


def expert_mode(context: Context, arguments: Sequence[str]) -> str:
    if not arguments:
        return f"expert-mode is {'ON' if context.conversation.expert else 'OFF'}\n"
    context.conversation.expert = arguments[0] == "on"
    return ""


def experimental_mode(context: Context, arguments: Sequence[str]) -> str:
    if not arguments:
        return f"experimental-mode is {'ON' if context.conversation.experimental else 'OFF'}\n"
    context.conversation.experimental = arguments[0] == "on"
    return ""


def getsocks(context: Context, arguments: Sequence[str]) -> str:
    if word(arguments, 0) == ORPHANED and not context.registry.orphaned:
        raise CommandError("This proxy is whole.\n")
    context.conversation.wants_sockets = True
    return ""


COMMANDS = (
    Command((COMMAND,), COMMAND, "hand the listening sockets to the next process", Level.ADMIN, getsocks, hidden=True),
    Command(
        ("operator",), "operator", "lower the level of the current CLI session to operator", Level.OPERATOR, operator
    ),
    Command(("user",), "user", "lower the level of the current CLI session to user", Level.USER, user),
    Command(
        ("set", "severity-output"), "set severity-output [none|number|string]",
        "set presence of severity level in feedback information", Level.USER, set_severity_output,
    ),
    Command(("set", "timeout"), "set timeout [cli] <delay>", "change a timeout setting", Level.USER, set_timeout),
    # What HAProxy keeps behind these two does not exist here; scripts that switch them go on.
    Command(("expert-mode",), "expert-mode [on|off]", "toggle expert mode", Level.ADMIN, expert_mode, hidden=True),
    Command(
        ("experimental-mode",), "experimental-mode [on|off]",
        "toggle experimental mode", Level.ADMIN, experimental_mode, hidden=True,
    ),
    Command(("prompt",), "prompt", "toggle interactive mode with prompt", Level.USER, prompt),
    Command(("quit",), "quit", "disconnect", Level.USER, quit_),
)  # fmt: skip
