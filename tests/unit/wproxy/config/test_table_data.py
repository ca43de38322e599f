from __future__ import annotations

import pytest

from wproxy.config.table_data import DATA, Stored, event_of


def test_words() -> None:
    assert Stored(DATA["conn_rate"], 500).text == "conn_rate(500)"
    assert Stored(DATA["gpc0"]).text == "gpc0"


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (200, ""),
        (399, ""),
        (400, "http_err"),
        (499, "http_err"),
        (500, "http_fail"),
        (501, ""),
        (503, "http_fail"),
        (505, ""),
    ],
)
def test_what_a_response_counts_as(status: int, event: str) -> None:
    assert event_of(status) == event
