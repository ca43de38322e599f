from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.http1 import fields
from wproxy.protocols.http1.fields import CONTENT_LENGTH, HOST, Field, Lines


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"Host: a", b"host", b"a"),
        (b"Host:a", b"host", b"a"),
        (b"X:", b"x", b""),
        (b"X: \t ", b"x", b""),
        (b"X:\t a b\t ", b"x", b"a b"),
        (b"X: \x01\x7f\x80\xff", b"x", b"\x01\x7f\x80\xff"),
        (b"!#$%&'*+-.^_`|~09Az: y", b"!#$%&'*+-.^_`|~09az", b"y"),
        (b"X: a:b", b"x", b"a:b"),
        (b"N" * 255 + b": y", b"n" * 255, b"y"),
    ],
)
def test_fields(line: bytes, name: bytes, value: bytes) -> None:
    field = Lines()[line]
    assert field is not None
    assert (field.name, field.value, field.line) == (name, value, name + b": " + value + b"\r\n")


@pytest.mark.parametrize(
    "line",
    [b"", b"X", b": y", b"X : y", b"X\t: y", b" X: y", b"X\xff: y", b"X(: y", b"X: \0", b"X: a\rb", b"X: a\nb",
     b"X: a\r", b"N" * 256 + b": y"],
)  # fmt: skip
def test_what_is_no_field(line: bytes) -> None:
    assert Lines()[line] is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(b"0", 0), (b"12", 12), (b"9" * 18, 10**18 - 1), (b"1" * 19, -1), (b"+1", -1), (b"1 ", -1), (b"", -1), (b"x", -1)],
)
def test_a_length_is_a_number_at_first_sight(value: bytes, number: int) -> None:
    field = Field.of(b"content-length", value)
    assert (field.mark, field.number) == (CONTENT_LENGTH, number)


def test_what_fields_mean() -> None:
    assert Field.of(b"host", b"1") == (b"host", b"1", b"host: 1\r\n", HOST, -1)
    assert Field.of(b"x", b"1").mark == 0


def test_lines_are_remembered_and_bounded() -> None:
    lines = Lines()
    assert lines[b"X: y"] is lines[b"X: y"]
    assert lines[b"X: " + b"y" * 600] is not None
    assert len(lines) == 1, "a long line is not kept"
    for number in range(fields._REMEMBERED + 10):
        assert lines[b"X: %d" % number] is not None
    assert len(lines) <= fields._REMEMBERED


@given(st.binary(max_size=40))
def test_a_field_as_it_is_sent_is_the_same_field(line: bytes) -> None:
    lines = Lines()
    field = lines[line]
    if field is not None:
        assert lines[field.line[:-2]] == field
        assert b"\n" not in field.line[:-2]
