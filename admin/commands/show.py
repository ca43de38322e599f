"""`wproxy show stat|info`: the proxy's statistics, whole as JSON, the columns people look at as a table."""

from __future__ import annotations

import click

from admin.commands.common import json_option, socket_option, stats_socket
from admin.render import print_json, print_table, table
from admin.statistics import parse_info, parse_stat

_COLUMNS = {
    "pxname": "proxy",
    "svname": "server",
    "status": "status",
    "weight": "weight",
    "qcur": "queued",
    "scur": "sessions",
    "smax": "max",
    "stot": "total",
    "rate": "rate",
    "bin": "bytes in",
    "bout": "bytes out",
    "econ": "conn errors",
    "chkfail": "failed checks",
    "downtime": "downtime s",
}


@click.group(no_args_is_help=False)
@socket_option
def show() -> None:
    """Show statistics."""


@show.command("stat")
@socket_option
@json_option
def stat_command(*, as_json: bool) -> None:
    """Show every frontend, server and backend; --json has all columns of HAProxy's `show stat`."""
    rows = parse_stat(stats_socket().ask("show stat"))
    if as_json:
        print_json(rows)
    else:
        print_table(table(tuple(_COLUMNS.values()), [[row.get(column) for column in _COLUMNS] for row in rows]))


@show.command("info")
@socket_option
@json_option
def info_command(*, as_json: bool) -> None:
    """Show the process: version, uptime, connections, limits."""
    info = parse_info(stats_socket().ask("show info"))
    if as_json:
        print_json(info)
    else:
        print_table(table(("key", "value"), list(info.items())))
