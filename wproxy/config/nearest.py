"""Finds the known name that a misspelt one was most likely meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SIMILARITY = 0.6  # below it a suggestion misleads more often than it helps


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the name of `known` that is most like `word`, or None when none is like it."""
    found = difflib.get_close_matches(word, sorted(set(known)), n=1, cutoff=_SIMILARITY)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return what to append to an error about the unknown `word`: a suggestion, or nothing."""
    name = nearest(word, known)
    return f"; did you mean '{name}'?" if name else ""
