"""The columns of `show stat`, a row each, in HAProxy's order (management manual, section 9.1).

A column is a name and what it shows of a frontend, a server and a backend; None shows nothing. A column about something
that this proxy does not do yet is only a name: tools find the others by position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from wproxy.config.model import Mode
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.policy.health import Health
from wproxy.records import dataclass
from wproxy.state.backend import Backend
from wproxy.state.counters import FrontendCounters, TrafficCounters
from wproxy.state.frontend import Frontend
from wproxy.state.server import Server
from wproxy.state.warmup import WHOLE

Value: TypeAlias = int | str | None
Party: TypeAlias = Frontend | Server | Backend
P_co = TypeVar("P_co", bound=Party, covariant=True)


@dataclass(frozen=True, slots=True)
class Line(Generic[P_co]):
    """One line of the statistics: whom it is about, and when, on the clock of `state`."""

    it: P_co
    proxy: Frontend | Backend
    now: float


F: TypeAlias = Callable[[Line[Frontend]], Value]
S: TypeAlias = Callable[[Line[Server]], Value]
B: TypeAlias = Callable[[Line[Backend]], Value]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it shows of each kind of line."""

    name: str
    frontend: F | None = None
    server: S | None = None
    backend: B | None = None


def _cookie_name(backend: Backend) -> str:
    http = backend.config.http
    return "" if http is None or http.cookie is None else http.cookie.name


def _everywhere(name: str, value: Callable[[Line[Party]], Value]) -> Column:
    return Column(name, value, value, value)


def _traffic(name: str, value: Callable[[Line[Server | Backend]], Value]) -> Column:
    return Column(name, None, value, value)


def _proxies(name: str, value: Callable[[Line[Frontend | Backend]], Value]) -> Column:
    return Column(name, value, None, value)


def _tls(count: Callable[[FrontendCounters | TrafficCounters], int]) -> tuple[F, S, B]:
    """Return what shows something of TLS: of a backend that of its servers together."""
    return (
        lambda line: count(line.it.counters),
        lambda line: count(line.it.counters),
        lambda line: _servers(line.it, lambda server: count(server.counters)),
    )


def _none_yet(_: Line[Party]) -> int:
    """Show 0 of what HAProxy counts and this proxy does not do, because tools take it for a number."""
    return 0


L = TypeVar("L", bound=Party)


def _in_http(value: Callable[[Line[L]], Value]) -> Callable[[Line[L]], Value]:
    """Return what shows something of proxies in mode http only."""
    return lambda line: value(line) if line.proxy.config.mode is Mode.HTTP else None


def _of_http(name: str, value: Callable[[Line[Party]], Value]) -> Column:
    """Return a column that only proxies in mode http have."""
    return _everywhere(name, _in_http(value))


def _responses(kind: int) -> Callable[[Line[Party]], Value]:
    """Return how many responses had a status of `kind` hundred, 0 for others."""
    return lambda line: line.it.counters.responses[kind]


def _check(name: str, value: Callable[[Server], Value]) -> Column:
    """Return a column that only servers have whose checks run: not in maintenance."""
    return Column(name, server=lambda line: value(line.it) if line.it.check and not line.it.admin.maint else None)


def _agent(name: str, value: Callable[[Server], Value]) -> Column:
    """Return a column that only servers have whose agent is asked."""
    return Column(name, server=lambda line: value(line.it) if line.it.agent_asked else None)


def _status(result: CheckResult, running: bool) -> str:
    """Return the name of the status; a star tells that the next check is under way."""
    return f"* {result.status.label}" if running else result.status.label


def _code(result: CheckResult) -> int | None:
    return result.code if result.status.has_code else None


def _duration(result: CheckResult) -> int | None:
    return None if result.status is CheckStatus.INI else result.duration_ms


def _downtime(line: Line[Server | Backend]) -> int | None:
    """Return the seconds away of what can be seen to be away: checked servers, backends that have servers."""
    known = line.it.servers if isinstance(line.it, Backend) else line.it.check
    return line.it.downtime_s(line.now) if known else None


def _health(name: str, value: Callable[[Health], int]) -> Column:
    return _check(name, lambda server: value(server.health))


def _servers(backend: Backend, value: Callable[[Server], int]) -> int:
    """Return the sum over a backend's servers."""
    return sum(value(server) for server in backend.servers)


def _name(line: Line[Party]) -> str:
    return line.proxy.name


def _last_session(line: Line[Server | Backend]) -> int:
    servers = line.it.servers if isinstance(line.it, Backend) else [line.it]
    last = max((server.last_session_at for server in servers if server.last_session_at is not None), default=None)
    return -1 if last is None else int(line.now - last)


COLUMNS: tuple[Column, ...] = (
    _everywhere("pxname", _name),
    Column("svname", lambda _: "FRONTEND", lambda line: line.it.name, lambda _: "BACKEND"),
    _traffic("qcur", lambda line: line.it.waiting),
    _traffic("qmax", lambda line: line.it.counters.queue_max),
    _everywhere("scur", lambda line: line.it.current),
    _everywhere("smax", lambda line: line.it.counters.sessions_max),
    Column("slim", lambda line: line.it.maxconn, lambda line: line.it.maxconn, lambda line: line.it.fullconn),
    _everywhere("stot", lambda line: line.it.counters.sessions),
    _everywhere("bin", lambda line: line.it.counters.bytes_in),
    _everywhere("bout", lambda line: line.it.counters.bytes_out),
    _proxies("dreq", lambda line: line.it.counters.denied_requests),
    _everywhere("dresp", lambda line: line.it.counters.denied_responses),
    Column("ereq", lambda line: line.it.counters.request_errors),
    _traffic("econ", lambda line: line.it.counters.connect_errors),
    _traffic("eresp", lambda line: line.it.counters.response_errors),
    _traffic("wretr", lambda line: line.it.counters.retries),
    _traffic("wredis", lambda line: line.it.counters.redispatches),
    _everywhere(
        "status", lambda line: line.it.status if isinstance(line.it, Server | Backend) else line.it.status.value
    ),
    _traffic("weight", lambda line: -(-line.it.share // WHOLE)),
    Column("act", None, lambda line: int(not line.it.line.backup), lambda line: line.it.active),
    Column("bck", None, lambda line: int(line.it.line.backup), lambda line: line.it.backups),
    Column("chkfail", server=lambda line: line.it.check_counters.failed if line.it.check else None),
    Column(
        "chkdown",
        None,
        lambda line: line.it.downtime.outages if line.it.check else None,
        lambda line: line.it.downtime.outages,
    ),
    _traffic("lastchg", lambda line: int(line.now - line.it.changed_at)),
    _traffic("downtime", _downtime),
    Column("qlimit", server=lambda line: line.it.line.maxqueue),
    _everywhere("pid", lambda _: 1),  # the relative number of the process, historically; one process is number 1
    _everywhere("iid", lambda line: line.proxy.proxy_id),
    Column("sid", lambda _: 0, lambda line: line.it.server_id, lambda _: 0),
    Column("throttle", server=lambda line: line.it.throttle),
    Column(
        "lbtot",
        None,
        lambda line: line.it.counters.balanced,
        lambda line: _servers(line.it, lambda server: server.counters.balanced),
    ),
    Column("tracked"),
    Column("type", lambda _: 0, lambda _: 2, lambda _: 1),
    _everywhere("rate", lambda line: line.it.counters.session_rate.per_second(line.now)),
    Column("rate_lim", lambda line: line.it.config.rate_limit or 0),
    _everywhere("rate_max", lambda line: line.it.counters.session_rate.maximum),
    _check("check_status", lambda server: _status(server.last_check, server.check_running)),
    _check("check_code", lambda server: _code(server.last_check)),
    _check("check_duration", lambda server: _duration(server.last_check)),
    *(_of_http(f"hrsp_{kind}xx", _responses(kind)) for kind in range(1, 6)),
    _of_http("hrsp_other", _responses(0)),
    Column("hanafail"),
    Column("req_rate", lambda line: line.it.counters.request_rate.per_second(line.now)),
    Column("req_rate_max", lambda line: line.it.counters.request_rate.maximum),
    Column(
        "req_tot",
        lambda line: line.it.counters.requests,
        _in_http(lambda line: sum(line.it.counters.responses)),  # of a server, as in HAProxy, those it has answered
        _in_http(lambda line: line.it.counters.sessions),
    ),
    _traffic("cli_abrt", lambda line: line.it.counters.client_aborts),
    _traffic("srv_abrt", lambda line: line.it.counters.server_aborts),
    _proxies("comp_in", lambda line: line.it.counters.compressed_in),
    _proxies("comp_out", lambda line: line.it.counters.compressed_out),
    _proxies("comp_byp", lambda line: line.it.counters.uncompressed),
    _proxies("comp_rsp", lambda line: line.it.counters.compressed_responses),
    _traffic("lastsess", _last_session),
    _check("last_chk", lambda server: server.last_check.info),
    _agent("last_agt", lambda server: server.last_agent.info),
    _traffic("qtime", lambda line: line.it.counters.times.queue_ms(line.it.counters.balanced)),
    _traffic("ctime", lambda line: line.it.counters.times.connect_ms(line.it.counters.balanced)),
    _traffic("rtime", lambda line: line.it.counters.times.response_ms(line.it.counters.balanced)),
    _traffic("ttime", lambda line: line.it.counters.times.total_ms(line.it.counters.balanced)),
    _agent("agent_status", lambda server: _status(server.last_agent, server.agent_running)),
    _agent("agent_code", lambda server: _code(server.last_agent)),
    _agent("agent_duration", lambda server: server.last_agent.duration_ms),
    _check("check_desc", lambda server: server.last_check.status.description),
    _agent("agent_desc", lambda server: server.last_agent.status.description),
    _health("check_rise", lambda health: health.rise),
    _health("check_fall", lambda health: health.fall),
    _health("check_health", lambda health: health.counter),
    _agent("agent_rise", lambda server: server.agent_health.rise),
    _agent("agent_fall", lambda server: server.agent_health.fall),
    _agent("agent_health", lambda server: server.agent_health.counter),
    Column("addr", server=lambda line: str(line.it.address)),
    Column(
        "cookie",
        server=lambda line: line.it.cookie.decode("utf-8", "replace") or None,
        backend=lambda line: _cookie_name(line.it) or None,
    ),
    _everywhere("mode", lambda line: line.proxy.config.mode.value),
    Column("algo", backend=lambda line: line.it.balance),
    Column("conn_rate", lambda line: line.it.counters.session_rate.per_second(line.now)),
    Column("conn_rate_max", lambda line: line.it.counters.session_rate.maximum),
    Column("conn_tot", lambda line: line.it.counters.connections),
    Column("intercepted", _in_http(lambda line: line.it.counters.intercepted)),
    Column("dcon", lambda line: line.it.counters.denied_connections),
    Column("dses", lambda line: line.it.counters.denied_sessions),
    _everywhere("wrew", _none_yet),
    Column(
        "connect",
        None,
        lambda line: line.it.counters.connects,
        lambda line: _servers(line.it, lambda server: server.counters.connects),
    ),
    Column(
        "reuse",
        None,
        lambda line: line.it.counters.reuses,
        lambda line: _servers(line.it, lambda server: server.counters.reuses),
    ),
    *(Column(name) for name in ("cache_lookups", "cache_hits")),
    Column("srv_icur", server=lambda line: line.it.idle),
    Column("src_ilim"),
    _traffic("qtime_max", lambda line: line.it.counters.times.queue_max),
    _traffic("ctime_max", lambda line: line.it.counters.times.connect_max),
    _traffic("rtime_max", lambda line: line.it.counters.times.response_max),
    _traffic("ttime_max", lambda line: line.it.counters.times.total_max),
    _everywhere("eint", _none_yet),
    Column("idle_conn_cur", server=lambda line: line.it.idle),
    Column("safe_conn_cur", server=_none_yet),
    Column("used_conn_cur", server=lambda line: line.it.current),
    Column("need_conn_est", server=lambda line: line.it.current),
    _traffic("uweight", lambda line: line.it.weight),
    *(Column(name, backend=_none_yet) for name in ("agg_server_status", "agg_server_check_status", "agg_check_status")),
    # From here on they are those of HAProxy's modules.
    Column("ssl_sess", *_tls(lambda counters: counters.tls_sessions)),
    Column("ssl_reused_sess", *_tls(lambda counters: counters.tls_resumed)),
    Column("ssl_failed_handshake", *_tls(lambda counters: counters.tls_failed)),
    *(
        Column(f"h2_{name}")
        for name in (
            "headers_rcvd", "data_rcvd", "settings_rcvd", "rst_stream_rcvd", "goaway_rcvd",
            "detected_conn_protocol_errors", "detected_strm_protocol_errors", "rst_stream_resp", "goaway_resp",
            "open_connections", "backend_open_streams", "total_connections", "backend_total_streams",
        )
    ),
    *(
        Column(f"h1_{name}")
        for name in (
            "open_connections", "open_streams", "total_connections", "total_streams", "bytes_in", "bytes_out",
            "spliced_bytes_in", "spliced_bytes_out",
        )
    ),
)  # fmt: skip
MODULES_AT = next(number for number, column in enumerate(COLUMNS) if column.name == "ssl_sess")
