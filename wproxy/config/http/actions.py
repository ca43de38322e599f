"""The table of all actions, and how a line finds its own (manual, section 4.2, "http-request", "http-response")."""

from __future__ import annotations

from collections.abc import Iterator

from wproxy.config.acl.facts import Stage
from wproxy.config.http.action import Action, Context, Words
from wproxy.config.http.answers import ANSWER_ACTIONS
from wproxy.config.http.fields import FIELD_ACTIONS
from wproxy.config.http.model import Act
from wproxy.config.http.redirects import REDIRECT_ACTIONS
from wproxy.config.http.targets import TARGET_ACTIONS
from wproxy.config.http.tracking import TRACKING_ACTIONS, TRACKING_CALLS
from wproxy.config.http.variables import VARIABLE_ACTIONS, VARIABLE_CALLS
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_ROWS = (
    *ANSWER_ACTIONS, *FIELD_ACTIONS, *REDIRECT_ACTIONS, *TARGET_ACTIONS, *TRACKING_ACTIONS, *VARIABLE_ACTIONS,
)  # fmt: skip
ACTIONS: dict[str, Action] = {row.name: row for row in _ROWS}

# Those with an argument in parentheses behind their names.
CALLS = {**VARIABLE_CALLS, **TRACKING_CALLS}

# HAProxy's others: what wproxy takes without effect, and how the names of those begin that it refuses.
WITHOUT_EFFECT = {
    "set-mark": "needs marks of the kernel that wproxy does not set",
    "set-nice": "wproxy has one queue",
    "set-tos": "needs marks of the kernel that wproxy does not set",
    "strict-mode": "rewriting never runs out of space here",
}
HAPROXY_ONLY = (
    "add-acl", "cache-", "del-acl", "del-map", "do-resolve", "early-hint", "lua.", "normalize-uri", "ot-group",
    "reject", "sc-", "send-spoe-group", "set-dst", "set-map", "set-priority", "set-src", "set-timeout", "silent-drop",
    "wait-for",
)  # fmt: skip


def _names(stage: Stage) -> Iterator[str]:
    for row in ACTIONS.values():
        if row.request if stage is Stage.REQUEST else row.response:
            yield row.name
    yield from (call.rstrip("(") for call in CALLS)


def read_action(word: str, words: Words, context: Context) -> Act | None:
    """Return what the action `word` does, None for one without effect; raise ArgumentError."""
    for call, read in CALLS.items():
        if word.startswith(call):
            return read(word, words, context)
    names = tuple(_names(context.scope.stage))
    row = ACTIONS.get(word)
    if row is not None and word in names:
        return row.read(words, context)
    if word in WITHOUT_EFFECT:
        words.next("an argument") if not words.over else None
        return None
    if word.startswith(HAPROXY_ONLY):
        raise ArgumentError(f"cannot do HAProxy's '{word}', which is not supported by wproxy")
    raise ArgumentError(f"knows no action '{word}'{did_you_mean(word.partition('(')[0], names)}")
