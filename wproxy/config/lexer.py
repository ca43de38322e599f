"""Splits one line of a configuration into words, as HAProxy 2.6 does (configuration manual, sections 2.2 and 2.3).

Inside "…" backslash escapes and variables are read; inside '…' nothing is; outside of quotes escapes are read and
variables are not. A comment starts at an unquoted #. A line ends at LF, CR or the end of the text, even in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_WORDS = 64

_SPACES = " \t\v\f\r\n"
_LINE_ENDS = "\r\n"
_ESCAPES = {" ": " ", "\\": "\\", "#": "#", "'": "'", '"': '"', "t": "\t", "n": "\n", "r": "\r"}
_HEX = re.compile(r"[0-9a-fA-F]{2}")
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_]*")

Variables = Callable[[str], str | None]


class LexError(ValueError):
    """A line that cannot be split. Raised by `split`; caught by the reader, which adds file and line."""


def split(text: str, variables: Variables) -> tuple[str, ...]:
    """Return the words of the line `text`; `variables` gives the value of a variable, or None when it is not set.

    Empty words at the end, such as an unset "${OPTIONS}", are dropped. Raise LexError, which names the position
    (counted from 1), for an unmatched quote or brace, a bad variable name or hexadecimal escape, or too many words.
    """
    words = _Splitter(text, variables).words()
    while words and not words[-1]:
        words.pop()
    if len(words) > MAX_WORDS:
        raise LexError(f"too many words: {len(words)}, at most {MAX_WORDS} are allowed on a line")
    return tuple(words)


class _Splitter:
    """The state of splitting one line: where it stands, which quote is open, the word that is being collected."""

    __slots__ = ("_at", "_quote", "_quote_at", "_text", "_variables", "_word", "_words")

    def __init__(self, text: str, variables: Variables) -> None:
        self._text = text
        self._variables = variables
        self._at = 0
        self._quote = ""
        self._quote_at = 0
        self._word: list[str] | None = None
        self._words: list[str] = []

    def words(self) -> list[str]:
        self._skip_spaces()
        while self._at < len(self._text) and not self._ends(self._text[self._at]):
            self._step(self._text[self._at])
        if self._quote:
            raise LexError(f"unmatched quote at position {self._quote_at + 1}")
        self._end_word()
        return self._words

    def _ends(self, char: str) -> bool:
        return char in _LINE_ENDS or (char == "#" and not self._quote)

    def _step(self, char: str) -> None:
        if char in "'\"" and self._quote in ("", char):
            self._toggle_quote(char)
        elif char == "\\" and self._quote != "'":
            self._escape()
        elif char == "$" and self._quote == '"':
            self._variable()
        elif char in _SPACES and not self._quote:
            self._end_word()
            self._skip_spaces()
        else:
            self._emit(char)
            self._at += 1

    def _emit(self, text: str) -> None:
        if self._word is None:
            self._word = []
        self._word.append(text)

    def _end_word(self) -> None:
        if self._word is None:
            return
        # \xc3\xa9 are two bytes of one character: bytes of 0x80 and above are collected as surrogates until here.
        word = "".join(self._word).encode("utf-8", "surrogateescape")
        self._words.append(word.decode("utf-8", "surrogateescape"))
        self._word = None

    def _skip_spaces(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _SPACES:
            self._at += 1

    def _toggle_quote(self, char: str) -> None:
        self._quote = "" if self._quote else char
        self._quote_at = self._at
        self._emit("")  # "" is a word, too
        self._at += 1

    def _escape(self) -> None:
        following = self._text[self._at + 1 : self._at + 2]
        if following == "x":
            self._emit(self._hexadecimal())
            self._at += 4
        elif following in _ESCAPES:
            self._emit(_ESCAPES[following])
            self._at += 2
        elif following == "$" and self._quote:
            self._emit("$")
            self._at += 2
        else:
            self._emit("\\")
            self._at += 1

    def _hexadecimal(self) -> str:
        digits = _HEX.fullmatch(self._text, self._at + 2, self._at + 4)
        if digits is None:
            raise LexError(f"truncated or invalid hexadecimal sequence at position {self._at + 1}")
        byte = bytes.fromhex(digits.group())
        if byte == b"\0":
            raise LexError(f"NUL character at position {self._at + 1}")
        return byte.decode("ascii", "surrogateescape")

    def _variable(self) -> None:
        self._at += 1
        brace = self._at if self._text.startswith("{", self._at) else None
        if brace is not None:
            self._at += 1
        name = _NAME.match(self._text, self._at)
        if name is None:
            raise LexError(f"forbidden first character in a variable's name at position {self._at + 1}")
        self._at = name.end()
        value = self._variables(name.group())
        if brace is None:
            self._emit(value or "")
        else:
            self._braced(brace, value)

    def _braced(self, brace: int, value: str | None) -> None:
        """Read what may follow a name in braces: [*] makes the value several words, -text is the value if unset."""
        several = self._text.startswith("[", self._at)
        if several:
            self._skip_word_expansion()
        end = self._text.find("}", self._at)
        tail = self._text[self._at : end]
        if end < 0 or (tail and not tail.startswith("-")):
            raise LexError(f"unmatched brace in a variable's name at position {brace + 1}")
        self._at = end + 1
        if value is None:
            value = tail[1:]
        if several:
            self._emit_words(value)
        else:
            self._emit(value)

    def _skip_word_expansion(self) -> None:
        if not self._text.startswith("[*]", self._at):
            raise LexError(f"truncated or invalid word expansion sequence at position {self._at + 1}")
        self._at += 3

    def _emit_words(self, value: str) -> None:
        first, *others = re.split(f"[{_SPACES}]+", value)
        self._emit(first)
        for word in others:
            self._end_word()
            self._emit(word)
