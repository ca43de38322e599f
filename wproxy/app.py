"""Builds the parts of the proxy and connects them; the only file that knows them all."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import time
from collections.abc import Callable, Container
from functools import partial
from typing import TYPE_CHECKING

import uvloop

from wproxy.config import model
from wproxy.crew.interpreter import CrewInterpreter
from wproxy.crew.role import ALONE, Duty, Role, pinned_frontends
from wproxy.crew.succession import Succession, follow
from wproxy.crew.supervisor import Supervisor
from wproxy.crew.worker import Worker
from wproxy.dataplane.http.client import ClientConnection
from wproxy.dataplane.inspector import inspecting
from wproxy.dataplane.keepalive import keep_alive
from wproxy.dataplane.listener import Listener, shut
from wproxy.dataplane.prober import Prober
from wproxy.dataplane.process import LiveProcess
from wproxy.dataplane.reception import Arrival, Plan, Reception, logs_facts
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.dataplane.stats_desk import Desk
from wproxy.dataplane.stepper import Stepper
from wproxy.dataplane.stickiness import Stickiness
from wproxy.dataplane.tcp import TcpConnection
from wproxy.gate import Gate
from wproxy.http_sites import HttpSites
from wproxy.logs import ProcessLogs
from wproxy.memory import STEP_S, Trimmer, trim
from wproxy.observe import history, notices
from wproxy.policy.login_pace import LoginPace
from wproxy.reports import Reporter
from wproxy.runtime.command import Conversation
from wproxy.runtime.interpreter import Interpreter
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
from wproxy.systemd import Watchdog

if TYPE_CHECKING:
    from wproxy.redis_sites import RedisSites

_NEWS_BYTES = 64 * 1024
Log = Callable[[str, str], None]
"""Called with a severity (ALERT, WARNING, NOTICE) and a line."""


def serve(
    config: model.Config,
    sockets: Sockets,
    maxconn: int,
    log: Log,
    saved: StateFile,
    ready: Callable[[], None],
    role: Role = ALONE,
) -> None:
    """Serve `config` in this process, as `role` says, until it is told to stop.

    `ready` is called when clients are accepted.
    """

    async def run() -> None:
        await Application(config, sockets, maxconn, log, saved, role).run(ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


class Application:
    """One process that serves one configuration until it is told to stop."""

    def __init__(
        self,
        config: model.Config,
        sockets: Sockets,
        maxconn: int,
        log: Log,
        saved: StateFile,
        role: Role = ALONE,
    ) -> None:
        self._role = role
        self._saved = saved
        self._config = config
        self._sockets = sockets
        self._log = log
        self._loop = asyncio.get_running_loop()
        serves, reaches = role.serves(config), role.reaches(config)
        self._registry = Registry(config, maxconn, self._loop.time(), seed=secrets.randbits(64), number=role.number)
        self._control = Control(self._registry, self._loop.time)
        self._warmer = Stepper(self._loop, self._control.warm, WARM_UP_STEP_S)
        self._rebalancer = Stepper(self._loop, self._control.rebalances.step, rebalance.STEP_S)
        self._control.rebalances.on_begin = self._rebalancer.start
        self._services = Services(self._loop, self._registry.sessions, self._registry.captures, self._registry.tls)
        self._services.warn = partial(log, "WARNING")
        self._reporter = Reporter(config, self._control, role, self)
        self._sampler = Stepper(self._loop, self._reporter.sample, history.PACE_S)
        self._trimmer = Stepper(self._loop, Trimmer(self._registry.sessions.live, trim).step, STEP_S)
        self._pace = LoginPace()
        parties: list[Frontend | Backend] = [*self._registry.backends.values(), *self._registry.frontends.values()]
        self._desks = {party.name: self._desk(party.config.page) for party in parties if party.config.page is not None}
        self._logs = ProcessLogs(config, sockets.logs, self._loop.time, partial(log, "ALERT"))
        self._prober = Prober(self._services, self._control, config.globals)
        self._redis = self._redis_sites(reaches) if model.Mode.REDIS in {each.config.mode for each in parties} else None
        self._process_facts = LiveProcess(self._registry, config.globals.log_line_max, self._loop.time)
        self._http = HttpSites(
            self._services,
            self._process_facts,
            self._logs,
            self._desks,
            self._reporter.service,
            self._stickiness,
            config.globals,
        )
        for name, frontend in self._registry.frontends.items():
            for _, sock in sockets.frontends[name]:
                keep_alive(sock, frontend.config.keepalive)  # off, too: it may come from a process that had it on
        self._listeners = {
            name: [
                Listener(bind.address, sock, self._factory(frontend, bind)) for bind, sock in sockets.frontends[name]
            ]
            for name, frontend in self._registry.frontends.items()
            if name in serves
        }
        alone, only = pinned_frontends(config, role.workers), role.duty is Duty.ALL
        self._gate = Gate(self._loop, self._registry, self._listeners, self._services.keep, alone, only=only)
        for name, frontend in self._registry.frontends.items():
            limit = frontend.config.rate_limit
            frontend.rate_limit = None if limit is None else role.share(config, name).part(limit)
        self._crew = self._reporter.crew = self._join_crew()
        self._succession = self._follow_predecessor()
        interpreter = CrewInterpreter(self._crew) if isinstance(self._crew, Supervisor) else None
        seats = Seats(config.globals.stats_maxconn)
        self._stats = [
            StatsListener(
                line,
                sock,
                self._reporter.context,
                config.globals.stats_timeout_s,
                seats,
                sockets.hand_over,
                interpreter,
            )
            for line, sock in sockets.stats
        ]
        self._watchdog = Watchdog(os.environ if role.owns else {})
        self._stop = asyncio.Event()
        self.stopping = False
        self._control.subscribe(self._follow)
        self._restore()
        self._control.on_command = self._save
        for backend in self._registry.backends.values():
            backend.on_settled = self._save if role.owns else self._tell_places

    @property
    def dropped_logs(self) -> int:
        """How many lines of logs could not be sent."""
        return self._logs.dropped

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT; SIGUSR1 lets live sessions finish first. `ready` is called when it serves."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._loop.add_signal_handler(signal.SIGUSR1, self._stop_softly)
        # What is there by now stays: the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        if self._succession is not None and self._sockets.has_predecessor and not self._role.successor:
            self._succession.inherit()
        if self._crew is not None:
            self._crew.start()
        if self._redis is not None:
            self._redis.open()
        self._tell_places()
        self._http.open()
        if any(backend.epochs is not None for backend in self._registry.backends.values()):
            self._save()  # by which weights keys lie: the configuration may be another one at the next start
        if self._role.owns:
            self._prober.start(self._registry.backends.values())
        self._trimmer.start()
        if self._desks and self._role.owns:
            self._sampler.start()
        for listener in self._stats:
            await listener.start()
        await self._gate.open()
        if self._succession is not None:
            self._succession.open()
        ready()
        self._watchdog.start(self._loop, self._leads)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})  # one that came during the start acts now
        await self._stop.wait()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # one more changes nothing
        await self._close()

    def _leads(self) -> bool:
        """Tell whether it is this process that keeps the state and has to be alive, and not one in its place."""
        return not (self.stopping and self._succession is not None and self._succession.has_heir)

    def _join_crew(self) -> Supervisor | Worker | None:
        """Return what connects this process with the others of `nbthread`; None where it is alone."""
        role, loop = self._role, self._loop
        if role.lifeline is not None:
            loop.add_reader(role.lifeline, self._orphaned, role.lifeline)
        if role.news is not None and role.owns:
            loop.add_reader(role.news, self._hear, role.news)
        match role.duty:
            case Duty.SUPERVISOR:
                supervisor = Supervisor(role, self._control, loop, self._log, self._reporter.answer)
                supervisor.on_places = self._save
                supervisor.on_settled = self._shut_closed
                return supervisor
            case Duty.WORKER:
                interpreter = Interpreter()

                def run(level: int, command: str) -> str:
                    return interpreter.execute(self._reporter.context(Conversation(model.Level(level))), command)

                return Worker(
                    role, self._control, loop, run, lambda: self._logs.dropped, self._stop_softly, self._gate.stand_back
                )
        return None

    def _follow_predecessor(self) -> Succession | None:
        """Return what connects this process with the one before and the one after; None in a worker."""
        meeting = self._sockets.meeting
        if meeting is None or not self._role.owns:
            return None
        crew = self._crew if isinstance(self._crew, Supervisor) else None
        return follow(self._loop, meeting, self._control, crew, lambda: self.dropped_logs)

    def _shut_closed(self) -> None:
        """Have clients refused where the workers have stopped to accept."""
        for name, frontend in self._registry.frontends.items():
            if frontend.status is not FrontendStatus.OPEN:
                for _, listening in self._sockets.frontends.get(name, ()):
                    shut(listening)

    def _tell_places(self) -> None:
        if isinstance(self._crew, Worker):
            self._crew.tell_places()

    def _hear(self, news: int) -> None:
        """Take note of why the master could not reload."""
        self._registry.startup_logs = os.read(news, _NEWS_BYTES).decode("utf-8", "replace")

    def _orphaned(self, lifeline: int) -> None:
        """Go on without the master."""
        self._loop.remove_reader(lifeline)
        self._registry.orphaned = True
        if self._role.owns:
            self._log("ALERT", "The master process is gone, the others go on: start the proxy again to replace them.")

    def _stop_softly(self) -> None:
        """Accept no more, end when the last session has ended; the next process may have the sockets by now."""
        self._stop_listening()
        if self._sockets.handed_over:
            self._stop_answering()
        if self._succession is not None:
            self._succession.finish()
        self._registry.sessions.parting = True
        if self._config.globals.hard_stop_s is not None:
            self._loop.call_later(self._config.globals.hard_stop_s, self._stop.set)
        self._registry.sessions.on_empty = self._stop_when_idle
        if isinstance(self._crew, Supervisor):
            self._crew.on_empty = self._stop_when_idle
            self._crew.finish()
        for session in list(self._registry.sessions.live):
            if isinstance(session.carrier, ClientConnection):
                session.carrier.leave()
        self._stop_when_idle()

    def _stop_when_idle(self) -> None:
        """Stop if no session is live; one that has been accepted may begin only in the loop's next turn."""
        self._loop.call_soon(self._stop_if_idle)

    def _stop_if_idle(self) -> None:
        if not self._registry.sessions.live and not (isinstance(self._crew, Supervisor) and self._crew.members):
            self._stop.set()

    def _stop_listening(self) -> None:
        self.stopping = True
        self._gate.close()
        self._sockets.close_frontends()

    def _stop_answering(self) -> None:
        for stats in self._stats:
            stats.close()
        self._sockets.close()

    async def _close(self) -> None:
        """Close in the order in which traffic flows, so that nothing new arrives at a part that is gone."""
        self._stop_listening()
        self._stop_answering()
        self._watchdog.close()
        for stepper in (self._warmer, self._rebalancer, self._sampler, self._trimmer):
            stepper.stop()
        if self._redis is not None:
            self._redis.close()
        self._http.close()
        self._prober.close()
        await self._services.close()
        if self._succession is not None:
            self._succession.close()
        if self._crew is not None:
            self._crew.close()
        self._logs.close()
        self._sockets.remove_files()

    # What follows is loaded only where a configuration needs it, now: later root and files may be out of reach.

    def _desk(self, settings: model.StatsPage) -> Desk:
        """Return what answers for a statistics page."""
        from wproxy.observe import page

        return Desk(settings, self._reporter.page, self._reporter.page_action, page.policy(), self._pace)

    def _redis_sites(self, reaches: Container[str]) -> RedisSites:
        """Return what serves mode redis."""
        from wproxy.redis_sites import RedisSites

        backends = self._registry.backends.items()
        stores = [each for name, each in backends if each.config.mode is model.Mode.REDIS and name in reaches]
        return RedisSites(self._services, stores)

    # -- connections between the parts ---------------------------------------------------------------------------

    def _factory(self, frontend: Frontend, bind: model.Bind) -> Callable[[], asyncio.BaseProtocol]:
        """Return what makes the protocol of each client that `frontend` accepts on that address."""
        backend = self._backend_of(frontend, frontend.config.default_backend)
        if frontend.config.mode is model.Mode.HTTP:
            return self._http_factory(frontend, bind, backend)
        route, services = self._route(frontend, backend), self._services
        if Plan.needed(bind, route):
            plan = self._plan(frontend, bind, route)
            return lambda: Reception(plan, services)
        if self._redis is not None and frontend.config.mode is model.Mode.REDIS:
            return self._redis.factory(route)
        return lambda: TcpConnection(route, services).client

    def _http_factory(
        self, frontend: Frontend, bind: model.Bind, backend: Backend
    ) -> Callable[[], asyncio.BaseProtocol]:
        """Return what makes the protocol of each client in mode http; requests find their way one by one."""
        site = self._http.site(frontend, bind.number, backend, self._targets(frontend).values())
        if not Plan.receives(bind, frontend.config):
            return lambda: ClientConnection(site)
        services, route = self._services, self._route(frontend, backend)
        plan = Plan(
            frontend, bind.number, bind.accept_proxy, route, {}, self._process_facts,
            lambda _, arrival: ClientConnection(site, arrival), switches=False, tls=bind.tls,
        )  # fmt: skip
        return lambda: Reception(plan, services)

    def _plan(self, frontend: Frontend, bind: model.Bind, default: Route) -> Plan:
        """Return what clients go through first where there are rules or a PROXY header."""
        routes = {name: self._route(frontend, backend) for name, backend in self._targets(frontend).items()}
        nowhere = self._backend_of(frontend, frontend.name if frontend.in_listen else None)
        inspect = inspecting((default, *routes.values()), self._services, nowhere, self._http.contents)
        return Plan(
            frontend,
            bind.number,
            bind.accept_proxy,
            default,
            routes,
            self._process_facts,
            self._serve,
            tls=bind.tls,
            logs_facts=logs_facts(frontend.config),
            inspect=inspect,
        )

    def _targets(self, frontend: Frontend) -> dict[str, Backend]:
        """Return the backends that rules of `frontend` may choose by name: all of its mode where names are computed."""
        rules, mode = frontend.config.switching, frontend.config.mode
        if any(rule.compute is not None for rule in rules):
            return {name: each for name, each in self._registry.backends.items() if each.config.mode is mode}
        return {rule.backend: self._backend_of(frontend, rule.backend) for rule in rules}

    def _route(self, frontend: Frontend, backend: Backend) -> Route:
        stickiness = self._stickiness(backend) if backend.config.mode is model.Mode.TCP else None
        log = self._logs.sessions_of(frontend.config, self._registry.sessions)
        return Route.of(frontend, backend, log, stickiness)

    def _stickiness(self, backend: Backend) -> Stickiness | None:
        """Return what keeps the clients of `backend` on their servers by its `use-server` and `stick` rules."""
        return Stickiness.of(backend, self._registry.tables, self._loop.time)

    def _serve(self, route: Route, arrival: Arrival) -> asyncio.Protocol:
        """Return what serves a client whose route has been found."""
        if self._redis is not None and route.frontend.config.mode is model.Mode.REDIS:
            return self._redis.serve(route, arrival.session)
        return TcpConnection(route, self._services, arrival).client

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
        for line in notices.lines(notice) if self._role.owns else ():
            self._log(line.severity, line.text)
            self._logs.tell(notice, line)
            if isinstance(notice, ServerNotice):
                # Addresses are on the statistics page with `stats show-legends` only.
                text = notice.change.value if notice.change is ServerChange.ADDRESS else line.text
                self._reporter.history.note(notice.backend.name, notice.server.name, time.time(), text)
        if isinstance(notice, FrontendNotice):
            self._gate.admit(notice.frontend)
        elif isinstance(notice, ServerNotice):
            self._follow_server(notice)

    def _follow_server(self, notice: ServerNotice) -> None:
        """Start what runs beside a server: its slow start, its checks, its shared connections."""
        if notice.change in (ServerChange.REMOVED, ServerChange.ADDRESS):
            self._http.drop(notice.backend, notice.server)
        if notice.server.warmup is not None:
            self._warmer.start()
        if notice.change is ServerChange.ADDED and self._role.owns:
            self._prober.start_one(notice.backend, notice.server)
        elif notice.change is ServerChange.REMOVED and self._role.owns:
            self._prober.stop(notice.server)
        elif notice.change is ServerChange.ADDRESS and self._redis is not None:
            self._redis.reconnect(notice.backend, notice.server)

    def _restore(self) -> None:
        """Set again what was set at runtime before this process; keep what of it still differs."""
        for line in (lines := list(saved_state.restore(self._saved.load(), self._registry, self._control))):
            self._log("NOTICE", line)
        if lines:
            self._save()

    def _save(self) -> None:
        """Keep what the stats socket has changed, for the next process."""
        if self._leads():
            self._saved.save(saved_state.changes(self._registry))
