"""`wproxy show redis`: what Redis commands do, which of them are slow, and which keys they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from admin.client import StatsSocket
from admin.commands.common import json_option, socket_option, stats_socket
from admin.errors import MisusedError
from admin.render import print_json, print_table, table
from admin.statistics import Row, parse_stat
from admin.waiting import wait_until

_CALLS = "calls"


class _Group(click.Group):
    """A group without whose words the first argument is a backend: `show redis main`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not any(word in self.commands for word in args) and "--help" not in args:
            args = [_CALLS, *args]
        return super().parse_args(ctx, args)


@click.group("redis", cls=_Group, no_args_is_help=False)
@socket_option
def redis() -> None:
    """Show calls, errors and latencies of each Redis command (`calls`, also without a word); or one of these."""


@redis.command(_CALLS)
@click.argument("backend", required=False)
@socket_option
@json_option
def calls_command(backend: str | None, *, as_json: bool) -> None:
    """Show what each Redis command did on each server of BACKEND, or of all: calls, errors, latencies."""
    rows = parse_stat(stats_socket().ask(f"show redis {backend or ''}".strip()))
    if as_json:
        print_json(rows)
    else:
        headings = ("backend", "server", "command", "calls", "errors", "p50 µs", "p99 µs", "p99.9 µs")
        print_table(table(headings, [tuple(row.values()) for row in rows]))


@redis.command("slowlog")
@click.argument("backend", required=False)
@click.option("--count", type=click.IntRange(1), default=32, show_default=True, help="The last so many.")
@click.option("--slower-than", metavar="TIME", help="Keep commands of BACKEND slower than this from now on, or `off`.")
@click.option("--clear", is_flag=True, help="Forget what is kept.")
@socket_option
@json_option
def slowlog_command(backend: str | None, count: int, slower_than: str | None, *, clear: bool, as_json: bool) -> None:
    """Show the commands of BACKEND, or of all, that took long from the proxy to the server and back, the last first."""
    proxy = stats_socket()
    name = backend or ""
    if slower_than is not None and not backend:
        raise MisusedError("--slower-than needs a BACKEND")
    if slower_than is not None:
        proxy.tell(f"set redis slowlog {backend} {slower_than}")
    if clear:
        proxy.tell(f"clear redis slowlog {name}".strip())
    rows = parse_stat(proxy.ask(f"show redis slowlog {name} {count}"))
    if as_json:
        print_json([{**row, "time": float(str(row["time"]))} for row in rows])
    elif rows:
        headings = ("when", "ms", "client", "server", "command", "and behind it")
        print_table(table(headings, [_slow(row) for row in rows]))
    else:
        for line in _states(parse_stat(proxy.ask(f"show redis view {name}".strip()))):
            click.echo(line)


def _slow(row: Row) -> Sequence[object]:
    when = datetime.fromtimestamp(float(str(row["time"]))).isoformat(" ", "milliseconds")
    more = int(row["commands"] or 0) - 1
    return (
        when, f"{int(row['microseconds'] or 0) / 1000:.3f}", row["client"], f"{row['backend']}/{row['server']}",
        row["command"], more or None,
    )  # fmt: skip


def _states(rows: Sequence[Row]) -> list[str]:
    """Return why there is nothing in the slow log."""
    lines = []
    for row in rows:
        slower = row["slowlog_us"]
        if slower is None:
            hint = f"wproxy show redis slowlog {row['backend']} --slower-than 10ms"
            lines.append(f"{row['backend']}: the slow log is off ({hint})")
        else:
            lines.append(f"{row['backend']}: nothing has been slower than {int(slower) / 1000:g} ms")
    return lines or ["no backend is in mode redis"]


def _counting(proxy: StatsSocket, backend: str) -> str:
    """Return who still counts keys."""
    rows = parse_stat(proxy.ask(f"show redis view {backend}".strip()))
    return ", ".join(str(row["backend"]) for row in rows if row["hotkeys_s_left"] is not None)


@redis.command("hotkeys")
@click.argument("backend", required=False)
@click.option("--count", type=click.IntRange(1), default=16, show_default=True, help="So many keys.")
@click.option("--for", "seconds", type=click.IntRange(1, 3600), help="Count anew, for so many seconds, and wait.")
@click.option("--one-in", type=click.IntRange(1), default=10, show_default=True, help="Look at one command in so many.")
@socket_option
@json_option
def hotkeys_command(backend: str | None, count: int, seconds: int | None, one_in: int, *, as_json: bool) -> None:
    """Show the keys of BACKEND, or of all, that were asked for most while they were counted last (--for)."""
    proxy = stats_socket()
    views = parse_stat(proxy.ask(f"show redis view {backend or ''}".strip()))
    if seconds is not None:
        for row in views:
            proxy.tell(f"set redis hotkeys {row['backend']} {seconds}s one-in {one_in}")
        wait_until(lambda: _counting(proxy, backend or ""), None)
    rows = [row for view in views for row in parse_stat(proxy.ask(f"show redis hotkeys {view['backend']} {count}"))]
    if as_json:
        print_json([{**row, "percent": float(str(row["percent"])), "per_s": float(str(row["per_s"]))} for row in rows])
    elif rows:
        headings = ("backend", "key", "share %", "calls/s", "seen", "at most less")
        columns = ("backend", "key", "percent", "per_s", "times", "error")
        print_table(table(headings, [[row[column] for column in columns] for row in rows]))
    else:
        click.echo("no key has been counted (wproxy show redis hotkeys --for 10)")
