"""Commands that bring live sessions where the weights want them: `rebalance sessions`, `show rebalance`."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.model import Level, Mode
from wproxy.runtime.command import Command, CommandError, Context, Message, Severity, whole_number, word
from wproxy.state.backend import Backend
from wproxy.state.rebalance import RATE, RATE_MAX, Phase, Rebalance

_HEAD = "# be_name,srv_name,state,rate,sessions,quota,surplus,closed,bound,left,returned\n"
_SHARED = (
    "Nothing to close: in mode redis clients share the connections to the servers, and every command goes by the "
    "weights in force.\n"
)


def rebalance_sessions(context: Context, arguments: Sequence[str]) -> str | Message:
    backend = _backend(context, word(arguments, 0))
    expected = f"Sessions per second expected, 1 to {RATE_MAX}.\n"
    rate = whole_number(arguments[1], expected) if len(arguments) > 1 else RATE
    if not 1 <= rate <= RATE_MAX:
        raise CommandError(expected)
    if backend.config.mode is Mode.REDIS:
        return Message(Severity.NOTICE, _SHARED)
    return _HEAD + _report(context.control.rebalances.begin(backend, rate))


def show_rebalance(context: Context, arguments: Sequence[str]) -> str:
    backends = [_backend(context, arguments[0])] if arguments else list(context.registry.backends.values())
    runs = (context.control.rebalances.of(backend) for backend in backends)
    return _HEAD + "".join(_report(run) for run in runs if run is not None)


def _backend(context: Context, name: str) -> Backend:
    backend = context.backend(name)
    if backend is None:
        raise CommandError("No such backend.\n" if name else "A backend name is expected.\n")
    return backend


def _report(run: Rebalance) -> str:
    """Return a line for each server and one for the backend, which tells how it goes on."""
    backend, plan = run.backend, run.plan
    lines = [
        _line(backend, server.name, "", "", server.current, quota, "", run.closed.get(server, 0), bound, "", "")
        for server, quota, bound in zip(backend.servers, plan.quotas, plan.bound, strict=False)
    ]
    current = sum(server.current for server in backend.servers)
    left = plan.total if run.phase is not Phase.CLOSING else run.surplus - run.closed_total
    state = (run.phase.value, run.rate, current, sum(plan.quotas), run.surplus, run.closed_total)
    return "".join((*lines, _line(backend, "BACKEND", *state, sum(plan.bound), left, run.returned)))


def _line(backend: Backend, *values: object) -> str:
    return ",".join((backend.name, *map(str, values))) + "\n"


COMMANDS = (
    Command(
        ("rebalance", "sessions"), "rebalance sessions <backend> [rate]",
        "close idle sessions that the weights want elsewhere", Level.ADMIN, rebalance_sessions,
    ),
    Command(
        ("show", "rebalance"), "show rebalance [<backend>]",
        "report how 'rebalance sessions' goes on", Level.USER, show_rebalance,
    ),
)  # fmt: skip
