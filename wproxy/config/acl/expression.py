"""Reads what follows an ACL's name: `fetch(arguments),converters flags patterns`; returns the test that it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from wproxy.config.acl.facts import Condition, Facts, Fetcher, Stage, Value
from wproxy.config.acl.fetch import Lister
from wproxy.config.acl.matches import DEFAULTS, MATCHES, Match, Matcher, Pattern
from wproxy.config.acl.sample import Sample, parse_sample
from wproxy.config.acl.samples import Cast, cast, latin
from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass


@dataclass(slots=True)
class _Operands:
    """What flags and patterns say: how to match, and with what."""

    match: Match
    patterns: list[Pattern] = field(default_factory=list)
    ignore_case: bool = False
    ended: bool = False  # by `--`, or by the first pattern

    def add(self, texts: Sequence[str]) -> None:
        self.patterns.extend(Pattern(latin(text), self.ignore_case) for text in texts)


@dataclass(frozen=True, slots=True)
class Test:
    """One expression with its patterns: the condition that it is, and when that can be asked."""

    condition: Condition
    stages: Stage


def parse_expression(words: Sequence[str], scope: Scope) -> Condition:
    """Return the test that `words` write; raise ArgumentError, which tells what is wrong with which word."""
    return parse_test(words, scope).condition


def parse_test(words: Sequence[str], scope: Scope) -> Test:
    """Return the test that `words` write, and when it can be asked; raise ArgumentError as `parse_expression`."""
    if not words:
        raise ArgumentError("expects a fetch such as src, dst_port or nbsrv(backend)")
    sample = parse_sample(words[0], scope, condition=True)
    operands = _operands(sample, words[1:], scope)
    match = operands.match
    try:
        conversion = None if match.wants is None else cast(sample.kind, match.wants)
    except ArgumentError:
        raise ArgumentError(
            f"matching method '{match.name}' does not go with '{sample.text}', of type {sample.kind.value}"
        ) from None
    if match.takes_patterns and not operands.patterns and not operands.ended:
        scope.warn(f"'{words[0]}' has no pattern and will never match; for mere existence write '-m found'")
    matches = match.make(operands.patterns)
    if conversion is not None:
        matches = _converting(conversion, matches)
    return Test(_test(sample.fetch, matches) if sample.each is None else _any_of(sample.each, matches), sample.stages)


def _test(fetch: Fetcher, matches: Matcher) -> Condition:
    def test(facts: Facts) -> bool:
        value = fetch(facts)
        return value is not None and matches(value)

    return test


def _any_of(each: Lister, matches: Matcher) -> Condition:
    def test(facts: Facts) -> bool:
        for value in each(facts):  # noqa: SIM110 - a generator more would cost more than the test
            if matches(value):
                return True
        return False

    return test


def _converting(conversion: Cast, matches: Matcher) -> Matcher:
    def test(value: Value) -> bool:
        converted = conversion(value)
        return converted is not None and matches(converted)

    return test


def _operands(sample: Sample, words: Sequence[str], scope: Scope) -> _Operands:
    operands = _Operands(MATCHES[sample.match or DEFAULTS[sample.kind]])
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
