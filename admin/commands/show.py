"""`wproxy show stat|info|sess|redis|errors|ingest`: what the programs tell of themselves, as JSON or as a table."""

from __future__ import annotations

from dataclasses import asdict, astuple

import click

from admin.captures import Capture, parse_errors
from admin.client import parse_address
from admin.commands.common import json_option, socket_option, stats_socket
from admin.commands.redis_show import redis
from admin.errors import MisusedError
from admin.processes import parse_processes
from admin.render import print_json, print_table, table
from admin.sessions import parse_sessions
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


@show.command("proc")
@socket_option
@json_option
def proc_command(*, as_json: bool) -> None:
    """Show the processes of the proxy, with those that only finish their sessions after a reload."""
    found = parse_processes(stats_socket().ask("show proc"))
    if as_json:
        print_json([asdict(each) for each in found])
        return
    rows = [[each.pid, each.kind, "finishing" if each.old else "serving", each.reloads, each.uptime] for each in found]
    print_table(table(("pid", "kind", "state", "reloads", "uptime"), rows))


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


@show.command("sess")
@click.argument("server", required=False)
@socket_option
@json_option
def sess_command(server: str | None, *, as_json: bool) -> None:
    """Show the live sessions, of SERVER (backend/server, or its name) or all: who is connected to what, since when."""
    sessions = parse_sessions(stats_socket().ask("show sess"))
    if server:
        sessions = [each for each in sessions if server in (each.server, f"{each.backend}/{each.server}")]
    if as_json:
        print_json([asdict(each) for each in sessions])
    else:
        headings = ("session", "client", "frontend", "backend", "server", "age", "expires in")
        print_table(table(headings, [astuple(each) for each in sessions]))


show.add_command(redis)


@show.command("errors")
@socket_option
@json_option
def errors_command(*, as_json: bool) -> None:
    """Show the last requests and answers that the proxy could not make sense of, as it captured them."""
    total, captures = parse_errors(stats_socket().ask("show errors"))
    if as_json:
        print_json({"total": total, "errors": [asdict(each) for each in captures]})
        return
    click.echo(f"{total} captured" + (", the last of each proxy and side:" if captures else ""))
    for each in captures:
        click.echo("\n".join(_paragraph(each)))


def _paragraph(capture: Capture) -> list[str]:
    """Return what a user reads of one error: who, where, what, and the bytes."""
    whom = f"server {capture.proxy}/{capture.server}" if capture.side == "response" else f"client {capture.source}"
    where = "" if capture.position is None else f", error at byte {capture.position}"
    head = f"{capture.time}  invalid {capture.side} of {whom or 'unknown'}, proxy {capture.proxy}{where}"
    about = [f"    {line}" for line in capture.about if "buffer starts" not in line and "wraps at" not in line]
    return ["", head, *about, *(f"    {line}" for line in capture.bytes)]


@show.command("ingest")
@click.argument("pages", nargs=-1, required=True, metavar="HOST:PORT…", envvar="WPROXY_METRICS")
@json_option
def ingest_command(pages: tuple[str, ...], *, as_json: bool) -> None:
    """Show what became of every packet, from the --metrics pages of all captures and consumers (or $WPROXY_METRICS)."""
    # Imported here: what reads metrics takes longer to load than all of the other commands.
    from admin.ingest import balance
    from admin.metrics import read_page

    addresses = [parse_address(page) for page in pages]
    for page, address in zip(pages, addresses, strict=True):
        if address.path:
            raise MisusedError(f"{page!r} is no metrics page: HOST:PORT")
    result = balance(read_page(address.host, address.port) for address in addresses)
    if as_json:
        print_json(asdict(result))
    else:
        print_table(table(("counter", "value"), [(name.replace("_", " "), n) for name, n in asdict(result).items()]))
