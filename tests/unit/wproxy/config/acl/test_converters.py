from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import http_facts, http_scope
from wproxy.config.acl.converters import CONVERTERS, HAPROXY_ONLY, SET_CONDITIONS
from wproxy.config.acl.facts import Value
from wproxy.config.acl.sample import parse_sample


def test_no_name_is_both_done_and_not() -> None:
    assert not HAPROXY_ONLY & CONVERTERS.keys()


@pytest.mark.parametrize(
    ("condition", "value", "old", "expected"),
    [
        ("ifexists", 1, None, False),
        ("ifexists", 1, 1, True),
        ("ifnotexists", 1, None, True),
        ("ifempty", "", None, True),
        ("ifnotempty", "", None, False),
        ("ifset", 1, None, True),
        ("ifnotset", 1, None, False),
        ("ifgt", 2, 1, True),
        ("iflt", 2, 1, False),
        ("ifgt", 2, None, False),
    ],
)
def test_conditions(condition: str, value: Value, old: Value | None, expected: bool) -> None:
    assert SET_CONDITIONS[condition](value, old) is expected


def test_setting_on_the_way() -> None:
    made = http_facts()

    def ask(text: str) -> Value | None:
        return parse_sample(text, http_scope()).fetch(made)

    assert ask("str(x),set-var(txn.new),upper") == "X"
    assert made.variables["txn.new"] == "x"
    assert ask("str(y),set-var(txn.new,ifnotexists)") is None
    assert made.variables["txn.new"] == "x"
    assert ask("str(y),unset-var(txn.new)") == "y"
    assert "txn.new" not in made.variables
