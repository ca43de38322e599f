"""Makes rules of `tcp-request` lines (manual, section 4.2); `config.rules` calls what stands in `TCP_RULES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from wproxy.config.acl.condition import Acls, parse_condition
from wproxy.config.acl.facts import Condition, Facts, Stage
from wproxy.config.acl.sample import parse_sample
from wproxy.config.drafts import ProxyDraft, RuleLine
from wproxy.config.http.action import Context, Words
from wproxy.config.http.actions import read_action
from wproxy.config.http.model import Answer, Rule, Verdict
from wproxy.config.http.variables import VARIABLE_ACTIONS, set_variable, unset_variable
from wproxy.config.model import ConnectionRule, ContentRule, Mode
from wproxy.config.tracking import TRACKING, tracking_act
from wproxy.config.values import ArgumentError

Act = Callable[[Facts], None]

_VERDICTS = ("accept", "reject")
_SESSION = "sess."
_REJECTED = Answer(-1, closes=True, cause="PR", silent=True)  # HAProxy's log has no status of such a request
_CAPTURE = next(row for row in VARIABLE_ACTIONS if row.name == "capture")


def _connection_rule(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    proxy.connection_rules.append(_early_rule(line, acls))


def _session_rule(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    if "set-var(" in line.target and not line.target.partition("(")[2].startswith(_SESSION):
        acls.scope.warn(f"{line.target} has no effect: only variables that begin with '{_SESSION}' are there so early")
        return
    proxy.session_rules.append(_early_rule(line, acls))


def _early_rule(line: RuleLine, acls: Acls) -> ConnectionRule:
    """Return a rule that is asked before anything has come."""
    words = Words(line.words)
    act = None if line.target in _VERDICTS else _act(line.target, words, _context(acls))
    return ConnectionRule(line.target != "reject", _condition(words, acls), line.location, act)


def _content_rule(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    words = Words(line.words)
    if acls.scope.speaks_http:
        proxy.http.content_rules.append(_request_rule(proxy, line, words, acls))
        return
    if proxy.mode is Mode.REDIS and not acls.scope.has_frontend:
        raise ArgumentError("is for frontends in 'mode redis': clients share the connections of its backends")
    act = ready = None
    if line.target not in _VERDICTS:
        act = _act(line.target, words, Context(acls.scope, proxy.http.slots, acls.scope.has_frontend))
        ready = _ready(line, acls)
    acls.scope = replace(acls.scope, waits=True)
    rule = ContentRule(line.target != "reject", _condition(words, acls), line.location, act, ready)
    proxy.content_rules.append(rule)


def _request_rule(proxy: ProxyDraft, line: RuleLine, words: Words, acls: Acls) -> Rule:
    """Return the rule of mode http, which is asked when the head of a request is there."""
    if line.target in _VERDICTS:
        outcome = Verdict.ALLOW if line.target == "accept" else _REJECTED
        return Rule(lambda facts: outcome, _condition(words, acls))
    act = read_action(line.target, words, Context(acls.scope, proxy.http.slots, acls.scope.has_frontend))
    assert act is not None  # the keyword's row has let none pass that has no effect
    return Rule(act, _condition(words, acls))


def _context(acls: Acls) -> Context:
    return Context(acls.scope, slots=None, keeps_slots=False)  # type: ignore[arg-type] # nothing is captured so early


def _act(word: str, words: Words, context: Context) -> Act:
    """Return what an action does to a connection; raise ArgumentError."""
    name = word.partition("(")[0]
    if name in TRACKING:
        return tracking_act(word, words, context.scope)
    if name == "set-var":
        return cast("Act", set_variable(word, words, context))
    if name == "unset-var":
        return cast("Act", unset_variable(word, words, context))
    if name == "capture":
        return cast("Act", _CAPTURE.read(words, context))
    raise ArgumentError(f"cannot do '{word}' but in 'mode http'")


def _ready(line: RuleLine, acls: Acls) -> Callable[[Facts], bool | None] | None:
    """Return what tells that the value which is tracked or captured will not change any more, None when it cannot."""
    if not (line.target.startswith("track-sc") or line.target == "capture"):
        return None
    sample = parse_sample(line.words[0], acls.scope)
    if sample.stages & Stage.CONNECTION:
        return None
    fetch = sample.fetch

    def ready(facts: Facts) -> bool | None:
        contents = facts.contents
        if contents is None or contents.final:
            return True
        contents.unsure = False
        fetch(facts)
        return None if contents.unsure else True

    return ready


def _condition(words: Words, acls: Acls) -> Condition | None:
    rest = words.rest()
    return parse_condition(rest, acls) if rest else None


TCP_RULES: Mapping[str, Callable[[ProxyDraft, RuleLine, Acls], None]] = {
    "tcp-request connection": _connection_rule,
    "tcp-request session": _session_rule,
    "tcp-request content": _content_rule,
}
