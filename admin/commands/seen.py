"""`wproxy seen IP`: who talked to an address, as the observations in the Redis servers tell.

The proxy has no command that lists keys over all servers, so the servers themselves are asked: those that the stats
socket names, or those of `--redis`.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from ipaddress import ip_address

import click

from admin.client import SocketAddress, parse_address
from admin.commands.common import json_option, read_servers, socket_option, stats_socket
from admin.errors import MisusedError, RefusedError
from admin.observations import Observations, Packet, Peer, peers
from admin.render import print_json, print_table, table

PASSWORD_VARIABLE = "WPROXY_REDIS_PASSWORD"
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


@click.command("seen")
@click.argument("ip")
@click.option("--since", metavar="DURATION", help="Only what was seen in the last 90s, 2m, 1h.")
@click.option("--peers", "view", flag_value="peers", default=True, help="Who it was, the latest first. The default.")
@click.option("--packets", "view", flag_value="packets", help="Every packet, in the order of time.")
@click.option("--count", "view", flag_value="count", help="How many packets, and from how many peers.")
@click.option("--from", "is_source", is_flag=True, help="What IP has sent, not what was sent to it.")
@click.option("--index", "use_index", is_flag=True, help="Ask the peer index that consume --index keeps: no scan.")
@click.option("--redis", "servers", multiple=True, metavar="HOST:PORT", help="Ask this server; may be repeated.")
@click.option("--backend", metavar="NAME", help="Only the servers of this backend of the proxy.")
@socket_option
@json_option
def seen(
    *,
    ip: str,
    since: str | None,
    view: str,
    is_source: bool,
    use_index: bool,
    servers: tuple[str, ...],
    backend: str | None,
    as_json: bool,
) -> None:
    """Show who has talked to IP, over all Redis servers of the proxy, or those of --redis.

    The servers are asked directly, at the addresses that the stats socket tells; the password is that of
    $WPROXY_REDIS_PASSWORD. If one of them does not answer there is an error and no half answer.
    """
    address, since_ns = _address(ip), _since_ns(since)
    if use_index and (view != "peers" or is_source):
        raise MisusedError("--index knows the last packet of each peer only: not with --packets, --count or --from")
    observations = Observations(_servers(servers, backend), os.environ.get(PASSWORD_VARIABLE) or None)
    if use_index:
        _show_peers(observations.indexed_peers(address, since_ns), as_json=as_json)
        return
    source, destination = (address, None) if is_source else (None, address)
    packets = observations.packets(source, destination, since_ns, with_ports=view == "packets")
    match view:
        case "packets":
            _show_packets(packets, as_json=as_json)
        case "count":
            _show_count(len(packets), len(peers(packets, by_destination=is_source)), as_json=as_json)
        case _:
            _show_peers(peers(packets, by_destination=is_source), as_json=as_json)


def _show_peers(found: list[Peer], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(peer) for peer in found])
        return
    rows = [
        (peer.address, peer.packets, None if peer.first_ns is None else _moment(peer.first_ns), _moment(peer.last_ns))
        for peer in found
    ]
    print_table(table(("peer", "packets", "first", "last"), rows))


def _show_packets(packets: list[Packet], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(packet) for packet in packets])
        return
    rows = [
        (
            _moment(packet.time_ns),
            _end(packet.source, packet.source_port),
            _end(packet.destination, packet.destination_port),
            packet.sensor,
        )
        for packet in packets
    ]
    print_table(table(("time", "source", "destination", "sensor"), rows))


def _show_count(packets: int, others: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"packets": packets, "peers": others})
    else:
        print_table(table(("packets", "peers"), [(packets, others)]))


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise MisusedError(f"{text!r} is no IP address") from error


def _since_ns(text: str | None) -> int:
    if text is None:
        return 0
    match = re.fullmatch(r"(\d{1,9})(ms|s|m|h|d)", text, re.ASCII)
    if match is None:
        raise MisusedError(f"--since {text!r} is no duration: a whole number and a unit of ms, s, m, h or d (like 2m)")
    return time.time_ns() - int(int(match[1]) * _UNITS_S[match[2]] * 1e9)


def _servers(named: tuple[str, ...], backend: str | None) -> list[SocketAddress]:
    """Return the Redis servers to ask, each once."""
    if named:
        return list(dict.fromkeys(_tcp(name) for name in named))
    servers = read_servers(stats_socket())
    chosen = [server for server in servers if backend in (None, server.backend)]
    if not chosen:
        places = ", ".join(sorted({server.backend for server in servers})) or "none"
        raise RefusedError(f"the proxy has no server in backend {backend}: its backends are {places}")
    return list(dict.fromkeys(_tcp(server.address) for server in chosen if server.address))


def _tcp(text: str) -> SocketAddress:
    address = parse_address(text)
    if address.path:
        raise MisusedError(f"{text!r} is no Redis server: HOST:PORT")
    return address


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _moment(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000:09d}Z"
