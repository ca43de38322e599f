"""Commands that change how much is let in: `set maxconn` and `set rate-limit`."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, whole_number, word
from wproxy.state.admission import RateLimit

_OUT_OF_RANGE = "Value out of range.\n"
_RATE_USAGE = (
    "'set rate-limit' only supports :\n"
    "   - 'connections global' to set the per-process maximum connection rate\n"
    "   - 'sessions global' to set the per-process maximum session rate\n"
    "   - 'ssl-sessions global' to set the per-process maximum SSL session rate\n"
    "   - 'http-compression global' to set the per-process maximum compression speed in kB/s\n"
)
_RATES = {kind.value: kind for kind in RateLimit}


def set_maxconn_frontend(context: Context, arguments: Sequence[str]) -> str:
    frontend = context.frontend(word(arguments, 0))
    maxconn = whole_number(word(arguments, 1), "Integer value expected.\n")
    if maxconn < 0:
        raise CommandError(_OUT_OF_RANGE)
    context.control.set_frontend_maxconn(frontend, maxconn)
    return ""


def set_maxconn_server(context: Context, arguments: Sequence[str]) -> str:
    server = context.server(word(arguments, 0))
    text = word(arguments, 1)
    if not text:
        raise CommandError("Require <maxconn>.\n")
    if not (text.isascii() and text.lstrip("+-")[:1].isdigit()):
        raise CommandError("maxconn string empty or preceded by garbage")
    maxconn = whole_number(text.lstrip("+"), "Trailing garbage in maxconn string")
    context.control.set_server_maxconn(server, max(maxconn, 0))
    return ""


def set_maxconn_global(context: Context, arguments: Sequence[str]) -> str:
    maxconn = whole_number(word(arguments, 0), "Expects an integer value.\n")
    if not 0 <= maxconn <= context.registry.admission.hard_maxconn:
        raise CommandError(_OUT_OF_RANGE)
    context.control.set_global_maxconn(maxconn)
    return ""


def set_rate_limit(context: Context, arguments: Sequence[str]) -> str:
    """Bound clients per second; there is neither TLS nor compression here, so that any bound on those holds."""
    kind = _RATES.get(word(arguments, 0))
    if kind is None or word(arguments, 1) != "global":
        raise CommandError(_RATE_USAGE)
    limit = whole_number(word(arguments, 2), "Expects an integer value.\n")
    if limit < 0:
        raise CommandError(_OUT_OF_RANGE)
    context.control.set_rate_limit(kind, limit)
    return ""


COMMANDS = (
    Command(
        ("set", "maxconn", "frontend"), "set maxconn frontend <frontend> <value>",
        "change a frontend's maxconn setting", Level.ADMIN, set_maxconn_frontend,
    ),
    Command(
        ("set", "maxconn", "global"), "set maxconn global <value>",
        "change the per-process maxconn setting", Level.ADMIN, set_maxconn_global,
    ),
    Command(
        ("set", "maxconn", "server"), "set maxconn server <bk>/<srv>",
        "change a server's maxconn setting", Level.ADMIN, set_maxconn_server,
    ),
    Command(
        ("set", "rate-limit"), "set rate-limit <setting> <value>",
        "change a rate limiting value", Level.ADMIN, set_rate_limit,
    ),
)  # fmt: skip
