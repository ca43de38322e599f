"""`show redis slowlog`, `show redis hotkeys` and what switches them on and off. wproxy's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wproxy.config import values
from wproxy.config.keywords.slowlog import slowlog
from wproxy.config.model import Level, RedisSlowLog
from wproxy.config.values import ArgumentError
from wproxy.policy.redis.glimpse import quoted
from wproxy.runtime.command import Command, CommandError, Context, word
from wproxy.state.backend import Backend
from wproxy.state.hotkeys import Wish
from wproxy.state.redis_view import RedisView

_SLOW = "backend,time,microseconds,client,server,commands,command"
_HOT = "backend,key,looked_at,times,error,percent,per_s"
_STATE = "backend,slowlog_us,slowlog_max_len,slowlog_kept,slow_ever,hotkeys_s_left,hotkeys_one_in"
_ONE_IN = 10
_LONGEST_S = 3600.0
_MOST_ONE_IN = 1_000_000

Viewed = tuple[Backend, RedisView]


def show_slowlog(context: Context, arguments: Sequence[str]) -> str:
    """Answer a line for each time that commands were slow, the newest first, up to the number that is asked for.

    `commands` that one client sent in a row were answered together; the first of them is shown, as SLOWLOG shows it.
    """
    viewed, count = _chosen(context, arguments)
    entries = [(backend.name, entry) for backend, view in viewed for entry in view.slowlog.newest()]
    entries.sort(key=lambda each: each[1].at, reverse=True)
    lines = [
        f"{name},{each.at:.6f},{each.microseconds},{each.client},{each.server},{each.commands},{_cell(each.words)}"
        for name, each in entries[:count]
    ]
    return "\n".join((f"# {_SLOW}", *lines, ""))


def clear_slowlog(context: Context, arguments: Sequence[str]) -> str:
    """Forget what the slow log holds."""
    for _, view in _viewed(context, word(arguments, 0)):
        view.slowlog.clear()
    return ""


def set_slowlog(context: Context, arguments: Sequence[str]) -> str:
    """Keep commands that are slower than another time from now on, until the next start."""
    view = _one(context, arguments)
    before = RedisSlowLog(view.slowlog.slower_us, view.slowlog.most)
    try:
        wanted = slowlog([*arguments[1:]], before)
    except ArgumentError as error:
        raise CommandError(f"'set redis slowlog <backend>' {error}.\n") from None
    view.set_slowlog(wanted.slower_us, wanted.most)
    return ""


def show_hotkeys(context: Context, arguments: Sequence[str]) -> str:
    """Answer a line for each of the keys that came most often while they were counted last, up to the number asked for.

    Of the commands `looked_at` the key was in so many `times`, or in up to `error` less.
    """
    viewed, count = _chosen(context, arguments)
    lines = [line for backend, view in viewed for line in _hot(backend, view, context.control.clock(), count)]
    return "\n".join((f"# {_HOT}", *lines, ""))


def _hot(backend: Backend, view: RedisView, now: float, count: int | None) -> Iterator[str]:
    looked, keys = (0, []) if view.hotkeys is None else view.hotkeys.hottest(now)
    for each in keys[:count]:
        rates = f"{each.share * 100:.2f},{each.per_s:.1f}"
        yield f"{backend.name},{_cell(quoted(each.key))},{looked},{each.times},{each.error},{rates}"


def set_hotkeys(context: Context, arguments: Sequence[str]) -> str:
    """Count keys anew, for so long; or count no more."""
    view, now = _one(context, arguments), context.control.clock()
    words = arguments[1:]
    if [*words] == ["off"]:
        view.stop_counting(now)
        return ""
    if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "one-in"):
        raise CommandError("'set redis hotkeys <backend>' expects '<time>|off [one-in <number>]'.\n")
    one_in = number_of(words[2], _MOST_ONE_IN) if len(words) == 3 else _ONE_IN
    view.count_keys(Wish(now, now + time_of(words[0], _LONGEST_S), one_in))
    return ""


def show_state(context: Context, arguments: Sequence[str]) -> str:
    """Answer a line for each backend: from when on commands are slow, and for how long keys are counted."""
    now = context.control.clock()
    lines = [_state(backend, view, now) for backend, view in _viewed(context, word(arguments, 0))]
    return "\n".join((f"# {_STATE}", *lines, ""))


def _state(backend: Backend, view: RedisView, now: float) -> str:
    log, keys = view.slowlog, view.hotkeys
    slower = "" if log.slower_us is None else str(log.slower_us)
    left = f"{keys.wish.until - now:.1f}" if keys is not None and now < keys.wish.until else ""
    one_in = "" if keys is None else str(keys.wish.one_in)
    return f"{backend.name},{slower},{log.most},{len(log.newest())},{log.ever},{left},{one_in}"


# -- arguments ---------------------------------------------------------------------------------------------------


def _viewed(context: Context, name: str) -> list[Viewed]:
    """Return the backends in mode redis, or the one of that name; raise CommandError when it is none."""
    if name:
        return [backend_of(context, name)]
    return [(each, each.view) for each in context.registry.backends.values() if each.view is not None]


def backend_of(context: Context, name: str) -> Viewed:
    """Return a backend in mode redis; raise CommandError."""
    backend = context.backend(name)
    if backend is None:
        raise CommandError("No such backend.\n")
    if backend.view is None:
        raise CommandError("This backend is not in mode redis.\n")
    return backend, backend.view


def _one(context: Context, arguments: Sequence[str]) -> RedisView:
    if not arguments:
        raise CommandError("A backend name is expected.\n")
    return backend_of(context, arguments[0])[1]


def _chosen(context: Context, arguments: Sequence[str]) -> tuple[list[Viewed], int | None]:
    """Return what `[<backend>] [<count>]` means; a number is a count, unless a backend is called so."""
    name, number = word(arguments, 0), word(arguments, 1)
    if not number and name.isdigit() and context.backend(name) is None:
        name, number = "", name
    return _viewed(context, name), number_of(number, 2**31 - 1) if number else None


def number_of(text: str, most: int) -> int:
    """Return a number from 1 to `most`; raise CommandError."""
    try:
        return values.integer(text, 1, most)
    except ArgumentError as error:
        raise CommandError(f"A number {error}.\n") from None


def time_of(text: str, most_s: float) -> float:
    """Return a time in seconds, up to `most_s`; raise CommandError."""
    try:
        seconds = values.positive_seconds(text)
    except ArgumentError as error:
        raise CommandError(f"A time {error}.\n".replace("A time expects", "Expects")) from None
    if seconds > most_s:
        raise CommandError(f"A time of up to {most_s:.0f}s is expected, not '{text}'.\n")
    return seconds


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


COMMANDS = (
    Command(
        ("clear", "redis", "slowlog"), "clear redis slowlog [<backend>]",
        "forget the slow commands of mode redis", Level.OPERATOR, clear_slowlog,
    ),
    Command(
        ("set", "redis", "hotkeys"), "set redis hotkeys <backend> <time>|off",
        "count which keys are asked for most", Level.ADMIN, set_hotkeys,
    ),
    Command(
        ("set", "redis", "slowlog"), "set redis slowlog <backend> <time>|off",
        "keep the commands of mode redis that take longer", Level.ADMIN, set_slowlog,
    ),
    Command(
        ("show", "redis", "hotkeys"), "show redis hotkeys [<backend>] [<count>]",
        "report the keys that are asked for most", Level.OPERATOR, show_hotkeys,
    ),
    Command(
        ("show", "redis", "slowlog"), "show redis slowlog [<backend>] [<count>]",
        "report the slow commands of mode redis, the last first", Level.OPERATOR, show_slowlog,
    ),
    Command(
        ("show", "redis", "view"), "show redis view [<backend>]",
        "report what is kept and counted of commands", Level.USER, show_state,
    ),
)  # fmt: skip
