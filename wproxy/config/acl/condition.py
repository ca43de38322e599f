"""Reads conditions: names of ACLs and `{ expressions }`, joined by "and" (implied), `or` and `!` (manual, 7.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from wproxy.config.acl.expression import Test, parse_test
from wproxy.config.acl.facts import Condition, Facts, Stage
from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

_OR = ("or", "||")
_PREDEFINED = {
    "TRUE": ("always_true",),
    "FALSE": ("always_false",),
    "WAIT_END": ("wait_end",),
    "REQ_CONTENT": ("req.len", "gt", "0"),
    "LOCALHOST": ("src", "127.0.0.1/8", "::1"),
    "HTTP": ("req.proto_http",),
    "HTTP_1.0": ("req.ver", "1.0"),
    "HTTP_1.1": ("req.ver", "1.1"),
    "HTTP_2.0": ("req.ver", "2.0"),
    "HTTP_CONTENT": ("req.hdr_val(content-length)", "gt", "0"),
    "HTTP_URL_ABS": ("url_reg", "^[^/:]*://"),
    "HTTP_URL_SLASH": ("url_beg", "/"),
    "HTTP_URL_STAR": ("url", "*"),
    "METH_GET": ("method", "GET", "HEAD"),
    **{f"METH_{name}": ("method", name) for name in ("CONNECT", "DELETE", "HEAD", "OPTIONS", "POST", "PUT", "TRACE")},
}
_PREDEFINED_ELSEWHERE = ("RDP_COOKIE",)


class Acls:
    """The ACLs that a proxy has defined so far; a name that is defined several times matches if any of them does.

    `scope` is that of the line in hand, whose stage decides what can be asked.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._tests: dict[str, list[Test]] = {}

    def define(self, name: str, words: Sequence[str]) -> None:
        """Add the expression `words` to the ACL `name`; raise ArgumentError."""
        if name in _OR:
            raise ArgumentError(f"'{name}' cannot be the name of an ACL, it joins conditions")
        self._tests.setdefault(name, []).append(parse_test(words, self.scope))

    def find(self, name: str) -> Condition:
        """Return the test called `name`; raise ArgumentError."""
        tests = self._tests.get(name)
        if tests is None:
            tests = [parse_test(self._predefined(name), self.scope)]
        usable = [self._asked(test) for test in tests if self._fits(test, f"acl '{name}'")]
        return usable[0] if len(usable) == 1 else _LOGIC[self.scope.waits].any(usable)

    def read(self, words: Sequence[str]) -> Condition:
        """Return the test that `words` in braces write; raise ArgumentError."""
        test = parse_test(words, self.scope)
        return self._asked(test) if self._fits(test, f"'{{ {' '.join(words)} }}'") else _any([])

    def _asked(self, test: Test) -> Condition:
        """Return the condition; where lines wait for data, one that knows when it cannot be decided yet."""
        return _patient(test.condition) if self.scope.waits and test.stages & Stage.CONTENT else test.condition

    def _fits(self, test: Test, name: str) -> bool:
        if self.scope.stage & test.stages:
            return True
        self.scope.warn(f"{name} will never match: what it asks for is not there at this point")
        return False

    def _predefined(self, name: str) -> Sequence[str]:
        words = _PREDEFINED.get(name)
        if words is None:
            if name in _PREDEFINED_ELSEWHERE:
                raise ArgumentError(f"cannot use HAProxy's ACL '{name}', which is not supported by wproxy")
            hint = "; braces stand alone: { src 10.0.0.0/8 }" if name.startswith("{") else ""
            raise ArgumentError(f"no such ACL: '{name}'{hint or did_you_mean(name, [*self._tests, *_PREDEFINED])}")
        return words


def parse_condition(words: Sequence[str], acls: Acls) -> Condition:
    """Return the condition of `if words…` or `unless words…`; raise ArgumentError.

    Where lines wait for data it returns None for "not yet".
    """
    if words[0] not in ("if", "unless"):
        raise ArgumentError(f"takes 'if' or 'unless' here, not '{words[0]}'")
    if len(words) < 2:
        raise ArgumentError(f"expects a condition after '{words[0]}'")
    logic = _LOGIC[acls.scope.waits]
    alternatives = [logic.all(_terms(part, acls)) for part in _alternatives(words[1:])]
    condition = alternatives[0] if len(alternatives) == 1 else logic.any(alternatives)
    return logic.negated(condition) if words[0] == "unless" else condition


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
    logic = _LOGIC[acls.scope.waits]
    negated = False
    rest = iter(words)
    for word in rest:
        name = word.lstrip("!")
        negated ^= (len(word) - len(name)) % 2 == 1
        if name:
            test = _anonymous(rest, acls) if name == "{" else acls.find(name)
            terms.append(logic.negated(test) if negated else test)
            negated = False
    if not words[-1].strip("!"):
        raise ArgumentError("has a '!' with nothing behind it")
    return terms


def _anonymous(rest: Iterator[str], acls: Acls) -> Condition:
    """Return the test written in braces, whose words are taken from `rest`."""
    words: list[str] = []
    for word in rest:
        if word == "}":
            return acls.read(words)
        words.append(word)
    raise ArgumentError("misses the closing '}'")


def _all(tests: list[Condition]) -> Condition:
    if len(tests) == 2:
        one, two = tests
        return lambda facts: one(facts) and two(facts)
    return tests[0] if len(tests) == 1 else lambda facts: all(test(facts) for test in tests)


def _any(tests: list[Condition]) -> Condition:
    return lambda facts: any(test(facts) for test in tests)


def _not(test: Condition) -> Condition:
    return lambda facts: not test(facts)


# The same of conditions that may answer None, for "not yet": they are decided as far as they can be, in order. They
# would do for the others as well, at a price for every request: they are asked in a loop, and None told from False.


def _patient(test: Condition) -> Condition:
    """Return a test of what a client has sent that is None while it does not hold and may yet."""

    def ask(facts: Facts) -> bool | None:
        contents = facts.contents
        if contents is None:
            return test(facts)
        contents.unsure = False
        return test(facts) or (None if contents.unsure and not contents.final else False)

    return ask


def _all_patient(tests: list[Condition]) -> Condition:
    """Return what the first test says that does not hold; what stands behind it is not asked."""

    def ask(facts: Facts) -> bool | None:
        for test in tests:
            found = test(facts)
            if not found:
                return found
        return True

    return tests[0] if len(tests) == 1 else ask


def _any_patient(tests: list[Condition]) -> Condition:
    def ask(facts: Facts) -> bool | None:
        undecided = False
        for test in tests:
            found: bool | None = test(facts)
            if found:
                return True
            undecided = undecided or found is None
        return None if undecided else False

    return ask


def _not_patient(test: Condition) -> Condition:
    def ask(facts: Facts) -> bool | None:
        found: bool | None = test(facts)
        return None if found is None else not found

    return ask


@dataclass(frozen=True, slots=True)
class _Logic:
    """How tests are joined."""

    all: Callable[[list[Condition]], Condition]
    any: Callable[[list[Condition]], Condition]
    negated: Callable[[Condition], Condition]


_LOGIC = {False: _Logic(_all, _any, _not), True: _Logic(_all_patient, _any_patient, _not_patient)}
