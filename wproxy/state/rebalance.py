"""Closes sessions that are in the wrong place after a change of weights: their clients come back by the weights.

    command ──begin──▶ Rebalance: closing ──▶ returning ──▶ done
                       `rate` a second,       the backend sends those who come
                       idle longest first     back where sessions are missing

Which they are says `policy.rebalance`. A session is closed when it has been silent for a while and its server owes no
answer. Busy ones get time for that; then those go as well that are between two requests at that moment, and at last
those whose server has not answered. Never more are closed than were too many at the beginning, and none of which bytes
are on the way.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable

from wproxy.policy.rebalance import FREE, Seat, Surplus, seats_by_server
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.session import Carrier, Session, Sessions

RATE = 100  # sessions a second, unless asked otherwise
RATE_MAX = 10_000
STEP_S = 0.1  # between two looks
QUIET_S = 1.0  # who is silent for so long is idle
PATIENCE_S = 5.0  # how long busy sessions may take to fall silent
RETURN_S = 60.0  # how long clients are expected back


class Phase(enum.Enum):
    """How far it is."""

    CLOSING = "closing"
    RETURNING = "returning"
    DONE = "done"


class _Stage(enum.IntEnum):
    """Who may be closed by now."""

    IDLE = 0  # silent for QUIET_S, and answered
    ANSWERED = 1
    ANY = 2


class Rebalance:
    """That of one backend. `surplus` is how many sessions were in the wrong place when it began."""

    __slots__ = (
        "_allowance", "_awaited", "_given_up", "_known", "_look_at", "_plan", "_sessions", "_skipped", "_stage",
        "_stepped_at", "_strays", "_waiting", "backend", "began_at", "closed", "ended_at", "phase", "present", "rate",
        "surplus",
    )  # fmt: skip

    def __init__(self, backend: Backend, sessions: Sessions, rate: int, now: float) -> None:
        self.backend = backend
        self.rate = rate
        self.phase = Phase.CLOSING
        self.began_at = self.ended_at = now
        self.closed: dict[Server, int] = {}
        self._sessions = sessions
        self._allowance = max(1.0, rate * STEP_S)  # how many may be closed now
        self._stepped_at = now
        self._stage = _Stage.IDLE
        self._skipped = False  # a busy one was passed over
        self._look_at = now + QUIET_S  # when to look for idle ones again
        self._awaited = backend.awaited  # in all, by this rebalance and one before
        self._given_up = 0  # how many of them did not come in time
        self._strays = 0  # closed, and tied to a server: the backend need not send them anywhere
        self._look(now)
        self.surplus = self._plan.total
        self.present = sum(server.current for server in backend.servers)

    @property
    def plan(self) -> Surplus:
        """What was found at the last look."""
        return self._plan

    @property
    def closed_total(self) -> int:
        """How many sessions it has closed."""
        return sum(self.closed.values())

    @property
    def returned(self) -> int:
        """How many clients have been sent where sessions were missing."""
        return self._awaited - self.backend.awaited - self._given_up

    def step(self, now: float) -> bool:
        """Close what is due; tell whether it goes on: then call again in STEP_S seconds."""
        if self.phase is Phase.CLOSING:
            self._close_some(now)
        if self.phase is Phase.RETURNING and (self._all_back() or now >= self.ended_at + RETURN_S):
            self._given_up, self.backend.awaited = self.backend.awaited, 0
            self.phase = Phase.DONE
        return self.phase is not Phase.DONE

    def _all_back(self) -> bool:
        current = sum(server.current for server in self.backend.servers)
        return not self.backend.awaited and (not self._strays or current >= self.present)

    def _look(self, now: float) -> None:
        """Find out who is in the wrong place; costs a look at every session."""
        backend = self.backend
        index = {server: number for number, server in enumerate(backend.servers)}
        sat = [(session, seat) for session in self._sessions.live if (seat := _seat(session, backend, index, now))]
        seats = [seat for _, seat in sat]
        seated = seats_by_server(seats, len(backend.servers))
        total = len(seats) + backend.awaited
        quotas = seated if backend.algorithm.keyed else backend.quotas(total, seated)
        self._known = (list(backend.servers), backend.shares)
        self._plan = Surplus(seats, quotas, backend.awaited)
        self._waiting = deque(sat[number] for number in self._plan.order)
        self._skipped = False

    def _close_some(self, now: float) -> None:
        # A step that comes late makes up for it, but not for a second one.
        due = self.rate * min(now - self._stepped_at, 2 * STEP_S)
        self._stepped_at = now
        if self._known != (self.backend.servers, self.backend.shares):
            self._look(now)  # a weight has changed again
        self._allowance += due
        while self.phase is Phase.CLOSING:
            if self.closed_total == self.surplus or not self._plan.total:
                self._finish(now)
            elif self._allowance < 1:
                break
            elif self._waiting:
                self._close_if_idle(*self._waiting.popleft(), now)
            elif not self._look_again(now):
                break
        self._allowance = min(self._allowance, 1.0)  # time in which there was nobody to close is not made up for

    def _look_again(self, now: float) -> bool:
        """Go on with those who were busy, if it is time for that; without any, or after the last stage, finish."""
        if not self._skipped or self._stage is _Stage.ANY:
            self._finish(now)
            return False
        if self._stage is not _Stage.IDLE or now >= self.began_at + PATIENCE_S:
            self._stage = _Stage(self._stage + 1)
        elif now < self._look_at:
            return False
        self._look_at = now + QUIET_S
        self._look(now)
        return bool(self._waiting)

    def _close_if_idle(self, session: Session, seat: Seat, now: float) -> None:
        carrier, server = session.carrier, session.server
        if carrier is None or server is None or not session.placed or not self._has_to_leave(seat, server):
            return
        if self._spares(carrier, now):
            self._skipped = True
            return
        self._plan.left(seat)
        self._allowance -= 1
        self.closed[server] = self.closed.get(server, 0) + 1
        if seat.home == FREE:
            self._awaited += 1
            self.backend.awaited += 1
        else:
            self._strays += 1
        carrier.kill()

    def _spares(self, carrier: Carrier, now: float) -> bool:
        """Tell whether a session is too busy to be closed at this stage."""
        standing = carrier.standing()
        if standing is None or standing.busy:
            return True
        if self._stage is _Stage.IDLE and now - standing.active_at < QUIET_S:
            return True
        return self._stage is not _Stage.ANY and carrier.owes_answer()

    def _has_to_leave(self, seat: Seat, server: Server) -> bool:
        """Tell whether `seat` is still one too many: sessions come and go by themselves, too."""
        if not self._plan.has_to_leave(seat) or self.backend.servers[seat.server] is not server:
            return False
        return seat.home != FREE or server.current > self._plan.quotas[seat.server]

    def _finish(self, now: float) -> None:
        self.phase, self.ended_at = Phase.RETURNING, now
        self._waiting.clear()


def _seat(session: Session, backend: Backend, index: dict[Server, int], now: float) -> Seat | None:
    """Return the seat of a session that is on a server of `backend`; one that is just being connected stays there."""
    if session.backend is not backend or not session.placed or session.server is None:
        return None
    number = index[session.server]
    standing = None if session.carrier is None else session.carrier.standing()
    if standing is None:
        return Seat(number, number, now)
    return Seat(number, FREE if standing.home is None else index[standing.home], standing.active_at)


class Rebalances:
    """Those under way, and the last one of each backend."""

    __slots__ = ("_clock", "_runs", "_sessions", "on_begin")

    def __init__(self, sessions: Sessions, clock: Callable[[], float]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._runs: dict[str, Rebalance] = {}
        self.on_begin: Callable[[], None] | None = None  # called when `step` has to be, every STEP_S seconds

    def begin(self, backend: Backend, rate: int = RATE) -> Rebalance:
        """Begin to close what is in the wrong place in `backend`, `rate` sessions a second; one before it is over."""
        now = self._clock()
        run = self._runs[backend.name] = Rebalance(backend, self._sessions, rate, now)
        if run.step(now) and self.on_begin is not None:
            self.on_begin()
        return run

    def of(self, backend: Backend) -> Rebalance | None:
        """Return the last one of `backend`."""
        return self._runs.get(backend.name)

    def step(self) -> bool:
        """Go on with all of them; tell whether one is not done."""
        now = self._clock()
        under_way = [run for run in self._runs.values() if run.step(now)]
        return bool(under_way)
