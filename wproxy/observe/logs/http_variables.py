"""One row per variable of a log format in mode http (configuration manual, section 8.2.6).

A row's value is asked for only when a line is due. Times are milliseconds; -1 stands for what never came.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from wproxy.config.acl.facts import HttpFacts
from wproxy.observe.logs import dates
from wproxy.observe.logs.variables import Variable
from wproxy.records import dataclass
from wproxy.state.transaction import Transaction

_BAD = "<BADREQ>"  # in the place of what could not be read


@dataclass(frozen=True, slots=True)
class HttpRecord:
    """One request at the moment in which it is logged.

    `now` is on the clock of the transaction's times, `ahead_s` is how far the clock that counts from 1970 is ahead of
    it. `unfinished` marks with a plus what will have grown by the end (`option logasap`). The connections are those
    that HAProxy counts at that moment.
    """

    transaction: Transaction
    facts: HttpFacts | None
    now: float
    ahead_s: float
    connections: int
    backend_connections: int
    server_connections: int
    unfinished: bool = False


def _ms(since: float | None, until: float | None) -> int:
    return -1 if since is None or until is None else int((until - since) * 1000 + 1e-6)


def _growing(record: HttpRecord, number: int) -> str:
    return f"+{number}" if record.unfinished else str(number)


def _request_time(record: HttpRecord) -> int:
    """Return TR: from the first byte of a request until its head was there, or all of it where it is buffered."""
    if record.facts is None or record.transaction.awaited:
        return -1
    return _ms(record.transaction.first_byte_at, record.transaction.request_at)


def _queue_time(record: HttpRecord) -> int:
    return _ms(record.transaction.request_at, record.transaction.assigned_at)


def _connect_time(record: HttpRecord) -> int:
    return _ms(record.transaction.assigned_at, record.transaction.connected_at)


def _response_time(record: HttpRecord) -> int:
    return _ms(record.transaction.connected_at, record.transaction.responded_at)


def _idle_time(record: HttpRecord) -> int:
    return _ms(record.transaction.idle_since, record.transaction.first_byte_at)


def _active_time(record: HttpRecord) -> int:
    return _ms(record.transaction.first_byte_at, record.now)


def _total_time(record: HttpRecord) -> int:
    return _ms(record.transaction.idle_since, record.now)


def _whole_request_time(record: HttpRecord) -> int:
    """Return Tq: handshake, idle time and request together."""
    request = _request_time(record)
    return -1 if request < 0 else _idle_time(record) + request


def _data_time(record: HttpRecord) -> int:
    parts = (_whole_request_time(record), _queue_time(record), _connect_time(record), _response_time(record))
    return _total_time(record) - sum(part for part in parts if part > 0)


def encoded(text: str, more: str = "") -> str:
    """Return `text` with everything but plain ASCII, and `"`, `#` and `more`, written as `#22` (section 8.6)."""
    if text.isascii() and text.isprintable() and not set(text) & {'"', "#", *more}:
        return text
    bad = {'"', "#", *more}
    return "".join(f"#{ord(char):02X}" if char in bad or not " " <= char <= "~" else char for char in text)


def _text(value: Callable[[HttpFacts], str]) -> Callable[[HttpRecord], str]:
    """Return what writes something of the request line, as it came."""
    return lambda record: _BAD if record.facts is None else encoded(value(record.facts))


def _request_line(facts: HttpFacts) -> str:
    line = f"{facts.method.decode('latin-1')} {facts.target.decode('latin-1')} HTTP/1.{facts.request.minor}"
    return line[: facts.process.log_line_max]


def _method(facts: HttpFacts) -> str:
    return _request_line(facts).partition(" ")[0]


def _target(facts: HttpFacts) -> str:
    return _request_line(facts).partition(" ")[2].partition(" ")[0]


def _path_only(facts: HttpFacts) -> str:
    target = _target(facts)
    if not target.startswith("/"):
        authority = target.partition("://")[2]
        target = authority[authority.find("/") :] if "/" in authority else ""
    return target.partition("?")[0]


def _query(facts: HttpFacts) -> str:
    _, mark, query = _target(facts).partition("?")
    return mark + query


def _version(facts: HttpFacts) -> str:
    """Return the version; as in HAProxy the one without any, where the line has been cut in front of it."""
    _, _, rest = _request_line(facts).partition(" ")
    return rest.partition(" ")[2] or "HTTP/0.9"


_Captured = Callable[[HttpFacts], list[str | None]]


def _block(captured: _Captured) -> Callable[[HttpRecord], str]:
    """Return what writes captured values as `{one|two}`, nothing where nothing is captured."""

    def value(record: HttpRecord) -> str:
        values = [] if record.facts is None else captured(record.facts)
        return "{" + "|".join([encoded(found or "", "{|}") for found in values]) + "}" if values else ""

    return value


def _list(captured: _Captured) -> Callable[[HttpRecord], list[str | None]]:
    """Return what lists captured values for CLF."""

    def value(record: HttpRecord) -> list[str | None]:
        values = [] if record.facts is None else captured(record.facts)
        return [None if found is None else encoded(found, "{|}") for found in values]

    return value


def _requests(facts: HttpFacts) -> list[str | None]:
    return facts.captures


def _responses(facts: HttpFacts) -> list[str | None]:
    return facts.response_captures


def _request_cookie(record: HttpRecord) -> str | None:
    return None if record.facts is None else record.facts.captured_cookie


def _response_cookie(record: HttpRecord) -> str | None:
    return None if record.facts is None else record.facts.captured_set_cookie


def _server_name(record: HttpRecord) -> str:
    server = record.transaction.server
    return record.transaction.servant if server is None else server.name


def _server_address(record: HttpRecord) -> str | None:
    server = record.transaction.server
    return None if server is None else server.address.host


def _server_port(record: HttpRecord) -> int | None:
    server = record.transaction.server
    return None if server is None else server.address.port


def _backend_name(record: HttpRecord) -> str:
    transaction = record.transaction
    return transaction.backend.name if transaction.routed else transaction.session.frontend.name


def _number(record: HttpRecord) -> int:
    """Return the number of the request; what is none has none of its own."""
    facts, transaction = record.facts, record.transaction
    if transaction.number < 0 and facts is not None:
        transaction.number = facts.process.next_number()
    return max(transaction.number, 0)


def _retries(record: HttpRecord) -> str:
    transaction = record.transaction
    return f"+{transaction.retries}" if transaction.redispatched else str(transaction.retries)


def _termination(record: HttpRecord) -> str:
    return record.transaction.termination or "--"


def _frontend_transport(record: HttpRecord) -> str:
    session = record.transaction.session
    return session.frontend.name + ("~" if session.secure else "")


def _accepted(record: HttpRecord) -> float:
    return record.transaction.idle_since + record.ahead_s


def _requested(record: HttpRecord) -> float:
    return record.transaction.first_byte_at + record.ahead_s


def _gmt(at: time.struct_time) -> str:
    return f"{dates.accept_date(at)} +0000"


def _local(at: time.struct_time) -> str:
    sign, minutes = "-" if at.tm_gmtoff < 0 else "+", abs(at.tm_gmtoff) // 60
    return f"{dates.accept_date(at)} {sign}{minutes // 60:02d}{minutes % 60:02d}"


def _cipher(record: HttpRecord) -> str | None:
    tls = None if record.facts is None else record.facts.tls
    return None if tls is None else (tls.cipher() or ("",))[0] or None


def _tls_version(record: HttpRecord) -> str | None:
    tls = None if record.facts is None else record.facts.tls
    return None if tls is None else tls.version()


def _with_milliseconds(when: Callable[[HttpRecord], float]) -> Callable[[HttpRecord], str]:
    date = dates.Seconds(dates.accept_date)

    def value(record: HttpRecord) -> str:
        at = when(record)
        return f"{date.text(int(at))}.{int(at * 1000) % 1000:03d}"

    return value


def _local_date(when: Callable[[HttpRecord], float]) -> Callable[[HttpRecord], str]:
    date = dates.Seconds(_local)
    return lambda record: date.text(int(when(record)))


def _gmt_date(when: Callable[[HttpRecord], float]) -> Callable[[HttpRecord], str]:
    return lambda record: _gmt(time.gmtime(int(when(record))))


def http_variables(host_name: str) -> tuple[Variable, ...]:
    """Return all rows; their own of each template, because dates remember the last second."""
    pid = os.getpid()
    return (
        Variable("B", "bytes_read", lambda r: _growing(r, r.transaction.bytes_out), bare=True),
        Variable("CC", "captured_request_cookie", _request_cookie),
        Variable("CS", "captured_response_cookie", _response_cookie),
        Variable("H", "hostname", lambda r: host_name),
        Variable("HM", "HTTP method", _text(_method)),
        Variable("HP", "HTTP request URI without query string", _text(lambda facts: _target(facts).partition("?")[0])),
        Variable("HPO", "HTTP path only", _text(_path_only)),
        Variable("HQ", "HTTP request URI query string", _text(_query)),
        Variable("HU", "HTTP request URI", _text(_target)),
        Variable("HV", "HTTP version", _text(_version)),
        Variable("ID", "unique ID", lambda r: None if r.facts is None else encoded(r.facts.unique_id) or None),
        Variable("ST", "status_code", lambda r: r.transaction.status or -1),
        Variable("T", "gmt_date_time", _gmt_date(_accepted), bare=True),
        Variable("TR", "time to receive the full request", _request_time),
        Variable("Ta", "Active time of the request", lambda r: _growing(r, _active_time(r)), bare=True),
        Variable("Tc", "Tc", _connect_time),
        Variable("Td", "Td", _data_time),
        Variable("Th", "connection handshake time", lambda r: 0),
        Variable("Ti", "idle time before the HTTP request", _idle_time),
        Variable("Tl", "local_date_time", _local_date(_accepted), bare=True),
        Variable("Tq", "Th + Ti + TR", _whole_request_time),
        Variable("Tr", "Tr (response time)", _response_time),
        Variable("Ts", "timestamp", lambda r: int(_accepted(r)), hexadecimal=True),
        Variable("Tt", "Tt", lambda r: _growing(r, _total_time(r)), bare=True),
        Variable("Tw", "Tw", _queue_time),
        Variable("U", "bytes_uploaded", lambda r: _growing(r, r.transaction.bytes_in), bare=True),
        Variable("ac", "actconn", lambda r: r.connections),
        Variable("b", "backend_name", _backend_name),
        Variable("bc", "beconn", lambda r: r.backend_connections),
        Variable("bq", "backend_queue", lambda r: r.transaction.backend_queue),
        Variable("ci", "client_ip", lambda r: r.transaction.session.source[0], hexadecimal=True),
        Variable("cp", "client_port", lambda r: r.transaction.session.source[1], hexadecimal=True),
        Variable("f", "frontend_name", lambda r: r.transaction.session.frontend.name),
        Variable("fc", "feconn", lambda r: r.transaction.session.frontend.current),
        Variable("fi", "frontend_ip", lambda r: r.transaction.session.destination[0], hexadecimal=True),
        Variable("fp", "frontend_port", lambda r: r.transaction.session.destination[1], hexadecimal=True),
        Variable("ft", "frontend_name_transport", _frontend_transport),
        Variable("hr", "captured_request_headers default style", _block(_requests)),
        Variable("hrl", "captured_request_headers CLF style", _list(_requests)),
        Variable("hs", "captured_response_headers default style", _block(_responses)),
        Variable("hsl", "captured_response_headers CLF style", _list(_responses)),
        Variable("ms", "accept date milliseconds", lambda r: f"{int(_accepted(r) * 1000) % 1000:03d}", bare=True),
        Variable("pid", "PID", lambda r: pid, hexadecimal=True),
        Variable("r", "http_request", _text(_request_line)),
        Variable("rc", "retries", _retries, bare=True),
        Variable("rt", "request_counter", _number, hexadecimal=True),
        Variable("s", "server_name", _server_name),
        Variable("sc", "srv_conn", lambda r: r.server_connections),
        Variable("si", "server_IP", _server_address, hexadecimal=True),
        Variable("sp", "server_port", _server_port, hexadecimal=True),
        Variable("sq", "srv_queue", lambda r: r.transaction.server_queue),
        Variable("sslc", "ssl_ciphers", _cipher),
        Variable("sslv", "ssl_version", _tls_version),
        Variable("t", "date_time", _with_milliseconds(_accepted), bare=True),
        Variable("tr", "date_time of HTTP request", _with_milliseconds(_requested), bare=True),
        Variable("trg", "gmt_date_time of start of HTTP request", _gmt_date(_requested), bare=True),
        Variable("trl", "local_date_time of start of HTTP request", _local_date(_requested), bare=True),
        Variable("ts", "termination_state", _termination, bare=True),
        Variable(
            "tsc", "termination_state with cookie status", lambda r: _termination(r) + r.transaction.cookies, bare=True
        ),
    )
