"""`add server` and `del server`: servers that come and go while the proxy runs (management manual, section 9.3)."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.checks import Kind
from wproxy.config.dynamic import DynamicServerError, dynamic_server
from wproxy.config.model import Level, Mode, ServerLine
from wproxy.runtime.command import Command, CommandError, Context, Message, Severity, word
from wproxy.state.backend import Backend
from wproxy.state.server import Server


def add_server(context: Context, arguments: Sequence[str]) -> Message:
    backend, name = _split(context, word(arguments, 0))
    if backend.static:
        raise CommandError("Backend must use a dynamic load balancing to support dynamic servers.\n")
    try:
        line = dynamic_server(name, arguments[1:], context.registry.config.globals.tls, backend.config)
    except DynamicServerError as error:
        raise CommandError(f"{error}\n") from error
    if name in backend.by_name:
        raise CommandError("Already exists a server with the same name in backend.\n")
    _check_redis(backend, line)
    context.control.add_server(backend, line, arguments[1:])
    return Message(Severity.INFO, "New server registered.\n")


def del_server(context: Context, arguments: Sequence[str]) -> Message:
    backend, name = _split(context, word(arguments, 0))
    server = backend.by_name.get(name)
    if server is None:
        raise CommandError("No such server.")
    if any(rule.server == name for rule in backend.config.server_rules):
        raise CommandError(
            "This server cannot be removed at runtime due to other configuration elements pointing to it."
        )
    if not server.admin.maint:
        raise CommandError("Only servers in maintenance mode can be deleted.")
    if backend.epochs is not None and (slots := backend.epochs.owes(name)):
        raise CommandError(
            f"Server still has keys of {slots} slots that are to move, see 'show redis epochs', cannot remove it."
        )
    if backend.config.mode is Mode.REDIS:
        _check_unused(backend, server)
    elif server.current or server.waiting:
        raise CommandError("Server still has connections attached to it, cannot remove it.")
    context.control.remove_server(server)
    return Message(Severity.INFO, "Server deleted.")


def _check_redis(backend: Backend, line: ServerLine) -> None:
    """Refuse what a configuration may not say either."""
    redis = backend.config.mode is Mode.REDIS
    if redis and line.send_proxy is not None:
        raise CommandError("'send-proxy' is not for 'mode redis'.\n")
    if backend.balance == "key" and (line.backup or line.slowstart_s):
        raise CommandError("balance key takes neither backup nor slowstart: keys do not move when a server fails.\n")
    if line.login is not None and not redis and backend.config.check.kind is not Kind.REDIS:
        raise CommandError("'redis-password' needs 'mode redis', or 'option redis-check' to be used by.\n")


def _check_unused(backend: Backend, server: Server) -> None:
    """Refuse to take away a server of mode redis that clients still need."""
    number = backend.servers.index(server)
    slots = backend.slots.owners.count(number) if backend.balance == "key" else 0
    if slots:
        raise CommandError(f"Server still owns {slots} slots, cannot remove it.")
    if backend.under_way is not None and backend.under_way(server):
        raise CommandError("Server still has commands under way, cannot remove it.")


def _split(context: Context, path: str) -> tuple[Backend, str]:
    """Return the backend of `backend/server` and the server's name."""
    backend_name, _, name = path.partition("/")
    if not name:
        raise CommandError("Require 'backend/server'.")
    backend = context.backend(backend_name)
    if backend is None:
        raise CommandError("No such backend.")
    return backend, name


COMMANDS = (
    Command(("add", "server"), "add server <bk>/<srv>", "create a new server", Level.ADMIN, add_server),
    Command(("del", "server"), "del server <bk>/<srv>", "remove a dynamically added server", Level.ADMIN, del_server),
)
