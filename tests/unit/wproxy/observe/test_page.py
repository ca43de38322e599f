from __future__ import annotations

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
    assert '<tr class="maint"><td>b</td>' in text
    assert '<tr class="up"><td>a</td>' in text


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
