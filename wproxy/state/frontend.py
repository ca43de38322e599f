"""One live frontend: open or paused, how many sessions it has."""

from __future__ import annotations

import enum
from collections.abc import Callable

from wproxy.config import model
from wproxy.state.admission import SCARCE
from wproxy.state.counters import FrontendCounters


class FrontendStatus(enum.Enum):
    """HAProxy's `status` column of a frontend."""

    OPEN = "OPEN"
    PAUSED = "PAUSED"
    STOPPED = "STOP"


class Frontend:
    """Where clients arrive."""

    __slots__ = ("config", "counters", "current", "in_listen", "maxconn", "name", "on_limit", "proxy_id",
                 "rate_limit", "status")  # fmt: skip

    def __init__(self, config: model.Frontend, maxconn: int, *, in_listen: bool = False) -> None:
        self.config = config
        self.in_listen = in_listen
        self.name = config.name
        self.proxy_id = config.proxy_id
        self.maxconn = config.maxconn or maxconn
        self.rate_limit = config.rate_limit  # new sessions a second, of which a worker has a part; None: any
        self.status = FrontendStatus.OPEN
        self.current = 0
        self.counters = FrontendCounters()
        self.on_limit: Callable[[], None] | None = None  # called when `full` or `scarce` changes

    @property
    def full(self) -> bool:
        """Whether `maxconn` allows no more sessions."""
        return self.current >= self.maxconn

    @property
    def scarce(self) -> bool:
        """Whether the next client may be the last that limits allow for now."""
        return self.maxconn - self.current <= SCARCE or self.rate_limit is not None

    def wait_s(self, now: float) -> float:
        """Return for how long the rate of new sessions allows no more."""
        return 0.0 if self.rate_limit is None else self.counters.session_rate.wait_s(now, self.rate_limit)

    def opened(self, now: float) -> None:
        """Count a new session."""
        counters = self.counters
        self.current += 1
        counters.sessions += 1
        counters.sessions_max = max(counters.sessions_max, self.current)
        counters.session_rate.add(now)
        places = self.maxconn - self.current
        if (places in (0, SCARCE) or self.rate_limit is not None) and self.on_limit is not None:
            self.on_limit()

    def closed(self) -> None:
        """Count the end of one."""
        self.current -= 1
        if self.maxconn - self.current in (1, SCARCE + 1) and self.on_limit is not None:
            self.on_limit()
