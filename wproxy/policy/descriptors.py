"""How many open files the process needs besides those of its clients' connections.

They are set aside, so that clients wait before the last descriptor is taken: an accept that finds none would have to
turn clients away, and checks and stats sockets would fail at the moment in which they are needed most.
"""

from __future__ import annotations

from wproxy.config.model import Config, Mode

PER_CONNECTION = 2  # the client's and the server's

_OWN = 30  # the loop, the standard streams, the state file, the names of servers being looked up
WATCHERS = 4  # duplicates of a listening socket: the loop accepts one client per watched descriptor and turn
_PER_LISTENER = 1 + WATCHERS
_PER_LINK_SERVER = 2  # mode redis: one connection per protocol, RESP2 and RESP3


def reserved(config: Config) -> int:
    """Return the number of descriptors that `config` may take at a time, its clients left out."""
    binds = sum(len(frontend.binds) for frontend in config.frontends)
    servers = [(backend.mode, server) for backend in config.backends for server in backend.servers]
    checks = sum((server.check is not None) + (server.agent is not None) for _, server in servers)
    linked = sum(1 for mode, _ in servers if mode is Mode.REDIS)
    proxies = [proxy.logs for proxy in config.frontends] + [proxy.logs for proxy in config.backends]
    logs = len({target.address for proxy in proxies for target in proxy.targets})
    stats = len(config.globals.stats_sockets) + config.globals.stats_maxconn
    return _OWN + _PER_LISTENER * binds + checks + _PER_LINK_SERVER * linked + logs + stats
