"""admin.render: aligned text, numbers for humans, nothing that could steer a terminal."""

from __future__ import annotations

import pytest

from admin.render import aligned, duration, percent, table

LONG = "x" * 300


def test_columns_align_numbers_right_and_text_left() -> None:
    content = table(("server", "weight"), [("redis/redisA", 30), ("a", 256)])
    assert aligned(content) == "server        weight\nredis/redisA      30\na                256"


def test_nothing_is_truncated() -> None:
    assert LONG in aligned(table(("a", "b"), [(LONG, "end")]))


def test_an_empty_table_is_its_headings() -> None:
    assert aligned(table(("a", "b"), [])) == "a  b"


def test_none_is_an_empty_cell_and_lines_have_no_trailing_space() -> None:
    assert aligned(table(("a", "b"), [(None, None), ("x", None)])) == "a  b\n\nx"


def test_control_characters_do_not_reach_the_terminal() -> None:
    content = table(("a",), [("\x1b[2Jboo\n",)])
    assert content.rows == (("?[2Jboo?",),)


@pytest.mark.parametrize(("share", "text"), [(0.3, "30.0 %"), (0.0, "0.0 %"), (1.0, "100.0 %"), (1 / 3, "33.3 %")])
def test_shares_are_percentages(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0s"), (59, "59s"), (61, "1m1s"), (3600, "1h0m"), (90000, "1d1h"), (-1, "0s")],
)
def test_durations_have_two_units(seconds: int | None, text: str) -> None:
    assert duration(seconds) == text
