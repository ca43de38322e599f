"""The servers of a proxy as `show stat` tells them: which one a user means, and what share of its backend it gets.

A share is the server's part of the weights of its backend's usable servers. As in HAProxy, backup servers count only
when no other is usable, and then only the first of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from admin.errors import MisusedError, RefusedError
from admin.statistics import Row, Value

_SERVER_TYPE = 2  # column `type` of `show stat`: 0 frontend, 1 backend, 2 server
_USABLE = ("UP", "no check", "OPEN")
_LISTED = 8  # how many names an error message lists before it says how many more there are


@dataclass(frozen=True, slots=True)
class Server:
    """One server line; `weight` is what was set, whatever slowstart makes of it at the moment."""

    backend: str
    name: str
    status: str
    weight: int
    backup: bool
    address: str
    sessions: int
    sessions_total: int
    last_change_s: int | None
    maxconn: int | None = None
    shared: bool = False  # all clients share the connections to it, as in mode redis: they are nobody's sessions

    @property
    def held(self) -> int:
        """Return how many sessions would be cut off if it went away."""
        return 0 if self.shared else self.sessions

    @property
    def path(self) -> str:
        """Return the name that is unique in the proxy and that every command takes."""
        return f"{self.backend}/{self.name}"

    @property
    def usable(self) -> bool:
        """Tell whether new work goes there: up or unchecked, not draining, not in maintenance."""
        return self.status.startswith(_USABLE)


def servers_of(rows: Iterable[Row]) -> list[Server]:
    """Return the servers among the rows of `show stat`, in the proxy's order."""
    return [_server(row) for row in rows if row.get("type") == _SERVER_TYPE]


def find(servers: list[Server], wanted: str) -> Server:
    """Return the server that `wanted` names: `backend/server`, or a server name that stands in one backend only."""
    matches = [server for server in servers if wanted in (server.path, server.name)]
    match matches:
        case [server]:
            return server
        case []:
            raise RefusedError(f"no such server: {wanted}; {_suggest(servers, wanted)}")
        case _:
            names = ", ".join(server.path for server in matches)
            raise MisusedError(f"{wanted} stands in several backends: say which as backend/server: {names}")


def shares(servers: Iterable[Server]) -> dict[str, float]:
    """Return the share, from 0 to 1, of each server by its path."""
    by_backend: dict[str, list[Server]] = {}
    for server in servers:
        by_backend.setdefault(server.backend, []).append(server)
    return {path: share for members in by_backend.values() for path, share in _shares_of_backend(members).items()}


def _shares_of_backend(members: list[Server]) -> dict[str, float]:
    pool = {server.path: server.weight for server in _in_use(members)}
    total = sum(pool.values())
    return {server.path: pool.get(server.path, 0) / total if total else 0.0 for server in members}


def _in_use(members: list[Server]) -> list[Server]:
    usable = [server for server in members if server.usable and server.weight]
    active = [server for server in usable if not server.backup]
    return active or usable[:1]


def _suggest(servers: list[Server], wanted: str) -> str:
    if not servers:
        return "the proxy has no servers"
    names = {name: server.path for server in servers for name in (server.name, server.path)}
    near = difflib.get_close_matches(wanted, names, n=1)
    if near:
        return f"did you mean {names[near[0]]}?"
    listed = ", ".join(server.path for server in servers[:_LISTED])
    more = f" and {len(servers) - _LISTED} more" if len(servers) > _LISTED else ""
    return f"the proxy has {listed}{more}"


def _server(row: Row) -> Server:
    weight = row.get("uweight")
    return Server(
        backend=str(row.get("pxname")),
        name=str(row.get("svname")),
        status=str(row.get("status")),
        weight=_number(row.get("weight") if weight is None else weight),
        backup=_number(row.get("bck")) > 0,
        address=str(row.get("addr") or ""),
        sessions=_number(row.get("scur")),
        sessions_total=_number(row.get("stot")),
        last_change_s=_number(row["lastchg"]) if row.get("lastchg") is not None else None,
        maxconn=_number(row["slim"]) if row.get("slim") is not None else None,
        shared=row.get("mode") == "redis",
    )


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
