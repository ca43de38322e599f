"""One row per variable of a log format (configuration manual, section 8.2.6).

A row's value is asked for only when a line is due. Times are milliseconds; -1 stands for what never came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wproxy.config.acl.facts import Facts
from wproxy.observe.logs import dates
from wproxy.records import dataclass
from wproxy.state.session import Session


@dataclass(frozen=True, slots=True)
class Record:
    """One session at the moment in which it is logged.

    `now` is on the clock of the session's times, `accepted_at_s` since 1970. `unfinished` marks with a plus what will
    have grown by the end (`option logasap`). The connections are those that HAProxy counts at that moment.
    """

    session: Session
    now: float
    accepted_at_s: float
    connections: int
    backend_connections: int
    server_connections: int
    unfinished: bool = False

    @property
    def facts(self) -> Facts | None:
        """What expressions ask; None of a session that was over before anything could be asked."""
        return self.session.facts


@dataclass(frozen=True, slots=True)
class Variable:
    """One row: the name after `%`, what it is called in the manual, its value.

    The flags Q and E do not change a `bare` value, the flag X changes a `hexadecimal` one only.
    """

    name: str
    title: str
    value: Callable[[Any], object]
    bare: bool = False
    hexadecimal: bool = False


def _milliseconds(record: Record, since: float | None, until: float | None) -> int:
    return -1 if since is None or until is None else int((until - since) * 1000 + 1e-6)


def _waited(record: Record) -> int:
    """Return Tw. HAProxy 2.6 counts from a request's time, which is -1 in mode tcp, so it shows one more than it is."""
    session = record.session
    return -1 if session.assigned_at is None else 1 + _milliseconds(record, session.accepted_at, session.assigned_at)


def _connected(record: Record) -> int:
    return _milliseconds(record, record.session.assigned_at, record.session.connected_at)


def _total(record: Record) -> str:
    return _growing(record, _milliseconds(record, record.session.accepted_at, record.now))


def _growing(record: Record, number: int) -> str:
    return f"+{number}" if record.unfinished else str(number)


def _accept_date() -> Callable[[Record], str]:
    date = dates.Seconds(dates.accept_date)

    def value(record: Record) -> str:
        at = record.accepted_at_s
        return f"{date.text(int(at))}.{int(at * 1000) % 1000:03d}"

    return value


def _frontend_name(record: Record) -> str:
    """Return the name, with a tilde behind it where the client speaks TLS."""
    session = record.session
    return f"{session.frontend.name}~" if session.secure else session.frontend.name


def _server_name(record: Record) -> str:
    server = record.session.server
    return "<NOSRV>" if server is None else server.name


def _retries(record: Record) -> str:
    session = record.session
    return f"+{session.retries}" if session.redispatched else str(session.retries)


def variables() -> tuple[Variable, ...]:
    """Return all rows; their own of each template, because the date remembers the last second."""
    return (
        Variable("B", "bytes_read", lambda r: _growing(r, r.session.bytes_out), bare=True),
        Variable("U", "bytes_uploaded", lambda r: _growing(r, r.session.bytes_in), bare=True),
        Variable("Tw", "Tw", _waited),
        Variable("Tc", "Tc", _connected),
        Variable("Tt", "Tt", _total, bare=True),
        Variable("ac", "actconn", lambda r: r.connections),
        Variable("b", "backend_name", lambda r: r.session.backend.name),
        Variable("bc", "beconn", lambda r: r.backend_connections),
        Variable("bq", "backend_queue", lambda r: r.session.backend_queue),
        Variable("ci", "client_ip", lambda r: r.session.source[0], hexadecimal=True),
        Variable("cp", "client_port", lambda r: r.session.source[1], hexadecimal=True),
        Variable("f", "frontend_name", lambda r: r.session.frontend.name),
        Variable("fc", "feconn", lambda r: r.session.frontend.current),
        Variable("fi", "frontend_ip", lambda r: r.session.destination[0], hexadecimal=True),
        Variable("fp", "frontend_port", lambda r: r.session.destination[1], hexadecimal=True),
        Variable("ft", "frontend_name_transport", _frontend_name),
        Variable("rc", "retries", _retries, bare=True),
        Variable("rt", "request_counter", lambda r: r.session.session_id, hexadecimal=True),
        Variable("s", "server_name", _server_name),
        Variable("sc", "srv_conn", lambda r: r.server_connections),
        Variable("sq", "srv_queue", lambda r: r.session.server_queue),
        Variable("t", "date_time", _accept_date(), bare=True),
        Variable("ts", "termination_state", lambda r: r.session.termination or "--", bare=True),
    )
