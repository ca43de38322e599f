"""Runs commands of the stats sockets where several processes serve: on numbers that are whole, in force in all of them.

Most commands work on the supervisor's own state. Those about sessions are done in each worker, too, and the answers
made one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from wproxy.runtime.command import Context
from wproxy.runtime.commands.redis_tail import TAIL, joined
from wproxy.runtime.handover import COMMAND
from wproxy.runtime.interpreter import Interpreter, split_words
from wproxy.state.rebalance import RATE, Phase

_REBALANCE = ("rebalance", "sessions")
_NOT_FOUND = ("Session not found.", "No such session")


class Crew(Protocol):
    """What is asked of the supervisor."""

    @property
    def size(self) -> int:
        """How many workers there are."""

    def refresh(self) -> None:
        """Have the registry show what all workers have counted up to now."""

    def settle(self) -> None:
        """Return when what has changed is in force in every worker."""

    def run(self, level: int, command: str) -> Iterable[str]:
        """Return what each worker answers to `command`."""


class CrewInterpreter(Interpreter):
    """An interpreter that has workers."""

    def __init__(self, crew: Crew) -> None:
        super().__init__()
        self._crew = crew

    def execute(self, context: Context, line: str) -> str:
        """Run one command, return what to answer."""
        if line.lstrip().startswith(COMMAND):
            return super().execute(context, line)  # the next process waits, and no number is asked for
        self._crew.refresh()
        own = super().execute(context, line)
        words = split_words(line)
        merge = _merge_of(words)
        if merge is not None and (own.strip() == "" or not _is_refused(own)):
            own = merge([own, *self._crew.run(int(context.conversation.level), _shared(words, self._crew.size, line))])
        self._crew.settle()
        return own


def _is_refused(answer: str) -> bool:
    """Tell whether a command was refused for another reason than that this process has not the session."""
    if _NOT_FOUND[1] in answer:
        return False
    return any(words in answer for words in ("Permission denied", "expected", "No such "))


def _listed(answers: Sequence[str]) -> str:
    """Return the lines of all, with the empty line that ends an answer once."""
    found = [answer[:-1] for answer in answers if not answer.startswith(_NOT_FOUND)]
    return "".join(found) + "\n" if found else answers[0]


def _first_done(answers: Sequence[str]) -> str:
    """Return the answer of the process that has done it, else what the first one has against it."""
    return next((answer for answer in answers if not answer.strip()), answers[0])


def _summed(answers: Sequence[str]) -> str:
    """Return the tables of `rebalance sessions` as one: numbers are added, the state is that of the slowest."""
    head = answers[0].splitlines()[0]
    rows: dict[tuple[str, str], list[str]] = {}
    if not head.startswith("#"):
        return answers[0]
    for answer in answers[1:] or answers:  # the supervisor has no sessions
        for line in filter(None, answer.splitlines()[1:]):
            cells = line.split(",")
            known = rows.setdefault((cells[0], cells[1]), cells)
            if known is not cells:
                rows[cells[0], cells[1]] = [_both(at, *pair) for at, pair in enumerate(zip(known, cells, strict=True))]
    return "\n".join((head, *(",".join(cells) for cells in rows.values()), "", ""))


_PHASES = [phase.value for phase in Phase]


def _both(at: int, one: str, other: str) -> str:
    if at < 2:
        return one
    if one in _PHASES and other in _PHASES:
        return min(one, other, key=_PHASES.index)
    return str(int(one) + int(other)) if one and other else one or other


def _shared(words: Sequence[str], workers: int, line: str) -> str:
    """Return what each of `workers` is to do, so that all together do what `line` says."""
    if tuple(words[:2]) != _REBALANCE or len(words) < 3 or not workers:
        return line
    rate = int(words[3]) if len(words) > 3 else RATE
    return f"{' '.join(words[:3])} {max(rate // workers, 1)}"


Merge = Callable[[Sequence[str]], str]
_MERGES: Mapping[tuple[str, ...], Merge] = {
    ("show", "sess"): _listed,
    ("shutdown", "session"): _first_done,
    ("shutdown", "sessions"): lambda answers: answers[0],
    ("clear", "counters"): lambda answers: answers[0],
    ("clear", "table"): lambda answers: answers[0],
    _REBALANCE: _summed,
    ("show", "rebalance"): _summed,
    TAIL: joined,
}


def _merge_of(words: Sequence[str]) -> Merge | None:
    return _MERGES.get(tuple(words[:2])) or _MERGES.get(tuple(words[:1]))
