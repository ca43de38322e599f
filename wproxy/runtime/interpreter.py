"""Finds the command rows that a line of the stats socket means, and runs them. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wproxy.config.model import Level
from wproxy.policy.weight import WeightError
from wproxy.runtime.command import Command, CommandError, Context, Message, Severity
from wproxy.runtime.commands import (
    calls,
    checks,
    conversation,
    dynamic,
    epochs,
    frontends,
    limits,
    patterns,
    processes,
    rebalancing,
    redis_tail,
    redis_view,
    servers,
    sessions,
    show,
    tables,
)

_SEPARATOR = re.compile(r";((?:[^;\\]|\\.)*\\?)", re.DOTALL)
_WORD = re.compile(r"(?:[^\s\\]|\\.|\\$)+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_USAGE_WIDTH = 40


def split_line(line: str) -> list[str]:
    r"""Return the commands of one line, which `;` separates and `\;` does not; what is escaped stays so.

    A NUL ends the line, as it does in C.
    """
    return [part.strip() for part in _SEPARATOR.findall(";" + line.partition("\0")[0])]


def split_words(command: str) -> list[str]:
    r"""Return the words of a command; a backslash takes its meaning from the character behind it."""
    return [_ESCAPED.sub(r"\1", word) for word in _WORD.findall(command)]


class Interpreter:
    """Runs commands for one process."""

    def __init__(self) -> None:
        self._help = Command(("help",), "help [<command>]", "list matching or all commands", Level.USER, self._run_help)
        last = conversation.COMMANDS[-2:]
        groups = (
            servers, checks, rebalancing, dynamic, epochs, frontends, limits, patterns, processes, sessions, show,
            calls, tables, redis_tail, redis_view,
        )  # fmt: skip
        rows = [*(row for group in groups for row in group.COMMANDS), *conversation.COMMANDS[:-2]]
        self._always = (self._help, *last)  # shown whatever was asked for, and last
        self._rows = (*sorted(rows, key=lambda row: row.words), *self._always)
        self._longest = max(len(row.words) for row in self._rows)

    def execute(self, context: Context, line: str) -> str:
        """Run one command, return what to answer: its text and the empty line that ends it."""
        words = split_words(line)
        answer = self._answer(context, words)
        if isinstance(answer, Message):
            return f"{context.conversation.severity.prefix(answer.severity)}{answer.text}\n"
        return answer + "\n"

    def _answer(self, context: Context, words: Sequence[str]) -> str | Message:
        row = self._find(words)
        if row is None:
            return Message(Severity.INFO, self._unknown(context.conversation.level, words))
        if context.conversation.level < row.level:
            return Message(Severity.ERR, "Permission denied\n")
        try:
            return row.run(context, words[len(row.words) :])
        except (CommandError, WeightError) as error:
            return Message(Severity.ERR, str(error))

    def _find(self, words: Sequence[str]) -> Command | None:
        """Return the row with the longest name that `words` begin with."""
        matches = [row for row in self._rows if tuple(words[: len(row.words)]) == row.words]
        return max(matches, key=lambda row: len(row.words), default=None)

    def _run_help(self, context: Context, arguments: Sequence[str]) -> Message:
        head = "The following commands are valid at this level:\n"
        return Message(Severity.INFO, head + self._usages(context.conversation.level, arguments))

    def _unknown(self, level: Level, words: Sequence[str]) -> str:
        """Return the rows that share most of their beginning with `words`, all rows when none does."""
        for count in range(min(len(words), self._longest), 0, -1):
            if any(row.words[:count] == tuple(words[:count]) for row in self._rows):
                head = "Unknown command, but maybe one of the following ones is a better match:\n"
                return head + self._usages(level, words[:count])
        return "Unknown command. Please enter one of the following commands only:\n" + self._usages(level, ())

    def _usages(self, level: Level, beginning: Sequence[str]) -> str:
        """Return the help lines of what `level` may use and whose name begins with the words of `beginning`."""
        return "".join(
            _usage(row)
            for row in self._rows
            if not row.hidden
            and row.level <= level
            and (tuple(beginning) == row.words[: len(beginning)] or row in self._always)
        )


def _usage(row: Command) -> str:
    return f"  {row.usage:<{_USAGE_WIDTH}}: {row.summary}\n"
