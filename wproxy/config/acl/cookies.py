"""What can be asked about cookies (manual, section 7.3.6; RFC 6265): of requests and of responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from wproxy.config.acl import arguments
from wproxy.config.acl.facts import HttpFacts, Kind, Stage, Value
from wproxy.config.acl.fetch import Fetch, Lister
from wproxy.config.acl.headers import split
from wproxy.config.acl.samples import number_of

Values: TypeAlias = Callable[[HttpFacts, str], Iterator[str]]
"""Yields the values of the cookies of a name, of all cookies for the name ""."""

# A pair in a Cookie field: its name, then its value up to the next semicolon that no quotes hide.
_PAIR = re.compile(r'[ \t]*([^=;]*)(?:=[ \t]*("[^"]*"[^;]*|[^;]*))?(?:;|$)')


def _pairs(line: str, name: str) -> Iterator[str]:
    """Yield the values in one line; as in HAProxy a pair without room for a value behind its name does not count."""
    room = len(line) - len(name) - 1
    for match in _PAIR.finditer(line):
        counts = match.start() < room and match[2] is not None
        if counts and (not name or match[1].rstrip(" \t") == name):
            yield match[2].rstrip(" \t")


def request_values(facts: HttpFacts, name: str) -> Iterator[str]:
    """Yield the values of what a client sends."""
    for line in facts.request.values(b"cookie"):
        for value in split(line) if b"," in line else (line,):  # as HAProxy, which takes a comma for the end of a line
            yield from _pairs(value.decode("latin-1"), name)


def response_values(facts: HttpFacts, name: str) -> Iterator[str]:
    """Yield the values of what a server sets; what follows after a semicolon is no cookie."""
    if facts.response is not None:
        for line in facts.response.values(b"set-cookie"):
            yield from _pairs(line.partition(b";")[0].decode("latin-1") + ";", name)


def _here(facts: HttpFacts, name: str) -> Iterator[str]:
    return request_values(facts, name) if facts.response is None else response_values(facts, name)


def _all(values: Values, name: str) -> Lister:
    return lambda facts: values(facts, name)


def _last(values: Values, convert: Callable[[str], Value | None], name: str) -> Callable[[HttpFacts], Value | None]:
    """Return what finds the last cookie `name`; the first of all without a name."""

    def fetch(facts: HttpFacts) -> Value | None:
        found = None
        for found in values(facts, name):  # noqa: B007 - the last one is what is wanted
            if not name:
                break
        return None if found is None else convert(found)

    return fetch


def _numbers(values: Values, name: str) -> Lister:
    return lambda facts: (number_of(value) or 0 for value in values(facts, name))


def _count(values: Values, name: str) -> Callable[[HttpFacts], int]:
    return lambda facts: sum(1 for _ in values(facts, name))


def _rows(values: Values, stages: Stage, prefix: str) -> Iterator[Fetch]:
    row = partial(Fetch, arguments=(arguments.text,), stages=stages)
    yield row(f"{prefix}.cook", Kind.STRING, partial(_last, values, str), each=partial(_all, values))
    yield row(f"{prefix}.cook_val", Kind.INTEGER, partial(_last, values, number_of), each=partial(_numbers, values))
    yield row(f"{prefix}.cook_cnt", Kind.INTEGER, partial(_count, values))


COOKIE_FETCHES = (
    *_rows(request_values, Stage.REQUEST, "req"),
    *_rows(response_values, Stage.RESPONSE, "res"),
    Fetch(
        "cookie",
        Kind.STRING,
        partial(_last, _here, str),
        (arguments.text,),
        Stage.REQUEST | Stage.RESPONSE,
        partial(_all, _here),
    ),
)
