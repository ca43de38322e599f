"""`wproxy server addr|maxconn|add|del`: where servers are, how much they take, and which there are."""

from __future__ import annotations

import ipaddress
import re

import click

from admin.client import StatsSocket, parse_address, refusal
from admin.commands.common import json_option, read_servers, socket_option, stats_socket
from admin.commands.draining import timeout_option, wait_option, wait_until_idle
from admin.errors import MisusedError, RefusedError
from admin.render import print_json
from admin.servers import Server, find
from admin.waiting import wait_until

_CHANGED = ("IP changed from", "no need to change the addr")
_PATH = re.compile(r"[A-Za-z0-9_.:-]+/[A-Za-z0-9_.:-]+")
_ADDED = "New server registered"
_DELETED = "Server deleted"
_UNDER_WAY = "commands under way"


@click.command("addr")
@click.argument("server")
@click.argument("address")
@socket_option
@json_option
def addr_command(server: str, address: str, *, as_json: bool) -> None:
    """Have SERVER be at ADDRESS, an IP address or IP:PORT, from the next connection on."""
    host, port = _host_and_port(address)
    proxy = stats_socket()
    before = find(read_servers(proxy), server)
    answer = proxy.ask(f"set server {before.path} addr {host}" + (f" port {port}" if port else ""))
    if not answer.startswith(_CHANGED):
        raise refusal(answer)
    after = find(read_servers(proxy), before.path)
    if as_json:
        print_json(_changed(after, "address", before.address, after.address))
    else:
        click.echo(f"{after.name} {before.address} → {after.address}")


def _host_and_port(text: str) -> tuple[str, int]:
    """Return the parts of IP, IP:PORT or [IP]:PORT, port 0 when there is none."""
    try:
        return str(ipaddress.ip_address(text)), 0
    except ValueError:
        pass
    address = parse_address(text)
    try:
        return str(ipaddress.ip_address(address.host)), address.port
    except ValueError:
        raise MisusedError(f"{text!r} is no address: an IP address or IP:PORT") from None


@click.command("maxconn")
@click.argument("server")
@click.argument("limit", type=click.IntRange(min=0))
@socket_option
@json_option
def maxconn_command(server: str, limit: int, *, as_json: bool) -> None:
    """Let SERVER have at most LIMIT sessions at a time, 0 for any number; what is more waits in the queue."""
    proxy = stats_socket()
    before = find(read_servers(proxy), server)
    proxy.tell(f"set maxconn server {before.path} {limit}")
    after = find(read_servers(proxy), before.path)
    if as_json:
        print_json(_changed(after, "maxconn", before.maxconn, after.maxconn))
    else:
        click.echo(f"{after.name} maxconn {_limit(before.maxconn)} → {_limit(after.maxconn)}")


def _limit(maxconn: int | None) -> str:
    return str(maxconn) if maxconn else "unlimited"


@click.command("add")
@click.argument("server")
@click.argument("address")
@click.option("--weight", type=click.IntRange(0, 256), help="Its share of the load; default 1.")
@click.option("--maxconn", type=click.IntRange(min=0), help="How many sessions it takes at a time.")
@click.option("--check", is_flag=True, help="Check its health.")
@click.option("--disabled", is_flag=True, help="Leave it in maintenance, as HAProxy does.")
@socket_option
@json_option
def add_command(
    server: str, address: str, *, weight: int | None, maxconn: int | None, check: bool, disabled: bool, as_json: bool
) -> None:
    """Add SERVER (backend/server) at ADDRESS, IP:PORT, until the proxy ends: write it to the configuration, too."""
    if not _PATH.fullmatch(server):
        raise MisusedError(f"{server!r} is no backend/server: names are letters, digits and '-_.:'")
    host, port = _host_and_port(address)
    if not port:
        raise MisusedError(f"{address!r} has no port: IP:PORT")
    options = [f"weight {weight}" if weight is not None else "", f"maxconn {maxconn}" if maxconn is not None else ""]
    parameters = " ".join(each for each in (*options, "check" if check else "") if each)
    proxy = stats_socket()
    _expect(proxy, f"add server {server} {f'[{host}]' if ':' in host else host}:{port} {parameters}".rstrip(), _ADDED)
    if check:
        proxy.tell(f"enable health {server}")
    if not disabled:
        proxy.tell(f"enable server {server}")
    _show_presence(find(read_servers(proxy), server), "added", as_json=as_json)


@click.command("del")
@click.argument("server")
@wait_option
@timeout_option
@socket_option
@json_option
def del_command(server: str, *, wait: bool, timeout_s: float | None, as_json: bool) -> None:
    """Remove SERVER; with sessions left it is not, but for --wait, which lets them end first."""
    proxy = stats_socket()
    found = find(read_servers(proxy), server)
    if found.held and not wait:
        raise RefusedError(f"{found.path} serves {found.held} sessions: --wait lets them end first")
    if wait:
        proxy.tell(f"set server {found.path} state drain")
        wait_until_idle(proxy, found.path, timeout_s)
    proxy.tell(f"set server {found.path} state maint")
    wait_until(lambda: _delete(proxy, found.path, wait=wait), timeout_s)
    _show_presence(found, "deleted", as_json=as_json)


def _delete(proxy: StatsSocket, path: str, *, wait: bool) -> str:
    """Remove a server; return "", or with `wait` why that cannot be done yet. In mode redis it may owe answers."""
    answer = proxy.ask(f"del server {path}")
    if wait and _UNDER_WAY in answer:
        return f"{path} still has commands under way"
    if not answer.startswith(_DELETED):
        raise refusal(answer)
    return ""


def _expect(proxy: StatsSocket, command: str, words: str) -> None:
    """Have the proxy do what it confirms with `words`; raise RefusedError when it says anything else."""
    answer = proxy.ask(command)
    if not answer.startswith(words):
        raise refusal(answer)


def _show_presence(server: Server, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"backend": server.backend, "server": server.name, "address": server.address, "change": what})
    else:
        click.echo(f"{server.name} {what}: {server.address}, weight {server.weight}")


def _changed(server: Server, name: str, before: object, after: object) -> dict[str, object]:
    return {"backend": server.backend, "server": server.name, name: {"before": before, "after": after}}
