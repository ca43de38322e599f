"""Actions that keep something for later: variables, captured values, the log line's level (manual, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from wproxy.config.acl import arguments
from wproxy.config.acl.call import split
from wproxy.config.acl.converters import SET_CONDITIONS
from wproxy.config.acl.facts import SILENT, Facts, HttpFacts, Stage, Value
from wproxy.config.acl.sample import Sample, parse_sample
from wproxy.config.acl.samples import text_of
from wproxy.config.http.action import Action, Context, Words
from wproxy.config.http.format import compile_format
from wproxy.config.http.model import Act
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError, integer, positive

_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

Allowed = Callable[[Value, Value | None], bool]


def _sample(words: Words, context: Context) -> Sample:
    sample = parse_sample(words.next("an expression such as req.hdr(host)"), context.scope)
    sample.demand(context.scope.stage)
    return sample


def target_of(word: str, context: Context) -> tuple[str, Allowed | None]:
    """Return the variable that `set-var(name,condition)` names and whether it may be set; raise ArgumentError."""
    [call], end = split(word)
    if end < len(word) or not call.arguments:
        raise ArgumentError(f"expects a variable in parentheses, such as set-var(txn.name), not '{word}'")
    name = arguments.variable(call.arguments[0], context.scope)
    conditions = []
    for text in call.arguments[1:]:
        if text not in SET_CONDITIONS:
            raise ArgumentError(f"knows no condition '{text}'{did_you_mean(text, SET_CONDITIONS)}")
        conditions.append(SET_CONDITIONS[text])
    if not conditions:
        return name, None
    return name, lambda value, old: all(condition(value, old) for condition in conditions)


def set_variable(word: str, words: Words, context: Context) -> Act:
    """Return the action of `set-var(name) expression`; raise ArgumentError."""
    name, allowed = target_of(word, context)
    fetch = _sample(words, context).fetch

    def act(facts: Facts) -> None:
        value = fetch(facts)
        if value is not None and (allowed is None or allowed(value, facts.variables.get(name))):
            facts.variables[name] = value

    return act


def set_variable_to_format(word: str, words: Words, context: Context) -> Act:
    """Return the action of `set-var-fmt(name) log-format`; raise ArgumentError."""
    name, allowed = target_of(word, context)
    make = compile_format(words.next("a log-format string"), context.scope)

    def act(facts: HttpFacts) -> None:
        value = make(facts)
        if allowed is None or allowed(value, facts.variables.get(name)):
            facts.variables[name] = value

    return act


def unset_variable(word: str, words: Words, context: Context) -> Act:
    """Return the action of `unset-var(name)`; raise ArgumentError."""
    name, _ = target_of(word, context)

    def act(facts: Facts) -> None:
        facts.variables.pop(name, None)

    return act


def _capture(words: Words, context: Context) -> Act:
    """Read `sample len <length>`, which makes a slot, or `sample id <slot>`, which fills one."""
    sample = _sample(words, context)
    of_request = context.scope.stage is not Stage.RESPONSE
    slots = context.slots.request if of_request else context.slots.response
    if words.take("len"):
        if not context.keeps_slots or not of_request:
            raise ArgumentError("makes slots by 'len' for requests in frontends only; fill one by 'id'")
        slot = len(slots)
        slots.append(positive(words.next("a length after 'len'")))
        length: int | None = slots[slot]
    else:
        if not words.take("id"):
            raise ArgumentError("expects 'len <length>' or 'id <slot>' after the expression")
        slot = integer(words.next("a slot after 'id'"), 0)
        if context.keeps_slots and slot >= len(slots):
            raise ArgumentError(f"has no slot {slot}: declare it before, by 'declare capture'")
        length = slots[slot] if slot < len(slots) else None

    def act(facts: HttpFacts) -> None:
        kept = facts.captures if of_request else facts.response_captures
        value = sample.fetch(facts)
        if value is not None and slot < len(kept):
            kept[slot] = text_of(value)[:length]

    return act


def _log_level(words: Words, context: Context) -> Act:
    name = words.next("a level")
    if name not in _LEVELS and name != "silent":
        raise ArgumentError(f"knows no level '{name}'{did_you_mean(name, [*_LEVELS, 'silent'])}")
    level = SILENT if name == "silent" else _LEVELS.index(name)

    def act(facts: HttpFacts) -> None:
        facts.log_level = level

    return act


VARIABLE_ACTIONS = (
    Action("capture", _capture),
    Action("set-log-level", _log_level),
)

# Those with a variable in parentheses behind their names.
VARIABLE_CALLS: dict[str, Callable[[str, Words, Context], Act]] = {
    "set-var-fmt(": set_variable_to_format,
    "set-var(": set_variable,
    "unset-var(": unset_variable,
}
