"""What the tests of all keyword tables check."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from wproxy.config.grammar import Grammar, Sets, SetsTo, Status
from wproxy.config.loader import parse
from wproxy.config.tls_draft import TlsDraft, TlsFiles
from wproxy.errors import ConfigError

_TLS = {field.name for draft in (TlsDraft, TlsFiles) for field in dataclasses.fields(draft)}  # part of several drafts


def check_rows(grammar: Grammar[Any], fields: set[str]) -> None:
    """Check that no keyword has two rows, that actions set fields that exist, and that every row says what it must."""
    places = [(row.words, section) for row in grammar.rows for section in row.sections]
    assert len(places) == len(set(places))
    for row in grammar.rows:
        assert row.manual, row
        assert row.doc or row.status is Status.REFUSED, row
        assert "|" not in row.doc, row
        assert row.status is not Status.DONE or row.action is not None, row
        assert row.status is not Status.REFUSED or row.action is None, row
        for action in (row.action, row.undo):
            assert not isinstance(action, Sets | SetsTo) or action.field in fields | _TLS, row


def problem_of(text: str) -> str:
    """Return the message of the one problem that `text` has."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "a.cfg", {})
    [problem] = caught.value.problems
    return problem.message
