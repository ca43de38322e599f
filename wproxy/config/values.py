"""The types of a keyword's arguments: the word of a configuration in, its value out (manual, section 2.5).

Numbers are whole and complete: where HAProxy reads `10x` as 10 and `abc` as 0, this is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from wproxy.config.model import WEIGHT_MAX, Level, Mode
from wproxy.records import dataclass

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_QUANTITY = re.compile(r"([0-9]{1,18})([A-Za-z]*)")
_NODE = re.compile(r"[A-Za-z0-9._-]+")
_OCTAL = re.compile(r"[0-7]{1,4}")

_MICROSECONDS = {"us": 1, "": 1_000, "ms": 1_000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TIME_MAX_MS = 2**31 - 1
_INTEGER_MAX = 2**31 - 1
THREADS_MAX = 64


class ArgumentError(ValueError):
    """An argument that is no value of its type; the text completes "'keyword' …". Caught where keywords are applied."""


@dataclass(frozen=True, slots=True)
class Type:
    """What one argument may be: how the manual writes it, what an error says was expected, how it is read."""

    label: str
    expects: str
    read: Callable[[str], Any]


def integer(text: str, low: int, high: int = _INTEGER_MAX) -> int:
    """Return the whole number `text`; raise ArgumentError outside of `low` to `high`."""
    if not _NUMBER.fullmatch(text):
        raise ArgumentError(f"expects an integer, not '{text}'")
    number = int(text)
    if number < low:
        raise ArgumentError(f"has to be >= {low}, not {number}" if low else f"cannot be negative ({number})")
    if number > high:
        raise ArgumentError(f"cannot be more than {high}, not {number}")
    return number


def count(text: str) -> int:
    """Return the number `text`, 0 or more."""
    return integer(text, 0)


def pool(text: str) -> int | None:
    """Return the number `text`; -1 is None, no limit."""
    number = integer(text, -1)
    return None if number < 0 else number


def limit(text: str) -> int | None:
    """Return the number `text`; 0 is None, no limit."""
    return count(text) or None


def positive(text: str) -> int:
    """Return the number `text`, 1 or more."""
    number = integer(text, -_INTEGER_MAX)
    if number < 1:
        raise ArgumentError(f"has to be > 0, not {number}")
    return number


def threads(text: str) -> int:
    """Return the number of threads or workers `text`, 1 to 64 as in HAProxy."""
    number = integer(text, -_INTEGER_MAX)
    if not 1 <= number <= THREADS_MAX:
        raise ArgumentError(f"value must be between 1 and {THREADS_MAX} (was {number})")
    return number


def weight(text: str) -> int:
    """Return the weight `text`, 0 to 256."""
    number = integer(text, -_INTEGER_MAX)
    if not 0 <= number <= WEIGHT_MAX:
        raise ArgumentError(f"is not within 0 and {WEIGHT_MAX} ({number})")
    return number


def interval(text: str) -> int | None:
    """Return which retry `option redispatch` sends elsewhere: n every n-th, -n the n-th from the last, 0 is None."""
    return integer(text, -_INTEGER_MAX) or None


def seconds(text: str) -> float:
    """Return the time `text` in seconds: a whole number and us, ms (the default), s, m, h or d; us are rounded up."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _MICROSECONDS:
        raise ArgumentError(
            f"expects a time such as 500ms, 5s, 2m, 1h or 1d (without a unit: milliseconds), not '{text}'"
        )
    milliseconds = -(-int(match[1]) * _MICROSECONDS[match[2]] // 1_000)
    if milliseconds > _TIME_MAX_MS:
        raise ArgumentError(f"cannot be '{text}': the maximum is {_TIME_MAX_MS} ms (about 24.8 days)")
    return milliseconds / 1_000


def microseconds(text: str) -> int:
    """Return the time `text` in microseconds: a whole number and us, ms (the default), s, m, h or d."""
    seconds(text)  # says what is wrong
    match = _QUANTITY.fullmatch(text)
    return 0 if match is None else int(match[1]) * _MICROSECONDS[match[2]]


def timeout(text: str) -> float | None:
    """Return the time `text` in seconds; 0 is None, wait for ever."""
    return seconds(text) or None


def positive_seconds(text: str) -> float:
    """Return the time `text` in seconds; 0 is an error."""
    duration = seconds(text)
    if not duration:
        raise ArgumentError(f"expects a time above 0, not '{text}'")
    return duration


def size(text: str) -> int:
    """Return the size `text` in bytes: a whole number, optionally with k, m or g (powers of 1024)."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in _BYTES:
        raise ArgumentError(f"expects a size such as 16384, 16k, 8m or 1g, not '{text}'")
    return int(match[1]) * _BYTES[match[2].lower()]


def mode(text: str) -> Mode:
    """Return the proxy mode named `text`."""
    try:
        return Mode(text)
    except ValueError:
        known = ", ".join(f"'{known.value}'" for known in Mode)
        raise ArgumentError(f"knows {known}, not '{text}'") from None


def level(text: str) -> Level:
    """Return the level of a stats socket's clients named `text`."""
    try:
        return {level.name.lower(): level for level in Level}[text]
    except KeyError:
        raise ArgumentError(f"only supports 'user', 'operator' and 'admin', not '{text}'") from None


def permissions(text: str) -> int:
    """Return the permission bits that `text` writes in octal, as in `mode 660`."""
    if not _OCTAL.fullmatch(text):
        raise ArgumentError(f"expects octal permissions such as 660, not '{text}'")
    return int(text, 8)


def node(text: str) -> str:
    """Return the node name `text`: letters, digits, dot, hyphen, underscore."""
    if not _NODE.fullmatch(text):
        raise ArgumentError(f"takes letters, digits, '.', '-' and '_' only, not '{text}'")
    return text


COUNT = Type("<number>", "a number", count)
LEVEL = Type("<level>", "user, operator or admin", level)
LIMIT = Type("<number>", "a number", limit)
MODE = Type("<mode>", "tcp, http or redis", mode)
NODE = Type("<name>", "a name", node)
PATH = Type("<path>", "a path", str)
PERMISSIONS = Type("<octal>", "octal permissions", permissions)
POOL = Type("<number>", "a number, or -1 for no limit", pool)
POSITIVE = Type("<number>", "a number above 0", positive)
POSITIVE_SECONDS = Type("<time>", "a time above 0, such as 2s", positive_seconds)
SECONDS = Type("<time>", "a time such as 5s (without a unit: milliseconds)", seconds)
TEXT = Type("<name>", "a name", str)
THREADS = Type("<number>", "a number", threads)
TIMEOUT = Type("<time>", "a time such as 5s (without a unit: milliseconds)", timeout)
WEIGHT = Type("<weight>", f"a number from 0 to {WEIGHT_MAX}", weight)
