"""Conditions about the program itself, as `-cc` takes them (configuration manual, section 2.4; management manual, 3).

    version_atleast(2.4) && !feature(LUA) || defined(HOME)

`!` binds closest, then `&&`, then `||`. An empty condition is false, a number is true unless it is 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wproxy.errors import WproxyError

_TOKEN = re.compile(r"\s*(\|\||&&|!|\(|\)|-?\d+(?![\w.(])|[a-z_]+\()")
_ARGUMENT = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^,()"'\s]*))\s*([,)])""")
_VERSION = re.compile(r"\d+(?:\.\d+)*")


class ConditionError(WproxyError):
    """A condition that makes no sense; the message says why."""


def holds(text: str, *, version: str, features: frozenset[str], environ: Mapping[str, str]) -> bool:
    """Tell whether the condition `text` is true for that version, those features and environment."""
    predicates: dict[str, tuple[int, Callable[..., bool]]] = {
        "defined": (1, lambda name: name in environ),
        "feature": (1, lambda name: name in features),
        "streq": (2, lambda one, other: one == other),
        "strneq": (2, lambda one, other: one != other),
        "version_atleast": (1, lambda wanted: _numbers(version) >= _numbers(wanted)),
        "version_before": (1, lambda wanted: _numbers(version) < _numbers(wanted)),
    }
    return bool(text.strip()) and _Reader(text, predicates).whole()


class _Reader:
    """Reads one condition from left to right; what stands behind a decided `&&` or `||` is read all the same."""

    def __init__(self, text: str, predicates: Mapping[str, tuple[int, Callable[..., bool]]]) -> None:
        self._text = text.rstrip()
        self._at = 0
        self._predicates = predicates

    def whole(self) -> bool:
        value = self._either()
        if self._at < len(self._text):
            raise ConditionError(f"unparsable conditional expression '{self._text[self._at :].lstrip()}'")
        return value

    def _either(self) -> bool:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> bool:
        value = self._term()
        while self._take("&&"):
            other = self._term()
            value = value and other
        return value

    def _term(self) -> bool:
        token = self._next()
        if token == "!":
            return not self._term()
        if token == "(":
            value = self._either()
            if not self._take(")"):
                raise ConditionError(f"expected ')' in conditional expression '{self._text}'")
            return value
        if token.endswith("(") and token[:-1] in self._predicates:
            return self._predicate(token[:-1])
        if token.lstrip("-").isdigit():
            return int(token) != 0
        raise ConditionError(f"unparsable conditional expression '{self._text}'")

    def _predicate(self, name: str) -> bool:
        count, check = self._predicates[name]
        arguments: list[str] = []
        ending = ","
        while ending == ",":
            found = _ARGUMENT.match(self._text, self._at)
            if found is None:
                raise ConditionError(f"expected ')' behind the arguments of '{name}' in conditional expression")
            quoted, plain, bare, ending = found.groups()
            arguments.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain or bare or "")
            self._at = found.end()
        if len(arguments) != count:
            raise ConditionError(f"'{name}' needs {count} arguments in conditional expression, not {len(arguments)}")
        return check(*arguments)

    def _next(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[1]

    def _take(self, wanted: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found[1] != wanted:
            return False
        self._at = found.end()
        return True


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers a version begins with; what is behind `-` (`2.4-dev3`) does not count."""
    found = _VERSION.match(version)
    if found is None:
        raise ConditionError(f"'{version}' is no version")
    return tuple(int(part) for part in found[0].split("."))
