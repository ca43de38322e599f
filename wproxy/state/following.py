"""The state that workers follow, as records: made by the supervisor, applied in each worker.

A record is the whole of what it is about, as JSON has it. Keys: `process`, `frontend NAME`, `backend NAME` (which
servers it has, where its keys may lie, what somebody wants to see of its commands) and `server BACKEND/NAME`.
Applying a record twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wproxy.config.dynamic import dynamic_server
from wproxy.config.model import Address
from wproxy.protocols.bus import Json
from wproxy.records import dataclass
from wproxy.state.admission import RateLimit
from wproxy.state.backend import Backend
from wproxy.state.control import Control, ServerChange
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.registry import Registry
from wproxy.state.server import Admin, Server
from wproxy.state.warmup import Warmup

Records = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of a limit one worker has: the `number`th (from 0) of `of` parts that make up the whole."""

    number: int = 0
    of: int = 1

    def part(self, limit: int) -> int:
        """Return the part of `limit`; all parts together are the limit."""
        return limit // self.of + (self.number < limit % self.of)


# -- the supervisor's side ---------------------------------------------------------------------------------------


def records(registry: Registry) -> Records:
    """Return the whole state."""
    made: Records = {"process": _process(registry)}
    for name, frontend in registry.frontends.items():
        made[f"frontend {name}"] = [frontend.status.value, frontend.maxconn]
    for name, backend in registry.backends.items():
        made[f"backend {name}"] = _backend(backend)
        for server in backend.servers:
            made[f"server {server}"] = _server(server)
    return made


def _process(registry: Registry) -> Json:
    admission = registry.admission
    return {"maxconn": admission.maxconn, "rates": {kind.value: limit for kind, limit in admission.limits.items()}}


def _backend(backend: Backend) -> Json:
    servers = [[server.name, server.server_id, server.words] for server in backend.servers]
    wishes = None if backend.view is None else backend.view.wishes()
    return {"servers": servers, "places": backend.places, "view": wishes}


def _server(server: Server) -> Json:
    address = server.address
    return {
        "weight": server.weight,
        "admin": int(server.admin),
        "health": server.health.counter,
        "agent": server.agent_health.counter,
        "checking": server.checking,
        "asking": server.agent_asked,
        "down": server.forced_down,
        "stopping": server.stopping,
        "address": [address.host, address.port],
        "maxconn": server.maxconn,
        "warmup": None if server.warmup is None else server.warmup.since,
    }


# -- the worker's side -------------------------------------------------------------------------------------------


def apply(control: Control, changed: Mapping[str, Json], share: Callable[[str], Share]) -> None:
    """Bring the state to what the records say; `share` tells the part of a limit: of a frontend, or of "" for all.

    Backends come before their servers, as in `records`; a record of something that is gone is passed over.
    """
    registry = control.registry
    followed: list[tuple[Server, ServerChange]] = []
    for key in sorted(changed):
        kind, _, name = key.partition(" ")
        record = changed[key]
        if kind == "process":
            _follow_process(registry, record, share(""))
        elif kind == "frontend" and name in registry.frontends:
            _follow_frontend(control, registry.frontends[name], record, share(name))
        elif kind == "backend" and name in registry.backends:
            _follow_backend(control, registry.backends[name], record)
        elif kind == "server":
            backend = registry.backends.get(name.partition("/")[0])
            server = None if backend is None else backend.by_name.get(name.partition("/")[2])
            if backend is not None and server is not None and _server(server) != record:
                followed.append((server, _follow_server(control, backend, server, record)))
    control.followed(*followed)


def _follow_process(registry: Registry, record: Json, share: Share) -> None:
    admission = registry.admission
    for kind in RateLimit:
        limit = record["rates"][kind.value]
        part = share.part(limit)
        if (admission.limits[kind], admission.part(kind)) != (limit, part):
            admission.set_rate(kind, limit, part)
    admission.take_part(share.part(record["maxconn"]))


def _follow_frontend(control: Control, frontend: Frontend, record: Json, share: Share) -> None:
    status, maxconn = FrontendStatus(record[0]), share.part(record[1])
    if frontend.maxconn != maxconn:
        control.set_frontend_maxconn(frontend, maxconn)
    change = {
        FrontendStatus.OPEN: control.resume, FrontendStatus.PAUSED: control.pause,
        FrontendStatus.STOPPED: control.shut_down,
    }[status]  # fmt: skip
    change(frontend)


def _follow_backend(control: Control, backend: Backend, record: Json) -> None:
    """Have the servers that came at runtime, and none that has gone."""
    backend.places = record["places"]
    if backend.view is not None and record["view"] is not None:
        backend.view.follow(record["view"])
    listed = {name: (number, words) for name, number, words in record["servers"]}
    for server in list(backend.servers):
        if listed.get(server.name, (0, None)) != (server.server_id, server.words):
            control.remove_server(server)
    for name, (number, words) in listed.items():
        if name not in backend.by_name and words is not None:
            control.add_server(backend, dynamic_server(name, words), words, number)


def _follow_server(control: Control, backend: Backend, server: Server, record: Json) -> ServerChange:
    """Set what the record says; return what has to be told."""
    host, port = record["address"]
    moved = (server.address.host, server.address.port) != (host, port)
    if moved:
        server.address = Address(host, port)
    server.weight = record["weight"]
    server.admin = Admin(record["admin"])
    server.health.counter = record["health"]
    server.agent_health.counter = record["agent"]
    server.checking, server.agent_asked = record["checking"], record["asking"]
    server.forced_down, server.stopping = record["down"], record["stopping"]
    server.maxconn = record["maxconn"]
    since = record["warmup"]
    if since is None:
        server.warmup = None
    elif server.warmup is None or server.warmup.since != since:
        server.warmup = Warmup(server.line.slowstart_s, since, weighted=not backend.static)
        server.warmup.advance(control.clock())
    return ServerChange.ADDRESS if moved else ServerChange.WEIGHT
