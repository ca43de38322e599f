"""Makes the texts about the process: for the stats sockets, the statistics page and Prometheus.

Where several processes serve, the supervisor makes them of what all workers have counted, and a worker asks for them.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from dataclasses import asdict
from datetime import datetime
from typing import Protocol

from wproxy.config import model
from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.model import Answer, Service
from wproxy.crew import processes
from wproxy.crew.role import Role
from wproxy.crew.supervisor import Supervisor
from wproxy.crew.worker import Worker
from wproxy.dataplane.stats_desk import Form, View
from wproxy.idleness import Idleness
from wproxy.observe import captures, information, prometheus, schema, servers_state, statistics
from wproxy.observe.history import History
from wproxy.protocols.bus import Json
from wproxy.runtime import page_actions
from wproxy.runtime.command import (
    Context,
    Conversation,
    ErrorsRequest,
    InformationRequest,
    Reports,
    StatisticsRequest,
)
from wproxy.state.control import Control
from wproxy.version import HAPROXY_VERSION, RELEASE_DATE

_AWAY = "The supervisor is away: try again.\n"


class Running(Protocol):
    """What is asked of the application."""

    stopping: bool

    @property
    def dropped_logs(self) -> int:
        """How many lines of logs could not be sent."""


class Reporter:
    """Reports on what `control` knows, as `role` says; `crew` are the other processes, once they are known."""

    def __init__(self, config: model.Config, control: Control, role: Role, running: Running) -> None:
        self._config = config
        self._control = control
        self._registry = control.registry
        self._role = role
        self._running = running
        self._started_at_s = time.time()
        self._idleness = Idleness(control.clock, time.process_time)
        self.history = History(self._registry)
        self.crew: Supervisor | Worker | None = None

    def sample(self) -> bool:
        """Have the statistics page know the rates of the last seconds; there is always a next time."""
        self.history.sample(self._registry)
        return True

    # -- stats sockets -------------------------------------------------------------------------------------------

    def context(self, conversation: Conversation) -> Context:
        """Return what the commands of one client of a stats socket work on."""
        reports = Reports(
            statistics=self._statistics,
            information=self._information,
            servers_state=lambda backends: servers_state.text(backends, self._control.clock()),
            schema=schema.text,
            errors=self._errors,
            processes=self._processes,
            reload=self._reload,
        )
        return Context(self._registry, self._control, reports, conversation)

    def _statistics(self, request: StatisticsRequest) -> str:
        wanted = statistics.Filter(
            request.proxy_id, request.kinds, request.server_id, request.up, request.no_maint, request.legends
        )
        now = self._control.clock()
        return statistics.text(self._registry, now, wanted, form=request.form, described=request.described)

    def _information(self, request: InformationRequest) -> str:
        return information.text(
            self._registry, self._process(), form=request.form, described=request.described, exact=request.exact
        )

    def _errors(self, request: ErrorsRequest) -> str:
        now = datetime.now().astimezone()
        return captures.text(self._registry.captures, self._control.clock(), now, request.proxy_id, request.side)

    def _processes(self) -> str:
        supervisor = self.crew if isinstance(self.crew, Supervisor) else None
        return processes.text(self._role, supervisor, processes.Now(time.time(), HAPROXY_VERSION, self._started_at_s))

    def _reload(self) -> bool:
        """Ask the master to read the configuration anew; tell whether there is one."""
        if self._role.wishes is None or self._registry.orphaned:
            return False
        self._registry.startup_logs = ""
        os.write(self._role.wishes, b"r")
        return True

    def _process(self) -> information.Process:
        globals_ = self._config.globals
        now = self._control.clock()
        return information.Process(
            version=HAPROXY_VERSION,
            release_date=RELEASE_DATE,
            pid=self._role.shown_pid or os.getpid(),
            uptime_s=now - self._registry.started_at,
            now=now,
            started_at_s=self._started_at_s,
            node=globals_.node or platform.node(),
            description=globals_.description or "",
            open_files_max=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            stopping=self._running.stopping,
            dropped_logs=self._running.dropped_logs + self._registry.dropped_logs,
            idle_percent=self._idleness.percent(),
        )

    # -- inside mode http ----------------------------------------------------------------------------------------

    def page(self, settings: model.StatsPage, view: View) -> str:
        """Return what a statistics page shows now."""
        if isinstance(self.crew, Worker):
            told = self.crew.request("page", [self._owner(settings), asdict(view)])
            return _AWAY if told is None else str(told)
        from wproxy.observe import page  # loaded by `app` where the configuration has such a page

        registry, now = self._registry, self._control.clock()
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
        reader = page.Reader(self.history, view.admin, settings.legends, settings.modules)
        make = page.tables if view.form is Form.TABLES else page.html
        return make(registry, now, heading, wanted, reader)

    def page_action(self, settings: model.StatsPage, form: str) -> str:
        """Do what an administrator asks for on a statistics page; return the word for what became of it."""
        if isinstance(self.crew, Worker):
            told = self.crew.request("page action", [self._owner(settings), form])
            return page_actions.Outcome.INVALID.value if told is None else str(told)
        return page_actions.apply(self._control, form, settings.scope).value

    def service(self, service: Service, facts: HttpFacts, body: bytes) -> Answer:
        """Answer a request inside the proxy."""
        query = facts.request.target.decode("latin-1").partition("?")[2]
        if isinstance(self.crew, Worker):
            told = self.crew.request("metrics", query)
            status, text = (503, _AWAY) if told is None else told
        else:
            status, text = self._metrics(query)
        kind = prometheus.CONTENT_TYPE.encode() if status == 200 else b"text/plain"
        return Answer(status, fields=((b"content-type", kind),), body=text.encode("utf-8", "replace"))

    def _metrics(self, query: str) -> tuple[int, str]:
        try:
            return 200, prometheus.text(self._registry, self._process(), query).decode()
        except prometheus.QueryError as error:
            return 400, f"{error}\n"

    # -- what workers ask for ------------------------------------------------------------------------------------

    def answer(self, question: str, argument: Json) -> Json:
        """Return what a worker asks the supervisor for, on numbers that are whole; a change is in force then."""
        assert isinstance(self.crew, Supervisor)
        self.crew.refresh()
        match question:
            case "page":
                name, view = argument
                return self.page(self._page_of(name), View(**{**view, "form": Form(view["form"])}))
            case "page action":
                name, form = argument
                outcome = self.page_action(self._page_of(name), form)
                self.crew.settle()
                return outcome
            case "metrics":
                return self._metrics(argument)
        return None

    def _owner(self, settings: model.StatsPage) -> list[str]:
        """Return the kind and the name of the proxy whose page it is."""
        kinds = (("frontend", self._registry.frontends), ("backend", self._registry.backends))
        return next(
            [kind, name] for kind, parties in kinds for name, each in parties.items() if each.config.page is settings
        )

    def _page_of(self, owner: list[str]) -> model.StatsPage:
        kind, name = owner
        party = self._registry.frontends[name] if kind == "frontend" else self._registry.backends[name]
        assert party.config.page is not None
        return party.config.page
