"""`show redis`: what each Redis command did on each server: calls, errors, latencies. wproxy's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wproxy.config.model import Level, Mode
from wproxy.runtime.command import Command, CommandError, Context
from wproxy.state.backend import Backend
from wproxy.state.commands import CommandCounters, Latencies

_COLUMNS = "backend,server,command,calls,errors,p50_us,p99_us,p999_us"
_QUANTILES = (0.5, 0.99, 0.999)
_ALL = "ALL"  # no command is called so: they are in lower case


def show_redis(context: Context, arguments: Sequence[str]) -> str:
    """Answer for each server of mode redis a line for all commands, `ALL`, and one for each that it was sent.

    Errors are answers that are errors, and answers that never came. Latencies are whole microseconds from the write to
    the server to the read that brings the last answer to that write, at most an eighth too much; empty when there was
    no answer. `clear counters all` begins anew.
    """
    backends = list(context.registry.backends.values())
    if arguments:
        backend = context.backend(arguments[0])
        if backend is None:
            raise CommandError("No such backend.\n")
        if backend.config.mode is not Mode.REDIS:
            raise CommandError("This backend is not in mode redis.\n")
        backends = [backend]
    lines = [line for backend in backends if backend.config.mode is Mode.REDIS for line in _lines(backend)]
    return "\n".join((f"# {_COLUMNS}", *lines, ""))


def _lines(backend: Backend) -> Iterator[str]:
    for server in backend.servers:
        commands = server.counters.commands
        yield f"{backend.name},{server.name},{_ALL},{_cells(_total(commands))}"
        for name in sorted(commands):
            yield f"{backend.name},{server.name},{name},{_cells(commands[name])}"


def _total(commands: Mapping[str, CommandCounters]) -> CommandCounters:
    every = commands.values()
    latencies = Latencies().merge(each.latencies for each in every)
    return CommandCounters(sum(each.calls for each in every), sum(each.errors for each in every), latencies)


def _cells(counters: CommandCounters) -> str:
    times = (counters.latencies.quantile(share) for share in _QUANTILES)
    return ",".join(("" if cell is None else str(cell)) for cell in (counters.calls, counters.errors, *times))


COMMANDS = (
    Command(
        ("show", "redis"), "show redis [<backend>]",
        "report calls, errors and latencies of each Redis command on each server", Level.USER, show_redis,
    ),
)  # fmt: skip
