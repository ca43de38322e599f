"""`show info`: facts about the process, a row each, in HAProxy's order (management manual, section 9.3, "show info").

A row about what this proxy does not have (compression, memory pools, a cache of TLS sessions) shows 0: tools read it,
and it is true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from wproxy.observe import typed
from wproxy.records import dataclass
from wproxy.state.admission import RateLimit
from wproxy.state.registry import Registry


@dataclass(frozen=True, slots=True)
class Process:
    """What the process knows of itself from the outside; times are seconds, `uptime_s` since the start."""

    version: str
    release_date: str
    pid: int
    uptime_s: float
    started_at_s: float  # since 1970
    now: float  # on the clock of `state`
    node: str
    description: str
    open_files_max: int
    stopping: bool
    dropped_logs: int = 0
    idle_percent: int = 100  # of the last second or more


Value: TypeAlias = int | float | str
Fact: TypeAlias = Callable[[Registry, Process], Value | None]


def _nothing(_: Registry, __: Process) -> int:
    return 0


def _absent(_: Registry, __: Process) -> None:
    """Leave the row out; its number stays taken."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line: name, tags, type and description as in `observe.meanings`; a value None leaves it out."""

    name: str
    tags: str
    type: str
    description: str
    value: Fact = _nothing


def _uptime(_: Registry, process: Process) -> str:
    minutes, seconds = divmod(int(process.uptime_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h{minutes:02d}m{seconds:02d}s"


def _listeners(registry: Registry) -> int:
    return sum(len(frontend.config.binds) for frontend in registry.frontends.values())


FIELDS: tuple[Field, ...] = (
    Field("Name", "POS", "str", "Product name", lambda r, p: "HAProxy"),
    Field("Version", "POS", "str", "Product version", lambda r, p: p.version),
    Field("Release_date", "POS", "str", "Date of latest source code update", lambda r, p: p.release_date),
    Field(
        "Nbthread", "CGS", "u32", "Number of started threads (global.nbthread)", lambda r, p: r.config.globals.nbthread
    ),
    Field("Nbproc", "CGS", "u32", "Number of started worker processes (historical, always 1)", lambda r, p: 1),
    Field("Process_num", "KGP", "u32", "Relative worker process number (1)", lambda r, p: 1),
    Field("Pid", "SGP", "u32", "This worker process identifier for the system", lambda r, p: p.pid),
    Field("Uptime", "MDP", "str", "How long ago this worker process was started (days+hours+minutes+seconds)", _uptime),
    Field(
        "Uptime_sec",
        "MDP",
        "u32",
        "How long ago this worker process was started (seconds)",
        lambda r, p: p.uptime_s,
    ),
    Field("Memmax_MB", "CLP", "u32", "Worker process's hard limit on memory usage in MB (-m on command line)"),
    Field("PoolAlloc_MB", "MGP", "u32", "Amount of memory allocated in pools (in MB)"),
    Field("PoolUsed_MB", "MGP", "u32", "Amount of pool memory currently used (in MB)"),
    Field("PoolFailed", "MCP", "u32", "Number of failed pool allocations since this worker was started"),
    Field(
        "Ulimit-n",
        "CLP",
        "u32",
        "Hard limit on the number of per-process file descriptors",
        lambda r, p: p.open_files_max,
    ),
    Field("Maxsock", "CLP", "u32", "Hard limit on the number of per-process sockets", lambda r, p: p.open_files_max),
    Field(
        "Maxconn",
        "CLP",
        "u32",
        "Hard limit on the number of per-process connections (configured or imposed by Ulimit-n)",
        lambda r, p: r.maxconn,
    ),
    Field(
        "Hard_maxconn",
        "CLP",
        "u32",
        "Hard limit on the number of per-process connections (imposed by Memmax_MB or Ulimit-n)",
        lambda r, p: r.admission.hard_maxconn,
    ),
    Field(
        "CurrConns",
        "MGP",
        "u32",
        "Current number of connections on this worker process",
        lambda r, p: r.sessions.current,
    ),
    Field(
        "CumConns",
        "MCP",
        "u32",
        "Total number of connections on this worker process since started",
        lambda r, p: r.sessions.ever,
    ),
    Field(
        "CumReq",
        "MCP",
        "u32",
        "Total number of requests on this worker process since started",
        lambda r, p: sum(f.counters.requests for f in r.frontends.values()),
    ),
    Field(
        "MaxSslConns", "MMP", "u32", "Hard limit on the number of per-process SSL endpoints (front+back), 0=unlimited"
    ),
    Field(
        "CurrSslConns",
        "MGP",
        "u32",
        "Current number of SSL endpoints on this worker process (front+back)",
        lambda r, p: r.tls.current,
    ),
    Field(
        "CumSslConns",
        "MCP",
        "u32",
        "Total number of SSL endpoints on this worker process since started (front+back)",
        lambda r, p: r.tls.total,
    ),
    Field("Maxpipes", "CLP", "u32", "Hard limit on the number of pipes for splicing, 0=unlimited"),
    Field("PipesUsed", "MGP", "u32", "Current number of pipes in use in this worker process"),
    Field("PipesFree", "MGP", "u32", "Current number of allocated and available pipes in this worker process"),
    Field(
        "ConnRate",
        "MRP",
        "u32",
        "Number of front connections created on this worker process over the last second",
        lambda r, p: r.admission.rate.per_second(p.now),
    ),
    Field(
        "ConnRateLimit",
        "CLP",
        "u32",
        "Hard limit for ConnRate (global.maxconnrate)",
        lambda r, p: r.admission.limits[RateLimit.CONNECTIONS],
    ),
    Field(
        "MaxConnRate",
        "MMP",
        "u32",
        "Highest ConnRate reached on this worker process since started (in connections per second)",
        lambda r, p: r.admission.rate.maximum,
    ),
    Field(
        "SessRate",
        "MRP",
        "u32",
        "Number of sessions created on this worker process over the last second",
        lambda r, p: r.admission.rate.per_second(p.now),
    ),
    Field(
        "SessRateLimit",
        "CLP",
        "u32",
        "Hard limit for SessRate (global.maxsessrate)",
        lambda r, p: r.admission.limits[RateLimit.SESSIONS],
    ),
    Field(
        "MaxSessRate",
        "MRP",
        "u32",
        "Highest SessRate reached on this worker process since started (in sessions per second)",
        lambda r, p: r.admission.rate.maximum,
    ),
    Field(
        "SslRate",
        "MRP",
        "u32",
        "Number of SSL connections created on this worker process over the last second",
        lambda r, p: r.tls.rate.per_second(p.now),
    ),
    Field(
        "SslRateLimit",
        "CLP",
        "u32",
        "Hard limit for SslRate (global.maxsslrate)",
        lambda r, p: r.admission.limits[RateLimit.TLS_SESSIONS],
    ),
    Field(
        "MaxSslRate",
        "MMP",
        "u32",
        "Highest SslRate reached on this worker process since started (in connections per second)",
        lambda r, p: r.tls.rate.maximum,
    ),
    Field(
        "SslFrontendKeyRate",
        "MGP",
        "u32",
        "Number of SSL keys created on frontends in this worker process over the last second",
        lambda r, p: r.tls.client_keys.per_second(p.now),
    ),
    Field(
        "SslFrontendMaxKeyRate",
        "MMP",
        "u32",
        "Highest SslFrontendKeyRate reached on this worker process since started (in SSL keys per second)",
        lambda r, p: r.tls.client_keys.maximum,
    ),
    Field(
        "SslFrontendSessionReuse_pct",
        "MGP",
        "u32",
        "Percent of frontend SSL connections which did not require a new key",
        lambda r, p: r.tls.resumed_percent(p.now),
    ),
    Field(
        "SslBackendKeyRate",
        "MRP",
        "u32",
        "Number of SSL keys created on backends in this worker process over the last second",
        lambda r, p: r.tls.server_keys.per_second(p.now),
    ),
    Field(
        "SslBackendMaxKeyRate",
        "MMP",
        "u32",
        "Highest SslBackendKeyRate reached on this worker process since started (in SSL keys per second)",
        lambda r, p: r.tls.server_keys.maximum,
    ),
    Field(
        "SslCacheLookups",
        "MCP",
        "u32",
        "Total number of SSL session ID lookups in the SSL session cache on this worker since started",
    ),
    Field(
        "SslCacheMisses",
        "MCP",
        "u32",
        "Total number of SSL session ID lookups that didn't find a session in the SSL session cache on this "
        "worker since started",
    ),
    Field(
        "CompressBpsIn",
        "MRP",
        "u32",
        "Number of bytes submitted to the HTTP compressor in this worker process over the last second",
    ),
    Field(
        "CompressBpsOut",
        "MRP",
        "u32",
        "Number of bytes emitted by the HTTP compressor in this worker process over the last second",
    ),
    Field(
        "CompressBpsRateLim",
        "CLP",
        "u32",
        "Limit of CompressBpsOut beyond which HTTP compression is automatically disabled",
        lambda r, p: r.admission.limits[RateLimit.COMPRESSION] * 1024,
    ),
    Field(
        "ZlibMemUsage",
        "MGP",
        "u32",
        "Amount of memory currently used by HTTP compression on the current worker process (in bytes)",
        _absent,
    ),
    Field(
        "MaxZlibMemUsage",
        "CLP",
        "u32",
        "Limit on the amount of memory used by HTTP compression above which it is automatically disabled (in "
        "bytes, see global.maxzlibmem)",
        _absent,
    ),
    Field(
        "Tasks",
        "MGP",
        "u32",
        "Total number of tasks in the current worker process (active + sleeping)",
        lambda r, p: r.sessions.current,
    ),
    Field("Run_queue", "MGP", "u32", "Total number of active tasks+tasklets in the current worker process"),
    Field(
        "Idle_pct",
        "MaP",
        "u32",
        "Percentage of last second spent waiting in the current worker thread",
        lambda r, p: p.idle_percent,
    ),
    Field("node", "COS", "str", "Node name (global.node)", lambda r, p: p.node),
    Field("description", "COS", "str", "Node description (global.description)", lambda r, p: p.description or None),
    Field(
        "Stopping",
        "MGP",
        "u32",
        "1 if the worker process is currently stopping, otherwise zero",
        lambda r, p: int(p.stopping),
    ),
    Field(
        "Jobs",
        "MGP",
        "u32",
        "Current number of active jobs on the current worker process (frontend connections, master "
        "connections, listeners)",
        lambda r, p: r.sessions.current + _listeners(r),
    ),
    Field(
        "Unstoppable Jobs",
        "MGP",
        "u32",
        "Current number of unstoppable jobs on the current worker process (master connections)",
    ),
    Field(
        "Listeners",
        "MGP",
        "u32",
        "Current number of active listeners on the current worker process",
        lambda r, p: _listeners(r),
    ),
    Field(
        "ActivePeers", "MGP", "u32", "Current number of verified active peers connections on the current worker process"
    ),
    Field(
        "ConnectedPeers",
        "MGP",
        "u32",
        "Current number of peers having passed the connection step on the current worker process",
    ),
    Field(
        "DroppedLogs",
        "MGP",
        "u32",
        "Total number of dropped logs for current worker process since started",
        lambda r, p: p.dropped_logs,
    ),
    Field(
        "BusyPolling",
        "MGP",
        "u32",
        "1 if busy-polling is currently in use on the worker process, otherwise zero (config.busy-polling)",
    ),
    Field(
        "FailedResolutions",
        "MGP",
        "u32",
        "Total number of failed DNS resolutions in current worker process since started",
    ),
    Field(
        "TotalBytesOut",
        "MGP",
        "u64",
        "Total number of bytes emitted by current worker process since started",
        lambda r, p: sum(f.counters.bytes_out for f in r.frontends.values()),
    ),
    Field(
        "TotalSplicdedBytesOut",
        "MGP",
        "u64",
        "Total number of bytes emitted by current worker process through a kernel pipe since started",
    ),
    Field("BytesOutRate", "MRP", "u64", "Number of bytes emitted by current worker process over the last second"),
    Field(
        "DebugCommandsIssued", "MGP", "u32", "Number of debug commands issued on this process (anything > 0 is unsafe)"
    ),
    Field(
        "CumRecvLogs",
        "MCP",
        "u32",
        "Total number of log messages received by log-forwarding listeners on this worker process since started",
    ),
    Field("Build info", "POS", "str", "Build info", lambda r, p: p.version),
    Field("Memmax_bytes", "CLP", "u32", "Worker process's hard limit on memory usage in byes (-m on command line)"),
    Field("PoolAlloc_bytes", "MGP", "u64", "Amount of memory allocated in pools (in bytes)"),
    Field("PoolUsed_bytes", "MGP", "u64", "Amount of pool memory currently used (in bytes)"),
    Field("Start_time_sec", "MDP", "u32", "Start time in seconds", lambda r, p: p.started_at_s),
    Field("Tainted", "SGP", "str", "Experimental features used", lambda r, p: "0"),
)


# What `show info float` shows with its fractions, under these tags.
_EXACT = {
    **dict.fromkeys(("Uptime_sec", "Start_time_sec"), "MDP"),
    **dict.fromkeys(("ConnRate", "SessRate", "SslRate", "SslFrontendKeyRate", "SslFrontendSessionReuse_pct"), "MRP"),
    **dict.fromkeys(("SslBackendKeyRate", "CompressBpsIn", "CompressBpsOut"), "MRP"),
}


def text(
    registry: Registry, process: Process, *, form: str = "plain", described: bool = False, exact: bool = False
) -> str:
    """Return the lines `Name: value`, or HAProxy's typed or json form of them; `exact` numbers keep their fractions."""
    registry.sessions.settle()
    values = [(number, field, field.value(registry, process)) for number, field in enumerate(FIELDS)]
    shown = [(number, *_kind(field, value, exact=exact)) for number, field, value in values if value is not None]
    if form == "json":
        items = (typed.json_item(number, each.name, tags, kind, value) for number, each, tags, kind, value in shown)
        return f"[{','.join(items)}]\n"
    return "".join(
        (typed.line(number, each.name, tags, kind, value) if form == "typed" else f"{each.name}: {value}")
        + (f':"{each.description}"\n' if described else "\n")
        for number, each, tags, kind, value in shown
    )


def _kind(field: Field, value: Value, *, exact: bool) -> tuple[Field, str, str, Value]:
    """Return the field, its tags, its type and the value as that type."""
    if exact and field.name in _EXACT:
        return field, _EXACT[field.name], "flt", round(float(value), 6)
    return field, field.tags, field.type, int(value) if isinstance(value, float) else value
