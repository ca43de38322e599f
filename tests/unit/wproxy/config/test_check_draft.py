from __future__ import annotations

import pytest

from wproxy.config.check_draft import CheckDraft
from wproxy.config.checks import ConnectRule, HealthCheck, Kind, SendRule
from wproxy.config.values import ArgumentError


def test_rules_are_counted_by_kind_and_take_the_comment_before_them() -> None:
    draft = CheckDraft(Kind.TCP)
    assert [draft.next_number(Kind.TCP), draft.next_number(Kind.TCP), draft.next_number(Kind.HTTP)] == [1, 2, 1]
    draft.comment = "of the line before"
    draft.add(Kind.TCP, SendRule(1, b"a"))
    draft.comment = "not used"
    draft.add(Kind.TCP, SendRule(2, b"b", "own"))
    assert draft.built() == HealthCheck(Kind.TCP, (SendRule(1, b"a", "of the line before"), SendRule(2, b"b", "own")))


def test_own_rules_replace_inherited_ones() -> None:
    parent = CheckDraft(Kind.TCP)
    parent.next_number(Kind.TCP)
    parent.add(Kind.TCP, SendRule(1, b"a"))
    child, other = parent.child(), parent.child()
    assert child.built().rules == (SendRule(1, b"a"),)
    assert child.next_number(Kind.TCP) == 1
    child.add(Kind.TCP, SendRule(1, b"b"))
    assert (child.built().rules, other.built().rules) == ((SendRule(1, b"b"),), (SendRule(1, b"a"),))


def test_a_connection_comes_first_or_never() -> None:
    draft = CheckDraft()
    draft.next_number(Kind.TCP)
    draft.add(Kind.TCP, SendRule(1, b"a"))
    with pytest.raises(ArgumentError, match="first of them"):
        draft.add(Kind.TCP, ConnectRule(2))
