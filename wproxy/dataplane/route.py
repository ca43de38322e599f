"""What a connection of one frontend will need on its way, computed once from frontend and backend."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from wproxy.dataplane.stickiness import Stickiness
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend

_TURN_AROUND_S = 1.0  # configuration manual, "retries": min("timeout connect", one second)


@dataclass(frozen=True, slots=True)
class Route:
    """From a frontend to its backend. Times in seconds, infinity for "no timeout"."""

    frontend: Frontend
    backend: Backend
    idle_s: float
    idle_cause: str
    connect_s: float
    queue_s: float
    turn_around_s: float
    stickiness: Stickiness | None = None

    @classmethod
    def of(cls, frontend: Frontend, backend: Backend, stickiness: Stickiness | None = None) -> Route:
        """Compute the route."""
        client_s = _seconds(frontend.config.timeouts.client_s)
        server_s = _seconds(backend.config.timeouts.server_s)
        connect_s = _seconds(backend.config.timeouts.connect_s)
        return cls(
            frontend,
            backend,
            idle_s=min(client_s, server_s),
            idle_cause="cD" if client_s <= server_s else "sD",
            connect_s=connect_s,
            queue_s=_seconds(backend.config.timeouts.queue_s or backend.config.timeouts.connect_s),
            turn_around_s=min(connect_s, _TURN_AROUND_S),
            stickiness=stickiness,
        )


def _seconds(timeout: float | None) -> float:
    return inf if timeout is None else timeout
