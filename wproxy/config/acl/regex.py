"""Regular expressions as HAProxy has them, PCRE's, on strings with one character per byte; and what replaces them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

from wproxy.config.values import ArgumentError

# What PCRE has and Python has not; inside of brackets only the classes.
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\s",
    "upper": "A-Z", "word": r"\w", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_ESCAPES = {r"\h": r"[ \t]", r"\H": r"[^ \t]", r"\z": r"\Z", r"\Z": r"(?=\n?\Z)", r"\R": r"(?:\r\n|[\n\v\f\r])"}
_TOKEN = re.compile(r"\\Q(.*?)(?:\\E|$)|\\.|\[\^?\]?|\[:([a-z]+):\]|.", re.DOTALL)
_CLASS = re.compile(r"\[:([a-z]+):\]")


def compile_regex(text: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Return the compiled expression `text`, one character per byte; raise ArgumentError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about sets in sets, which PCRE has not either
            return re.compile(_translated(text), re.ASCII | (re.IGNORECASE if ignore_case else 0))
    except (re.error, OverflowError, RecursionError) as error:
        raise ArgumentError(f"regex '{text}' is invalid: {error}") from None


def _translated(text: str) -> str:
    pieces = []
    at = 0
    while at < len(text):
        if text[at] == "[":
            piece, at = _set(text, at)
        else:
            match = _TOKEN.match(text, at)
            assert match is not None  # any character is a token
            quoted = match[1]
            piece = _ESCAPES.get(match[0], match[0]) if quoted is None else re.escape(quoted)
            at = match.end()
        pieces.append(piece)
    return "".join(pieces)


def _set(text: str, at: int) -> tuple[str, int]:
    """Return the set in brackets at `at` with its classes spelled out, and where the text goes on."""
    begin = re.compile(r"\[\^?\]?").match(text, at)
    assert begin is not None
    pieces = [begin[0]]
    at = begin.end()
    while at < len(text) and text[at] != "]":
        named = _CLASS.match(text, at)
        if named is not None and named[1] in _CLASSES:
            pieces.append(_CLASSES[named[1]])
            at = named.end()
        else:
            size = 2 if text[at] == "\\" else 1
            piece = text[at : at + size]
            pieces.append(r"\[" if piece == "[" else r" \t" if piece == r"\h" else piece)
            at += size
    return "".join([*pieces, text[at : at + 1]]), at + 1


_REFERENCE = re.compile(r"\\(?:([0-9])|x([0-9A-Fa-f]{2})|(.?))", re.DOTALL)


def replacement(template: str) -> Callable[[re.Match[str]], str]:
    r"""Return what makes the text for a match: \0 is all of it, \1 to \9 its groups, \x41 a byte (manual, 4.2)."""
    parts: list[str | int] = []
    at = 0
    for reference in _REFERENCE.finditer(template):
        parts.append(template[at : reference.start()])
        at = reference.end()
        if reference[1]:
            parts.append(int(reference[1]))
        else:
            parts.append(chr(int(reference[2], 16)) if reference[2] else reference[3])
    parts.append(template[at:])
    plain = [part for part in parts if part != ""]
    if all(isinstance(part, str) for part in plain):
        text = "".join(map(str, plain))
        return lambda match: text

    def make(match: re.Match[str]) -> str:
        return "".join([part if isinstance(part, str) else _group(match, part) for part in plain])

    return make


def _group(match: re.Match[str], number: int) -> str:
    return match[number] or "" if number <= (match.re.groups) else ""
