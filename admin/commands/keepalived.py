"""`wproxy keepalived`: writes keepalived.conf for a pair of proxies, and is the check that it has keepalived make.

The check runs every second on each node, so that this module imports little, and is loaded without the other commands.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import click

from admin.client import DEFAULT_PATHS, ENVIRONMENT, StatsSocket, find_address, parse_address
from admin.commands.common import read_servers
from admin.errors import MisusedError, RefusedError
from admin.keepalived import Node, Role, configuration
from admin.running import run
from admin.statistics import parse_info

PASSWORD = "WPROXY_VRRP_PASSWORD"
CHECK_TIMEOUT_S = 1.0
_SYNC_PATIENCE_S = 10


def main() -> None:
    """Run `wproxy keepalived` and exit with its code."""
    sys.exit(run(keepalived, sys.argv[2:], "wproxy keepalived"))


@click.group("keepalived", invoke_without_command=True, no_args_is_help=False)
@click.option("--vip", "vips", multiple=True, metavar="ADDRESS/PREFIX", help="An address to share; may be repeated.")
@click.option("--interface", metavar="NAME", help="Where the address and VRRP live.")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="Who has it while both are well.")
@click.option("--priority", type=int, help="1 to 254, the highest has the address; else 110 for the master, 100.")
@click.option("--router-id", type=int, default=51, show_default=True, help="1 to 255, the same on both nodes only.")
@click.option("--address", default="", metavar="ADDRESS", help="This node's own address.")
@click.option("--peer", default="", metavar="ADDRESS", help="The other node's: unicast. Without it, multicast.")
@click.option("--name", default=None, metavar="NAME", help="This node's name; else the host's.")
@click.option("--peer-name", default="peer", metavar="NAME", help="The other node's name, for --peer-output.")
@click.option("--interval", type=int, default=1, show_default=True, help="Seconds between advertisements, and checks.")
@click.option("--nopreempt", is_flag=True, help="A node that comes back does not take the address back.")
@click.option("--preempt-delay", type=int, default=0, metavar="SECONDS", help="It takes it back so much later.")
@click.option("--socket", "socket_name", metavar="PATH", help="The stats socket that the check asks.")
@click.option("--backend", "backends", multiple=True, metavar="NAME", help="The check wants a usable server in it.")
@click.option("--notify", default="", metavar="SCRIPT", help="Run by keepalived with every change of state.")
@click.option(
    "--sync-port",
    type=click.IntRange(1, 65535),
    help="A node that becomes backup takes over the weights of the master, from its stats socket at this port.",
)
@click.option("--script-user", default="root", show_default=True, metavar="USER", help="Whom scripts run as.")
@click.option("--command", "program", metavar="PATH", help="Where wproxy is on the nodes; else this one's place.")
@click.option("-o", "--output", metavar="FILE", help="Write there, readable by its owner only; else standard output.")
@click.option("--peer-output", metavar="FILE", help="Write the other node's file there.")
@click.pass_context
def keepalived(
    context: click.Context,
    vips: tuple[str, ...],
    interface: str | None,
    role: str | None,
    priority: int | None,
    router_id: int,
    address: str,
    peer: str,
    name: str | None,
    peer_name: str,
    interval: int,
    preempt_delay: int,
    socket_name: str | None,
    backends: tuple[str, ...],
    notify: str,
    sync_port: int | None,
    script_user: str,
    program: str | None,
    output: str | None,
    peer_output: str | None,
    *,
    nopreempt: bool,
) -> None:
    """Write a keepalived.conf for one node of a pair of proxies that share an address, or for both.

    The VRRP password (at most 8 characters) is taken from $WPROXY_VRRP_PASSWORD; without it there is none.
    """
    if context.invoked_subcommand is not None:
        return
    if not (vips and interface and role):
        raise MisusedError("--vip, --interface and --role are needed (see wproxy keepalived --help)")
    wproxy = (program,) if program else _this_program()
    local = str(parse_address(socket_name or os.environ.get(ENVIRONMENT) or DEFAULT_PATHS[0]))
    if sync_port and not nopreempt and not preempt_delay:
        preempt_delay = 5  # without a moment as backup there is no time to take over anything
    node = Node(
        role=Role(role),
        vips=vips,
        interface=interface,
        check=(*wproxy, "keepalived", "check", "--socket", local, *_options("--backend", backends)),
        name=name or socket.gethostname(),
        router_id=router_id,
        priority=priority,
        address=address,
        peer=peer,
        password=os.environ.get(PASSWORD, ""),
        nopreempt=nopreempt,
        preempt_delay=preempt_delay,
        interval=interval,
        script_user=script_user,
        notify=notify,
        on_backup=_sync(wproxy, vips[0], sync_port, local) if sync_port else (),
    )
    if peer_output:
        other = configuration(node.other(peer_name))
        _write(peer_output, other)
    _write(output, configuration(node))


@keepalived.command("check")
@click.option("--socket", "socket_name", metavar="PATH|HOST:PORT", help="The proxy's stats socket; else as everywhere.")
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME", help="Also wants a usable server in this backend."
)
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.05, 60), default=CHECK_TIMEOUT_S, show_default=True)
def check_command(socket_name: str | None, backends: tuple[str, ...], timeout_s: float) -> None:
    """Exit 0 when the proxy answers in time and is not about to stop; else say what is wrong and exit 1, or 3."""
    check(StatsSocket(find_address(socket_name, os.environ), timeout_s), backends)


def check(proxy: StatsSocket, backends: tuple[str, ...]) -> None:
    """Raise RefusedError when the proxy is not well, NoAnswerError when it does not answer."""
    if parse_info(proxy.ask("show info")).get("Stopping"):
        raise RefusedError("the proxy is stopping")
    if not backends:
        return
    servers = read_servers(proxy)
    for backend in backends:
        members = [server for server in servers if server.backend == backend]
        if not members:
            raise RefusedError(f"no backend with servers is named {backend}")
        if not any(server.usable for server in members):
            raise RefusedError(f"no server of {backend} is usable")


def _sync(program: tuple[str, ...], vip: str, port: int, local: str) -> tuple[str, ...]:
    """Return the command that takes over the weights of whoever has the address."""
    host = vip.partition("/")[0]
    source = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    patience = ("--timeout", str(_SYNC_PATIENCE_S))
    return (*program, "weight", "sync", "--from", source, "--to", local, *patience)


def _options(flag: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (flag, value))


def _this_program() -> tuple[str, ...]:
    """Return how this very program is started; keepalived wants whole paths."""
    started = Path(sys.argv[0]).absolute()
    return (sys.executable, "-m", "wproxy") if started.name == "__main__.py" else (str(started),)


def _write(name: str | None, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all; standard output for None and "-"."""
    if name in (None, "-"):
        click.echo(text, nl=False)
        return
    path = Path(str(name))
    made = path.with_name(f".{path.name}.new")
    try:
        made.unlink(missing_ok=True)
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)
        made.replace(path)
    except OSError as error:
        raise RefusedError(f"cannot write {path}: {error.strerror}") from error
