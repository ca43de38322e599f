"""The ways to compare what was fetched with patterns, a row each (manual, sections 7.1 to 7.1.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from wproxy.config.acl.facts import Kind
from wproxy.config.acl.networks import Networks
from wproxy.config.acl.regex import compile_regex
from wproxy.config.acl.samples import lower
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

Matcher: TypeAlias = Callable[[Any], bool]


class Pattern(NamedTuple):
    """One word to compare with, one character per byte, and whether case counts."""

    text: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """One row: name, the type that samples are converted to first, what makes the function of such a sample.

    None is any type; `takes_patterns` tells whether there is anything to compare with.
    """

    name: str
    wants: Kind | None
    make: Callable[[Sequence[Pattern]], Matcher]
    takes_patterns: bool = True


_OPERATORS = ("eq", "ge", "gt", "le", "lt")
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_RANGE = re.compile(r"(-?[0-9]{1,19})?:(-?[0-9]{1,19})?")
_DOTTED = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})")
_INFINITY = 2**64
_DOMAIN_DELIMITERS = "/?.:"


def _found(patterns: Sequence[Pattern]) -> Matcher:
    return lambda value: True


def _bool(patterns: Sequence[Pattern]) -> Matcher:
    return bool


def _int(patterns: Sequence[Pattern]) -> Matcher:
    ranges = _ranges([pattern.text for pattern in patterns])
    if len(ranges) == 1:
        [(lowest, highest)] = ranges
        return lambda number: lowest <= number <= highest
    return lambda number: any(low <= number <= high for low, high in ranges)


def _version(patterns: Sequence[Pattern]) -> Matcher:
    """Return what matches versions written as 3.1, which are one number: 65536 times the major plus the minor."""
    words = [_DOTTED.sub(lambda found: str(int(found[1]) << 16 | int(found[2])), pattern.text) for pattern in patterns]
    return _int([Pattern(word) for word in words])


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
    return Networks(pattern.text for pattern in patterns).__contains__


def _textual(make: Callable[[Sequence[str]], Callable[[str], bool]]) -> Callable[[Sequence[Pattern]], Matcher]:
    """Return what makes a matcher of texts: `make` gets the patterns for which case counts, then the others."""

    def made(patterns: Sequence[Pattern]) -> Matcher:
        exact = make([pattern.text for pattern in patterns if not pattern.ignore_case])
        folded = make([lower(pattern.text) for pattern in patterns if pattern.ignore_case])
        if not any(pattern.ignore_case for pattern in patterns):
            return exact
        if all(pattern.ignore_case for pattern in patterns):
            return lambda value: folded(lower(value))
        return lambda value: exact(value) or folded(lower(value))

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
    if len(texts) == 1:
        [only] = texts
        return lambda value: only in value
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
    searches = [compile_regex(pattern.text, ignore_case=pattern.ignore_case).search for pattern in patterns]
    if len(searches) == 1:
        [search] = searches
        return lambda value: search(value) is not None
    return lambda value: any(search(value) for search in searches)


def _len(patterns: Sequence[Pattern]) -> Matcher:
    matches = _int(patterns)
    return lambda value: matches(len(value))


def _bin(patterns: Sequence[Pattern]) -> Matcher:
    try:
        values = frozenset(bytes.fromhex(pattern.text).decode("latin-1") for pattern in patterns)
    except ValueError:
        raise ArgumentError("expects hexadecimal digits as patterns") from None
    return lambda value: str(value) in values


_ROWS = (
    Match("found", None, _found, takes_patterns=False),
    Match("bool", Kind.BOOLEAN, _bool, takes_patterns=False),
    Match("int", Kind.INTEGER, _int),
    Match("version", Kind.INTEGER, _version),
    Match("ip", Kind.ADDRESS, _ip),
    Match("bin", Kind.BINARY, _bin),
    Match("str", Kind.STRING, _textual(_str)),
    Match("beg", Kind.STRING, _textual(_beg)),
    Match("end", Kind.STRING, _textual(_end)),
    Match("sub", Kind.STRING, _textual(_sub)),
    Match("dir", Kind.STRING, _textual(_delimited("/"))),
    Match("dom", Kind.STRING, _textual(_delimited(_DOMAIN_DELIMITERS))),
    Match("reg", Kind.STRING, _reg),
    Match("len", Kind.STRING, _len),
)

MATCHES: dict[str, Match] = {row.name: row for row in _ROWS}

DEFAULTS = {
    Kind.BOOLEAN: "bool",
    Kind.INTEGER: "int",
    Kind.ADDRESS: "ip",
    Kind.STRING: "str",
    Kind.BINARY: "bin",
    Kind.ANY: "str",
}
