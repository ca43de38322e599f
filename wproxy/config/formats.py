"""Reads log-format strings into pieces: text, `%name`, `%[expression]`, flags in braces (manual, section 8.2.6)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import TypeAlias

from wproxy.config.acl.sample import Sample, parse_sample_at
from wproxy.config.acl.samples import latin
from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

_NAME = re.compile(r"[A-Za-z0-9]+")
_FLAGS = {"Q": "quoted", "X": "hexadecimal", "E": "escaped", "M": "mandatory"}
_EVERYTHING = "o"  # `%{+Q}o` sets the flags of all that follows


@dataclass(frozen=True, slots=True)
class Flags:
    """How a value is written: in quotes, numbers and addresses in hexadecimal, with `"`, `]` and backslash escaped."""

    quoted: bool = False
    hexadecimal: bool = False
    escaped: bool = False
    mandatory: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """What stands for itself, one character per byte."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`%name`."""

    name: str
    flags: Flags


@dataclass(frozen=True, slots=True)
class Expression:
    """`%[expression]`."""

    sample: Sample
    flags: Flags


Piece: TypeAlias = Text | Variable | Expression


def parse_format(text: str, names: Collection[str], scope: Scope) -> tuple[Piece, ...]:
    """Return the pieces of `text`, which may use the variables `names`; raise ArgumentError."""
    reader = _Reader(text, names, scope)
    while reader.at < len(text):
        reader.step()
    return tuple(reader.pieces)


class _Reader:
    """Reads one string from left to right."""

    __slots__ = ("_default", "_names", "_scope", "_text", "at", "pieces")

    def __init__(self, text: str, names: Collection[str], scope: Scope) -> None:
        self._text = text
        self._names = names
        self._scope = scope
        self._default = Flags()
        self.at = 0
        self.pieces: list[Piece] = []

    def step(self) -> None:
        text, at = self._text, self.at
        percent = text.find("%", at)
        if percent != at:
            self.at = len(text) if percent < 0 else percent
            self._add(text[at : self.at])
        elif text.startswith("%%", at):
            self.at += 2
            self._add("%")
        else:
            self.at += 1
            self._value()

    def _add(self, text: str) -> None:
        last = self.pieces[-1] if self.pieces else None
        if isinstance(last, Text):
            self.pieces[-1] = Text(last.text + latin(text))
        else:
            self.pieces.append(Text(latin(text)))

    def _value(self) -> None:
        """Take what stands behind a percent sign."""
        text = self._text
        flags = self._default
        if text.startswith("{", self.at):
            end = text.find("}", self.at)
            if end < 0:
                raise ArgumentError(f"misses the closing brace in '{text[self.at - 1 :]}'")
            flags = _changed(flags, text[self.at + 1 : end])
            self.at = end + 1
        if text.startswith("[", self.at):
            sample, end = parse_sample_at(text, self.at + 1, self._scope)
            if not text.startswith("]", end):
                raise ArgumentError(f"misses the closing bracket in '%[{text[self.at + 1 :]}'")
            sample.demand(self._scope.stage)
            self.pieces.append(Expression(sample, flags))
            self.at = end + 1
            return
        name = _NAME.match(text, self.at)
        if name is None:
            raise ArgumentError(f"has a '%' without a variable in '{text}'; write '%%' for the sign itself")
        self.at = name.end()
        if name[0] == _EVERYTHING:
            self._default = flags
        elif name[0] in self._names:
            self.pieces.append(Variable(name[0], flags))
        else:
            raise ArgumentError(f"cannot use the variable '%{name[0]}' here{did_you_mean(name[0], self._names)}")


def _changed(flags: Flags, words: str) -> Flags:
    """Return `flags` with those of `words` added or taken away, as `+Q,-X` writes it."""
    for word in map(str.strip, words.split(",")):
        name = _FLAGS.get(word[1:])
        if word[:1] not in ("+", "-") or name is None:
            raise ArgumentError(f"knows the flags {', '.join(_FLAGS)} with + or - in front, not '{word}'")
        flags = replace(flags, **{name: word[0] == "+"})
    return flags
