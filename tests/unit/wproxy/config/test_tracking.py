from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts, scope
from tests.unit.wproxy.config.acl.test_counters import TABLES, tracking, value
from wproxy.config.http.action import Words
from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import DATA, Stored
from wproxy.config.tracking import tracking_act
from wproxy.config.values import ArgumentError
from wproxy.state.stick import LiveTable
from wproxy.state.tracking import Ledger


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


def test_a_tag_is_set_to_a_number_where_there_is_an_entry() -> None:
    made = facts()
    ledger = Ledger(LiveTable(StickTable("front", StickKind.IP, 5, stored=(Stored(DATA["gpt0"]),))), lambda: 9.0)
    entry = ledger.track(b"\x0a\1\2\3")
    assert entry is not None
    made.track(0, entry)
    found = []
    for action, text in (("0", "5"), ("0", "env(NONE)"), ("1", "6"), ("0", "src_port"), ("0", "4294967303")):
        tracking_act(f"sc-set-gpt0({action})", Words((text,)), scope(tables=TABLES))(made)
        found.append(entry.datum("gpt0"))
    assert found == [5, 5, 5, 4000, 7]
