"""`show proc`: the processes of the proxy, in the form of HAProxy's master CLI (management manual, section 9.4)."""

from __future__ import annotations

import os
from collections.abc import Iterable

from wproxy.crew.role import Duty, Process, Role
from wproxy.crew.supervisor import Supervisor
from wproxy.records import dataclass

_WIDTH = 15


@dataclass(frozen=True, slots=True)
class Now:
    """What is the case when it is asked: seconds since 1970, the proxy's version, since when this process serves."""

    at_s: float
    version: str
    started_at_s: float


def text(role: Role, supervisor: Supervisor | None, now: Now) -> str:
    """Return a line for each process; the old ones are those that finish their sessions after a reload."""
    own = "supervisor" if role.duty is Duty.SUPERVISOR else "worker"
    serving = [Process(os.getpid(), own, now.started_at_s, role.reloads)]
    if supervisor is not None:
        serving += [Process(each.pid, "worker", each.since, role.reloads) for each in supervisor.members]
    old = [process for process in role.leaving if _is_alive(process.pid)]
    head = "#" + "".join(f"{title:<{_WIDTH + 1}}" for title in ("<PID>", "<type>", "<reloads>", "<uptime>"))
    return (
        f"{head}<version>\n{_lines([role.master] if role.master else [], now)}"
        f"# workers\n{_lines(serving, now)}# old workers\n{_lines(old, now)}# programs\n"
    )


def _lines(processes: Iterable[Process], now: Now) -> str:
    return "".join(_line(process, now) for process in processes)


def _line(process: Process, now: Now) -> str:
    minutes, seconds = divmod(int(now.at_s - process.since), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    uptime = f"{days}d{hours:02d}h{minutes:02d}m{seconds:02d}s"
    cells = (process.pid, process.kind, process.reloads, uptime)
    return "".join(f"{cell!s:<{_WIDTH}} " for cell in cells) + f"{now.version}\n"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
