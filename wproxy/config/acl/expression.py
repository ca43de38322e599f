"""Reads what follows an ACL's name: `fetch(arguments) flags patterns`; returns the test that it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from wproxy.config.acl.facts import Condition, Facts, Fetcher
from wproxy.config.acl.fetches import FETCHES, HAPROXY_ONLY, Fetch, make
from wproxy.config.acl.matches import DEFAULTS, MATCHES, Match, Pattern
from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_FETCH = re.compile(r"([^(),]+)(?:\(([^()]*)\))?(,.*)?")


@dataclass(slots=True)
class _Operands:
    """What flags and patterns say: how to match, and with what."""

    match: Match
    patterns: list[Pattern] = field(default_factory=list)
    ignore_case: bool = False
    ended: bool = False  # by `--`, or by the first pattern

    def add(self, texts: Sequence[str]) -> None:
        self.patterns.extend(Pattern(text, self.ignore_case) for text in texts)


def parse_expression(words: Sequence[str], scope: Scope) -> Condition:
    """Return the test that `words` write; raise ArgumentError, which tells what is wrong with which word."""
    if not words:
        raise ArgumentError("expects a fetch such as src, dst_port or nbsrv(backend)")
    row, fetch = parse_fetch(words[0], scope)
    operands = _operands(row, words[1:], scope)
    match = operands.match
    if row.kind not in match.kinds:
        raise ArgumentError(f"matching method '{match.name}' does not go with '{row.name}', of type {row.kind.value}")
    if match.takes_patterns and not operands.patterns and not operands.ended:
        scope.warn(f"'{words[0]}' has no pattern and will never match; for mere existence write '-m found'")
    return _test(fetch, match.make(operands.patterns))


def _test(fetch: Fetcher, matches: Callable[..., bool]) -> Condition:
    def test(facts: Facts) -> bool:
        value = fetch(facts)
        return value is not None and matches(value)

    return test


def parse_fetch(word: str, scope: Scope) -> tuple[Fetch, Fetcher]:
    """Return the row of the fetch that `word` names, and its function for the arguments of `word`."""
    match = _FETCH.fullmatch(word)
    if match is None:
        raise ArgumentError(f"has unbalanced parentheses in '{word}'")
    name, inside, converters = match.groups()
    row = FETCHES.get(name)
    if row is None and name.startswith(HAPROXY_ONLY):
        raise ArgumentError(f"cannot use HAProxy's fetch '{name}': wproxy knows facts of connections only")
    if row is None:
        raise ArgumentError(f"knows no fetch '{name}'{did_you_mean(name, FETCHES)}")
    if converters:
        raise ArgumentError(f"cannot use a converter yet: '{word}'; compare with a network or range instead")
    given = [part.strip() for part in inside.split(",")] if inside else []
    if len(given) > len(row.arguments):
        raise ArgumentError(f"takes at most {len(row.arguments)} arguments in parentheses, not '{word}'")
    given += [""] * (len(row.arguments) - len(given))
    try:
        return row, make(row, [read(text, scope) for read, text in zip(row.arguments, given, strict=True)])
    except ArgumentError as error:
        raise ArgumentError(f"'{name}' {error}") from None


def _operands(row: Fetch, words: Sequence[str], scope: Scope) -> _Operands:
    operands = _Operands(MATCHES[DEFAULTS[row.kind]])
    rest = iter(words)
    for word in rest:
        if not operands.ended and word.startswith("-"):
            _flag(word, rest, operands, scope)
        else:
            operands.ended = True
            operands.add([word])
    return operands


def _flag(word: str, rest: Iterator[str], operands: _Operands, scope: Scope) -> None:
    """Do what the flag `word` says; its argument, if it takes one, comes from `rest`."""
    match word:
        case "--":
            operands.ended = True
        case "-i":
            operands.ignore_case = True
        case "-n":
            pass  # names are never resolved here
        case "-u":
            _argument(word, rest)  # an id for HAProxy's socket, which changes ACLs by it
        case "-m":
            operands.match = _match(_argument(word, rest))
        case "-f":
            operands.add(_file(_argument(word, rest), scope))
        case "-M":
            raise ArgumentError("'-M' is not supported by wproxy: it reads no map files")
        case _:
            raise ArgumentError(f"'{word}' is no flag; write '--' in front of patterns that begin with '-'")


def _argument(flag: str, rest: Iterator[str]) -> str:
    word = next(rest, None)
    if word is None:
        raise ArgumentError(f"'{flag}' expects an argument")
    return word


def _match(name: str) -> Match:
    if name not in MATCHES:
        raise ArgumentError(f"knows no matching method '{name}'{did_you_mean(name, MATCHES)}")
    return MATCHES[name]


def _file(path: str, scope: Scope) -> list[str]:
    """Return the patterns in a file, one a line; lines that begin with # are comments."""
    try:
        text = scope.read(path)
    except OSError as error:
        raise ArgumentError(f"cannot read the patterns of '{path}': {error.strerror}") from None
    lines = (line.rstrip("\r").lstrip(" \t") for line in text.split("\n") if not line.startswith("#"))
    return [line for line in lines if line]
