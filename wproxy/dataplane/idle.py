"""How long each side of a joined connection may be silent (configuration manual, section 4.2, "timeout …")."""

from __future__ import annotations

from math import inf

from wproxy.config.model import Timeouts
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class Idle:
    """Seconds, infinity for "no timeout"; the second of each pair holds when the opposite side has said goodbye."""

    client_s: float
    server_s: float
    client_fin_s: float
    server_fin_s: float

    @property
    def fin(self) -> bool:
        """Whether a goodbye changes a timeout; if it does, that begins with the goodbye."""
        return self.client_fin_s != self.client_s or self.server_fin_s != self.server_s

    @classmethod
    def of(cls, frontend: Timeouts, backend: Timeouts) -> Idle:
        """Compute them; `timeout tunnel` takes the place of both sides' own."""
        client_s = seconds(frontend.client_s if backend.tunnel_s is None else backend.tunnel_s)
        server_s = seconds(backend.server_s if backend.tunnel_s is None else backend.tunnel_s)
        return cls(
            client_s,
            server_s,
            client_s if frontend.client_fin_s is None else frontend.client_fin_s,
            server_s if backend.server_fin_s is None else backend.server_fin_s,
        )


def seconds(timeout: float | None) -> float:
    """Return `timeout`, infinity for None."""
    return inf if timeout is None else timeout
