"""`redis-slowlog`: which commands of mode redis are kept, because they took long."""

from __future__ import annotations

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Keyword, Report, Section, Statement, done
from wproxy.config.model import RedisSlowLog
from wproxy.config.values import ArgumentError

_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)
MOST_KEPT = 100_000


def slowlog(words: list[str], before: RedisSlowLog) -> RedisSlowLog:
    """Return what `<time>|off [max-len <number>]` says; without `max-len` as many are kept as `before`."""
    if not words or len(words) not in (1, 3) or (len(words) == 3 and words[1] != "max-len"):
        raise ArgumentError("expects '<time>|off [max-len <number>]', for instance '10ms max-len 128'")
    most = before.most
    if len(words) == 3:
        try:
            most = values.integer(words[2], 1, MOST_KEPT)
        except ArgumentError as error:
            raise ArgumentError(f"'max-len' {error}") from None
    return RedisSlowLog(None if words[0] == "off" else values.microseconds(words[0]), most)


def _slowlog(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.slowlog = slowlog([*statement.arguments], RedisSlowLog())
    proxy.slowlog_location = None if proxy.section is Section.DEFAULTS else statement.location


SLOWLOG: tuple[Keyword, ...] = (
    done(
        "redis-slowlog",
        _BACK,
        _slowlog,
        "keep the last commands of mode redis that take longer (`show redis slowlog`), 128 or `max-len`; default off",
        "wproxy's own",
    ),
)
