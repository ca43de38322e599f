"""Live sessions: who talks to whom, how much was said, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wproxy.config.acl.facts import Facts
from wproxy.config.acl.tracks import Tracks
from wproxy.config.table_data import BYTES_IN, BYTES_OUT
from wproxy.state.admission import Admission
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.server import Server

UNKNOWN_ADDRESS = ("unknown", 0)  # of a session for which nobody has asked


@dataclass(frozen=True, slots=True)
class Carriage:
    """What the stats socket shows of the connection of a session; texts are HAProxy's, "" where there is nothing.

    `expires_s` is the time to its timeout, None when it has none; buffered is what a peer did not take yet, in bytes.
    """

    protocol: str
    source: str
    listener: str
    outgoing: str
    phase: str
    expires_s: float | None
    buffered_in: int
    buffered_out: int
    descriptors: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a session may be closed for its client to come back elsewhere.

    `active_at` is when a byte last moved; `busy` tells that more is on the way, or that it is about to end by itself.
    `home` is the server to which its client would be sent again whatever the weights, None when it is not tied to one.
    """

    active_at: float
    busy: bool
    home: Server | None


class Carrier(Protocol):
    """The connection that carries a session: asked about, and closed, by somebody who has only the session."""

    def carriage(self) -> Carriage:
        """Describe the connection as it is now."""

    def standing(self) -> Standing | None:
        """Return how it stands between its two ends; None of one that has no server's connection to itself."""

    def owes_answer(self) -> bool:
        """Tell whether the server has said nothing since something was sent to it, as far as can be known."""

    def close(self, cause: str) -> None:
        """End the connection at once, for `cause` (see `Session.end`)."""

    def kill(self) -> None:
        """End the connection at once, because an administrator says so."""


class Session:
    """One client's connection in mode tcp or redis.

    The data path only adds to `bytes_in` and `bytes_out`; `settle` moves what came since to the counters.
    `source` and `destination` are the client's address and the one it dialled, known only where somebody asks for
    them; on a unix socket they are "unix" and the number of its `bind` line. `placed` tells that it holds a place on
    `server`; `server_queue` and `backend_queue` count who was served before it.
    """

    __slots__ = (
        "accepted_at", "assigned_at", "backend", "backend_queue", "by_request", "bytes_in", "bytes_out", "carrier",
        "connected_at", "destination", "facts", "frontend", "placed", "redispatched", "retries", "secure", "server",
        "server_queue", "session_id", "settled_in", "settled_out", "source", "termination", "tracks",
    )  # fmt: skip

    def __init__(self, session_id: int, frontend: Frontend, backend: Backend, now: float) -> None:
        self.session_id = session_id
        self.frontend = frontend
        self.backend = backend
        self.server: Server | None = None
        self.carrier: Carrier | None = None  # set by the connection as soon as it has its session
        self.accepted_at = now
        self.by_request = False  # backends and servers learn of bytes by each request, not by the session
        self.bytes_in = 0
        self.bytes_out = 0
        self.settled_in = 0
        self.settled_out = 0
        self.termination = ""
        self.source: tuple[str, int] = UNKNOWN_ADDRESS
        self.destination: tuple[str, int] = UNKNOWN_ADDRESS
        self.assigned_at: float | None = None  # when it left the queue, or found that it had not to wait
        self.connected_at: float | None = None
        self.placed = False
        self.retries = 0
        self.redispatched = False
        self.secure = False  # its client speaks TLS
        self.server_queue = 0
        self.backend_queue = 0
        self.facts: Facts | None = None  # what its log line asks, where it asks
        self.tracks: Tracks | None = None  # entries of stick tables, up to its end

    def settle(self) -> None:
        """Add what was transferred since the last time to the counters of frontend, backend and server."""
        came, went = self.bytes_in - self.settled_in, self.bytes_out - self.settled_out
        self.settled_in, self.settled_out = self.bytes_in, self.bytes_out
        parties = (self.frontend,) if self.by_request else (self.frontend, self.backend, self.server)
        for party in parties:
            if party is not None:
                party.counters.bytes_in += came
                party.counters.bytes_out += went

    def queued(self, in_servers: bool, served: int) -> None:
        """Add to the number of those who were served before it, in the server's queue or in the backend's."""
        if in_servers:
            self.server_queue += served
        else:
            self.backend_queue += served

    def measure(self, now: float) -> None:
        """Tell backend and server how long it took; called at its end, and nothing if it never reached a server."""
        assigned_at, connected_at, server = self.assigned_at, self.connected_at, self.server
        if assigned_at is None or connected_at is None or server is None:
            return
        began_at = self.accepted_at
        queue_ms, total_ms = int((assigned_at - began_at) * 1000), int((now - began_at) * 1000)
        connect_ms = int((connected_at - assigned_at) * 1000)
        counters = server.counters
        counters.times.add(queue_ms, connect_ms, total_ms, counters.balanced)
        counters = self.backend.counters
        counters.times.add(queue_ms, connect_ms, total_ms, counters.balanced)

    def release(self) -> None:
        """Track nothing any longer; what was transferred by requests has been counted."""
        tracks, self.tracks = self.tracks, None
        if tracks is not None:
            if not self.by_request:
                tracks.count(BYTES_IN, self.bytes_in)
                tracks.count(BYTES_OUT, self.bytes_out)
            tracks.release()

    def end(self, termination: str) -> None:
        """Note how it ended, the first cause only (configuration manual, section 8.5: two letters, who and when)."""
        self.termination = self.termination or termination


class Sessions:
    """All live sessions of the process, and how many there ever were."""

    __slots__ = (
        "admission", "base", "current_elsewhere", "live", "maximum", "on_change", "on_empty", "parting", "total",
        "total_elsewhere",
    )  # fmt: skip

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.live: set[Session] = set()
        self.total = 0
        self.maximum = 0
        self.parting = False  # the process stops: whoever is still accepted has one request
        self.base = 0  # from which its sessions are numbered, so that no two processes have the same number
        self.current_elsewhere = 0  # live sessions of other processes
        self.total_elsewhere = 0
        self.on_change: Callable[[int], None] | None = None  # called with how many are live
        self.on_empty: Callable[[], None] | None = None  # called when the last one ends

    def open(self, frontend: Frontend, backend: Backend, now: float) -> Session:
        """Make the session of a client that was just accepted."""
        self.total += 1
        session = Session(self.base + self.total, frontend, backend, now)
        self.live.add(session)
        self.maximum = max(self.maximum, len(self.live))
        frontend.opened(now)
        self.admission.opened(now)
        if self.on_change is not None:
            self.on_change(len(self.live))
        return session

    @property
    def current(self) -> int:
        """How many are live, those of other processes included."""
        return len(self.live) + self.current_elsewhere

    @property
    def ever(self) -> int:
        """How many there ever were, those of other processes included."""
        return self.total + self.total_elsewhere

    def close(self, session: Session) -> None:
        """Settle `session` and forget it; closing twice is harmless."""
        if session in self.live:
            self.live.remove(session)
            session.settle()
            if session.tracks is not None:
                session.release()
            session.carrier = None  # each has the other, which only the garbage collector would notice
            session.frontend.closed()
            self.admission.closed()
            if self.on_change is not None:
                self.on_change(len(self.live))
            if self.on_empty is not None and not self.live:
                self.on_empty()

    def settle(self) -> None:
        """Bring the counters up to date, for somebody who is about to read them."""
        for session in self.live:
            session.settle()
