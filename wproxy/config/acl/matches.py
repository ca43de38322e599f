"""The ways to compare what was fetched with patterns, a row each (manual, sections 7.1 to 7.1.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple, TypeAlias

from wproxy.config.acl.facts import Kind, Value
from wproxy.config.acl.networks import Networks
from wproxy.config.values import ArgumentError

Matcher: TypeAlias = Callable[[Value], bool]


class Pattern(NamedTuple):
    """One word to compare with, and whether case counts."""

    text: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """One row: name, the types it can be used with, what makes the function, whether it needs patterns at all."""

    name: str
    kinds: frozenset[Kind]
    make: Callable[[Sequence[Pattern]], Matcher]
    takes_patterns: bool = True


_ANY = frozenset(Kind)
_NUMBERS = frozenset({Kind.BOOLEAN, Kind.INTEGER})
_OPERATORS = ("eq", "ge", "gt", "le", "lt")
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_RANGE = re.compile(r"(-?[0-9]{1,19})?:(-?[0-9]{1,19})?")
_INFINITY = 2**64
_MAPPED = bytes(10) + b"\xff\xff"
_DOMAIN_DELIMITERS = "/?.:"


def _found(patterns: Sequence[Pattern]) -> Matcher:
    return lambda value: True


def _bool(patterns: Sequence[Pattern]) -> Matcher:
    return bool


def _int(patterns: Sequence[Pattern]) -> Matcher:
    ranges = _ranges([pattern.text for pattern in patterns])

    def matches(value: Value) -> bool:
        number = _number(value)
        return number is not None and any(low <= number <= high for low, high in ranges)

    return matches


def _number(value: Value) -> int | None:
    if isinstance(value, str):
        return int(value) if _NUMBER.fullmatch(value) else None
    assert isinstance(value, int)
    return value


def _ranges(words: Sequence[str]) -> list[tuple[int, int]]:
    """Return the lowest and highest number of each pattern; an operator holds for the numbers that follow it."""
    ranges = []
    operator = ""
    for word in words:
        if word in _OPERATORS:
            operator = word
        else:
            ranges.append(_range(operator, word))
    if words and words[-1] in _OPERATORS:
        raise ArgumentError(f"'{words[-1]}' expects a number after it")
    return ranges


def _range(operator: str, word: str) -> tuple[int, int]:
    between = _RANGE.fullmatch(word)
    if between is not None and operator in ("", "eq"):
        low, high = int(between[1] or -_INFINITY), int(between[2] or _INFINITY)
        if low > high:
            raise ArgumentError(f"'{word}' is not a valid number range")
        return low, high
    if not _NUMBER.fullmatch(word):
        raise ArgumentError(f"'{word}' is not a number" + (f" to follow '{operator}'" if between else ""))
    number = int(word)
    return {
        "ge": (number, _INFINITY),
        "gt": (number + 1, _INFINITY),
        "le": (-_INFINITY, number),
        "lt": (-_INFINITY, number - 1),
    }.get(operator, (number, number))


def _ip(patterns: Sequence[Pattern]) -> Matcher:
    networks = Networks(pattern.text for pattern in patterns)

    def matches(value: Value) -> bool:
        address = _packed(value) if isinstance(value, str) else value
        return address is not None and address in networks

    return matches


def _packed(text: str) -> bytes | None:
    try:
        return ip_address(text).packed
    except ValueError:
        return None


def text_of(value: Value) -> str:
    """Return `value` as a text, as HAProxy converts it: numbers in decimal, true as 1, addresses as usual."""
    if isinstance(value, bytes):
        # As inet_ntop writes them, addresses that are mapped into IPv6 keep their dots.
        inner = value[12:] if value.startswith(_MAPPED) and len(value) == 16 else None
        return str(ip_address(value)) if inner is None else f"::ffff:{ip_address(inner)}"
    return value if isinstance(value, str) else str(int(value))


def _textual(make: Callable[[Sequence[str]], Callable[[str], bool]]) -> Callable[[Sequence[Pattern]], Matcher]:
    """Return what makes a matcher of texts: `make` gets the patterns for which case counts, then the others."""

    def made(patterns: Sequence[Pattern]) -> Matcher:
        exact = make([pattern.text for pattern in patterns if not pattern.ignore_case])
        folded = [pattern.text.lower() for pattern in patterns if pattern.ignore_case]
        if not folded:
            return lambda value: exact(text_of(value))
        lower = make(folded)
        return lambda value: exact(text_of(value)) or lower(text_of(value).lower())

    return made


def _str(texts: Sequence[str]) -> Callable[[str], bool]:
    return frozenset(texts).__contains__


def _beg(texts: Sequence[str]) -> Callable[[str], bool]:
    beginnings = tuple(texts)
    return lambda value: value.startswith(beginnings)


def _end(texts: Sequence[str]) -> Callable[[str], bool]:
    ends = tuple(texts)
    return lambda value: value.endswith(ends)


def _sub(texts: Sequence[str]) -> Callable[[str], bool]:
    return lambda value: any(text in value for text in texts)


def _delimited(delimiters: str) -> Callable[[Sequence[str]], Callable[[str], bool]]:
    """Return what makes a matcher of the parts of a text between `delimiters`."""
    one = f"[{re.escape(delimiters)}]"

    def make(texts: Sequence[str]) -> Callable[[str], bool]:
        cores = [re.escape(text.strip(delimiters)) for text in texts]
        search = re.compile(f"(?:^|{one})(?:{'|'.join(cores)})(?:$|{one})").search
        return lambda value: bool(cores) and search(value) is not None

    return make


def _reg(patterns: Sequence[Pattern]) -> Matcher:
    compiled = [_regex(pattern) for pattern in patterns]
    return lambda value: any(regex.search(text_of(value)) for regex in compiled)


def _regex(pattern: Pattern) -> re.Pattern[str]:
    try:
        return re.compile(pattern.text, re.IGNORECASE if pattern.ignore_case else 0)
    except re.error as error:
        raise ArgumentError(f"regex '{pattern.text}' is invalid: {error}") from None


def _len(patterns: Sequence[Pattern]) -> Matcher:
    ranges = _ranges([pattern.text for pattern in patterns])
    return lambda value: any(low <= len(text_of(value)) <= high for low, high in ranges)


_ROWS = (
    Match("found", _ANY, _found, takes_patterns=False),
    Match("bool", _NUMBERS, _bool, takes_patterns=False),
    Match("int", _NUMBERS | {Kind.STRING}, _int),
    Match("ip", frozenset({Kind.ADDRESS, Kind.STRING}), _ip),
    Match("str", _ANY, _textual(_str)),
    Match("beg", _ANY, _textual(_beg)),
    Match("end", _ANY, _textual(_end)),
    Match("sub", _ANY, _textual(_sub)),
    Match("dir", _ANY, _textual(_delimited("/"))),
    Match("dom", _ANY, _textual(_delimited(_DOMAIN_DELIMITERS))),
    Match("reg", _ANY, _reg),
    Match("len", _ANY, _len),
)

MATCHES: dict[str, Match] = {row.name: row for row in _ROWS}

DEFAULTS = {Kind.BOOLEAN: "bool", Kind.INTEGER: "int", Kind.ADDRESS: "ip", Kind.STRING: "str"}
