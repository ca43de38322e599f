"""Everything that is alive in the process, by name: the root of `state`."""

from __future__ import annotations

from collections.abc import Iterator

from wproxy.config.model import Config
from wproxy.state.admission import Admission, RateLimit
from wproxy.state.backend import Backend
from wproxy.state.captures import Captures
from wproxy.state.frontend import Frontend
from wproxy.state.server import Server
from wproxy.state.session import Sessions
from wproxy.state.stick import LiveTable
from wproxy.state.tls import TlsCounters


class Registry:
    """Built once from a configuration; `now` is the start on the clock that all times of `state` are taken from.

    `seed` is any number, best a random one: what random choices grow from. `number` tells it from other processes that
    serve the same configuration.
    """

    def __init__(self, config: Config, maxconn: int, now: float, seed: int = 0, number: int = 0) -> None:
        self.config = config
        self.admission = Admission(maxconn)
        self.admission.set_rate(RateLimit.CONNECTIONS, config.globals.connection_rate)
        self.admission.set_rate(RateLimit.SESSIONS, config.globals.session_rate)
        self.started_at = now
        shared = {line.proxy_id for line in config.frontends} & {line.proxy_id for line in config.backends}
        self.frontends = {
            line.name: Frontend(line, maxconn, in_listen=line.proxy_id in shared)
            for line in config.frontends
            if not line.disabled
        }
        self.backends = {
            line.name: Backend(
                line,
                now,
                in_listen=line.proxy_id in shared,
                seed=seed + line.proxy_id,
                fullconn=line.fullconn or self._tenth_of_clients(line.name),
                shift=number,
            )
            for line in config.backends
            if not line.disabled
        }
        self.sessions = Sessions(self.admission)
        self.captures = Captures()
        self.startup_logs = ""  # what was said when the configuration was last read anew, and could not be used
        self.orphaned = False  # the process that would replace this one is gone
        self.dropped_logs = 0  # by other processes
        self.tls = TlsCounters()
        self.tables = {line.name: LiveTable(line) for line in config.tables}

    def _tenth_of_clients(self, backend: str) -> int:
        """Return 10 % of the `maxconn` of all frontends that may send clients to `backend` (manual, "fullconn")."""
        together = sum(
            frontend.maxconn
            for frontend in self.frontends.values()
            if frontend.config.default_backend == backend
            or any(rule.backend == backend for rule in frontend.config.switching)
        )
        return max(1, -(-together // 10))

    @property
    def maxconn(self) -> int:
        """How many clients the process takes at a time."""
        return self.admission.maxconn

    def servers(self) -> Iterator[Server]:
        """Yield every server of every backend, in the configuration's order."""
        for backend in self.backends.values():
            yield from backend.servers
