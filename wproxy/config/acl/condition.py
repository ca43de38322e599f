"""Reads conditions: names of ACLs and `{ expressions }`, joined by "and" (implied), `or` and `!` (manual, 7.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wproxy.config.acl.expression import parse_expression
from wproxy.config.acl.facts import Condition
from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_OR = ("or", "||")
_PREDEFINED = {
    "TRUE": ("always_true",),
    "FALSE": ("always_false",),
    "LOCALHOST": ("src", "127.0.0.1/8", "::1"),
}


class Acls:
    """The ACLs that a proxy has defined so far; a name that is defined several times matches if any of them does."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._tests: dict[str, list[Condition]] = {}

    def define(self, name: str, words: Sequence[str]) -> None:
        """Add the expression `words` to the ACL `name`; raise ArgumentError."""
        if name in _OR:
            raise ArgumentError(f"'{name}' cannot be the name of an ACL, it joins conditions")
        self._tests.setdefault(name, []).append(parse_expression(words, self.scope))

    def find(self, name: str) -> Condition:
        """Return the test called `name`; raise ArgumentError."""
        tests = self._tests.get(name)
        if tests is not None:
            return tests[0] if len(tests) == 1 else _any(tests)
        if name in _PREDEFINED:
            return parse_expression(_PREDEFINED[name], self.scope)
        hint = "; braces stand alone: { src 10.0.0.0/8 }" if name.startswith("{") else ""
        raise ArgumentError(f"no such ACL: '{name}'{hint or did_you_mean(name, [*self._tests, *_PREDEFINED])}")


def parse_condition(words: Sequence[str], acls: Acls) -> Condition:
    """Return the condition of `if words…` or `unless words…`; raise ArgumentError."""
    if words[0] not in ("if", "unless"):
        raise ArgumentError(f"takes 'if' or 'unless' here, not '{words[0]}'")
    if len(words) < 2:
        raise ArgumentError(f"expects a condition after '{words[0]}'")
    alternatives = [_all(_terms(part, acls)) for part in _alternatives(words[1:])]
    condition = alternatives[0] if len(alternatives) == 1 else _any(alternatives)
    return _not(condition) if words[0] == "unless" else condition


def _alternatives(words: Sequence[str]) -> list[list[str]]:
    """Split at the `or`s outside of braces."""
    parts: list[list[str]] = [[]]
    inside = False
    for word in words:
        inside = word in ("{", "!{") or (inside and word != "}")
        if word in _OR and not inside:
            parts.append([])
        else:
            parts[-1].append(word)
    if not all(parts):
        raise ArgumentError("has an 'or' with nothing before or behind it")
    return parts


def _terms(words: Sequence[str], acls: Acls) -> list[Condition]:
    """Return the tests that must all hold."""
    terms = []
    negated = False
    rest = iter(words)
    for word in rest:
        name = word.lstrip("!")
        negated ^= (len(word) - len(name)) % 2 == 1
        if name:
            test = _anonymous(rest, acls.scope) if name == "{" else acls.find(name)
            terms.append(_not(test) if negated else test)
            negated = False
    if not words[-1].strip("!"):
        raise ArgumentError("has a '!' with nothing behind it")
    return terms


def _anonymous(rest: Iterator[str], scope: Scope) -> Condition:
    """Return the test written in braces, whose words are taken from `rest`."""
    words: list[str] = []
    for word in rest:
        if word == "}":
            return parse_expression(words, scope)
        words.append(word)
    raise ArgumentError("misses the closing '}'")


def _all(tests: list[Condition]) -> Condition:
    return tests[0] if len(tests) == 1 else lambda facts: all(test(facts) for test in tests)


def _any(tests: list[Condition]) -> Condition:
    return lambda facts: any(test(facts) for test in tests)


def _not(test: Condition) -> Condition:
    return lambda facts: not test(facts)
