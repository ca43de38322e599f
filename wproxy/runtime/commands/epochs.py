"""`show redis epochs`: how far the keys of mode redis have followed the weights. wproxy's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, word
from wproxy.state.backend import Backend
from wproxy.state.epochs import Report

_COLUMNS = "backend,server,epochs,oldest_s,opened,slots_left,keys_moved,keys_moved_ever,keys_seen,keys,passes,state"


def show_redis_epochs(context: Context, arguments: Sequence[str]) -> str:
    """Answer a line for each backend with `balance key`, and below it one for each server that has keys to give.

    `epochs` are open now, the oldest since `oldest_s` seconds, `opened` were ever. `slots_left` counts pairs of a slot
    and a server that may still have keys of it. `keys_moved` counts since epochs were opened last while none was open.
    The pass that runs has seen `keys_seen` of the server's `keys`.
    """
    name = word(arguments, 0)
    if name and context.backend(name) is None:
        raise CommandError("No such backend.\n")
    chosen = [context.backend(name)] if name else list(context.registry.backends.values())
    reports = [(backend, backend.epochs) for backend in chosen if backend is not None]
    lines = [line for backend, report in reports if report is not None for line in _lines(backend, report)]
    return "\n".join((f"# {_COLUMNS}", *lines, ""))


def _lines(backend: Backend, report: Report) -> Iterator[str]:
    now = report.progress()
    oldest = max((int(age_s) for _, age_s, _ in now.epochs), default="")
    moved = f"{now.keys_moved},{now.keys_moved_ever}"
    state = "moving" if now.epochs else "settled"
    yield f"{backend.name},,{len(now.epochs)},{oldest},{now.opened},{now.slots_left},{moved},,,,{state}"
    for each in now.servers:
        seen = f"{each.keys_seen},{each.keys},{each.passes},{each.state}"
        yield f"{backend.name},{each.name},,,,{each.slots_left},,,{seen}"


COMMANDS = (
    Command(
        ("show", "redis", "epochs"), "show redis epochs [<backend>]",
        "report how far keys have followed the weights", Level.USER, show_redis_epochs,
    ),
)  # fmt: skip
