from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.checks.words import AgentWords, parse


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", AgentWords()),
        (" \t,", AgentWords()),
        ("up", AgentWords(health="up")),
        ("Down", AgentWords(health="Down")),
        ("down up", AgentWords(health="up")),
        ("fail", AgentWords(health="fail")),
        ("failed", AgentWords(error="failed")),
        ("stopped # for lunch ", AgentWords(health="stopped", description="for lunch")),
        ("READY", AgentWords(administration="ready")),
        ("drain,maint", AgentWords(administration="maint")),
        ("75%", AgentWords(weight="75%")),
        ("7x%", AgentWords(weight="7x%")),
        ("75", AgentWords(error="75")),
        ("-5%", AgentWords(error="-5%")),
        ("maxconn:30", AgentWords(maxconn="30")),
        ("maxconn:", AgentWords(maxconn="")),
        ("foo bar", AgentWords(error="foo")),
        ("ready,up\t30%, maxconn:9 x#y#z", AgentWords("up", "ready", "30%", "9", "x", "y#z")),
    ],
)
def test_words(line: str, words: AgentWords) -> None:
    assert parse(line) == words


def test_which_words_take_a_server_out() -> None:
    assert [word for word in ("up", "DOWN", "fail", "stopped") if parse(word).down] == ["DOWN", "fail", "stopped"]


@given(st.text())
def test_nothing_is_too_strange(line: str) -> None:
    parse(line)
