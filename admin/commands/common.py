"""What every subcommand shares: its options, and the stats socket that they name."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from admin.client import StatsSocket, find_address
from admin.servers import Server, servers_of
from admin.statistics import parse_stat

F = TypeVar("F", bound=Callable[..., Any])


def socket_option(command: F) -> F:
    """Add `--socket`; a value given at the command wins over one given at its group."""
    return click.option(
        "--socket",
        "socket_name",
        metavar="PATH|HOST:PORT",
        help="The proxy's stats socket; else $WPROXY_SOCKET, /run/wproxy/admin.sock, /run/haproxy/admin.sock.",
        expose_value=False,
        callback=_remember_socket,
    )(command)


def several_sockets_option(command: F) -> F:
    """Add `--socket` for several proxies: they are passed as `sockets`, and the last one is the command's own."""

    def remember(context: click.Context, _: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
        if values:
            context.obj = values[-1]
        return values

    return click.option(
        "--socket",
        "sockets",
        metavar="PATH|HOST:PORT",
        multiple=True,
        help="The proxy's stats socket, as elsewhere; may be repeated, for the same on several proxies.",
        callback=remember,
    )(command)


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def stats_socket() -> StatsSocket:
    """Return the stats socket of the running command."""
    option = click.get_current_context().find_object(str)
    return StatsSocket(find_address(option, os.environ))


def read_servers(proxy: StatsSocket) -> list[Server]:
    """Ask for every server that the proxy has."""
    return servers_of(parse_stat(proxy.ask("show stat")))


def _remember_socket(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.obj = value
