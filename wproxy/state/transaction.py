"""One request and its response, in mode http: what the statistics and the log tell of it."""

from __future__ import annotations

from wproxy.config.acl.facts import HttpFacts
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.session import Session


class Transaction:
    """What is known of one exchange. Times are on the loop's clock, None for what never came.

    `idle_since` is the end of the one before on this connection, or its accept; `first_byte_at` is when the request
    began, `request_at` when its head was there, `responded_at` when the response's head was. `awaited` tells that the
    end of a buffered request is waited for, or that rules hold it back. `status` is 0 until there is a response.
    `cookies` are the two letters about persistence. `place` is the server on which a place is reserved.
    """

    __slots__ = (
        "assigned_at", "awaited", "backend", "backend_queue", "bytes_in", "bytes_out", "connected_at", "cookies",
        "first_byte_at", "idle_since", "number", "place", "redispatched", "request_at", "responded_at", "retries",
        "routed", "servant", "server", "server_queue", "session", "status", "termination",
    )  # fmt: skip

    server: Server | None
    assigned_at: float | None
    connected_at: float | None
    responded_at: float | None
    number: int  # of the requests of the process, -1 until somebody asks
    routed: bool  # whether it has got as far as a backend

    def __init__(self, session: Session, backend: Backend, idle_since: float, now: float) -> None:
        self.session = session
        self.backend = backend
        self.idle_since = idle_since
        self.first_byte_at = self.request_at = now
        self.place: Server | None = None
        self.server = self.assigned_at = self.connected_at = self.responded_at = None
        self.number = -1
        self.bytes_in = self.bytes_out = self.status = self.retries = 0
        self.server_queue = self.backend_queue = 0
        self.redispatched = self.routed = self.awaited = False
        self.termination = ""
        self.cookies = "--"
        self.servant = "<NOSRV>"  # who answers in the place of a server

    def queued(self, in_servers: bool, served: int) -> None:
        """Add to the number of those who were served before it, in the server's queue or in the backend's."""
        if in_servers:
            self.server_queue += served
        else:
            self.backend_queue += served

    def end(self, termination: str) -> None:
        """Note how it ended, the first cause only (configuration manual, section 8.5: two letters, who and when)."""
        self.termination = self.termination or termination

    def known_facts(self) -> HttpFacts | None:
        """Return what rules may ask about the request, None when it was none."""
        return None

    def measure(self, now: float) -> None:
        """Tell backend and server how long it took; nothing if it never reached a server."""
        assigned_at, connected_at, server = self.assigned_at, self.connected_at, self.server
        if assigned_at is None or connected_at is None or server is None:
            return
        total_ms = int((now - self.request_at) * 1000)
        if not total_ms:
            server.counters.times.quick += 1
            self.backend.counters.times.quick += 1
            return
        queue_ms = int((assigned_at - self.request_at) * 1000)
        connect_ms = int((connected_at - assigned_at) * 1000)
        response_ms = 0 if self.responded_at is None else int((self.responded_at - connected_at) * 1000)
        for counters in (server.counters, self.backend.counters):
            counters.times.add(queue_ms, connect_ms, total_ms, counters.balanced, response_ms)
