"""Splits sample expressions, `fetch(a,b),converter,converter(c)`, into names and arguments (manual, sections 2.2, 7.3).

Inside of parentheses there is a second level of quoting: '…' and "…" hide commas and parentheses, a backslash hides the
character behind it.
"""

from __future__ import annotations

import re

from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

_NAME = re.compile(r"[^\s,()\[\]]+")
_ESCAPES = {"\\": "\\", " ": " ", '"': '"', "'": "'", "r": "\r", "n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Call:
    """One name and what stands in parentheses behind it."""

    name: str
    arguments: tuple[str, ...] = ()


def split(text: str, begin: int = 0) -> tuple[list[Call], int]:
    """Return the calls that begin at `begin`, and where they end; raise ArgumentError."""
    calls: list[Call] = []
    at = begin
    while True:
        name = _NAME.match(text, at)
        if name is None:
            what = "a converter" if calls else "a fetch"
            raise ArgumentError(f"expects {what} in '{text[begin:]}'")
        at = name.end()
        arguments: list[str] = []
        if text.startswith("(", at):
            arguments, at = _arguments(text, at + 1, begin)
        calls.append(Call(name[0], tuple(arguments)))
        if not text.startswith(",", at):
            return calls, at
        at += 1


def _arguments(text: str, at: int, begin: int) -> tuple[list[str], int]:
    """Return the arguments and where the text goes on behind the closing parenthesis."""
    arguments = [""]
    quote = ""
    while at < len(text):
        char = text[at]
        if char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        elif char == "\\" and quote != "'" and text[at + 1 : at + 2] in _ESCAPES and at + 1 < len(text):
            at += 1
            arguments[-1] += _ESCAPES[text[at]]
        elif char == "," and not quote:
            arguments.append("")
        elif char == ")" and not quote:
            return ([] if arguments == [""] else arguments), at + 1
        else:
            arguments[-1] += char
        at += 1
    raise ArgumentError(f"has unbalanced parentheses in '{text[begin:]}'")
