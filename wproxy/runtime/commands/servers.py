"""Commands that change servers; `add server` and `del server` are in `runtime.commands.dynamic`.

What concerns their health checks and agents is in `runtime.commands.checks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from wproxy.config.model import Address, Level
from wproxy.runtime.command import PORTS, Command, CommandError, Context, Message, Setting, Severity, word
from wproxy.runtime.commands import checks
from wproxy.state.server import Server

_BY = " by 'stats socket command'"


def get_weight(context: Context, arguments: Sequence[str]) -> str:
    server = context.server(word(arguments, 0))
    return f"{server.weight} (initial {server.line.weight})\n"


def set_weight(context: Context, arguments: Sequence[str]) -> str:
    context.control.set_weight(context.server_to_change(word(arguments, 0)), word(arguments, 1))
    return ""


def set_weights(context: Context, arguments: Sequence[str]) -> str:
    """Set several weights as one change: in mode redis with `balance key` they open one epoch, or none."""
    if len(arguments) < 2 or len(arguments) % 2:
        raise CommandError("usage: set weights <backend>/<server> <weight> [<backend>/<server> <weight>]*\n")
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    context.control.set_weights([(context.server_to_change(name), weight) for name, weight in pairs])
    return ""


def set_server(context: Context, arguments: Sequence[str]) -> str | Message:
    server = context.server_to_change(word(arguments, 0))
    change = _SETTINGS.get(word(arguments, 1))
    if change is None:
        raise CommandError(f"usage: set server <backend>/<server> {' | '.join(sorted(_SETTINGS))}\n")
    return change(context, server, arguments[2:])


def _set_state(context: Context, server: Server, values: Sequence[str]) -> str:
    control = context.control
    states = {"ready": control.set_ready, "drain": control.set_drain, "maint": control.set_maint}
    apply = states.get(word(values, 0))
    if apply is None:
        raise CommandError("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n")
    apply(server)
    return ""


def _set_health(context: Context, server: Server, values: Sequence[str]) -> str:
    control = context.control
    states = {"up": control.set_up, "stopping": control.set_stopping, "down": control.set_down}
    apply = states.get(word(values, 0))
    if apply is None:
        raise CommandError("'set server <srv> health' expects 'up', 'stopping', or 'down'.\n")
    apply(server)
    return ""


def _set_weight(context: Context, server: Server, values: Sequence[str]) -> str:
    context.control.set_weight(server, word(values, 0))
    return ""


def _set_address(context: Context, server: Server, values: Sequence[str]) -> Message:
    """Change the address, the port or both, and say what changed; a port that is none leaves the address changed."""
    if not word(values, 0):
        raise CommandError("set server <b>/<s> addr requires an address and optionally a port.\n")
    old = server.address
    try:
        host = str(ip_address(values[0]))
    except ValueError:
        return Message(Severity.WARNING, f"Invalid addr '{values[0]}'{_BY}\n")
    said = [
        "no need to change the addr" if host == old.host else f"IP changed from '{old.host or old.path}' to '{host}'"
    ]
    port = old.port
    if word(values, 1) == "port":
        text = word(values, 2)
        port, change = _read_port(text, old.port)
        said.append(change)
    if (host, port) != (old.host, old.port):
        context.control.set_address(server, Address(host, port))
    return Message(Severity.WARNING, f"{', '.join(said)}{_BY}\n")


def _read_port(text: str, old: int) -> tuple[int, str]:
    """Return the port that is to be used, and the words about it."""
    if not (text.isascii() and text.isdigit()):
        return old, f"problem converting port '{text}' to an int"
    port = int(text[:9])
    if port >= PORTS:
        return old, f"provided port is invalid: '{text}'"
    if port == old:
        return old, "no need to change the port"
    return port, f"port changed from '{old}' to '{port}'"


def _set_fqdn(context: Context, server: Server, values: Sequence[str]) -> str:
    if not word(values, 0):
        raise CommandError("set server <b>/<s> fqdn requires a FQDN.\n")
    raise CommandError("set server <b>/<s> fqdn failed because no resolution is configured.\n")


def _set_tls(context: Context, server: Server, values: Sequence[str]) -> str:
    raise CommandError("'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n")


_SETTINGS: Mapping[str, Setting] = {
    **checks.SETTINGS,
    "addr": _set_address,
    "fqdn": _set_fqdn,
    "health": _set_health,
    "ssl": _set_tls,
    "state": _set_state,
    "weight": _set_weight,
}


def enable_server(context: Context, arguments: Sequence[str]) -> str:
    context.control.set_ready(context.server_to_change(word(arguments, 0)))
    return ""


def disable_server(context: Context, arguments: Sequence[str]) -> str:
    context.control.set_maint(context.server_to_change(word(arguments, 0)))
    return ""


COMMANDS = (
    Command(("get", "weight"), "get weight <bk>/<srv>", "report a server's current weight", Level.USER, get_weight),
    Command(
        ("set", "weight"), "set weight <bk>/<srv>  (DEPRECATED)",
        "change a server's weight (use 'set server' instead)", Level.ADMIN, set_weight,
    ),
    Command(
        ("set", "weights"), "set weights [<bk>/<srv> <weight>]*",
        "change several servers' weights at once", Level.ADMIN, set_weights,
    ),
    Command(
        ("set", "server"), "set server <bk>/<srv> [opts]",
        "change a server's state, weight, address or ssl", Level.ADMIN, set_server,
    ),
    Command(
        ("enable", "server"), "enable server  (DEPRECATED)",
        "enable a disabled server (use 'set server' instead)", Level.ADMIN, enable_server,
    ),
    Command(
        ("disable", "server"), "disable server (DEPRECATED)",
        "disable a server for maintenance (use 'set server' instead)", Level.ADMIN, disable_server,
    ),
)  # fmt: skip
