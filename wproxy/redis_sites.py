"""Builds what serves mode redis: a router for each backend, which its clients share."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wproxy.dataplane.redis.connection import RedisConnection
from wproxy.dataplane.redis.router import Router
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.session import Session


class RedisSites:
    """Mode redis of one process: the routers of its backends. `close` is its end."""

    def __init__(self, services: Services, backends: Iterable[Backend]) -> None:
        self._services = services
        self._routers = {backend.name: Router(backend, services) for backend in backends}

    def open(self) -> None:
        """Begin to connect to the servers."""
        for router in self._routers.values():
            router.open()

    def close(self) -> None:
        """Close the connections to the servers."""
        for router in self._routers.values():
            router.close()

    def factory(self, route: Route) -> Callable[[], RedisConnection]:
        """Return what makes the protocol of each client of `route`."""
        router, services = self._router(route.backend), self._services
        return lambda: RedisConnection(route, router, services)

    def serve(self, route: Route, session: Session) -> RedisConnection:
        """Return the protocol of a client whose `session` is open already."""
        return RedisConnection(route, self._router(route.backend), self._services, session)

    def reconnect(self, backend: Backend, server: Server) -> None:
        """Connect to a server of `backend` anew, at the address that it has now."""
        if backend.name in self._routers:
            self._routers[backend.name].reconnect(server)

    def _router(self, backend: Backend) -> Router:
        """Return the router of `backend`; one of its own for what stands for a backend that is not there."""
        return self._routers.get(backend.name) or Router(backend, self._services)
