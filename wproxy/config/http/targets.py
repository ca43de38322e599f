"""Actions on the method and the target of a request, and on the status of a response (manual, section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.acl.regex import compile_regex
from wproxy.config.acl.samples import latin
from wproxy.config.acl.targets import path_at
from wproxy.config.http.action import Action, Context, Words
from wproxy.config.http.fields import substitution, to_bytes
from wproxy.config.http.format import compile_format
from wproxy.config.http.model import Act
from wproxy.config.http.reasons import reason_of
from wproxy.config.values import integer

_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?]*)")

Change = Callable[[bytes, bytes], bytes]
"""Takes the target and the new text, returns the new target."""


def _target(data: bytes) -> bytes:
    """Return `data` as a target: a space would end it in the middle of the request line."""
    return data.replace(b" ", b"%20") if b" " in data else data


def _with_path(target: bytes, path: bytes) -> bytes:
    begin = path_at(target)
    if begin < 0:
        return path
    _, mark, query = target[begin:].partition(b"?")
    return target[:begin] + path + mark + query


def _with_pathq(target: bytes, pathq: bytes) -> bytes:
    begin = path_at(target)
    return pathq if begin < 0 else target[:begin] + pathq


def _with_query(target: bytes, query: bytes) -> bytes:
    before, mark, _ = target.partition(b"?")
    return before + b"?" + query if mark or query else target


def _setting(change: Change) -> Callable[[Words, Context], Act]:
    def read(words: Words, context: Context) -> Act:
        make = compile_format(words.next("a log-format string"), context.scope)

        def act(facts: HttpFacts) -> None:
            request = facts.request
            changed = change(request.target, _target(to_bytes(make(facts))))
            if changed:
                request.target = changed

        return act

    return read


def _set_uri(words: Words, context: Context) -> Act:
    make = compile_format(words.next("a log-format string"), context.scope)

    def act(facts: HttpFacts) -> None:
        target = _target(to_bytes(make(facts)))
        if target:
            facts.request.target = target
            authority = _AUTHORITY.match(target)
            if authority is not None and facts.request.values(b"host"):
                facts.request.rewrite(lambda name, value: authority[1] if name == b"host" else value)

    return act


def _part_of(target: bytes, *, query: bool) -> tuple[int, int]:
    """Return where path (and query) of `target` begin and end; nowhere without a path."""
    begin = path_at(target)
    if begin < 0:
        return -1, -1
    mark = -1 if query else target.find(b"?", begin)
    return begin, len(target) if mark < 0 else mark


def _replacing(part: Callable[[bytes], tuple[int, int]]) -> Callable[[Words, Context], Act]:
    """Return what reads an action that replaces a part of the target where an expression matches it."""

    def read(words: Words, context: Context) -> Act:
        regex = compile_regex(latin(words.next("a regular expression")))
        changed = substitution(words.next("what to replace it with"), context)

        def act(facts: HttpFacts) -> None:
            target = facts.request.target
            begin, end = part(target)
            match = None if begin < 0 else regex.search(target[begin:end].decode("latin-1"))
            if match is not None:
                new = target[:begin] + _target(to_bytes(changed(facts)(match))) + target[end:]
                if new:
                    facts.request.target = new

        return act

    return read


def _set_method(words: Words, context: Context) -> Act:
    make = compile_format(words.next("a method"), context.scope)

    def act(facts: HttpFacts) -> None:
        method = to_bytes(make(facts))
        if _METHOD.fullmatch(method):
            facts.request.method = method

    return act


def _set_status(words: Words, context: Context) -> Act:
    status = integer(words.next("a status"), 100, 999)
    reason = to_bytes(latin(words.next("a text after 'reason'"))) if words.take("reason") else None

    def act(facts: HttpFacts) -> None:
        response = facts.response
        assert response is not None
        response.status = status
        response.reason = reason_of(status) if reason is None else reason

    return act


def _disable_repeats(words: Words, context: Context) -> Act:
    def act(facts: HttpFacts) -> None:
        facts.once_only = True

    return act


TARGET_ACTIONS = (
    Action("set-path", _setting(_with_path), response=False),
    Action("set-pathq", _setting(_with_pathq), response=False),
    Action("set-query", _setting(_with_query), response=False),
    Action("set-uri", _set_uri, response=False),
    Action("set-method", _set_method, response=False),
    Action("replace-path", _replacing(lambda target: _part_of(target, query=False)), response=False),
    Action("replace-pathq", _replacing(lambda target: _part_of(target, query=True)), response=False),
    Action("replace-uri", _replacing(lambda target: (0, len(target))), response=False),
    Action("disable-l7-retry", _disable_repeats, response=False),
    Action("set-status", _set_status, request=False),
)
