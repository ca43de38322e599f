"""`wproxy reload`: has the proxy read its configuration anew, and tells what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from admin.client import StatsSocket
from admin.commands.common import socket_option, stats_socket
from admin.errors import NoAnswerError, RefusedError
from admin.processes import Process, parse_processes
from admin.statistics import parse_info
from admin.waiting import wait_until

_TIMEOUT_S = 60.0


@click.command()
@socket_option
def reload() -> None:
    """Read the configuration anew. One that cannot be used changes nothing, and its faults are shown."""
    proxy = stats_socket()
    before = _serving(proxy)
    proxy.tell("reload")
    faults: list[str] = []
    serving: list[Process] = []

    def left() -> str:
        try:
            serving[:] = _serving(proxy)
            # In this order: whoever answers with faults is still there when it has not been replaced.
            if serving and serving[0].reloads == before[0].reloads:
                faults[:] = proxy.ask("show startup-logs").split("\n")
        except NoAnswerError:
            return "the proxy does not answer"  # one process goes as the other comes
        is_new = bool(serving) and serving[0].reloads != before[0].reloads
        done = any(faults) or (is_new and _is_whole(proxy, serving))
        return "" if done else "not reloaded"

    wait_until(left, _TIMEOUT_S)
    if any(faults):
        raise RefusedError("\n".join(filter(None, faults)))
    pids = " ".join(str(process.pid) for process in serving)
    click.echo(f"reloaded: {pids} serve{'' if len(serving) > 1 else 's'}")


def _is_whole(proxy: StatsSocket, serving: Sequence[Process]) -> bool:
    """Tell whether all workers are there."""
    wanted = int(parse_info(proxy.ask("show info"))["Nbthread"] or 1)
    return sum(process.kind == "worker" for process in serving) >= wanted


def _serving(proxy: StatsSocket) -> list[Process]:
    """Return the processes that serve; raise RefusedError when the proxy knows no `show proc`."""
    found = [each for each in parse_processes(proxy.ask("show proc")) if not each.old and each.kind != "master"]
    if not found:
        raise RefusedError("this proxy does not tell its processes: 'show proc' is not known to it")
    return found
