"""What `wproxy weight set` and `server drain` share: `--rebalance`, and the wait until it has come to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click

from admin.client import StatsSocket
from admin.errors import MisusedError, UnfinishedError
from admin.rebalance import Outcome, Rebalance, parse_rebalance
from admin.waiting import wait_until

F = TypeVar("F", bound=Callable[..., Any])
RATE_MAX = 10_000
RETURN_S = 5.0  # how long clients may take to come back before the command ends without them


def rebalance_option(command: F) -> F:
    """Add `--rebalance`."""
    help_ = "Then close the sessions that belong elsewhere now, idle ones first, so that their clients come back there."
    return click.option("--rebalance", "rebalances", is_flag=True, help=help_)(command)


def rate_option(command: F) -> F:
    """Add `--rate`."""
    return click.option(
        "--rate",
        type=click.IntRange(1, RATE_MAX),
        metavar="N",
        help="How many sessions --rebalance closes a second; default 100.",
    )(command)


def check_rate(*, rebalances: bool, rate: int | None) -> None:
    """Raise MisusedError when there is a rate of nothing."""
    if rate is not None and not rebalances:
        raise MisusedError("--rate is about --rebalance: say both")


def rebalance(proxy: StatsSocket, backend: str, rate: int | None) -> Outcome:
    """Close what is in the wrong place; return when that is done and clients had time to come back."""
    begun = parse_rebalance(backend, proxy.ask(f"rebalance sessions {backend}" + (f" {rate}" if rate else "")))
    if begun.note:
        return Outcome(begun, 0)

    def now() -> Rebalance:
        return parse_rebalance(backend, proxy.ask(f"show rebalance {backend}"))

    wait_until(lambda: "sessions are still to be closed" if now().closing else "", None)
    with suppress(UnfinishedError):
        wait_until(lambda: "" if now().done else "clients are not back yet", RETURN_S)
    return Outcome(now(), begun.sessions + begun.closed)
