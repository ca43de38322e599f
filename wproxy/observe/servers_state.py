"""`show servers state`: what a process must know to take over from this one (management manual, section 9.3).

The same text is what a state file holds, format version 1.
"""

from __future__ import annotations

from collections.abc import Iterable

from wproxy.policy.checks.verdict import Outcome
from wproxy.state.backend import Backend
from wproxy.state.server import Admin, Server

_HEADER = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
_STOPPED, _STARTING, _RUNNING, _STOPPING = range(4)
_CONFIGURED, _ENABLED, _PAUSED, _AGENT = 2, 4, 8, 16


def text(backends: Iterable[Backend], now: float) -> str:
    """Return the version, the header and a line per server."""
    lines = [_line(backend, server, now) for backend in backends for server in backend.servers]
    return "\n".join(["1", _HEADER, *lines]) + "\n"


def _line(backend: Backend, server: Server, now: float) -> str:
    address = server.address
    values = (
        backend.proxy_id, backend.name, server.server_id, server.name, address.host or address.path or "-",
        _operational(server), int(server.admin), server.weight, server.line.weight,
        int(now - server.changed_at), server.last_check.status.number, _check_result(server), server.health.counter,
        _check_state(server), _agent_state(server), 0, 0, "-", address.port, "-", 0, server.check_port or 0,
        server.check_host or "-", _agent_host(server), _agent_port(server),
    )  # fmt: skip
    return " ".join(str(value) for value in values)


def _operational(server: Server) -> int:
    """Return `srv_op_state`."""
    if not server.running:
        return _STOPPED
    if server.stopping:
        return _STOPPING
    return _RUNNING if server.warmup is None else _STARTING


def _check_state(server: Server) -> int:
    """Return the bits of `srv_check_state`; checks pause in maintenance, and where nothing is checked for ever."""
    if server.check is None:
        return _PAUSED if server.admin & Admin.CONFIG_MAINT else 0
    enabled = _ENABLED if server.checking else 0
    return _CONFIGURED | enabled | (_PAUSED if server.admin.maint else 0) | server.check_running


def _agent_state(server: Server) -> int:
    """Return the bits of `srv_agent_state`; an agent is asked in maintenance, too."""
    if server.agent is None:
        return 0
    return _CONFIGURED | (_ENABLED if server.agent_asked else 0) | _AGENT | server.agent_running


def _check_result(server: Server) -> int:
    """Return `srv_check_result`, which nobody knows while a check is under way."""
    return int(Outcome.UNKNOWN if server.check_running else server.last_check.status.outcome)


def _agent_port(server: Server) -> int:
    return server.agent.port if server.agent is not None else 0


def _agent_host(server: Server) -> str:
    return (server.agent.host if server.agent is not None else None) or "-"
