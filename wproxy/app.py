"""Builds the parts of the proxy and connects them; the only file that knows them all."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from wproxy.config import model
from wproxy.dataplane.listener import Listener, close_listening, open_listening
from wproxy.dataplane.prober import Prober
from wproxy.dataplane.redis.connection import RedisConnection
from wproxy.dataplane.redis.router import Router
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.dataplane.tcp import TcpConnection
from wproxy.errors import BindError
from wproxy.observe import information, notices, servers_state, statistics
from wproxy.runtime.command import Context, Conversation, Reports
from wproxy.runtime.socket import StatsListener
from wproxy.state.backend import Backend
from wproxy.state.control import Control, FrontendNotice, Notice
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.registry import Registry
from wproxy.version import HAPROXY_VERSION, RELEASE_DATE

Log = Callable[[str, str], None]
"""Called with a severity (ALERT, WARNING, NOTICE) and a line."""


@dataclass(slots=True)
class Sockets:
    """Everything the process listens on, open: opened before it goes to the background, so that errors are seen."""

    frontends: dict[str, list[tuple[model.Bind, socket.socket]]] = field(default_factory=dict)
    stats: list[tuple[model.StatsSocket, socket.socket]] = field(default_factory=list)


def open_sockets(config: model.Config) -> Sockets:
    """Open what `config` listens on; raise BindError with a line for each address that cannot be opened."""
    opened = Sockets()
    faults: list[str] = []

    def attempt(line: model.Bind | model.StatsSocket, what: str) -> socket.socket | None:
        try:
            return open_listening(line.address)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            where = f"[{line.location.file}:{line.location.line}]"
            faults.append(f"{where} : {what}: cannot listen on {line.address}: {reason}")
            return None

    for frontend in config.frontends:
        if not frontend.disabled:
            pairs = [(bind, attempt(bind, f"frontend '{frontend.name}'")) for bind in frontend.binds]
            opened.frontends[frontend.name] = [(bind, sock) for bind, sock in pairs if sock is not None]
    for line in config.globals.stats_sockets:
        sock = attempt(line, "stats socket")
        if sock is not None:
            opened.stats.append((line, sock))
    if faults:
        for bind, sock in [pair for pairs in opened.frontends.values() for pair in pairs]:
            close_listening(bind.address, sock)
        for line, sock in opened.stats:
            close_listening(line.address, sock)
        raise BindError("\n".join(faults))
    return opened


def connection_limit(config: model.Config, wanted: int | None) -> int:
    """Raise the limit of open files to what is needed, return how many connections it allows.

    `wanted` is the command line's -n, the configuration's `maxconn` comes next; a connection takes two descriptors.
    """
    reserved = 100  # listeners, checks, stats sockets, logs
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted or config.globals.maxconn or (hard - reserved) // 2
    needed = min(2 * limit + reserved, hard)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return limit


class Application:
    """One process that serves one configuration until it is told to stop."""

    def __init__(self, config: model.Config, sockets: Sockets, maxconn: int, log: Log) -> None:
        self._config = config
        self._sockets = sockets
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._started_at_s = time.time()
        self._registry = Registry(config, maxconn, self._loop.time())
        self._control = Control(self._registry, self._loop.time)
        self._services = Services(self._loop, self._registry.sessions)
        self._prober = Prober(self._services, self._control, config.globals)
        self._routers = {
            name: Router(backend, self._services)
            for name, backend in self._registry.backends.items()
            if backend.config.mode is model.Mode.REDIS
        }
        self._listeners = {
            name: [Listener(bind.address, sock, self._factory(frontend)) for bind, sock in sockets.frontends[name]]
            for name, frontend in self._registry.frontends.items()
        }
        self._stats = [
            StatsListener(line, sock, self._context, config.globals.stats_timeout_s) for line, sock in sockets.stats
        ]
        for frontend in self._registry.frontends.values():
            frontend.on_limit = partial(self._admit, frontend)
        self._stop = asyncio.Event()
        self._stopping = False
        self._control.subscribe(self._follow)

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT; SIGUSR1 lets live sessions finish first. `ready` is called when it serves."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._loop.add_signal_handler(signal.SIGUSR1, self._stop_softly)
        for router in self._routers.values():
            router.open()
        for backend in self._registry.backends.values():
            self._prober.start(backend)
        for listener in self._stats:
            await listener.start()
        for listeners in self._listeners.values():
            for frontend_listener in listeners:
                await frontend_listener.resume()
        ready()
        await self._stop.wait()
        await self._close()

    def _stop_softly(self) -> None:
        """Accept no more, end when the last session has ended."""
        self._stopping = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()
        self._registry.sessions.on_empty = self._stop.set
        if not self._registry.sessions.live:
            self._stop.set()

    async def _close(self) -> None:
        """Close in the order in which traffic flows, so that nothing new arrives at a part that is gone."""
        self._stopping = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()
        for router in self._routers.values():
            router.close()
        for stats in self._stats:
            stats.close()
        self._prober.close()
        await self._services.close()

    # -- connections between the parts ---------------------------------------------------------------------------

    def _factory(self, frontend: Frontend) -> Callable[[], asyncio.BaseProtocol]:
        """Return what makes the protocol of each client that `frontend` accepts."""
        backend = self._backend_of(frontend)
        route, services = Route.of(frontend, backend), self._services
        if frontend.config.mode is model.Mode.REDIS:
            router = self._routers.get(backend.name) or Router(backend, services)
            return lambda: RedisConnection(route, router, services)
        return lambda: TcpConnection(route, services).client

    def _backend_of(self, frontend: Frontend) -> Backend:
        """Return where `frontend` sends its clients; without a backend, one that has no servers."""
        config = frontend.config
        backend = self._registry.backends.get(config.default_backend or "")
        if backend is not None:
            return backend
        nowhere = model.Backend(frontend.name, frontend.proxy_id, config.mode, config.location)
        return Backend(nowhere, self._loop.time())

    def _follow(self, notice: Notice) -> None:
        """Do what follows from a change: log it, start or stop to accept."""
        for line in notices.lines(notice):
            self._log(line.severity, line.text)
        if isinstance(notice, FrontendNotice):
            self._admit(notice.frontend)

    def _admit(self, frontend: Frontend) -> None:
        """Accept for `frontend` while it is open; without room clients wait in the kernel's queue."""
        if self._stopping:
            return
        for listener in self._listeners[frontend.name]:
            if frontend.status is not FrontendStatus.OPEN:
                listener.refuse()
            elif frontend.full:
                listener.pause()
            else:
                self._services.keep(self._loop.create_task(listener.resume()))

    def _context(self, conversation: Conversation) -> Context:
        """Return what the commands of one client of a stats socket work on."""
        registry, now = self._registry, self._loop.time
        reports = Reports(
            statistics=lambda *wanted: statistics.csv_text(registry, now(), statistics.Filter(*wanted)),
            information=lambda: information.text(registry, self._process()),
            servers_state=lambda backends: servers_state.text(backends, now()),
        )
        return Context(registry, self._control, reports, conversation)

    def _process(self) -> information.Process:
        globals_ = self._config.globals
        return information.Process(
            version=HAPROXY_VERSION,
            release_date=RELEASE_DATE,
            pid=os.getpid(),
            uptime_s=int(self._loop.time() - self._registry.started_at),
            started_at_s=int(self._started_at_s),
            node=globals_.node or platform.node(),
            description=globals_.description or "",
            open_files_max=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            stopping=self._stopping,
        )
