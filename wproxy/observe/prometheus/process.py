"""The metrics of the process, a row each: which line of `show info` it is, in HAProxy's order."""

from __future__ import annotations

from collections.abc import Iterator

from wproxy.observe.information import FIELDS, Process
from wproxy.observe.prometheus.metric import Metric, Number, Sample
from wproxy.state.registry import Registry

_GAUGE, _COUNTER = "gauge", "counter"

# The line of `show info`, the metric's name behind `haproxy_process_`, its type.
ROWS: tuple[tuple[str, str, str], ...] = (
    ("Nbthread", "nbthread", _GAUGE),
    ("Nbproc", "nbproc", _GAUGE),
    ("Process_num", "relative_process_id", _GAUGE),
    ("Uptime_sec", "uptime_seconds", _GAUGE),
    ("PoolFailed", "pool_failures_total", _COUNTER),
    ("Ulimit-n", "max_fds", _GAUGE),
    ("Maxsock", "max_sockets", _GAUGE),
    ("Maxconn", "max_connections", _GAUGE),
    ("Hard_maxconn", "hard_max_connections", _GAUGE),
    ("CurrConns", "current_connections", _GAUGE),
    ("CumConns", "connections_total", _COUNTER),
    ("CumReq", "requests_total", _COUNTER),
    ("MaxSslConns", "max_ssl_connections", _GAUGE),
    ("CurrSslConns", "current_ssl_connections", _GAUGE),
    ("CumSslConns", "ssl_connections_total", _COUNTER),
    ("Maxpipes", "max_pipes", _GAUGE),
    ("PipesUsed", "pipes_used_total", _COUNTER),
    ("PipesFree", "pipes_free_total", _COUNTER),
    ("ConnRate", "current_connection_rate", _GAUGE),
    ("ConnRateLimit", "limit_connection_rate", _GAUGE),
    ("MaxConnRate", "max_connection_rate", _GAUGE),
    ("SessRate", "current_session_rate", _GAUGE),
    ("SessRateLimit", "limit_session_rate", _GAUGE),
    ("MaxSessRate", "max_session_rate", _GAUGE),
    ("SslRate", "current_ssl_rate", _GAUGE),
    ("SslRateLimit", "limit_ssl_rate", _GAUGE),
    ("MaxSslRate", "max_ssl_rate", _GAUGE),
    ("SslFrontendKeyRate", "current_frontend_ssl_key_rate", _GAUGE),
    ("SslFrontendMaxKeyRate", "max_frontend_ssl_key_rate", _GAUGE),
    ("SslFrontendSessionReuse_pct", "frontend_ssl_reuse", _GAUGE),
    ("SslBackendKeyRate", "current_backend_ssl_key_rate", _GAUGE),
    ("SslBackendMaxKeyRate", "max_backend_ssl_key_rate", _GAUGE),
    ("SslCacheLookups", "ssl_cache_lookups_total", _COUNTER),
    ("SslCacheMisses", "ssl_cache_misses_total", _COUNTER),
    ("CompressBpsIn", "http_comp_bytes_in_total", _COUNTER),
    ("CompressBpsOut", "http_comp_bytes_out_total", _COUNTER),
    ("CompressBpsRateLim", "limit_http_comp", _GAUGE),
    ("ZlibMemUsage", "current_zlib_memory", _GAUGE),
    ("MaxZlibMemUsage", "max_zlib_memory", _GAUGE),
    ("Tasks", "current_tasks", _GAUGE),
    ("Run_queue", "current_run_queue", _GAUGE),
    ("Idle_pct", "idle_time_percent", _GAUGE),
    ("Stopping", "stopping", _GAUGE),
    ("Jobs", "jobs", _GAUGE),
    ("Unstoppable Jobs", "unstoppable_jobs", _GAUGE),
    ("Listeners", "listeners", _GAUGE),
    ("ActivePeers", "active_peers", _GAUGE),
    ("ConnectedPeers", "connected_peers", _GAUGE),
    ("DroppedLogs", "dropped_logs_total", _COUNTER),
    ("BusyPolling", "busy_polling_enabled", _GAUGE),
    ("FailedResolutions", "failed_resolutions", _COUNTER),
    ("TotalBytesOut", "bytes_out_total", _COUNTER),
    ("TotalSplicdedBytesOut", "spliced_bytes_out_total", _COUNTER),
    ("BytesOutRate", "bytes_out_rate", _GAUGE),
    ("CumRecvLogs", "recv_logs_total", _COUNTER),
    ("Build info", "build_info", _GAUGE),
    ("Memmax_bytes", "max_memory_bytes", _GAUGE),
    ("PoolAlloc_bytes", "pool_allocated_bytes", _GAUGE),
    ("PoolUsed_bytes", "pool_used_bytes", _GAUGE),
    ("Start_time_sec", "start_time_seconds", _GAUGE),
)
_FIELDS = {field.name: field for field in FIELDS}


def metrics(registry: Registry, process: Process) -> Iterator[Metric]:
    """Yield them with their values now."""
    for name, suffix, kind in ROWS:
        field = _FIELDS[name]
        value = field.value(registry, process)
        sample = Sample((("version", str(value)),), 1) if name == "Build info" else Sample((), _number(value))
        yield Metric(f"haproxy_process_{suffix}", kind, field.description, [sample])


def _number(value: int | float | str | None) -> Number:
    return None if value is None else int(value)
