"""Which sessions of one frontend are worth a line, of which severity, and when (manual, sections 8.2.1, 8.2.2, 8.3)."""

from __future__ import annotations

import time
from collections.abc import Callable

from wproxy.config.model import Logs, Severity
from wproxy.observe.logs import dates
from wproxy.observe.logs.outputs import Outputs
from wproxy.observe.logs.template import Template
from wproxy.observe.logs.variables import Record, variables
from wproxy.state.session import Session, Sessions

_WHOLE = ("", "--")


class SessionLog:
    """The log of a frontend's sessions; the data plane tells it of each session's accept, connection and end.

    With `option tcplog` a session gets one line, at its end or when its server is connected. Otherwise it gets the
    default format's line when it is accepted.
    """

    __slots__ = ("_outputs", "_sessions", "_settings", "_steady", "_template", "_wall")

    def __init__(
        self,
        settings: Logs,
        outputs: Outputs,
        sessions: Sessions,
        clocks: tuple[Callable[[], float], Callable[[], float]],
    ) -> None:
        """Prepare; `clocks` are the one that sessions go by and the one that counts from 1970."""
        self._settings = settings
        self._outputs = outputs
        self._sessions = sessions
        self._steady, self._wall = clocks
        self._template = Template(settings.format, variables()) if settings.format else None

    def accepted(self, session: Session) -> None:
        """Take note of a session whose `source` and `destination` are known."""
        if self._template is None:
            self._outputs.write(Severity.INFO, _connect_line(session))

    def connected(self, session: Session) -> None:
        """Take note that the server is there; log now with `option logasap`."""
        if self._settings.as_soon_as_possible and self._template is not None:
            self._write(session, self._template, unfinished=True)

    def ended(self, session: Session) -> None:
        """Take note of the end, while the session still has its places."""
        logged = self._settings.as_soon_as_possible and session.connected_at is not None
        if self._template is not None and not logged and (self._settings.null or session.bytes_in):
            self._write(session, self._template, unfinished=False)

    def turned_away(self, session: Session, listener: str, reason: str, *, silent: bool) -> None:
        """Log a client that got no further than its PROXY header or its handshake; `silent` if it has said nothing."""
        if silent and not self._settings.null:
            return
        severity = Severity.ERR if self._settings.separate_errors else Severity.INFO
        host, port = session.source
        who = f"unix:{port}" if host == "unix" else f"{host}:{port}"
        at = self._wall() - (self._steady() - session.accepted_at)
        date = f"{dates.accept_date(time.localtime(at))}.{int(at * 1000) % 1000:03d}"
        self._outputs.write(severity, f"{who} [{date}] {session.frontend.name}/{listener}: {reason}")

    def _write(self, session: Session, template: Template, *, unfinished: bool) -> None:
        failed = session.termination not in _WHOLE or session.redispatched or session.retries > 0
        if not failed and not self._settings.normal:
            return
        severity = Severity.ERR if failed and self._settings.separate_errors else Severity.INFO
        self._outputs.write(severity, template.text(self._record(session, unfinished)))

    def _record(self, session: Session, unfinished: bool) -> Record:
        # At the end HAProxy has already taken the session from its backend and its server, but not from its frontend.
        leaving = 0 if unfinished else 1
        now, server = self._steady(), session.server
        return Record(
            session,
            now,
            self._wall() - (now - session.accepted_at),
            connections=len(self._sessions.live),
            backend_connections=session.backend.current - leaving,
            server_connections=0 if server is None else server.current - leaving * session.placed,
            unfinished=unfinished,
        )


def _connect_line(session: Session) -> str:
    """Return the default format's text; a unix socket is known by the number of its `bind` line."""
    host, port = session.source
    name = f"({session.frontend.name}/{session.frontend.config.mode.name})"
    if host == "unix":
        return f"Connect to unix:{port} {name}"
    return f"Connect from {host}:{port} to {session.destination[0]}:{session.destination[1]} {name}"
