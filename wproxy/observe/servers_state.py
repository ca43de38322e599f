"""`show servers state`: what a process must know to take over from this one (management manual, section 9.3).

The same text is what a state file holds, format version 1.
"""

from __future__ import annotations

from collections.abc import Iterable

from wproxy.config.checks import AgentSettings
from wproxy.config.model import CheckSettings
from wproxy.policy.checks.verdict import Outcome
from wproxy.state.backend import Backend
from wproxy.state.server import Admin, Server

_HEADER = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
_STOPPED, _STARTING, _RUNNING, _STOPPING = 0, 1, 2, 3
_CONFIGURED_AND_ENABLED, _PAUSED, _AGENT = 6, 8, 16


def text(backends: Iterable[Backend], now: float) -> str:
    """Return the version, the header and a line per server."""
    lines = [_line(backend, server, now) for backend in backends for server in backend.servers]
    return "\n".join(["1", _HEADER, *lines]) + "\n"


def _line(backend: Backend, server: Server, now: float) -> str:
    address = server.line.address
    values = (
        backend.proxy_id, backend.name, server.server_id, server.name, address.host or address.path or "-",
        _operational(server), int(server.admin), server.weight, server.line.weight,
        int(now - server.changed_at), server.last_check.status.number, _check_result(server), server.health.counter,
        _check_state(server), _agent_state(server), 0, 0, "-", address.port, "-", 0, _port(server.line.check),
        _host(server.line.check), _host(server.line.agent), _port(server.line.agent),
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
    return _CONFIGURED_AND_ENABLED | (_PAUSED if server.admin.maint else 0) | server.check_running


def _agent_state(server: Server) -> int:
    """Return the bits of `srv_agent_state`; an agent is asked in maintenance, too."""
    return _CONFIGURED_AND_ENABLED | _AGENT | server.agent_running if server.agent is not None else 0


def _check_result(server: Server) -> int:
    """Return `srv_check_result`, which nobody knows while a check is under way."""
    return int(Outcome.UNKNOWN if server.check_running else server.last_check.status.outcome)


def _port(settings: CheckSettings | AgentSettings | None) -> int:
    return settings.port or 0 if settings is not None else 0


def _host(settings: CheckSettings | AgentSettings | None) -> str:
    return settings.host or "-" if settings is not None else "-"
