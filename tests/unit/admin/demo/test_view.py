"""admin.demo.view: what is shown of a moment."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from admin.demo.view import LineView, Snapshot, bar, line, picture

NOW = Snapshot(
    phase=1,
    phases=2,
    doing="traffic flows",
    elapsed_s=4.2,
    seconds=20,
    captured=1010,
    queued=1005,
    expired=0,
    weights={"redisA": 30, "redisB": 70},
    stored={"redisA": 300, "redisB": 700},
    totals={"redisA": 300, "redisB": 700},
)


def test_one_line_has_all_the_numbers() -> None:
    assert line(NOW) == (
        "  4.2 s  phase 1 of 2, weights 30/70, traffic flows  captured 1,010  queued 1,005  stored 1,000  "
        "redisA 300 (30.0 %)  redisB 700 (70.0 %)"
    )


def test_lines_come_once_a_second_and_when_something_else_is_done() -> None:
    output = io.StringIO()
    with LineView(output) as view:
        for elapsed_s in (0.0, 0.2, 0.9, 1.1, 1.3):
            view.show(replace(NOW, elapsed_s=elapsed_s))
        view.show(replace(NOW, elapsed_s=1.3, doing="waiting"))
    assert [shown.split(" s ")[0].strip() for shown in output.getvalue().splitlines()] == ["0.0", "1.1", "1.3"]


def test_the_picture_shows_stages_servers_weights_and_shares() -> None:
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(picture(NOW))
    text = console.export_text()
    for part in (
        "packets captured 1,010",
        "queued 1,005",
        "stored 1,000",
        "redisA",
        "30.0 %",
        "70.0 %",
        "phase 1 of 2",
    ):
        assert part in text


def test_a_bar_is_as_long_as_the_share_with_a_mark_at_the_target() -> None:
    assert bar(0.5, 0.8, width=10) == "█████··|··"
    assert bar(0.0, 0.0, width=4) == "|···"
    assert bar(1.0, 1.0, width=4) == "███|"
