"""`tail redis`: commands of mode redis as they come, like MONITOR, but a sample of them. wproxy's own.

tail redis ──▶ Conversation.follow ──▶ `_tail`, again and again: begins a `Tail` in every process, then fetches
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import orjson

from wproxy.config.model import Level
from wproxy.policy.redis.sampling import Sampler
from wproxy.protocols.bus import Json
from wproxy.runtime.command import Command, CommandError, Context, Follow
from wproxy.runtime.commands.redis_view import backend_of, number_of, time_of
from wproxy.state.redis_view import RedisView
from wproxy.state.tail import TailWish, merged

TAIL = ("_tail",)
_SECONDS = 10.0
_LONGEST_S = 3600.0
_RATE = 100
_MOST_RATE = 2000
_MOST_ONE_IN = 1_000_000
_MOST_TAILS = 8  # of one backend, at a time
_USAGE = (
    "Expects '[<backend>] [for <time>] [command <name>[,<name>]…] [prefix <text>] [one-in <n>] [rate <n>] [values]'.\n"
)


def tail_redis(context: Context, arguments: Sequence[str]) -> str:
    """Show commands that servers are sent, one in so many and so many a second, from now on and for so long."""
    wish = {"for": f"{_SECONDS:.0f}s", "one-in": "1", "rate": str(_RATE), "command": "", "prefix": "", "values": ""}
    words = [*arguments]
    backend = words.pop(0) if words and words[0] not in wish else ""
    while words:
        option = words.pop(0)
        if option not in wish or (option != "values" and not words):
            raise CommandError(_USAGE)
        wish[option] = "yes" if option == "values" else words.pop(0)
    seconds, rate = time_of(wish["for"], _LONGEST_S), number_of(wish["rate"], _MOST_RATE)
    views = _views(context, backend)
    if any(len(view.tails) >= _MOST_TAILS for view in views):
        raise CommandError(f"There are {_MOST_TAILS} who watch already.\n")
    control, name = context.control, secrets.token_hex(8)
    until = control.clock() + seconds
    asked = [until, number_of(wish["one-in"], _MOST_ONE_IN), rate, wish["command"], wish["prefix"], wish["values"]]
    begin = f"{TAIL[0]} {name} {orjson.dumps([backend, *asked]).hex()}"
    lines = _Lines(rate, control.clock)
    context.conversation.follow = Follow(begin, f"{TAIL[0]} {name}", until, control.clock, lines)
    return ""


class _Lines:
    """Makes lines of what processes have told: up to so many a second of all together."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pace = Sampler(1, rate, clock(), 1, burst=rate)

    def __call__(self, answer: str) -> list[str]:
        """Return the lines, and behind them how many there are not."""
        found, lost, left_out = orjson.loads(answer)
        before = self._pace.missed
        shown = [found[place][1] for place in self._pace.places(len(found), self._clock())]
        left_out += self._pace.missed - before
        return [*shown, *_missing(lost, left_out)]


def _missing(lost: int, left_out: int) -> Iterator[str]:
    if lost:
        yield f"# {lost} lost: this reader is too slow"
    if left_out:
        yield f"# {left_out} left out: more than are looked at or shown in a second"


def _fetch(context: Context, arguments: Sequence[str]) -> str:
    """Answer what has been seen under a name since the last time; without a wish behind the name end it."""
    if len(arguments) == 1:
        for view in _views(context, ""):
            view.end_tail(arguments[0])
        return orjson.dumps(merged([])).decode() + "\n"
    backend, wish = _wished(arguments)
    now = context.control.clock()
    told: list[Json] = [view.tail(arguments[0], wish, now).fetch() for view in _views(context, backend)]
    return orjson.dumps(merged(told)).decode() + "\n"


def _wished(arguments: Sequence[str]) -> tuple[str, TailWish]:
    """Return of which backend a tail is wished, and which."""
    with suppress(ValueError):
        match orjson.loads(bytes.fromhex(arguments[1] if len(arguments) == 2 else "")):
            case [str(backend), float(until), int(one_in), int(rate), str(names), str(prefix), str(values)] if (
                one_in > 0 and rate > 0
            ):
                commands = frozenset(each.upper().encode() for each in names.split(",") if each)
                return backend, TailWish(until, one_in, rate, commands, prefix.encode(), bool(values))
    raise CommandError("Use 'tail redis': this is what it asks each process.\n")


def joined(answers: Sequence[str]) -> str:
    """Return what several processes have answered to `_tail` as one; a complaint is what all of them have said."""
    if not answers[0].startswith("["):
        return answers[0]
    return orjson.dumps(merged([orjson.loads(answer) for answer in answers])).decode() + "\n"


def _views(context: Context, name: str) -> list[RedisView]:
    if name:
        return [backend_of(context, name)[1]]
    return [each.view for each in context.registry.backends.values() if each.view is not None]


COMMANDS = (
    Command(
        ("tail", "redis"), "tail redis [<backend>] [for <time>] […]",
        "show commands of mode redis as they come", Level.OPERATOR, tail_redis,
    ),
    Command(TAIL, "_tail <name> [<wish>]", "fetch what a tail has seen", Level.OPERATOR, _fetch, hidden=True),
)  # fmt: skip
