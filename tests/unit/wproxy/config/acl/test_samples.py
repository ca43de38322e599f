from __future__ import annotations

import pytest

from wproxy.config.acl.facts import Binary, Kind, Value
from wproxy.config.acl.samples import address_of, binary_of, cast, latin, lower, number_of, text_of, truth_of, upper
from wproxy.config.values import ArgumentError

FOUR = b"\1\2\3\4"


def test_texts_are_bytes() -> None:
    assert [latin("a"), latin("é"), latin("\udcff")] == ["a", "\xc3\xa9", "\xff"]


def test_only_ascii_has_cases() -> None:
    assert (lower("AbÉ"), upper("abé"), lower("AB"), upper("ab")) == ("abÉ", "ABé", "ab", "AB")


@pytest.mark.parametrize(
    ("value", "text", "number", "truth", "address", "binary"),
    [
        (True, "1", 1, True, None, None),
        (0, "0", 0, False, bytes(4), "\0" * 8),
        (0x01020304, "16909060", 0x01020304, True, FOUR, "\0\0\0\0\1\2\3\4"),
        (FOUR, "1.2.3.4", 0x01020304, None, FOUR, "\1\2\3\4"),
        (bytes(15) + b"\1", "::1", None, None, bytes(15) + b"\1", "\0" * 15 + "\1"),
        ("12x", "12x", 12, True, None, "12x"),
        ("x", "x", 0, False, None, "x"),
        ("", "", None, None, None, ""),
        ("-0", "-0", 0, False, None, "-0"),
        ("1.2.3.4", "1.2.3.4", 1, True, FOUR, "1.2.3.4"),
        ("9" * 30, "9" * 30, 2**63 - 1, True, None, "9" * 30),
        (Binary("a\0b"), "a", None, None, None, "a\0b"),
    ],
)
def test_conversions(
    value: Value, text: str, number: int | None, truth: bool | None, address: bytes | None, binary: str | None
) -> None:
    assert text_of(value) == text
    assert number_of(value) == number
    assert truth_of(value) == truth
    assert address_of(value) == address
    assert binary_of(value) == binary


def test_casts() -> None:
    assert cast(Kind.STRING, Kind.STRING) is cast(Kind.STRING, Kind.BINARY) is cast(Kind.INTEGER, Kind.ANY) is None
    assert cast(Kind.INTEGER, Kind.STRING) is text_of
    assert cast(Kind.ANY, Kind.ADDRESS) is address_of
    with pytest.raises(ArgumentError, match="cannot make a sample of type ip of one of type boolean"):
        cast(Kind.BOOLEAN, Kind.ADDRESS)
