"""Connects the logs: for each proxy what its configuration says, and the senders that they share."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from wproxy.config.model import Config, Frontend, Logs, Mode
from wproxy.dataplane.http.exchange_log import ExchangeLog
from wproxy.dataplane.log_sender import LogSenders
from wproxy.dataplane.session_log import SessionLog
from wproxy.observe.logs import exchange_log, header, outputs, session_log
from wproxy.observe.notices import LogLine
from wproxy.state.control import FrontendNotice, Notice
from wproxy.state.session import Sessions

_PROGRAM = "wproxy"


class ProcessLogs:
    """The logs of one process. Owns the senders it is given; `close` is its end."""

    def __init__(
        self, config: Config, senders: LogSenders, clock: Callable[[], float], complain: Callable[[str], None]
    ) -> None:
        """Prepare; `senders` are open, `clock` is the one that sessions go by, `complain` prints a line."""
        self._globals = config.globals
        self._clock = clock
        frontends = {proxy.name: proxy.logs for proxy in config.frontends if not proxy.disabled}
        backends = {proxy.name: proxy.logs for proxy in config.backends if not proxy.disabled}
        self._senders = senders
        senders.complain = complain
        self._frontends = {name: self._outputs_of(logs) for name, logs in frontends.items()}
        self._backends = {name: self._outputs_of(logs) for name, logs in backends.items()}

    def sessions_of(self, frontend: Frontend, sessions: Sessions) -> SessionLog | None:
        """Return the log of the sessions of `frontend`, None when they go unlogged."""
        wanted = self._frontends[frontend.name]
        if not wanted:
            return None
        # In mode http this one tells only of clients that never get as far as a request.
        logs = replace(frontend.logs, format=()) if frontend.mode is Mode.HTTP else frontend.logs
        listener = session_log.SessionLog(logs, wanted, sessions, (self._clock, time.time))
        return SessionLog(listener, frontend.binds)

    def exchanges_of(self, frontend: Frontend, sessions: Sessions) -> ExchangeLog | None:
        """Return the log of the requests of `frontend`, None when they go unlogged."""
        wanted = self._frontends[frontend.name]
        if not wanted or not frontend.logs.format:
            return None
        listener = exchange_log.ExchangeLog(frontend.logs, wanted, sessions, (self._clock, time.time))
        return ExchangeLog(listener, frontend.binds)

    def tell(self, notice: Notice, line: LogLine) -> None:
        """Log a line about `notice` where the proxy that it concerns logs."""
        if isinstance(notice, FrontendNotice):
            wanted = self._frontends[notice.frontend.name]
        else:
            wanted = self._backends[notice.backend.name]
        wanted.write(line.level, line.logged or line.text)

    @property
    def dropped(self) -> int:
        """How many lines could not be sent."""
        return self._senders.dropped

    def close(self) -> None:
        """Give back the sockets."""
        self._senders.close()

    def _outputs_of(self, logs: Logs) -> outputs.Outputs:
        hostname = self._globals.log_hostname
        sender = header.Sender(
            tag=logs.tag or self._globals.log_tag or _program(),
            pid=os.getpid(),
            hostname=platform.node() if hostname == "" else hostname,
        )
        made = (outputs.Output(target, sender, self._senders.send(target.address)) for target in logs.targets)
        return outputs.Outputs(made, time.time)


def _program() -> str:
    """Return the name by which the program was started, as HAProxy's tag is."""
    name = Path(sys.argv[0]).name
    return _PROGRAM if name in ("", "__main__.py", "-c") else name
