from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.weight import WeightError, parse_weight

ABSOLUTE = "Absolute weight can only be between 0 and 256 inclusive.\n"
GARBAGE = "Trailing garbage in weight string"
EMPTY = "Empty weight string empty or preceded by garbage"


# tests/conformance/test_weights.py asks HAProxy the same.
@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("0", 0),
        ("7", 7),
        ("+7", 7),
        ("-0", 0),
        ("007", 7),
        ("256", 256),
        ("000000000000000000256", 256),
        ("50%", 15),
        ("100%", 30),
        ("0%", 0),
        ("99%", 29),
        ("1000%", 256),
        ("9" * 5000 + "%", 256),
    ],
)
def test_weights_of_a_server_configured_30(text: str, weight: int) -> None:
    assert parse_weight(text, 30) == weight


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Require <weight> or <weight%>.\n"),
        ("x", EMPTY),
        ("%", EMPTY),
        ("-", EMPTY),
        ("+-3", EMPTY),
        ("\N{FULLWIDTH DIGIT THREE}", EMPTY),
        ("-1%", "Relative weight must be positive.\n"),
        ("257", ABSOLUTE),
        ("-1", ABSOLUTE),
        ("9" * 5000, ABSOLUTE),
        ("300x", ABSOLUTE),
        ("30x%", GARBAGE),
        ("30%%", GARBAGE),
        ("3.5", GARBAGE),
        ("3\N{FULLWIDTH DIGIT THREE}", GARBAGE),
    ],
)
def test_errors_are_haproxys(text: str, words: str) -> None:
    with pytest.raises(WeightError) as caught:
        parse_weight(text, 30)
    assert str(caught.value) == words


@given(st.text() | st.text("0123456789%+-x"), st.integers(0, 256))
def test_any_text_is_a_legal_weight_or_an_error(text: str, initial: int) -> None:
    with suppress(WeightError):
        assert 0 <= parse_weight(text, initial) <= 256


@given(st.integers(0, 256), st.integers(0, 100))
def test_a_percentage_is_of_the_initial_weight(initial: int, percent: int) -> None:
    assert parse_weight(f"{percent}%", initial) == initial * percent // 100
