"""Which requests of one frontend are worth a line, and of which severity (manual, sections 8.2.3 and 8.3)."""

from __future__ import annotations

import platform
from collections.abc import Callable

from wproxy.config.acl.facts import SILENT, HttpFacts
from wproxy.config.model import Logs, Severity
from wproxy.observe.logs.http_variables import HttpRecord, http_variables
from wproxy.observe.logs.outputs import Outputs
from wproxy.observe.logs.template import Template
from wproxy.state.session import Sessions
from wproxy.state.transaction import Transaction

_WHOLE = ("", "--")


class ExchangeLog:
    """The log of a frontend's requests; the data plane tells it of the end of each."""

    __slots__ = ("_outputs", "_sessions", "_settings", "_steady", "_template", "_wall")

    def __init__(
        self,
        settings: Logs,
        outputs: Outputs,
        sessions: Sessions,
        clocks: tuple[Callable[[], float], Callable[[], float]],
    ) -> None:
        """Prepare; `clocks` are the one that exchanges go by and the one that counts from 1970."""
        self._settings = settings
        self._outputs = outputs
        self._sessions = sessions
        self._steady, self._wall = clocks
        self._template = Template(settings.format, http_variables(platform.node()))

    def responded(self, transaction: Transaction) -> None:
        """Take note that the head of the response is there; log now with `option logasap`."""
        if self._settings.as_soon_as_possible:
            self._write(transaction, unfinished=True)

    def finished(self, transaction: Transaction) -> None:
        """Take note of the end, while the request still has its places."""
        if not (self._settings.as_soon_as_possible and transaction.responded_at is not None):
            self._write(transaction, unfinished=False)

    def _write(self, transaction: Transaction, *, unfinished: bool) -> None:
        failed = (
            transaction.termination not in _WHOLE
            or transaction.redispatched
            or transaction.retries > 0
            or transaction.status >= 500
        )
        if not failed and not self._settings.normal:
            return
        facts = transaction.known_facts()
        if facts is None and not self._settings.null and not transaction.session.bytes_in:
            return
        severity = Severity.ERR if failed and self._settings.separate_errors else Severity.INFO
        if facts is not None and facts.log_level is not None:
            if facts.log_level == SILENT:
                return
            severity = Severity(facts.log_level)
        self._outputs.write(severity, self._template.text(self._record(transaction, facts, unfinished)))

    def _record(self, transaction: Transaction, facts: HttpFacts | None, unfinished: bool) -> HttpRecord:
        # At the end HAProxy has already taken the request from its backend and its server, but not from its frontend.
        leaving = 0 if unfinished else 1
        now, server = self._steady(), transaction.server
        return HttpRecord(
            transaction,
            facts,
            now,
            self._wall() - now,
            connections=len(self._sessions.live),
            backend_connections=transaction.backend.current - leaving if transaction.routed else 0,
            server_connections=0 if server is None else server.current - leaving * (transaction.place is not None),
            unfinished=unfinished,
        )
