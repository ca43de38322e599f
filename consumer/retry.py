"""The ack/nack rule: what Redis' answers mean for the batch they belong to, and how long to wait before the next try.

Pure: no I/O, no clock, no randomness. A batch has one of three fates:

- every command answered `+OK`, or those of the index with a number: acknowledge;
- Redis, or the way to it, is away or in a state that passes or that an operator mends: hold, write the rest again;
- Redis says that the command itself is wrong, now and for ever: dead letters.

A code that is not known here is held: that loses nothing and is loud, where dead letters would empty the queue.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from hiredis import ReplyError

OK = b"OK"

# Redis 7.0 server.c (createSharedObjects), db.c, cluster.c; the proxy's own are CROSSSLOT and ERR. An error code is the
# first word of the reply. These name the command, not the server's state.
_WRONG_COMMAND_CODES = frozenset({"ERR", "WRONGTYPE", "CROSSSLOT", "MOVED", "ASK", "NOPROTO", "EXECABORT"})
# ... and these carry the catch-all code "ERR" although they pass by themselves or are mended by an operator.
_PASSING_ERRORS = (
    "ERR max number of clients reached",
    "ERR max number of clients + cluster connections reached",
    "ERR operation not permitted",  # Redis before 6 said it for NOAUTH
    "ERR AUTH <password> called without any password configured",
)

_BACKOFF_FIRST_S = 0.1
_BACKOFF_CAP_S = 2.0


class Fate(enum.Enum):
    """What becomes of a batch after an attempt to write it."""

    ACKNOWLEDGE = "acknowledge"
    HOLD = "hold"
    DEAD_LETTER = "dead letter"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fate of a batch, and in words for the log why it is not acknowledged."""

    fate: Fate
    reason: str = ""


def judge(replies: Sequence[object], expected: int, lost: str | None = None) -> Verdict:
    """Return the verdict on `expected` commands of which `replies` were answered before the connection was `lost`.

    One command that is wrong for ever decides over others that may be tried again: the dead letters keep the message
    whole, so nothing of it is lost.
    """
    if replies.count(OK) == expected:
        return Verdict(Fate.ACKNOWLEDGE)
    verdicts = [judge_reply(reply) for reply in replies if not is_done(reply)]
    for verdict in verdicts:
        if verdict.fate is Fate.DEAD_LETTER:
            return verdict
    if verdicts:
        return verdicts[0]
    if len(replies) == expected:
        return Verdict(Fate.ACKNOWLEDGE)
    return Verdict(Fate.HOLD, lost or f"{expected - len(replies)} commands were not answered")


def is_done(reply: object) -> bool:
    """Tell whether Redis did what the command said."""
    return reply == OK or type(reply) is int


def judge_reply(reply: object) -> Verdict:
    """Return the verdict on one reply that does not say that the command is done."""
    if not isinstance(reply, ReplyError):
        return Verdict(Fate.HOLD, f"unexpected answer {reply!r:.100}")
    message = str(reply)
    code = message.partition(" ")[0]
    if code in _WRONG_COMMAND_CODES and not message.startswith(_PASSING_ERRORS):
        return Verdict(Fate.DEAD_LETTER, message)
    return Verdict(Fate.HOLD, message)


def backoff_s(failures: int, jitter: float) -> float:
    """Return the seconds to wait after `failures` failed attempts in a row (1 or more).

    It doubles up to a cap. `jitter` is a random number in [0, 1): it spreads consumers that failed together over the
    upper half of the wait, so that they do not come back together.
    """
    longest = min(_BACKOFF_CAP_S, _BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 16))
    return longest * (0.5 + jitter / 2)
