"""Builds the parts of the proxy and connects them; the only file that knows them all."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import resource
import secrets
import signal
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

import uvloop

from wproxy.config import model
from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.model import Answer, Service
from wproxy.dataplane.http.client import ClientConnection
from wproxy.dataplane.keepalive import keep_alive
from wproxy.dataplane.listener import Listener
from wproxy.dataplane.prober import Prober
from wproxy.dataplane.process import LiveProcess
from wproxy.dataplane.reception import Arrival, Plan, Reception
from wproxy.dataplane.redis.connection import RedisConnection
from wproxy.dataplane.redis.router import Router
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.dataplane.stats_desk import Desk, Form, View
from wproxy.dataplane.stepper import Stepper
from wproxy.dataplane.stickiness import Stickiness
from wproxy.dataplane.tcp import TcpConnection
from wproxy.http_sites import HttpSites
from wproxy.logs import ProcessLogs
from wproxy.observe import captures, history, information, notices, page, prometheus, schema, servers_state, statistics
from wproxy.observe.history import History
from wproxy.policy.descriptors import PER_CONNECTION, reserved
from wproxy.policy.login_pace import LoginPace
from wproxy.runtime import page_actions
from wproxy.runtime.command import (
    Context,
    Conversation,
    ErrorsRequest,
    InformationRequest,
    Reports,
    StatisticsRequest,
)
from wproxy.runtime.socket import Seats, StatsListener
from wproxy.sockets import Sockets
from wproxy.state import rebalance
from wproxy.state import saved as saved_state
from wproxy.state.backend import Backend
from wproxy.state.control import Control, FrontendNotice, Notice, ServerChange, ServerNotice
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.registry import Registry
from wproxy.state.warmup import STEP_S as WARM_UP_STEP_S
from wproxy.state_file import StateFile
from wproxy.version import HAPROXY_VERSION, RELEASE_DATE

Log = Callable[[str, str], None]
"""Called with a severity (ALERT, WARNING, NOTICE) and a line."""


def connection_limit(config: model.Config, wanted: int | None, log: Log) -> int:
    """Raise the limit of open files to what is needed, return how many connections it allows.

    `wanted` is the command line's -n, the configuration's `maxconn` comes next; a connection takes two descriptors.
    """
    others = reserved(config)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max((hard - others) // PER_CONNECTION, 1)
    limit = wanted or config.globals.maxconn or allowed
    if limit > allowed or hard < others + PER_CONNECTION:
        log(
            "WARNING",
            f"maxconn {limit} needs {PER_CONNECTION * limit + others} open files and the limit is {hard}: "
            f"no more than {allowed} connections are accepted. Raise it with 'ulimit -n'.",
        )
        limit = allowed
    needed = min(PER_CONNECTION * limit + others, hard)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return limit


def serve(
    config: model.Config, sockets: Sockets, maxconn: int, log: Log, saved: StateFile, ready: Callable[[], None]
) -> None:
    """Serve `config` in this process until it is told to stop; `ready` is called when clients are accepted."""

    async def run() -> None:
        await Application(config, sockets, maxconn, log, saved).run(ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


class Application:
    """One process that serves one configuration until it is told to stop."""

    def __init__(self, config: model.Config, sockets: Sockets, maxconn: int, log: Log, saved: StateFile) -> None:
        self._saved = saved
        self._config = config
        self._sockets = sockets
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._started_at_s = time.time()
        self._registry = Registry(config, maxconn, self._loop.time(), seed=secrets.randbits(64))
        self._control = Control(self._registry, self._loop.time)
        self._warmer = Stepper(self._loop, self._control.warm, WARM_UP_STEP_S)
        self._rebalancer = Stepper(self._loop, self._control.rebalances.step, rebalance.STEP_S)
        self._control.rebalances.on_begin = self._rebalancer.start
        self._services = Services(self._loop, self._registry.sessions, self._registry.captures, self._registry.tls)
        self._services.warn = partial(log, "WARNING")
        self._history = History(self._registry)
        self._sampler = Stepper(self._loop, self._sample, history.PACE_S)
        self._pace = LoginPace()
        parties: list[Frontend | Backend] = [*self._registry.backends.values(), *self._registry.frontends.values()]
        self._desks = {
            party.name: Desk(party.config.page, self._page_text, self._page_action, page.policy(), self._pace)
            for party in parties
            if party.config.page is not None
        }
        self._logs = ProcessLogs(config, sockets.logs, self._loop.time, partial(log, "ALERT"))
        self._prober = Prober(self._services, self._control, config.globals)
        self._routers = {
            name: Router(backend, self._services)
            for name, backend in self._registry.backends.items()
            if backend.config.mode is model.Mode.REDIS
        }
        self._process_facts = LiveProcess(self._registry.backends, self._registry.frontends)
        self._http = HttpSites(
            self._services, self._process_facts, self._logs, self._desks, self._answer, self._stickiness, config.globals
        )
        for name, frontend in self._registry.frontends.items():
            for _, sock in sockets.frontends[name]:
                keep_alive(sock, frontend.config.keepalive)  # off, too: it may come from a process that had it on
        self._listeners = {
            name: [
                Listener(bind.address, sock, self._factory(frontend, bind, number))
                for number, (bind, sock) in enumerate(sockets.frontends[name], 1)
            ]
            for name, frontend in self._registry.frontends.items()
        }
        seats = Seats(config.globals.stats_maxconn)
        self._stats = [
            StatsListener(line, sock, self._context, config.globals.stats_timeout_s, seats, sockets.hand_over)
            for line, sock in sockets.stats
        ]
        self._held: asyncio.TimerHandle | None = None  # while a rate limit allows no more clients
        self._registry.admission.on_change = self._admit_all
        for frontend in self._registry.frontends.values():
            frontend.on_limit = partial(self._admit, frontend)
        self._stop = asyncio.Event()
        self._stopping = False
        self._control.subscribe(self._follow)
        self._restore()
        self._control.on_command = self._save
        for backend in self._registry.backends.values():
            backend.on_settled = self._save

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT; SIGUSR1 lets live sessions finish first. `ready` is called when it serves."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._loop.add_signal_handler(signal.SIGUSR1, self._stop_softly)
        # What is there by now stays: the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        for router in self._routers.values():
            router.open()
        self._http.open()
        if any(backend.epochs is not None for backend in self._registry.backends.values()):
            self._save()  # by which weights keys lie: the configuration may be another one at the next start
        self._prober.start(self._registry.backends.values())
        if self._desks:
            self._sampler.start()
        for listener in self._stats:
            await listener.start()
        for name, listeners in self._listeners.items():
            singly = self._scarce(self._registry.frontends[name])
            for frontend_listener in listeners:
                await frontend_listener.resume(singly=singly)
        ready()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})  # one that came during the start acts now
        await self._stop.wait()
        await self._close()

    def _stop_softly(self) -> None:
        """Accept no more, end when the last session has ended; the next process may have the sockets by now."""
        self._stop_listening()
        if self._sockets.handed_over:
            self._stop_answering()
        self._registry.sessions.parting = True
        self._registry.sessions.on_empty = self._stop_when_idle
        for session in list(self._registry.sessions.live):
            if isinstance(session.carrier, ClientConnection):
                session.carrier.leave()
        self._stop_when_idle()

    def _stop_when_idle(self) -> None:
        """Stop if no session is live; one that has been accepted may begin only in the loop's next turn."""
        self._loop.call_soon(self._stop_if_idle)

    def _stop_if_idle(self) -> None:
        if not self._registry.sessions.live:
            self._stop.set()

    def _stop_listening(self) -> None:
        self._stopping = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.pause()
        self._sockets.close_frontends()

    def _stop_answering(self) -> None:
        for stats in self._stats:
            stats.close()
        self._sockets.close()

    async def _close(self) -> None:
        """Close in the order in which traffic flows, so that nothing new arrives at a part that is gone."""
        self._stop_listening()
        self._stop_answering()
        self._warmer.stop()
        self._rebalancer.stop()
        self._sampler.stop()
        for router in self._routers.values():
            router.close()
        self._http.close()
        self._prober.close()
        await self._services.close()
        self._logs.close()

    # -- connections between the parts ---------------------------------------------------------------------------

    def _factory(self, frontend: Frontend, bind: model.Bind, number: int) -> Callable[[], asyncio.BaseProtocol]:
        """Return what makes the protocol of each client that `frontend` accepts on its `number`th address."""
        backend = self._backend_of(frontend, frontend.config.default_backend)
        if frontend.config.mode is model.Mode.HTTP:
            return self._http_factory(frontend, bind, number, backend)
        route, services = self._route(frontend, backend), self._services
        if Plan.needed(bind, route):
            plan = self._plan(frontend, bind, number, route)
            return lambda: Reception(plan, services)
        if frontend.config.mode is model.Mode.REDIS:
            router = self._routers.get(backend.name) or Router(backend, services)
            return lambda: RedisConnection(route, router, services)
        return lambda: TcpConnection(route, services).client

    def _http_factory(
        self, frontend: Frontend, bind: model.Bind, number: int, backend: Backend
    ) -> Callable[[], asyncio.BaseProtocol]:
        """Return what makes the protocol of each client in mode http; requests find their way one by one."""
        others = [
            self._backend_of(frontend, rule.backend) for rule in frontend.config.switching if rule.compute is None
        ]
        if any(rule.compute is not None for rule in frontend.config.switching):
            others = [backend for backend in self._registry.backends.values() if backend.config.mode is model.Mode.HTTP]
        site = self._http.site(frontend, number, backend, others)
        if not (bind.accept_proxy or bind.tls is not None or frontend.config.connection_rules):
            return lambda: ClientConnection(site)
        services, route = self._services, self._route(frontend, backend)
        plan = Plan(
            frontend, number, bind.accept_proxy, route, {}, self._process_facts,
            lambda _, arrival: ClientConnection(site, arrival), switches=False, tls=bind.tls,
        )  # fmt: skip
        return lambda: Reception(plan, services)

    def _answer(self, service: Service, facts: HttpFacts, body: bytes) -> Answer:
        """Answer a request inside the proxy."""
        query = facts.request.target.decode("latin-1").partition("?")[2]
        try:
            text = prometheus.text(self._registry, self._process(), query)
        except prometheus.QueryError as error:
            return Answer(400, fields=((b"content-type", b"text/plain"),), body=f"{error}\n".encode())
        return Answer(200, fields=((b"content-type", prometheus.CONTENT_TYPE.encode()),), body=text)

    def _plan(self, frontend: Frontend, bind: model.Bind, number: int, default: Route) -> Plan:
        """Return what clients go through first where there are rules or a PROXY header."""
        routes = {
            rule.backend: self._route(frontend, self._backend_of(frontend, rule.backend))
            for rule in frontend.config.switching
        }
        return Plan(
            frontend, number, bind.accept_proxy, default, routes, self._process_facts, self._serve, tls=bind.tls
        )

    def _route(self, frontend: Frontend, backend: Backend) -> Route:
        stickiness = self._stickiness(backend) if backend.config.mode is model.Mode.TCP else None
        log = self._logs.sessions_of(frontend.config, self._registry.sessions)
        return Route.of(frontend, backend, log, stickiness)

    def _stickiness(self, backend: Backend) -> Stickiness | None:
        """Return what keeps the clients of `backend` on their servers by its `stick` rules."""
        return Stickiness(backend, self._registry.tables, self._loop.time) if backend.config.stick_rules else None

    def _serve(self, route: Route, arrival: Arrival) -> asyncio.Protocol:
        """Return what serves a client whose route has been found."""
        config = route.frontend.config
        if config.mode is model.Mode.REDIS:
            router = self._routers.get(route.backend.name) or Router(route.backend, self._services)
            return RedisConnection(route, router, self._services, arrival.session)
        return TcpConnection(route, self._services, arrival).client

    def _page_action(self, settings: model.StatsPage, form: str) -> str:
        """Do what an administrator asks for on a statistics page; return the word for what became of it."""
        return page_actions.apply(self._control, form, settings.scope).value

    def _page_text(self, settings: model.StatsPage, view: View) -> str:
        """Return what a statistics page shows now."""
        registry, now = self._registry, self._loop.time()
        wanted = page.Wanted(settings.scope, view.search, view.up, view.no_maint, settings.legends)
        if view.form is Form.SCHEMA:
            return schema.text()
        if view.form not in (Form.PAGE, Form.TABLES):
            return page.text(registry, now, wanted, view.form.value.removeprefix(";"))
        process = self._process()
        heading = page.Heading(
            process.pid,
            int(process.uptime_s),
            settings.uri,
            node=None if settings.node is None else settings.node or process.node,
            version=None if settings.hide_version else process.version,
            description=None if settings.description is None else settings.description or process.description,
            outcome=view.outcome,
            refresh_s=settings.refresh_s if view.refreshing else 0,
        )
        reader = page.Reader(self._history, view.admin, settings.legends, settings.modules)
        make = page.tables if view.form is Form.TABLES else page.html
        return make(registry, now, heading, wanted, reader)

    def _sample(self) -> bool:
        """Have the statistics page know the rates of the last seconds; there is always a next time."""
        self._history.sample(self._registry)
        return True

    def _backend_of(self, frontend: Frontend, name: str | None) -> Backend:
        """Return the backend `name`, to which `frontend` sends clients; where there is none, one without servers."""
        config = frontend.config
        backend = self._registry.backends.get(name or "")
        if backend is not None:
            return backend
        nowhere = model.Backend(frontend.name, frontend.proxy_id, config.mode, config.location)
        return Backend(nowhere, self._loop.time())

    def _follow(self, notice: Notice) -> None:
        """Do what follows from a change: log it, start or stop to accept."""
        for line in notices.lines(notice):
            self._log(line.severity, line.text)
            self._logs.tell(notice, line)
            if isinstance(notice, ServerNotice):
                # Addresses are on the statistics page with `stats show-legends` only.
                text = notice.change.value if notice.change is ServerChange.ADDRESS else line.text
                self._history.note(notice.backend.name, notice.server.name, time.time(), text)
        if isinstance(notice, FrontendNotice):
            self._admit(notice.frontend)
        elif isinstance(notice, ServerNotice):
            self._follow_server(notice)

    def _follow_server(self, notice: ServerNotice) -> None:
        """Start what runs beside a server: its slow start, its checks, its shared connections."""
        if notice.change in (ServerChange.REMOVED, ServerChange.ADDRESS):
            self._http.drop(notice.backend, notice.server)
        if notice.server.warmup is not None:
            self._warmer.start()
        if notice.change is ServerChange.ADDED:
            self._prober.start_one(notice.backend, notice.server)
        elif notice.change is ServerChange.REMOVED:
            self._prober.stop(notice.server)
        elif notice.change is ServerChange.ADDRESS and notice.backend.name in self._routers:
            self._routers[notice.backend.name].reconnect(notice.server)

    def _admit_all(self) -> None:
        """Accept for every frontend, as far as the limits of the process allow; look again when a rate does."""
        wait_s = self._registry.admission.wait_s(self._loop.time())
        if wait_s and self._held is None:
            self._held = self._loop.call_later(wait_s, self._release)
        for frontend in self._registry.frontends.values():
            self._admit(frontend)

    def _release(self) -> None:
        self._held = None
        self._admit_all()

    def _restore(self) -> None:
        """Set again what was set at runtime before this process; keep what of it still differs."""
        lines = list(saved_state.restore(self._saved.load(), self._registry, self._control))
        for line in lines:
            self._log("NOTICE", line)
        if lines:
            self._save()

    def _save(self) -> None:
        """Keep what the stats socket has changed, for the next process."""
        self._saved.save(saved_state.changes(self._registry))

    def _admit(self, frontend: Frontend) -> None:
        """Accept for `frontend` while it is open; without room clients wait in the kernel's queue."""
        if self._stopping:
            return
        for listener in self._listeners[frontend.name]:
            if frontend.status is not FrontendStatus.OPEN:
                listener.refuse()
            elif frontend.full or self._registry.admission.full or self._held is not None:
                listener.pause()
            else:
                resuming = listener.resume(singly=self._scarce(frontend))
                self._services.keep(self._loop.create_task(resuming))

    def _scarce(self, frontend: Frontend) -> bool:
        """Tell whether clients of `frontend` are to be accepted one by one, not to exceed a limit."""
        return frontend.scarce or self._registry.admission.scarce

    def _context(self, conversation: Conversation) -> Context:
        """Return what the commands of one client of a stats socket work on."""
        reports = Reports(
            statistics=self._statistics,
            information=self._information,
            servers_state=lambda backends: servers_state.text(backends, self._loop.time()),
            schema=schema.text,
            errors=self._errors,
        )
        return Context(self._registry, self._control, reports, conversation)

    def _statistics(self, request: StatisticsRequest) -> str:
        wanted = statistics.Filter(
            request.proxy_id, request.kinds, request.server_id, request.up, request.no_maint, request.legends
        )
        return statistics.text(
            self._registry, self._loop.time(), wanted, form=request.form, described=request.described
        )

    def _information(self, request: InformationRequest) -> str:
        return information.text(
            self._registry, self._process(), form=request.form, described=request.described, exact=request.exact
        )

    def _errors(self, request: ErrorsRequest) -> str:
        now = datetime.now().astimezone()
        return captures.text(self._registry.captures, self._loop.time(), now, request.proxy_id, request.side)

    def _process(self) -> information.Process:
        globals_ = self._config.globals
        return information.Process(
            version=HAPROXY_VERSION,
            release_date=RELEASE_DATE,
            pid=os.getpid(),
            uptime_s=self._loop.time() - self._registry.started_at,
            now=self._loop.time(),
            started_at_s=self._started_at_s,
            node=globals_.node or platform.node(),
            description=globals_.description or "",
            open_files_max=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            stopping=self._stopping,
            dropped_logs=self._logs.dropped,
        )
