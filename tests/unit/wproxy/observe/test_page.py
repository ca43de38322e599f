from __future__ import annotations

import pytest

from tests.unit.wproxy.state.parties import config, line
from wproxy.observe import page
from wproxy.observe.columns import COLUMNS
from wproxy.state.registry import Registry

HEADING = page.Heading(7, 90061, "n<1>", None)
ALL: frozenset[str] = frozenset()


def registry() -> Registry:
    return Registry(config(line("a", check=True), line("b", disabled=True)), 10, 100.0)


def test_each_proxy_has_a_table_and_each_server_a_line() -> None:
    text = page.html(registry(), 101.0, HEADING, ALL)
    assert (text.count("<table>"), text.count('<tr class="')) == (2, 4)
    assert "<p>pid 7 on n&lt;1&gt;, uptime 1d 1h01m01s</p>" in text
    assert '<tr class="maint"><th>b</th>' in text
    assert '<tr class="up"><th>a</th>' in text
    assert "<form" not in text
    assert "<input" not in text


def test_an_administrator_can_tick_servers() -> None:
    text = page.html(registry(), 101.0, HEADING, ALL, admin=True)
    assert text.count('<form method="post">') == 1  # a frontend has nothing to tick
    assert '<tr class="up"><td><input type="checkbox" name="s" value="a"></td><th>a</th>' in text
    assert '<tr class="backend"><td></td><th>BACKEND</th>' in text
    assert '<input type="hidden" name="b" value="#3">' in text
    assert '<option value="drain">Set state to DRAIN</option>' in text


@pytest.mark.parametrize(
    ("outcome", "told"),
    [("DONE", '<p class="up">Action processed successfully.</p>'), ("DENY", '<p class="down">Action denied.</p>')],
)
def test_what_became_of_the_last_action(outcome: str, told: str) -> None:
    assert told in page.html(registry(), 101.0, page.Heading(7, 1, "n", None, outcome), ALL)


def test_an_outcome_that_is_none_is_not_repeated() -> None:
    assert "<b>" not in page.html(registry(), 101.0, page.Heading(7, 1, "n", None, "<b>"), ALL)


def test_the_version_is_shown_unless_hidden() -> None:
    assert "2.6" not in page.html(registry(), 101.0, HEADING, ALL)
    assert "version 2.6," in page.html(registry(), 101.0, page.Heading(7, 1, "n", "2.6"), ALL)


def test_a_scope_leaves_the_others_out() -> None:
    assert page.html(registry(), 101.0, HEADING, frozenset({"front"})).count("<table>") == 1
    lines = page.csv(registry(), 101.0, frozenset({"back"})).splitlines()
    assert [row.split(",")[0] for row in lines] == ["# pxname", "back", "back", "back"]
    assert len(page.csv(registry(), 101.0, ALL).splitlines()) == 5


def test_every_column_that_is_shown_exists() -> None:
    names = {column.name for column in COLUMNS}
    assert {column for _, columns in page.SHOWN for _, column in columns} <= names
