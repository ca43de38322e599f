"""The plain integers behind the statistics; incremented on the data path, read by `observe`."""

from __future__ import annotations

from dataclasses import dataclass, field

from wproxy.state.commands import CommandCounters
from wproxy.state.rate import Rate
from wproxy.state.times import Times


def _no_responses() -> list[int]:
    """Return how many responses there were in mode http: of status 1xx to 5xx by that digit, others as the 0th."""
    return [0] * 6


@dataclass(slots=True)
class FrontendCounters:
    """What clients did. Sessions are accepted connections; requests are commands in mode redis."""

    sessions: int = 0
    sessions_max: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    requests: int = 0
    request_errors: int = 0
    denied_requests: int = 0
    denied_responses: int = 0
    compressed_in: int = 0  # bytes of bodies that were compressed, and what they became
    compressed_out: int = 0
    uncompressed: int = 0  # bytes that went through as they are (`identity`)
    compressed_responses: int = 0
    intercepted: int = 0  # answered by a service of the proxy itself
    request_rate: Rate = field(default_factory=Rate)
    responses: list[int] = field(default_factory=_no_responses)
    denied_connections: int = 0  # by `tcp-request connection` rules
    denied_sessions: int = 0  # by `tcp-request session` rules
    header_errors: int = 0  # connections without the PROXY header that they should have begun with
    session_rate: Rate = field(default_factory=Rate)
    tls_sessions: int = 0  # handshakes in which new keys were agreed upon
    tls_resumed: int = 0  # those that took up an earlier session
    tls_failed: int = 0

    @property
    def connections(self) -> int:
        """All that were accepted, those included that never became a session."""
        return self.sessions + self.denied_connections + self.denied_sessions + self.header_errors


@dataclass(slots=True)
class TrafficCounters:
    """What a backend and each of its servers did. A session is a connection in mode tcp, a command in mode redis."""

    sessions: int = 0
    sessions_max: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    connect_errors: int = 0
    response_errors: int = 0
    retries: int = 0
    redispatches: int = 0
    balanced: int = 0  # sessions that came here by the balance algorithm's choice ("lbtot")
    client_aborts: int = 0
    server_aborts: int = 0
    connects: int = 0
    compressed_in: int = 0
    compressed_out: int = 0
    uncompressed: int = 0
    compressed_responses: int = 0
    reuses: int = 0  # requests that went over a connection that was there
    queue_max: int = 0
    session_rate: Rate = field(default_factory=Rate)
    times: Times = field(default_factory=Times)
    responses: list[int] = field(default_factory=_no_responses)
    denied_requests: int = 0
    denied_responses: int = 0
    tls_sessions: int = 0
    tls_resumed: int = 0
    tls_failed: int = 0
    commands: dict[str, CommandCounters] = field(default_factory=dict)  # of a server in mode redis, by name


@dataclass(slots=True)
class CheckCounters:
    """What the health checks of one server saw."""

    failed: int = 0
