"""What a process leaves to the next one: what was counted, how its servers are, the entries of its stick tables.

Times are those of the host's steady clock, which all processes share. What the next configuration does not have is
passed over; a server is as it was only where its address and its checks are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from wproxy.config.acl.samples import text_of
from wproxy.protocols.bus import Json
from wproxy.state import tables, tallies
from wproxy.state.backend import Backend
from wproxy.state.control import Control, ServerChange
from wproxy.state.registry import Registry
from wproxy.state.server import Server
from wproxy.state.tallies import Tally

VERSION = 1
_ROWS = 2000  # in a message: some milliseconds for either side


def fingerprint() -> Json:
    """Return what two processes must have in common to understand each other."""
    return [VERSION, *tallies.SHAPE]


def counted(registry: Registry, dropped_logs: int) -> Tally:
    """Return what has been counted up to now, by processes before this one, too."""
    return tallies.retired(None, tallies.tally(registry, dropped_logs))


def parties(registry: Registry, now: float) -> Json:
    """Return how backends and servers are: how often and for how long they were away, and how healthy they look."""
    return {
        "backends": {name: _outages(each, now) for name, each in registry.backends.items()},
        "servers": {str(server): _server(server, now) for server in registry.servers()},
    }


def _outages(party: Backend | Server, now: float) -> list[Json]:
    return [party.downtime.outages, party.downtime.elapsed_s(now), party.changed_at]


def _server(server: Server, now: float) -> Json:
    return {
        "same": _sameness(server),
        "outages": _outages(server, now),
        "failed": server.check_counters.failed,
        "health": server.health.counter,
        "agent": server.agent_health.counter,
        "down": server.forced_down,
        "stopping": server.stopping,
        "running": server.running,
    }


def _sameness(server: Server) -> str:
    """Return what has to be the same for what is known of a server's health to be true of it."""
    health, check = server.health, server.check
    checked = "" if check is None else f"{server.check_host}:{server.check_port} {health.rise} {health.fall}"
    return f"{server.address} {checked} {server.agent is not None} {server.admin.maint}"


def take_over(control: Control, left: Json) -> None:
    """Go on from what `parties` told of the process before."""
    now = control.clock()
    for server in control.registry.servers():
        known = left["servers"].get(str(server))
        if known is not None:
            server.check_counters.failed = known["failed"]
            if known["same"] == _sameness(server):
                _be_as(control, server, known)
            outages, seconds, changed_at = known["outages"]
            server.downtime.count_on(seconds, outages, there=server.running, now=now)
            if known["running"] == server.running:
                server.changed_at = changed_at
    for name, backend in control.registry.backends.items():
        if name in left["backends"]:
            outages, seconds, changed_at = left["backends"][name]
            backend.downtime.count_on(seconds, outages, there=backend.usable > 0, now=now)
            backend.changed_at = changed_at


def _be_as(control: Control, server: Server, known: Json) -> None:
    server.health.counter = known["health"]
    server.agent_health.counter = known["agent"]
    server.forced_down, server.stopping = known["down"], known["stopping"]
    control.followed((server, ServerChange.WEIGHT))


def entries(registry: Registry, now: float, used_since: float | None = None) -> Iterator[tables.Entries]:
    """Yield the entries of the stick tables, some at a time; only those `used_since` then, where that can be known.

    Whoever takes them may let others change the tables in between.
    """
    for name, table in registry.tables.items():
        expire_s = table.config.expire_s
        found = table.snapshot(now)
        if used_since is not None and expire_s is not None:
            found = [each for each in found if each[1].expires_at > used_since + expire_s]
        for start in range(0, len(found), _ROWS):
            rows = found[start : start + _ROWS]
            yield {name: [tables.whole_row(table, text_of(key), entry, heir=True) for key, entry in rows]}
