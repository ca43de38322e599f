"""Actions on header fields: set, add, delete and replace them, in requests and responses (manual, section 4.2).

Content-Length and Transfer-Encoding tell where a body ends, which the proxy has read already: no rule changes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from wproxy.config.acl.facts import FieldsFacts, HttpFacts, Stage
from wproxy.config.acl.matches import MATCHES, Pattern
from wproxy.config.acl.regex import compile_regex, replacement
from wproxy.config.acl.samples import latin
from wproxy.config.http.action import Action, Context, Words
from wproxy.config.http.format import Format, compile_format, constant
from wproxy.config.http.model import Act
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_METHODS = ("str", "beg", "end", "sub", "reg")
_PIECE = re.compile(r'((?:"(?:[^"\\]|\\.)*(?:"|$)|[^",])*)(,|$)', re.DOTALL)

Message = Callable[[HttpFacts], FieldsFacts]


def field_name(text: str) -> bytes:
    """Return the name of a field in lower case; raise ArgumentError."""
    if not _TOKEN.fullmatch(text):
        raise ArgumentError(f"expects the name of a header field, not '{text}'")
    return text.lower().encode()


def to_bytes(text: str) -> bytes:
    """Return a sample as bytes to be sent, without what could end a line."""
    data = text.encode("latin-1")
    return data if data.isascii() and text.isprintable() else data.translate(None, b"\r\n\0")


def _message(scope_stage: Stage) -> Message:
    """Return what finds the message of a side."""
    if scope_stage is Stage.REQUEST:
        return lambda facts: facts.request
    return lambda facts: facts.response  # type: ignore[return-value] # there is one on this side


def _name(words: Words, context: Context) -> bytes:
    name = field_name(words.next("a header field's name"))
    if name in _FRAMING:
        context.scope.warn(f"has no effect on '{name.decode()}', which the proxy itself keeps in order")
    return name


def _set(words: Words, context: Context) -> Act:
    name = _name(words, context)
    text = words.next("a header field's value")
    message = _message(context.scope.stage)
    fixed = constant(text, context.scope)
    if name in _FRAMING:
        return _nothing
    if fixed is not None:
        value = to_bytes(fixed)

        def set_constant(facts: HttpFacts) -> None:
            message(facts).set(name, value)

        return set_constant
    make = compile_format(text, context.scope)

    def set_made(facts: HttpFacts) -> None:
        value = to_bytes(make(facts))
        message(facts).set(name, value)

    return set_made


def _add(words: Words, context: Context) -> Act:
    name = _name(words, context)
    make = compile_format(words.next("a header field's value"), context.scope)
    message = _message(context.scope.stage)
    if name in _FRAMING:
        return _nothing

    def add(facts: HttpFacts) -> None:
        message(facts).add(name, to_bytes(make(facts)))

    return add


def _delete(words: Words, context: Context) -> Act:
    text = words.next("a header field's name")
    method = words.next("a matching method after '-m'") if words.take("-m") else "str"
    if method not in _METHODS:
        raise ArgumentError(f"matches by {', '.join(_METHODS)}, not by '{method}'{did_you_mean(method, _METHODS)}")
    message = _message(context.scope.stage)
    if method == "str":
        name = latin(text).lower().encode("latin-1")
        if name in _FRAMING:
            context.scope.warn(f"has no effect on '{text}', which the proxy itself keeps in order")
            return _nothing

        def delete(facts: HttpFacts) -> None:
            message(facts).remove(name)

        return delete
    # Names are held in lower case, and as in HAProxy a regular expression is taken as it is written.
    matches = MATCHES[method].make([Pattern(latin(text), ignore_case=method != "reg")])

    def keep(name: bytes, value: bytes) -> bytes | None:
        return None if name not in _FRAMING and matches(name.decode("latin-1")) else value

    def delete_matching(facts: HttpFacts) -> None:
        message(facts).rewrite(keep)

    return delete_matching


def _nothing(facts: HttpFacts) -> None:
    """Do nothing."""


Change = Callable[[re.Match[str]], str]


def substitution(text: str, context: Context) -> Callable[[HttpFacts], Change]:
    r"""Return what makes, for a request, the replacement of a match: a log-format string with \1 to \9."""
    fixed = constant(text, context.scope)
    if fixed is not None:
        change = replacement(fixed)
        return lambda facts: change
    make: Format = compile_format(text, context.scope)
    return lambda facts: replacement(make(facts))


def _replacing(each: Callable[[re.Pattern[str], Change, str], str]) -> Callable[[Words, Context], Act]:
    """Return what reads an action that changes the values of a field, each by `each`."""

    def read(words: Words, context: Context) -> Act:
        wanted = _name(words, context)
        regex = compile_regex(latin(words.next("a regular expression")))
        changed = substitution(words.next("what to replace it with"), context)
        message = _message(context.scope.stage)
        if wanted in _FRAMING:
            return _nothing

        def replace(facts: HttpFacts) -> None:
            change = changed(facts)

            def rewritten(name: bytes, value: bytes) -> bytes:
                return to_bytes(each(regex, change, value.decode("latin-1"))) if name == wanted else value

            message(facts).rewrite(rewritten)

        return replace

    return read


def _line(regex: re.Pattern[str], change: Change, value: str) -> str:
    match = regex.search(value)
    return value if match is None else change(match)


def _values(regex: re.Pattern[str], change: Change, value: str) -> str:
    """Change each value between commas; the spaces around those that do not change stay."""
    pieces, at, comma = [], 0, ","
    while comma:
        match = _PIECE.search(value, at)
        assert match is not None  # at the end there is always an empty one
        text, comma, at = match[1], match[2], match.end()
        found = regex.search(text.strip(" \t"))
        pieces.append(text + comma if found is None else change(found) + comma)
    return "".join(pieces)


FIELD_ACTIONS = (
    Action("set-header", _set),
    Action("add-header", _add),
    Action("del-header", _delete),
    Action("replace-header", _replacing(_line)),
    Action("replace-value", _replacing(_values)),
)
