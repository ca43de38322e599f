"""The metrics of frontends, backends and servers, a row each: which column of `show stat` it is, in HAProxy's order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from wproxy.observe.columns import COLUMNS, Value
from wproxy.observe.meanings import MEANINGS
from wproxy.observe.prometheus.metric import Labels, Metric, Number, Sample
from wproxy.observe.statistics import Shown
from wproxy.records import dataclass

_AT = {column.name: number for number, column in enumerate(COLUMNS)}
_KINDS = {"F": "frontend", "B": "backend", "S": "server"}
_CODES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
_SERVER_STATES = ("DOWN", "UP", "MAINT", "DRAIN", "NOLB")
_PROXY_STATES = ("DOWN", "UP")
_CHECKS = (
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK", "L7OKC",
    "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line of `show stat` with its labels; of a backend also the lines of its servers."""

    shown: Shown
    labels: Labels
    servers: Sequence[Line] = ()

    def value(self, column: str) -> Value:
        """Return what a column shows."""
        return self.shown.values[_AT[column]]

    @property
    def state(self) -> str:
        """Return which of the states its status is: not checked is up, on the way is what it still is."""
        status = str(self.value("status")).split(" ")[0]
        return {"OPEN": "UP", "no": "UP"}.get(status, status if status in _SERVER_STATES else "DOWN")

    @property
    def check(self) -> str | None:
        """Return the name of the last check's status, None where nothing is checked."""
        status = self.value("check_status")
        return None if status is None else str(status).removeprefix("* ")


Samples = Callable[[Line], Iterator[Sample]]


@dataclass(frozen=True, slots=True)
class Row:
    """A metric: its name behind `haproxy_frontend_` and the like, whom it is about (F, B, S), its type, its samples."""

    name: str
    kinds: str
    type: str
    help: str
    samples: Samples


def _value(column: str, line: Line, *, http_only: bool) -> Iterator[Sample]:
    """Yield what a column shows; `http_only` yields nothing in other modes."""
    if not http_only or line.value("mode") == "http":
        yield Sample(line.labels, _number(line.value(column)))


def _seconds(column: str, line: Line, *, known_only: bool) -> Iterator[Sample]:
    """Yield milliseconds as seconds; `known_only` yields nothing where the column shows nothing."""
    value = _number(line.value(column))
    if value is not None or not known_only:
        yield Sample(line.labels, None if value is None else value / 1000)


def _number(value: Value) -> Number:
    return value if isinstance(value, int) else None


def _status(line: Line) -> Iterator[Sample]:
    states = _SERVER_STATES if line.shown.kind == "S" else _PROXY_STATES
    return _one_of(line.labels, states, line.state)


def _check_status(line: Line) -> Iterator[Sample]:
    return iter(()) if line.check is None else _one_of(line.labels, _CHECKS, line.check)


def _one_of(labels: Labels, states: Sequence[str], state: str) -> Iterator[Sample]:
    for each in states:
        yield Sample((*labels, ("state", each)), int(each == state))


def _check_code(line: Line) -> Iterator[Sample]:
    if line.check is not None:
        yield Sample(line.labels, _number(line.value("check_code")) or 0)


def _responses(line: Line) -> Iterator[Sample]:
    if line.value("mode") == "http":
        for code in _CODES:
            yield Sample((*line.labels, ("code", code)), _number(line.value(f"hrsp_{code}")) or 0)


def _states_together(line: Line) -> Iterator[Sample]:
    """How many servers are in each state."""
    return _counted(line, _SERVER_STATES, Counter(server.state for server in line.servers))


def _checks_together(line: Line) -> Iterator[Sample]:
    """How many servers' last checks ended how."""
    return _counted(line, _CHECKS, Counter(server.check for server in line.servers))


def _counted(line: Line, states: Sequence[str], counts: Counter[str] | Counter[str | None]) -> Iterator[Sample]:
    if line.servers:
        for state in states:
            yield Sample((*line.labels, ("state", state)), counts[state])


def _plain(name: str, kinds: str, type_: str, column: str, *, http_only: bool = False) -> Row:
    return Row(name, kinds, type_, MEANINGS[column].description, partial(_value, column, http_only=http_only))


def _time(name: str, kinds: str, column: str, help_: str = "", *, known_only: bool = False) -> Row:
    samples = partial(_seconds, column, known_only=known_only)
    return Row(name, kinds, "gauge", help_ or MEANINGS[column].description.partition(", in milli")[0], samples)


_AVERAGE = "Avg. {} time for last 1024 successful connections."
_STATE = "Backend's aggregated gauge of servers' {}"

ROWS: tuple[Row, ...] = (
    _plain("current_queue", "BS", "gauge", "qcur"),
    _plain("max_queue", "BS", "gauge", "qmax"),
    _plain("current_sessions", "FBS", "gauge", "scur"),
    _plain("max_sessions", "FBS", "gauge", "smax"),
    _plain("limit_sessions", "FBS", "gauge", "slim"),
    _plain("sessions_total", "FBS", "counter", "stot"),
    _plain("bytes_in_total", "FBS", "counter", "bin"),
    _plain("bytes_out_total", "FBS", "counter", "bout"),
    _plain("requests_denied_total", "FB", "counter", "dreq"),
    _plain("responses_denied_total", "FBS", "counter", "dresp"),
    _plain("request_errors_total", "F", "counter", "ereq"),
    _plain("connection_errors_total", "BS", "counter", "econ"),
    _plain("response_errors_total", "BS", "counter", "eresp"),
    _plain("retry_warnings_total", "BS", "counter", "wretr"),
    _plain("redispatch_warnings_total", "BS", "counter", "wredis"),
    Row("status", "FBS", "gauge", "Current status of the service, per state label value.", _status),
    _plain("weight", "BS", "gauge", "weight"),
    _plain("active_servers", "B", "gauge", "act"),
    _plain("backup_servers", "B", "gauge", "bck"),
    _plain("check_failures_total", "S", "counter", "chkfail"),
    _plain("check_up_down_total", "BS", "counter", "chkdown"),
    _plain("check_last_change_seconds", "BS", "gauge", "lastchg"),
    _plain("downtime_seconds_total", "BS", "counter", "downtime"),
    _plain("queue_limit", "S", "gauge", "qlimit"),
    _plain("current_throttle", "S", "gauge", "throttle"),
    _plain("loadbalanced_total", "BS", "counter", "lbtot"),
    _plain("limit_session_rate", "F", "gauge", "rate_lim"),
    _plain("max_session_rate", "FBS", "gauge", "rate_max"),
    Row("check_status", "S", "gauge", "Status of last health check, per state label value.", _check_status),
    Row("check_code", "S", "gauge", "layer5-7 code, if available of the last health check.", _check_code),
    _time(
        "check_duration_seconds",
        "S",
        "check_duration",
        "Total duration of the latest server health check, in seconds.",
        known_only=True,
    ),
    Row("http_responses_total", "FBS", "counter", MEANINGS["hrsp_1xx"].description, _responses),
    _plain("http_requests_rate_max", "F", "gauge", "req_rate_max", http_only=True),
    _plain("http_requests_total", "FB", "counter", "req_tot", http_only=True),
    _plain("client_aborts_total", "BS", "counter", "cli_abrt"),
    _plain("server_aborts_total", "BS", "counter", "srv_abrt"),
    _plain("http_comp_bytes_in_total", "FB", "counter", "comp_in", http_only=True),
    _plain("http_comp_bytes_out_total", "FB", "counter", "comp_out", http_only=True),
    _plain("http_comp_bytes_bypassed_total", "FB", "counter", "comp_byp", http_only=True),
    _plain("http_comp_responses_total", "FB", "counter", "comp_rsp", http_only=True),
    _plain("last_session_seconds", "BS", "gauge", "lastsess"),
    _time("queue_time_average_seconds", "BS", "qtime", _AVERAGE.format("queue")),
    _time("connect_time_average_seconds", "BS", "ctime", _AVERAGE.format("connect")),
    _time("response_time_average_seconds", "BS", "rtime", _AVERAGE.format("response")),
    _time("total_time_average_seconds", "BS", "ttime", _AVERAGE.format("total")),
    _plain("connections_rate_max", "F", "gauge", "conn_rate_max"),
    _plain("connections_total", "F", "counter", "conn_tot"),
    _plain("intercepted_requests_total", "F", "counter", "intercepted", http_only=True),
    _plain("denied_connections_total", "F", "counter", "dcon"),
    _plain("denied_sessions_total", "F", "counter", "dses"),
    _plain("failed_header_rewriting_total", "FBS", "counter", "wrew"),
    _plain("connection_attempts_total", "BS", "counter", "connect"),
    _plain("connection_reuses_total", "BS", "counter", "reuse"),
    _plain("http_cache_lookups_total", "FB", "counter", "cache_lookups", http_only=True),
    _plain("http_cache_hits_total", "FB", "counter", "cache_hits", http_only=True),
    _plain("idle_connections_current", "S", "gauge", "srv_icur"),
    _plain("idle_connections_limit", "S", "gauge", "src_ilim"),
    _time("max_queue_time_seconds", "BS", "qtime_max"),
    _time("max_connect_time_seconds", "BS", "ctime_max"),
    _time("max_response_time_seconds", "BS", "rtime_max"),
    _time("max_total_time_seconds", "BS", "ttime_max"),
    _plain("internal_errors_total", "FBS", "counter", "eint"),
    _plain("unsafe_idle_connections_current", "S", "gauge", "idle_conn_cur"),
    _plain("safe_idle_connections_current", "S", "gauge", "safe_conn_cur"),
    _plain("used_connections_current", "S", "gauge", "used_conn_cur"),
    _plain("need_connections_current", "S", "gauge", "need_conn_est"),
    _plain("uweight", "BS", "gauge", "uweight"),
    Row("agg_server_status", "B", "gauge", _STATE.format("status"), _states_together),
    Row("agg_server_check_status", "B", "gauge", _STATE.format("state check status"), _states_together),
    Row("agg_check_status", "B", "gauge", _STATE.format("state check status"), _checks_together),
)


def metrics(kind: str, lines: Sequence[Line]) -> Iterator[Metric]:
    """Yield the metrics of `lines`, which are all about `kind`: F, B or S."""
    for row in ROWS:
        if kind in row.kinds:
            samples = [sample for line in lines for sample in row.samples(line)]
            yield Metric(f"haproxy_{_KINDS[kind]}_{row.name}", row.type, row.help, samples)
