"""The actions that track entries of stick tables and count in them (manual, section 4.2, "http-request track-sc0")."""

from __future__ import annotations

from collections.abc import Callable

from wproxy.config.acl import arguments
from wproxy.config.acl.call import split
from wproxy.config.acl.facts import Facts
from wproxy.config.acl.sample import parse_sample
from wproxy.config.acl.samples import number_of
from wproxy.config.acl.scope import Scope
from wproxy.config.acl.tracks import TRACKS
from wproxy.config.http.action import Words
from wproxy.config.values import ArgumentError

Act = Callable[[Facts], None]

_TRACKS = {f"track-sc{number}": number for number in range(TRACKS)}
_COUNTS = {"sc-inc-gpc0": "gpc0", "sc-inc-gpc1": "gpc1"}
_SETS = {"sc-set-gpt0": "gpt0"}
TRACKING = (*_TRACKS, *_COUNTS, *_SETS)


def tracking_act(word: str, words: Words, scope: Scope) -> Act:
    """Return what the action `word` does, whose arguments are taken from `words`; raise ArgumentError."""
    if word in _TRACKS:
        return _track(_TRACKS[word], words, scope)
    [call], end = split(word)
    if end < len(word) or len(call.arguments) != 1:
        raise ArgumentError(f"expects the number of what is tracked in parentheses, such as {call.name}(0)")
    number = arguments.track(call.arguments[0], scope)
    if call.name in _COUNTS:
        return _count(number, _COUNTS[call.name])
    return _set(number, _SETS[call.name], words, scope)


def _track(number: int, words: Words, scope: Scope) -> Act:
    sample = parse_sample(words.next("what to track, such as src"), scope)
    sample.demand(scope.stage)
    table = arguments.table(words.next("a table's name after 'table'") if words.take("table") else "", scope)
    fetch = sample.fetch

    def act(facts: Facts) -> None:
        if facts.tracks_already(number):
            return
        value = fetch(facts)
        entry = None if value is None else facts.process.tables[table].track(value)
        if entry is not None:
            facts.track(number, entry)

    return act


def _count(number: int, event: str) -> Act:
    def act(facts: Facts) -> None:
        entry = facts.tracked(number)
        if entry is not None:
            entry.count(event)

    return act


def _set(number: int, name: str, words: Words, scope: Scope) -> Act:
    text = words.next("a number or an expression")
    sample = None if text.isdecimal() else parse_sample(text, scope)
    if sample is not None:
        sample.demand(scope.stage)

    def act(facts: Facts) -> None:
        entry = facts.tracked(number)
        value = int(text) if sample is None else sample.fetch(facts)
        wanted = None if value is None else number_of(value)
        if entry is not None and wanted is not None:
            entry.set(name, wanted & 0xFFFFFFFF)

    return act
