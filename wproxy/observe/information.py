"""`show info`: facts about the process, a row each, in HAProxy's order (management manual, section 9.3, "show info").

Rows about what this proxy does not have (TLS, compression, memory pools) are left out, but for those without which
hatop and haproxyadmin do not start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from wproxy.state.registry import Registry


@dataclass(frozen=True, slots=True)
class Process:
    """What the process knows of itself from the outside; times are seconds, `uptime_s` since the start."""

    version: str
    release_date: str
    pid: int
    uptime_s: int
    started_at_s: int  # since 1970
    node: str
    description: str
    open_files_max: int
    stopping: bool
    dropped_logs: int = 0


Fact: TypeAlias = Callable[[Registry, Process], int | str | None]


@dataclass(frozen=True, slots=True)
class Field:
    """One line of `show info`; None leaves it out."""

    name: str
    value: Fact


def _uptime(_: Registry, process: Process) -> str:
    minutes, seconds = divmod(process.uptime_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h{minutes:02d}m{seconds:02d}s"


FIELDS: tuple[Field, ...] = (
    # Programs written for HAProxy look for its name before they look at anything else.
    Field("Name", lambda r, p: "HAProxy"),
    Field("Version", lambda r, p: p.version),
    Field("Release_date", lambda r, p: p.release_date),
    Field("Nbthread", lambda r, p: r.config.globals.nbthread),
    Field("Nbproc", lambda r, p: 1),
    Field("Process_num", lambda r, p: 1),
    Field("Pid", lambda r, p: p.pid),
    Field("Uptime", _uptime),
    Field("Uptime_sec", lambda r, p: p.uptime_s),
    Field("Ulimit-n", lambda r, p: p.open_files_max),
    Field("Maxsock", lambda r, p: p.open_files_max),
    Field("Maxconn", lambda r, p: r.maxconn),
    Field("Hard_maxconn", lambda r, p: r.maxconn),
    Field("CurrConns", lambda r, p: len(r.sessions.live)),
    Field("CumConns", lambda r, p: r.sessions.total),
    Field("CumReq", lambda r, p: sum(f.counters.requests for f in r.frontends.values())),
    Field("Maxpipes", lambda r, p: 0),
    Field("PipesUsed", lambda r, p: 0),
    Field("PipesFree", lambda r, p: 0),
    Field("MaxConnRate", lambda r, p: max((f.counters.session_rate.maximum for f in r.frontends.values()), default=0)),
    Field("Tasks", lambda r, p: len(r.sessions.live)),
    Field("Run_queue", lambda r, p: 0),
    Field("node", lambda r, p: p.node),
    Field("description", lambda r, p: p.description or None),
    Field("Stopping", lambda r, p: int(p.stopping)),
    Field("Listeners", lambda r, p: sum(len(f.config.binds) for f in r.frontends.values())),
    Field("DroppedLogs", lambda r, p: p.dropped_logs),
    Field("TotalBytesOut", lambda r, p: sum(f.counters.bytes_out for f in r.frontends.values())),
    Field("Start_time_sec", lambda r, p: p.started_at_s),
)


def text(registry: Registry, process: Process) -> str:
    """Return the lines `Name: value`."""
    registry.sessions.settle()
    values = ((field.name, field.value(registry, process)) for field in FIELDS)
    return "".join(f"{name}: {value}\n" for name, value in values if value is not None)
