"""Rows of the actions that track entries of stick tables, and count in them."""

from __future__ import annotations

from collections.abc import Callable

from wproxy.config.http.action import Action, Context, Words
from wproxy.config.http.model import Act
from wproxy.config.tracking import TRACKING, tracking_act


def _read(word: str, words: Words, context: Context) -> Act:
    return tracking_act(word, words, context.scope)


def _row(name: str) -> Action:
    return Action(name, lambda words, context: _read(name, words, context))


TRACKING_ACTIONS = tuple(_row(name) for name in TRACKING if name.startswith("track-"))

# Those with the number of what is tracked in parentheses behind their names.
TRACKING_CALLS: dict[str, Callable[[str, Words, Context], Act]] = {
    f"{name}(": _read for name in TRACKING if not name.startswith("track-")
}
