from __future__ import annotations

from wproxy.observe.page.sparkline import svg


def test_no_samples_are_no_curve() -> None:
    assert svg([], "sessions") == ""


def test_the_newest_is_at_the_right_and_the_highest_at_the_top() -> None:
    text = svg([0.0, 5.0, 10.0], "sessions")
    assert '<polyline points="57,96 58,50 59,4"/>' in text
    assert 'aria-label="sessions per second in the last 15 s: now 10.0, highest 10.0"' in text


def test_silence_is_a_line_at_the_bottom() -> None:
    assert '<polyline points="58,96 59,96"/>' in svg([0.0, 0.0], "sessions")


def test_nothing_in_it_needs_a_style() -> None:
    assert "style=" not in svg([1.0], "sessions")
