"""How many clients the process takes, in all and per second: `set maxconn global` and `set rate-limit`."""

from __future__ import annotations

import enum
from collections.abc import Callable
from math import inf

from wproxy.state.rate import Rate

SCARCE = 64  # places left from which on clients are accepted one by one, so that there is a place for each


class RateLimit(enum.Enum):
    """What `set rate-limit` can bound."""

    CONNECTIONS = "connections"
    SESSIONS = "sessions"
    TLS_SESSIONS = "ssl-sessions"
    COMPRESSION = "http-compression"  # in kB


class Admission:
    """Counts the live and the new clients of all frontends, and tells when accepting has to stop or may go on.

    A rate is a number of clients in each second of the clock that `opened` is called with; 0 is no limit. A client here
    is a connection and a session at once, so that both limits bound the same number. The limits of TLS
    sessions and of compression are only remembered.
    """

    __slots__ = (
        "_parts", "_per_second", "hard_maxconn", "limits", "live", "maxconn", "on_change", "rate",
    )  # fmt: skip

    def __init__(self, maxconn: int) -> None:
        self.hard_maxconn = maxconn
        self.maxconn = maxconn
        self.live = 0
        self.rate = Rate()
        self.limits = dict.fromkeys(RateLimit, 0)
        self._parts: dict[RateLimit, int] = {}  # of the limits, what this process has of them
        self._per_second = inf
        self.on_change: Callable[[], None] | None = None  # called when `full`, `scarce` or `wait_s` may have changed

    @property
    def full(self) -> bool:
        """Whether `maxconn` allows no more clients."""
        return self.live >= self.maxconn

    @property
    def scarce(self) -> bool:
        """Whether the next client may be the last that `maxconn` or a rate limit allows for now."""
        return self.maxconn - self.live <= SCARCE or self._per_second < inf

    def wait_s(self, now: float) -> float:
        """Return for how long the rate limits allow no more clients."""
        return 1.0 - now % 1.0 if self.rate.in_second(now) >= self._per_second else 0.0

    def opened(self, now: float) -> None:
        """Count a client."""
        self.live += 1
        self.rate.add(now)
        places = self.maxconn - self.live
        if places <= 0 or places == SCARCE or self.rate.in_second(now) >= self._per_second:
            self._changed()

    def closed(self) -> None:
        """Count the end of one."""
        self.live -= 1
        if self.maxconn - self.live in (1, SCARCE + 1):
            self._changed()

    def set_maxconn(self, maxconn: int) -> None:
        """Take at most `maxconn` clients at a time; 0 is what the process started with."""
        self.maxconn = maxconn or self.hard_maxconn
        self._changed()

    def take_part(self, maxconn: int) -> None:
        """Take at most `maxconn` clients, none at all for 0: the part that this process has of the limit of several."""
        if maxconn != self.maxconn:
            self.maxconn = maxconn
            self._changed()

    def set_rate(self, kind: RateLimit, limit: int, part: int | None = None) -> None:
        """Take at most `limit` of a kind a second, 0 is no limit; `part` is what this process has of it."""
        self.limits[kind] = limit
        self._parts[kind] = limit if part is None else part
        clients = (each for each in (RateLimit.CONNECTIONS, RateLimit.SESSIONS) if self.limits[each])
        self._per_second = min((self._parts[each] for each in clients), default=inf)
        self._changed()

    def part(self, kind: RateLimit) -> int:
        """Return what this process has of a limit."""
        return self._parts.get(kind, 0)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()
