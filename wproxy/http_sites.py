"""Builds what serves mode http: a Site for each `bind`, a route for each backend, the pools that they share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from wproxy.config.acl.facts import Process
from wproxy.config.model import Global
from wproxy.dataplane.contents import Contents
from wproxy.dataplane.http.route import HttpRoute, Pools
from wproxy.dataplane.http.site import Serve, Site
from wproxy.dataplane.services import Services
from wproxy.dataplane.stats_desk import Desk
from wproxy.dataplane.stickiness import Stickiness
from wproxy.logs import ProcessLogs
from wproxy.policy.cookies import Persistence
from wproxy.protocols.http1.heads import HeadParser
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.server import Server

_PURGE_S = 5.0  # HAProxy's pool-purge-delay
_OWN_BYTES = 79  # what HAProxy needs itself of the buffer that holds a head


def head_max(config: Global) -> int:
    """Return how long a head may be, in bytes (configuration manual, section 3.2: tune.bufsize, tune.maxrewrite)."""
    bufsize = -(-config.bufsize // 16) * 16
    return bufsize - min(config.maxrewrite, bufsize // 2) - _OWN_BYTES


class HttpSites:
    """Mode http of one process: the pools of all backends, and what makes the rest. `close` is its end."""

    def __init__(
        self,
        services: Services,
        process: Process,
        logs: ProcessLogs,
        desks: Mapping[str, Desk],
        serve: Serve,
        stickiness: Callable[[Backend], Stickiness | None],
        config: Global,
    ) -> None:
        """Prepare; `desks` has that of each proxy with a statistics page, `stickiness` makes that of a backend."""
        self._desks = desks
        self._serve = serve
        self._services = services
        self._process = process
        self._logs = logs
        self._room = head_max(config)
        self._bufsize = self._room + _OWN_BYTES
        self._parser = HeadParser(self._room, config.fields_max)
        self._stickiness = stickiness
        self._persistences: dict[str, Persistence[Server]] = {}
        self._pools: dict[str, Pools] = {}
        self._timer: asyncio.TimerHandle | None = None

    def contents(self) -> Contents:
        """Return what is filled with the first bytes of a client in mode tcp."""
        return Contents(self._bufsize, self._parser)

    def site(self, frontend: Frontend, number: int, default: Backend, others: Iterable[Backend]) -> Site:
        """Return what the clients of the `number`th address of `frontend` share; `others` are named by its rules."""
        routes = {backend.name: self._route(frontend, backend) for backend in others}
        route = self._route(frontend, default)
        desk = self._desks.get(frontend.name)
        parts = frontend, self._services, self._parser, number, self._process, route, routes, self._serve, desk
        return Site.of(*parts, room=self._room)

    def _route(self, frontend: Frontend, backend: Backend) -> HttpRoute:
        pools = self._pools.setdefault(backend.name, Pools(self._services.clock))
        return HttpRoute.of(
            frontend,
            backend,
            pools,
            self._logs.exchanges_of(frontend.config, self._services.sessions),
            self._stickiness(backend),
            self._persistence(backend),
            None if backend.in_listen else self._desks.get(backend.name),
        )

    def _persistence(self, backend: Backend) -> Persistence[Server] | None:
        """Return what cookies of `backend` mean; it hears of servers that come and go."""
        http = backend.config.http
        if http is None or http.cookie is None:
            return None
        made = self._persistences.get(backend.name)
        if made is None:
            made = Persistence(http.cookie, lambda: int(time.time()), persist=backend.config.persist)
            made.serve(backend.servers)
            self._persistences[backend.name] = made
            backend.on_rebuild = partial(made.serve, backend.servers)
        return made

    def drop(self, backend: Backend, server: Server) -> None:
        """Close the idle connections of a server that serves no more, or elsewhere."""
        pools = self._pools.get(backend.name)
        if pools is not None:
            pools.drop(server)

    def open(self) -> None:
        """Begin to look after the pools."""
        if self._pools:
            self._timer = self._services.loop.call_later(_PURGE_S, self._purge)

    def _purge(self) -> None:
        for pools in self._pools.values():
            pools.purge()
        self._timer = self._services.loop.call_later(_PURGE_S, self._purge)

    def close(self) -> None:
        """Close all idle connections."""
        if self._timer is not None:
            self._timer.cancel()
        for pools in self._pools.values():
            pools.close()
