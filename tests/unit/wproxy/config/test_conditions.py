from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.conditions import ConditionError, holds


def ask(text: str) -> bool:
    return holds(text, version="2.6.12", features=frozenset({"EPOLL"}), environ={"HOME": "/"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", False),
        ("1", True),
        ("0", False),
        ("version_atleast(2.4)", True),
        ("version_atleast(2.6.12)", True),
        ("version_atleast(2.4-dev3)", True),
        ("version_atleast(9)", False),
        ("version_before(2.10)", True),
        ("feature(EPOLL)", True),
        ("!feature(FOO)", True),
        ("!!feature(FOO)", False),
        ('streq(a,b) || streq("a","a")', True),
        ("streq('a b','a b')", True),
        (r'streq("a\"b","a\"b")', True),
        ("defined(HOME) && (strneq(a,b))", True),
        ("defined(NO) && defined(HOME) || 1", True),
        ("defined(NO) && (defined(HOME) || 1)", False),
        ("strneq(a,a)", False),
    ],
)
def test_conditions(text: str, value: bool) -> None:
    assert ask(text) == value


@pytest.mark.parametrize(
    "text",
    ["bogus", "streq(a)", "version_atleast(2.4", "version_atleast(x)", "enabled(POLL)", "1 1", "(1", "1 &&", "!"],
)
def test_what_makes_no_sense(text: str) -> None:
    with pytest.raises(ConditionError):
        ask(text)


@given(st.text(alphabet="ab(),!&|\"'\\ 10streqdfin", max_size=40))
def test_any_text_is_true_or_false_or_an_error(text: str) -> None:
    with suppress(ConditionError):
        assert ask(text) in (True, False)
