from __future__ import annotations

import pytest

from wproxy.policy.checks.saying import line, text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"", ""),
        (b"a\0b", "a"),
        (b"a\r\nb", "a\r\nb"),
        (b"f\xc3\xbcr \xff", "für \N{REPLACEMENT CHARACTER}"),
        (b"x" * 127, "x" * 127),
        (b"x" * 128, "x" * 127),
    ],
)
def test_text(said: bytes, shown: str) -> None:
    assert text(said) == shown


def test_no_half_a_letter_is_shown_of_a_long_text() -> None:
    assert text("ü".encode() * 64) == "ü" * 63


@pytest.mark.parametrize("said", [b"a", b"a\r\nb", b"a\nb\r", b"a\rb", b"a\0\r\n"])
def test_line(said: bytes) -> None:
    assert line(said) == "a"
