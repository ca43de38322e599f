"""What `wproxy server drain` and `del` share: the wait until a server has no session left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from admin.client import StatsSocket
from admin.commands.common import read_servers
from admin.commands.epochs import read_rebalance
from admin.servers import find
from admin.waiting import wait_until

F = TypeVar("F", bound=Callable[..., Any])


def wait_option(command: F) -> F:
    """Add `--wait`."""
    return click.option(
        "--wait", is_flag=True, help="Return when the server has no session (mode redis: no key) left."
    )(command)


def timeout_option(command: F) -> F:
    """Add `--timeout`."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="How long --wait waits; without it, for ever.",
    )(command)


def wait_until_idle(proxy: StatsSocket, path: str, timeout_s: float | None) -> None:
    """Return when `path` has no session left, in mode redis no key; raise UnfinishedError when that takes too long."""
    backend, _, name = path.partition("/")

    def left() -> str:
        moving = read_rebalance(proxy, backend)
        if moving is not None:  # mode redis: its links stay, its keys go
            slots = sum(giver.slots_left for giver in moving.givers if giver.server == name)
            return f"{path} still has keys of {slots} slots" if slots else ""
        sessions = find(read_servers(proxy), path).held
        return f"{path} still has {sessions} sessions" if sessions else ""

    wait_until(left, timeout_s)
