"""Commands that show what is; `show sess` is in `runtime.commands.sessions`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from wproxy.config.model import Address, Level
from wproxy.runtime.command import (
    Command,
    CommandError,
    Context,
    ErrorsRequest,
    InformationRequest,
    Message,
    Severity,
    StatisticsRequest,
    word,
)
from wproxy.state.backend import Backend
from wproxy.state.captures import Side
from wproxy.state.server import Server
from wproxy.version import HAPROXY_VERSION

_LEADING_NUMBER = re.compile("[+-]?[0-9]{1,9}")
_SECRET = re.compile("pass|secret|token|key|credential|auth", re.IGNORECASE)
_FORMS = ("typed", "json")


def show_stat(context: Context, arguments: Sequence[str]) -> str:
    """Answer with all lines, or with those that three filters leave; words about the form may follow or stand alone."""
    if word(arguments, 0) == "domain":
        if word(arguments, 1) != "proxy":
            raise CommandError("Invalid statistics domain.\n")
        arguments = arguments[2:]
    filters, words = (arguments[:3], arguments[3:]) if len(arguments) >= 3 else ((), arguments)
    proxy_id, kinds, server_id = (-1, -1, -1)
    if filters:
        proxy = context.proxy(filters[0])
        proxy_id = _number(filters[0]) if proxy is None else proxy.proxy_id
        if not proxy_id:
            raise CommandError("No such proxy.\n")
        kinds, server_id = _number(filters[1]), _number(filters[2])
    return context.reports.statistics(
        StatisticsRequest(
            proxy_id,
            kinds,
            server_id,
            form=_form(words, "csv"),
            described="desc" in words,
            up="up" in words,
            no_maint="no-maint" in words,
            legends=context.conversation.level >= Level.OPERATOR,
        )
    )


def _form(words: Sequence[str], otherwise: str) -> str:
    """Return the last form that is asked for, as HAProxy does."""
    return next((each for each in reversed(words) if each in _FORMS), otherwise)


def _number(text: str) -> int:
    """Read a filter as C's atoi does, which is what HAProxy's clients have got used to."""
    number = _LEADING_NUMBER.match(text)
    return int(number.group()) if number else 0


def show_info(context: Context, arguments: Sequence[str]) -> str:
    wanted = InformationRequest(_form(arguments, "plain"), "desc" in arguments, "float" in arguments)
    return context.reports.information(wanted)


def show_schema_json(context: Context, arguments: Sequence[str]) -> str:
    return context.reports.schema()


def show_servers_state(context: Context, arguments: Sequence[str]) -> str:
    return context.reports.servers_state(_backends(context, word(arguments, 0)))


def show_servers_conn(context: Context, arguments: Sequence[str]) -> str:
    threads = context.registry.config.globals.nbthread
    head = (
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim "
        f"idle_cur idle_per_thr[{threads}]\n"
    )
    chosen = _backends(context, word(arguments, 0))
    return head + "".join(_connections(backend, server, threads) for backend in chosen for server in backend.servers)


def _connections(backend: Backend, server: Server, threads: int) -> str:
    """Return one line; how the idle connections are spread over several workers is not known here."""
    most, limit = server.counters.sessions_max, server.line.pool_max
    each = " ".join([str(server.idle)] if threads == 1 else ["0"] * threads)
    return (
        f"{server} {backend.proxy_id}/{server.server_id} {server.address.host or '-'} {server.address.port} - 5000 "
        f"{server.current} {most} {most} {server.idle} 0 {-1 if limit is None else limit} {server.idle} {each}\n"
    )


def _backends(context: Context, name: str) -> list[Backend]:
    if not name:
        return list(context.registry.backends.values())
    backend = context.backend(name)
    if backend is None:
        raise CommandError("Can't find backend.\n")
    return [backend]


def show_backend(context: Context, arguments: Sequence[str]) -> str:
    return "# name\n" + "".join(f"{name}\n" for name in context.registry.backends)


def show_cli_level(context: Context, arguments: Sequence[str]) -> str:
    return f"{context.conversation.level.name.lower()}\n"


def show_cli_sockets(context: Context, arguments: Sequence[str]) -> str:
    lines = context.registry.config.globals.stats_sockets
    rows = [f"{_socket_name(line.address)} {line.level.name.lower()} all\n" for line in lines]
    return "# socket lvl processes\n" + "".join(rows)


def _socket_name(address: Address) -> str:
    if address.fd is not None:
        return str(address)
    if address.path:
        return f"unix@{address.path}"
    return f"ipv6@{address}" if ":" in address.host else f"ipv4@{address.host or '0.0.0.0'}:{address.port}"


def show_env(context: Context, arguments: Sequence[str]) -> str:
    """Show the environment, which is where a configuration takes its passwords from: those are not shown."""
    name = word(arguments, 0)
    if not name:
        return "".join(f"{each}={_unless_secret(each)}\n" for each in os.environ)
    if name not in os.environ:
        raise CommandError("Variable not found\n")
    return f"{name}={_unless_secret(name)}\n"


def _unless_secret(name: str) -> str:
    return "***" if _SECRET.search(name) else os.environ[name].replace("\n", "\\n")


def show_errors(context: Context, arguments: Sequence[str]) -> str:
    """Answer with the last errors, of one proxy, of requests or of responses; other words change nothing."""
    name = word(arguments, 0)
    proxy_id = -1
    if name:
        proxy = context.proxy(name)
        proxy_id = _number(name) if proxy is None else proxy.proxy_id
        if not proxy_id:
            raise CommandError("No such proxy.\n")
    side = next((each for each in Side if each.value == word(arguments, 1)), None)
    return context.reports.errors(ErrorsRequest(proxy_id, side))


def show_version(context: Context, arguments: Sequence[str]) -> Message:
    return Message(Severity.INFO, f"{HAPROXY_VERSION}\n")


COMMANDS = (
    Command(
        ("show", "backend"), "show backend",
        "list backends in the current running config", Level.USER, show_backend,
    ),
    Command(
        ("show", "cli", "level"), "show cli level",
        "display the level of the current CLI session", Level.USER, show_cli_level,
    ),
    Command(("show", "cli", "sockets"), "show cli sockets", "dump list of cli sockets", Level.USER, show_cli_sockets),
    Command(
        ("show", "env"), "show env [var]", "dump environment variables known to the process", Level.OPERATOR, show_env
    ),
    Command(
        ("show", "errors"), "show errors [<px>] [request|response]",
        "report last request and/or response errors for each proxy", Level.OPERATOR, show_errors,
    ),
    Command(
        ("show", "info"), "show info [desc|json|typed|float]*",
        "report information about the running process", Level.USER, show_info,
    ),
    Command(
        ("show", "schema", "json"), "show schema json",
        "report schema used for stats", Level.USER, show_schema_json,
    ),
    Command(
        ("show", "servers", "conn"), "show servers conn [<backend>]",
        "dump server connections status (all or for a single backend)", Level.USER, show_servers_conn,
    ),
    Command(
        ("show", "servers", "state"), "show servers state [<backend>]",
        "dump volatile server information (all or for a single backend)", Level.USER, show_servers_state,
    ),
    Command(
        ("show", "stat"), "show stat [desc|json|no-maint|typed|up]*",
        "report counters for each proxy and server", Level.USER, show_stat,
    ),
    Command(
        ("show", "version"), "show version", "show version of the current process", Level.USER, show_version
    ),
)  # fmt: skip
