"""INFO: what the proxy says of itself, in the sections and the words that people and tools look for in Redis' own.

Only what is true of the proxy is told; memory, persistence and keys are the servers' matter, so ask them.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from wproxy.version import VERSION as PROXY_VERSION

if TYPE_CHECKING:
    from wproxy.dataplane.redis.conversation import Conversation

VERSION = b"7.0.0"  # of the protocol and the commands, as HELLO tells it
Facts: TypeAlias = Mapping[str, object]


def info_text(client: Conversation, sections: Sequence[str]) -> bytes:
    """Return the sections asked for, all for none, `default`, `all` and `everything`."""
    everything = not sections or not {"default", "all", "everything"}.isdisjoint(sections)
    texts = []
    for title, facts in _SECTIONS.items():
        if everything or title.lower() in sections:
            lines = [f"# {title}", *(f"{name}:{value}" for name, value in facts(client).items())]
            texts.append("".join(f"{line}\r\n" for line in lines))
    return "\r\n".join(texts).encode()


def _server(client: Conversation) -> Facts:
    uptime_s = int(client.services.clock() - client.services.started_at)
    sockname = client.transport.get_extra_info("sockname")
    return {
        "redis_version": VERSION.decode(),
        "redis_mode": "standalone",
        "wproxy_version": PROXY_VERSION,
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "process_id": os.getpid(),
        "tcp_port": sockname[1] if isinstance(sockname, tuple) else 0,
        "uptime_in_seconds": uptime_s,
        "uptime_in_days": uptime_s // 86400,
    }


def _clients(client: Conversation) -> Facts:
    frontend = client.route.frontend
    return {
        "connected_clients": frontend.current,
        "maxclients": frontend.maxconn,
        "blocked_clients": len(client.router.waiters),
    }


def _stats(client: Conversation) -> Facts:
    frontend = client.route.frontend
    client.services.sessions.settle()
    return {
        "total_connections_received": frontend.counters.sessions,
        "total_commands_processed": frontend.counters.requests,
        "total_net_input_bytes": frontend.counters.bytes_in,
        "total_net_output_bytes": frontend.counters.bytes_out,
    }


def _replication(client: Conversation) -> Facts:
    return {"role": "master", "connected_slaves": 0}


def _cluster(client: Conversation) -> Facts:
    return {"cluster_enabled": 0}


_SECTIONS: Mapping[str, Callable[[Conversation], Facts]] = {
    "Server": _server,
    "Clients": _clients,
    "Stats": _stats,
    "Replication": _replication,
    "Cluster": _cluster,
}
