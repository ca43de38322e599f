from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import scope
from tests.unit.wproxy.config.acl.test_counters import TABLES, tracking, value
from wproxy.config.http.action import Words
from wproxy.config.tracking import tracking_act
from wproxy.config.values import ArgumentError


def run(action: str, *words: str) -> list[object]:
    made = tracking()
    tracking_act(action, Words(words), scope(tables=TABLES))(made)
    return [value(text, made) for text in ("sc0_get_gpc0", "sc0_get_gpc1", "sc1_tracked", "table_cnt(other)")]


def test_tracking() -> None:
    assert run("track-sc1", "src", "table", "other") == [0, 0, True, 1]
    assert run("track-sc0", "src", "table", "other") == [0, 0, False, 0]  # is tracked already
    assert run("track-sc1", "str(x)") == [0, 0, False, 0]


def test_counting() -> None:
    assert run("sc-inc-gpc0(0)") == [1, 0, False, 0]
    assert run("sc-inc-gpc1(0)") == [0, 1, False, 0]
    assert run("sc-inc-gpc0(1)") == [0, 0, False, 0]


def test_a_tag_that_is_not_stored_is_not_set() -> None:
    assert run("sc-set-gpt0(0)", "5") == run("sc-set-gpt0(0)", "src_port") == [0, 0, False, 0]


@pytest.mark.parametrize(
    ("action", "words", "problem"),
    [
        ("track-sc0", (), "expects what to track, such as src"),
        ("track-sc0", ("src", "table"), "expects a table's name after 'table'"),
        (
            "track-sc0",
            ("src", "table", "othre"),
            "uses the stick-table of 'othre', which has none; did you mean 'other'?",
        ),
        ("sc-inc-gpc0", (), "expects the number of what is tracked in parentheses, such as sc-inc-gpc0(0)"),
        ("sc-inc-gpc0(9)", (), "expects a number from 0 to 2 in parentheses, not '9'"),
        ("sc-set-gpt0(0)", (), "expects a number or an expression"),
    ],
)
def test_problems(action: str, words: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        tracking_act(action, Words(words), scope(tables=TABLES))
    assert str(caught.value) == problem
