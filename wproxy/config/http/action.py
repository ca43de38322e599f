"""What a row of the table of actions is, and the line that it reads (manual, section 4.2, "http-request")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from wproxy.config.acl.scope import Scope
from wproxy.config.http.model import Act
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

CONDITIONS = ("if", "unless")


class Words:
    """The words of a line, taken one after the other up to its condition."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words
        self._at = 0

    @property
    def over(self) -> bool:
        """Whether the condition begins here, or the line ends."""
        return self._at >= len(self._words) or self._words[self._at] in CONDITIONS

    def next(self, what: str) -> str:
        """Return the next word; raise ArgumentError, which tells that `what` is missing, when there is none."""
        if self._at >= len(self._words) or not self._words[self._at]:
            raise ArgumentError(f"expects {what}")
        self._at += 1
        return self._words[self._at - 1]

    def take(self, word: str) -> bool:
        """Tell whether the next word is `word`, and go past it."""
        if self._words[self._at : self._at + 1] != (word,):
            return False
        self._at += 1
        return True

    def rest(self) -> tuple[str, ...]:
        """Return what has not been taken."""
        return self._words[self._at :]


@dataclass(slots=True)
class Slots:
    """What a frontend captures: how long each value may be, of requests and of responses (manual, section 8.8)."""

    request: list[int] = field(default_factory=list)
    response: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Context:
    """Where an action stands, and the values that its proxy captures; `keeps_slots` where it has slots of its own."""

    scope: Scope
    slots: Slots
    keeps_slots: bool


@dataclass(frozen=True, slots=True)
class Action:
    """One row: name, what reads the words behind it, and on which sides it can act."""

    name: str
    read: Callable[[Words, Context], Act]
    request: bool = True
    response: bool = True
