"""Compiles sample expressions, `fetch(a,b),converter(c)`, into one function (manual, section 7.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wproxy.config.acl.call import Call, split
from wproxy.config.acl.converter import Converter
from wproxy.config.acl.converters import CONVERTERS, HAPROXY_ONLY_BEGIN
from wproxy.config.acl.converters import HAPROXY_ONLY as HAPROXY_CONVERTERS
from wproxy.config.acl.facts import Facts, Fetcher, Kind, Stage, Value
from wproxy.config.acl.fetch import Fetch, Lister
from wproxy.config.acl.fetches import DERIVATIVES, FETCHES, HAPROXY_ONLY, make
from wproxy.config.acl.samples import Cast, cast
from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass

Step = Callable[[Any, Any], Value | None]  # from one sample and the facts to the next

_NEEDS = {
    Stage.CONTENT: "what the client has sent, in 'tcp-request content' rules and after them, in 'mode tcp'",
    Stage.REQUEST: "a request's head, which is only there before the server is asked",
    Stage.RESPONSE: "a response",
    Stage.REQUEST | Stage.RESPONSE: "a request or a response",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A compiled expression: how it is written, of which type it is, its value, when it can be asked.

    `each` lists all values where there may be several; `match` is the matching method that the name of the fetch means.
    """

    text: str
    name: str
    kind: Kind
    fetch: Fetcher
    stages: Stage
    each: Lister | None = None
    match: str | None = None

    def demand(self, stage: Stage) -> None:
        """Raise ArgumentError when the expression has no value at `stage`."""
        if not stage & self.stages:
            needs = _NEEDS.get(self.stages, "an HTTP exchange")
            raise ArgumentError(f"cannot ask for '{self.name}' here: it needs {needs}")


def parse_sample(text: str, scope: Scope, *, condition: bool = False) -> Sample:
    """Return the expression that `text` is; with `condition` names such as `path_beg` are known, too."""
    sample, end = parse_sample_at(text, 0, scope, condition=condition)
    if end < len(text):
        raise ArgumentError(f"has '{text[end:]}' behind the expression '{text[:end]}'")
    return sample


def parse_sample_at(text: str, begin: int, scope: Scope, *, condition: bool = False) -> tuple[Sample, int]:
    """Return the expression that begins at `begin`, and where it ends; raise ArgumentError."""
    calls, end = split(text, begin)
    written = text[begin:end]
    row, match = _fetch_row(calls[0], scope, condition)
    if row.stages == Stage.REQUEST | Stage.RESPONSE and condition:
        row = FETCHES.get(f"req.{row.name}", row)
    arguments = _arguments(calls[0], row, scope)
    kind = row.kind
    fetch = make(row, arguments)
    each = None if row.each is None else row.each(*arguments)
    steps: list[Step] = []
    for call in calls[1:]:
        converter = _converter_row(call)
        try:
            steps += _steps(cast(kind, converter.takes), converter, _arguments(call, converter, scope))
        except ArgumentError as error:
            raise ArgumentError(f"'{call.name}' {error}" if not str(error).startswith("'") else str(error)) from None
        kind = kind if converter.gives is Kind.ANY else converter.gives
    stages = row.stages
    if any(CONVERTERS[call.name].of_request for call in calls[1:]):
        stages &= ~(Stage.CONNECTION | Stage.CONTENT)
    return Sample(written, row.name, kind, _applied(fetch, steps), stages, _each(each, steps), match), end


def _fetch_row(call: Call, scope: Scope, condition: bool) -> tuple[Fetch, str | None]:
    name, match = DERIVATIVES.get(call.name, (call.name, None)) if condition else (call.name, None)
    row = FETCHES.get(name)
    if row is None:
        if name.startswith(HAPROXY_ONLY):
            raise ArgumentError(f"cannot use HAProxy's fetch '{name}', which is not supported by wproxy")
        if name in CONVERTERS:
            raise ArgumentError(
                f"cannot begin with the converter '{name}': it stands behind a fetch and a comma, as in path,{name}"
            )
        known = [*FETCHES, *DERIVATIVES] if condition else [*FETCHES]
        raise ArgumentError(f"knows no fetch '{name}'{did_you_mean(name, known)}")
    if not row.stages & (Stage.CONNECTION | Stage.CONTENT) and not scope.speaks_http:
        raise ArgumentError(f"cannot ask for '{call.name}' here: it needs 'mode http'")
    return row, match


def _converter_row(call: Call) -> Converter:
    row = CONVERTERS.get(call.name)
    if row is None:
        if call.name in HAPROXY_CONVERTERS or call.name.startswith(HAPROXY_ONLY_BEGIN):
            raise ArgumentError(f"cannot use HAProxy's converter '{call.name}', which is not supported by wproxy")
        raise ArgumentError(f"knows no converter '{call.name}'{did_you_mean(call.name, CONVERTERS)}")
    return row


def _arguments(call: Call, row: Fetch | Converter, scope: Scope) -> list[Any]:
    """Read the arguments of `call`, those that are left out as empty ones."""
    if len(call.arguments) > len(row.arguments):
        written = f"{call.name}({','.join(call.arguments)})"
        raise ArgumentError(f"takes at most {len(row.arguments)} arguments in parentheses, not '{written}'")
    given = [*call.arguments, *[""] * (len(row.arguments) - len(call.arguments))]
    try:
        return [read(text, scope) for read, text in zip(row.arguments, given, strict=True)]
    except ArgumentError as error:
        raise ArgumentError(f"'{call.name}' {error}") from None


def _steps(conversion: Cast | None, converter: Converter, arguments: list[Any]) -> Iterator[Step]:
    if conversion is not None:
        yield _without_facts(conversion)
    function = converter.make(*arguments)
    yield function if converter.of_request or converter.of_connection else _without_facts(function)


def _without_facts(function: Callable[[Any], Value | None]) -> Step:
    return lambda value, facts: function(value)


def _applied(fetch: Fetcher, steps: list[Step]) -> Fetcher:
    """Return `fetch` followed by `steps`, which are passed over once there is nothing."""
    if not steps:
        return fetch
    if len(steps) == 1:
        [step] = steps

        def once(facts: Facts) -> Value | None:
            value = fetch(facts)
            return None if value is None else step(value, facts)

        return once

    def applied(facts: Facts) -> Value | None:
        value = fetch(facts)
        for step in steps:
            if value is None:
                return None
            value = step(value, facts)
        return value

    return applied


def _each(each: Lister | None, steps: list[Step]) -> Lister | None:
    if each is None or not steps:
        return each

    def listed(facts: Facts) -> Iterable[Value]:
        for first in each(facts):
            value: Value | None = first
            for step in steps:
                if value is None:
                    break
                value = step(value, facts)
            if value is not None:
                yield value

    return listed
