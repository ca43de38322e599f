"""What a connection of one frontend will need on its way, computed once from frontend and backend."""

from __future__ import annotations

from wproxy.config.model import KeepAlive
from wproxy.dataplane.idle import Idle, seconds
from wproxy.dataplane.session_log import SessionLog
from wproxy.dataplane.stickiness import Stickiness
from wproxy.records import dataclass
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend

_TURN_AROUND_S = 1.0  # configuration manual, "retries": min("timeout connect", one second)


@dataclass(frozen=True, slots=True)
class Route:
    """From a frontend to its backend. Times in seconds, infinity for "no timeout"."""

    frontend: Frontend
    backend: Backend
    idle: Idle
    client_s: float
    connect_s: float
    queue_s: float
    turn_around_s: float
    log: SessionLog | None = None
    stickiness: Stickiness | None = None
    keepalive: KeepAlive | None = None  # of the server's connections, where they are probed

    @classmethod
    def of(
        cls,
        frontend: Frontend,
        backend: Backend,
        log: SessionLog | None = None,
        stickiness: Stickiness | None = None,
    ) -> Route:
        """Compute the route; `log` is that of the frontend."""
        connect_s = seconds(backend.config.timeouts.connect_s)
        return cls(
            frontend,
            backend,
            idle=Idle.of(frontend.config.timeouts, backend.config.timeouts),
            client_s=seconds(frontend.config.timeouts.client_s),
            connect_s=connect_s,
            queue_s=seconds(backend.config.timeouts.queue_s or backend.config.timeouts.connect_s),
            turn_around_s=min(connect_s, _TURN_AROUND_S),
            log=log,
            stickiness=stickiness,
            keepalive=backend.config.keepalive if backend.config.keepalive.on else None,
        )
