"""What a row of the keyword tables is, and how the row of a line is found.

A keyword that wproxy does has an action; one that it accepts without effect says why (ignored); one that only HAProxy
does has a row, too (refused), so that the error can say more than "unknown". Adding a keyword is adding a row.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import Any, Generic, TypeVar

from wproxy.config.model import Ignored, Location
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError, Type
from wproxy.errors import Problem
from wproxy.records import dataclass

D = TypeVar("D")


class Section(enum.Enum):
    """Where a keyword may stand: a section of the file, or a line that takes parameters."""

    GLOBAL = "global"
    DEFAULTS = "defaults"
    FRONTEND = "frontend"
    LISTEN = "listen"
    BACKEND = "backend"
    BIND = "bind"
    STATS_SOCKET = "stats socket"
    SERVER = "server"
    DEFAULT_SERVER = "default-server"
    USERLIST = "userlist"


class Status(enum.Enum):
    """What wproxy does with a keyword; the value is what docs/compatibility.md calls it."""

    DONE = "done"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Statement:
    """One line, split: the words that are the keyword, the words that are its arguments, and where it stands."""

    keyword: str
    arguments: tuple[str, ...]
    location: Location
    section: Section


@dataclass(slots=True)
class Report:
    """What is found while a configuration is read: faults, warnings, lines without effect. Owned by one `load`."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)

    def problem(self, location: Location, message: str) -> None:
        """Note a fault that makes the configuration unusable."""
        self.problems.append(Problem(location.file, location.line, printable(message)))

    def warn(self, location: Location, message: str) -> None:
        """Note something that is most likely not what the user wants."""
        self.warnings.append(f"[{location.file}:{location.line}] : {printable(message)}")

    def ignore(self, location: Location, keyword: str, reason: str) -> None:
        """Note a line that has no effect here."""
        self.ignored.append(Ignored(location, keyword, reason))


def printable(message: str) -> str:
    r"""Return `message` on one line: newlines and a terminal's codes in a word that it quotes are shown as \n, \x1b."""
    if message.isprintable():
        return message
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in message)


Action = Callable[[Any, Statement, Report], None]  # the draft it writes to is what its table's Grammar is made for


@dataclass(frozen=True, slots=True)
class Keyword:
    """One row. `words` are one word or two; `doc` says what it does or, if it is not done, why or since when.

    `undo` is what `no` in front of it does; `reversible` alone allows `no` where there is nothing to undo. `arity` is
    how many words follow a parameter. A `misplaced` keyword is an error in a section it does not belong to, where
    HAProxy only warns about the others.
    """

    words: str
    sections: frozenset[Section]
    doc: str
    manual: str
    status: Status = Status.DONE
    action: Action | None = None
    undo: Action | None = None
    reversible: bool = False
    arity: int = 0
    misplaced: bool = False

    @property
    def label(self) -> str:
        """The keyword and its argument, as the manual writes it."""
        argument = self.action.type.label if isinstance(self.action, Sets) else ""
        return f"{self.words} {argument}".rstrip()


@dataclass(frozen=True, slots=True)
class Sets:
    """The action of most keywords: read the one argument as `type`, store it in `field`."""

    field: str
    type: Type
    once: bool = False

    def __call__(self, draft: Any, statement: Statement, report: Report) -> None:  # noqa: ANN401 - see Action
        """Set the field; warn and keep the first value when it may be set once only and is set already."""
        value = self.type.read(single(statement, self.type.expects))
        if self.once and getattr(draft, self.field) is not None:
            report.warn(statement.location, f"'{statement.keyword}' already specified, the first one counts.")
            return
        setattr(draft, self.field, value)


@dataclass(frozen=True, slots=True)
class SetsTo:
    """The action of a keyword without argument: store `value` in `field`."""

    field: str
    value: object

    def __call__(self, draft: Any, statement: Statement, report: Report) -> None:  # noqa: ANN401 - see Action
        """Set the field."""
        at_most(statement, 0)
        setattr(draft, self.field, self.value)


def at_most(statement: Statement, number: int) -> None:
    """Raise ArgumentError when `statement` has more than `number` arguments."""
    if len(statement.arguments) > number:
        raise ArgumentError(f"cannot handle unexpected argument '{statement.arguments[number]}'")


def single(statement: Statement, expects: str) -> str:
    """Return the only argument of `statement`; raise ArgumentError when there is none or more than one."""
    at_most(statement, 1)
    if not statement.arguments:
        raise ArgumentError(f"expects {expects}")
    return statement.arguments[0]


def done(words: str, sections: Iterable[Section], action: Action, doc: str, manual: str, **more: Any) -> Keyword:  # noqa: ANN401 - fields of Keyword
    """Return the row of a keyword that wproxy does."""
    arity = 1 if isinstance(action, Sets) else 0
    return Keyword(words, frozenset(sections), doc, manual, action=action, arity=arity, **more)


def ignored(
    words: str,
    sections: Iterable[Section],
    reason: str,
    manual: str,
    *,
    reversible: bool = False,
    action: Action | None = None,
    undo: Action | None = None,
) -> Iterator[Keyword]:
    """Yield the rows of keywords that have no effect here, all for one reason; `words` has one keyword per comma.

    `action` may note that the line was there, for `validate` to refuse it where ignoring it would be dangerous.
    """
    for row in _undone(Status.IGNORED, words, sections, reason, manual, reversible):
        yield replace(row, action=action, undo=undo)


def refused(
    words: str, sections: Iterable[Section], doc: str, manual: str, *, reversible: bool = False
) -> Iterator[Keyword]:
    """Yield the rows of keywords that only HAProxy does; `words` has one keyword per comma."""
    yield from _undone(Status.REFUSED, words, sections, doc, manual, reversible)


def _undone(
    status: Status, words: str, sections: Iterable[Section], doc: str, manual: str, reversible: bool
) -> Iterator[Keyword]:
    for entry in words.split(","):
        name, _, arity = entry.strip().partition("+")
        yield Keyword(
            name.strip(), frozenset(sections), doc, manual, status, reversible=reversible, arity=int(arity or 0)
        )


class Grammar(Generic[D]):
    """The rows of one table, whose actions write to a draft of type D. Immutable."""

    def __init__(self, rows: Sequence[Keyword]) -> None:
        self.rows = tuple(rows)
        self._by_words = {(section, row.words): row for row in self.rows for section in row.sections}

    def find(self, section: Section, words: Sequence[str]) -> Keyword | None:
        """Return the row for a line of `section` that begins with `words`, the longer keyword first."""
        two = self._by_words.get((section, " ".join(words[:2])))
        return two or self._by_words.get((section, words[0]))

    def elsewhere(self, words: Sequence[str]) -> Keyword | None:
        """Return the row for `words` in any section."""
        for section in Section:
            row = self.find(section, words)
            if row is not None:
                return row
        return None

    def unknown(self, section: Section, words: Sequence[str], also: Iterable[str] = ()) -> str:
        """Return the error about `words`, which are no keyword of `section`, with the nearest one that is.

        `also` are names that may stand here besides the keywords: those of sections.
        """
        names = [name for known, name in self._by_words if known is section]
        group = [name for name in names if name.startswith(f"{words[0]} ")]
        if group and len(words) == 1:
            following = ", ".join(sorted(f"'{name.split(' ')[1]}'" for name in group))
            return f"'{words[0]}' in '{section.value}' section expects one of {following}"
        asked = " ".join(words[:2]) if group else words[0]
        if not group:
            names = [*(name.split(" ")[0] for name in names), *also]
        return f"unknown keyword '{asked}' in '{section.value}' section{did_you_mean(asked, group or names)}"
