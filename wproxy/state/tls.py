"""How many connections speak TLS, and how often keys are agreed upon: the Ssl… lines of `show info`."""

from __future__ import annotations

from wproxy.state.rate import Rate

_WHOLE = 100


class TlsCounters:
    """Both sides of the process together, but for the keys."""

    __slots__ = ("client_keys", "client_sessions", "current", "rate", "server_keys", "total")

    def __init__(self) -> None:
        self.current = 0
        self.total = 0
        self.rate = Rate()  # clients that come
        self.client_sessions = Rate()  # clients whose handshake is over
        self.client_keys = Rate()  # those of them that did not resume an earlier session
        self.server_keys = Rate()

    def opened(self, now: float, *, by_client: bool) -> None:
        """Count a connection."""
        self.current += 1
        self.total += 1
        if by_client:
            self.rate.add(now)

    def agreed(self, now: float, *, by_client: bool, resumed: bool) -> None:
        """Count a handshake that is over."""
        if by_client:
            self.client_sessions.add(now)
        if not resumed:
            (self.client_keys if by_client else self.server_keys).add(now)

    def closed(self) -> None:
        """Count the end of a connection."""
        self.current -= 1

    def resumed_percent(self, now: float) -> int:
        """Return how many of the last second's clients resumed a session."""
        sessions, keys = self.client_sessions.per_second(now), self.client_keys.per_second(now)
        return 0 if keys >= sessions else _WHOLE - (_WHOLE * keys + (sessions - 1) // 2) // sessions
