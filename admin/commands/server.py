"""`wproxy server list|enable|disable|drain`: which servers there are and whether they get work.

The group also holds the commands of `admin.commands.fleet`.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from admin.client import StatsSocket
from admin.commands.common import json_option, read_servers, socket_option, stats_socket
from admin.commands.draining import timeout_option, wait_option, wait_until_idle
from admin.commands.fleet import add_command, addr_command, del_command, maxconn_command
from admin.commands.rebalancing import check_rate, rate_option, rebalance, rebalance_option
from admin.errors import MisusedError
from admin.rebalance import Outcome
from admin.render import duration, percent, print_json, print_table, table
from admin.servers import Server, find, shares

_HEADINGS = ("server", "address", "status", "since", "weight", "share", "sessions", "total")


@click.group(no_args_is_help=False)
@socket_option
def server() -> None:
    """List servers, take them out of service and back."""


for _command in (addr_command, maxconn_command, add_command, del_command):
    server.add_command(_command)


@server.command("list")
@click.argument("server", required=False)
@socket_option
@json_option
def list_command(server: str | None, *, as_json: bool) -> None:
    """List SERVER (backend/server, or the name when it is unique), or every server."""
    servers = read_servers(stats_socket())
    chosen = [find(servers, server)] if server else servers
    share = shares(servers)
    if as_json:
        print_json([_document(each, share[each.path]) for each in chosen])
    else:
        print_table(table(_HEADINGS, [_row(each, share[each.path]) for each in chosen]))


@server.command("enable")
@click.argument("server")
@socket_option
@json_option
def enable_command(server: str, *, as_json: bool) -> None:
    """Give SERVER work again, after disable or drain."""
    _set_state(server, "ready", as_json=as_json)


@server.command("disable")
@click.argument("server")
@socket_option
@json_option
def disable_command(server: str, *, as_json: bool) -> None:
    """Take SERVER out of service for maintenance; its health is not checked meanwhile."""
    _set_state(server, "maint", as_json=as_json)


@server.command("drain")
@click.argument("server")
@rebalance_option
@rate_option
@wait_option
@timeout_option
@socket_option
@json_option
def drain_command(
    server: str, *, rebalances: bool, rate: int | None, wait: bool, timeout_s: float | None, as_json: bool
) -> None:
    """Send SERVER nothing new, let what runs there end; its health is still checked."""
    if timeout_s is not None and not wait:
        raise MisusedError("--timeout is about --wait: say both")
    check_rate(rebalances=rebalances, rate=rate)

    def follow(proxy: StatsSocket, before: Server) -> Outcome | None:
        outcome = rebalance(proxy, before.backend, rate) if rebalances else None
        if wait:
            wait_until_idle(proxy, before.path, timeout_s)
        return outcome

    _set_state(server, "drain", as_json=as_json, follow=follow)


Follow = Callable[[StatsSocket, Server], Outcome | None]


def _set_state(wanted: str, state: str, *, as_json: bool, follow: Follow = lambda proxy, before: None) -> None:
    """Set the state, do what is to `follow`, and say what has changed."""
    proxy = stats_socket()
    before = find(read_servers(proxy), wanted)
    proxy.tell(f"set server {before.path} state {state}")
    outcome = follow(proxy, before)
    after = find(read_servers(proxy), before.path)
    if as_json:
        status = {"before": before.status, "after": after.status}
        document = {"backend": after.backend, "server": after.name, "status": status}
        print_json({**document, **({} if outcome is None else {"rebalance": outcome.document()})})
        return
    click.echo(f"{after.name} {before.status} → {after.status}")
    if outcome is not None:
        click.echo(str(outcome))


def _row(server: Server, share: float) -> tuple[object, ...]:
    status = f"{server.status} (backup)" if server.backup else server.status
    since = duration(server.last_change_s)
    weights = (server.weight, percent(share))
    return (server.path, server.address, status, since, *weights, server.sessions, server.sessions_total)


def _document(server: Server, share: float) -> dict[str, object]:
    return {
        "backend": server.backend,
        "server": server.name,
        "address": server.address,
        "status": server.status,
        "backup": server.backup,
        "last_change_s": server.last_change_s,
        "weight": server.weight,
        "share": share,
        "sessions": server.sessions,
        "sessions_total": server.sessions_total,
    }
