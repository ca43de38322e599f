"""`wproxy rebalance status`: how far the keys of mode redis have followed the weights."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field

import click

from admin.client import StatsSocket, refusal
from admin.commands.common import json_option, socket_option, stats_socket
from admin.errors import MisusedError, RefusedError
from admin.render import duration, print_json

_WIDTH = 30  # characters of a bar


@dataclass(frozen=True, slots=True)
class Giver:
    """A server that has keys to give: the pass that runs has seen `keys_seen` of its `keys`."""

    server: str
    slots_left: int
    keys_seen: int
    keys: int
    passes: int
    state: str


@dataclass(slots=True)
class Rebalance:
    """One backend with `balance key`: how many epochs are open, the oldest for how long, and what is left of them."""

    backend: str
    epochs: int
    oldest_s: int | None
    opened: int
    slots_left: int
    keys_moved: int
    givers: list[Giver] = field(default_factory=list)

    @property
    def done(self) -> float:
        """How much of the looking and moving is done, 0 to 1."""
        keys = sum(giver.keys for giver in self.givers)
        seen = sum(min(giver.keys_seen, giver.keys) for giver in self.givers)
        return 1.0 if not self.epochs else seen / keys if keys else 0.0

    def lines(self) -> list[str]:
        """Return it for eyes."""
        if not self.epochs:
            return [f"{self.backend}: settled, {self.keys_moved} keys moved by the last change"]
        filled = int(self.done * _WIDTH)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        epochs = f"{self.epochs} epoch{'s' if self.epochs > 1 else ''} open for {duration(self.oldest_s)}"
        head = f"{self.backend}: {bar} {self.done * 100:.0f} %  {epochs}"
        counts = f"  {self.keys_moved} keys moved, {self.slots_left} slots left"
        return [head, counts, *(f"  {_giver(giver)}" for giver in self.givers)]

    def document(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "backend": self.backend,
            "settled": not self.epochs,
            "done": self.done,
            "epochs_open": self.epochs,
            "epochs_ever": self.opened,
            "oldest_s": self.oldest_s,
            "slots_left": self.slots_left,
            "keys_moved": self.keys_moved,
            "servers": [
                {
                    "server": giver.server,
                    "state": giver.state,
                    "slots_left": giver.slots_left,
                    "keys_seen": giver.keys_seen,
                    "keys": giver.keys,
                    "passes": giver.passes,
                }
                for giver in self.givers
            ],
        }


def _giver(giver: Giver) -> str:
    seen = f"{giver.keys_seen} of {giver.keys} keys looked at"
    return f"{giver.server}: {giver.state}, {seen}, {giver.slots_left} slots left"


def read_rebalances(proxy: StatsSocket) -> list[Rebalance]:
    """Ask how far each backend is; raise RefusedError when the proxy knows no such question."""
    return parse_epochs(proxy.ask("show redis epochs"))


def read_rebalance(proxy: StatsSocket, backend: str) -> Rebalance | None:
    """Return how far `backend` is; None where weights move no keys, as in HAProxy."""
    try:
        return next((each for each in read_rebalances(proxy) if each.backend == backend), None)
    except RefusedError:
        return None


def parse_epochs(answer: str) -> list[Rebalance]:
    """Return what `show redis epochs` answers, by backend; raise RefusedError when that is no table."""
    header, _, body = answer.lstrip().partition("\n")
    if not header.startswith("# backend,"):
        raise refusal(answer)
    names = header.removeprefix("# ").split(",")
    found: list[Rebalance] = []
    for line in csv.reader(body.splitlines()):
        if not line:
            continue
        row = dict(zip(names, line, strict=True))
        if row["server"]:
            left, seen, keys, passes = (int(row[name]) for name in ("slots_left", "keys_seen", "keys", "passes"))
            found[-1].givers.append(Giver(row["server"], left, seen, keys, passes, row["state"]))
        else:
            oldest = int(row["oldest_s"]) if row["oldest_s"] else None
            opened, left, moved = (int(row[name]) for name in ("opened", "slots_left", "keys_moved"))
            found.append(Rebalance(row["backend"], int(row["epochs"]), oldest, opened, left, moved))
    return found


@click.group(no_args_is_help=False)
@socket_option
def rebalance() -> None:
    """Show how far keys have followed the weights (mode redis, balance key)."""


@rebalance.command("status")
@click.argument("backend", required=False)
@socket_option
@json_option
def status_command(backend: str | None, *, as_json: bool) -> None:
    """Show BACKEND, or every backend with balance key."""
    every = read_rebalances(stats_socket())
    chosen = [each for each in every if backend in (None, each.backend)]
    if backend is not None and not chosen:
        there = ", ".join(each.backend for each in every) or "none"
        raise MisusedError(f"no backend {backend!r} with 'balance key' (there are: {there})")
    if as_json:
        print_json([each.document() for each in chosen])
        return
    for each in chosen:
        for line in each.lines():
            click.echo(line)
    if not chosen:
        click.echo("no backend has 'balance key'")
