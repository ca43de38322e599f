from __future__ import annotations

import pytest

from wproxy.config.acl.facts import Binary, Kind, Value
from wproxy.config.acl.matches import DEFAULTS, MATCHES, Pattern
from wproxy.config.acl.samples import cast
from wproxy.config.values import ArgumentError

LOCAL = b"\x7f\0\0\1"


KINDS = {bool: Kind.BOOLEAN, int: Kind.INTEGER, bytes: Kind.ADDRESS, str: Kind.STRING, Binary: Kind.BINARY}


def matches(name: str, value: Value, *patterns: str, ignore_case: bool = False) -> bool:
    """Tell whether `value`, converted to what the method wants, matches."""
    row = MATCHES[name]
    matcher = row.make([Pattern(text, ignore_case) for text in patterns])
    convert = None if row.wants is None else cast(KINDS[type(value)], row.wants)
    converted = value if convert is None else convert(value)
    return converted is not None and matcher(converted)


@pytest.mark.parametrize(
    ("name", "value", "patterns", "expected"),
    [
        ("found", "", "", True),
        ("bool", 3, "", True),
        ("bool", False, "", False),
        ("int", 5, "5", True),
        ("int", 5, "4 6", False),
        ("int", 5, "1:5", True),
        ("int", 5, "6:", False),
        ("int", 5, ":5", True),
        ("int", 5, "gt 4", True),
        ("int", 5, "gt 5 6", False),
        ("int", 5, "ge 5", True),
        ("int", 5, "lt 5", False),
        ("int", 5, "le 5", True),
        ("int", 5, "eq 4:6", True),
        ("int", 5, "lt 1 eq 5", True),
        ("int", True, "1", True),
        ("int", "12", "12", True),
        ("int", "x", "0:", True),
        ("int", "", "0:", False),
        ("int", "12x", "12", True),
        ("bin", Binary("\x01\xff"), "01ff", True),
        ("int", 5, "", False),
        ("ip", LOCAL, "127.0.0.0/8", True),
        ("ip", "127.0.0.1", "127.0.0.0/8", True),
        ("ip", "x", "127.0.0.0/8", False),
        ("str", "a", "b a", True),
        ("str", 12, "12", True),
        ("str", True, "1", True),
        ("str", LOCAL, "127.0.0.1", True),
        ("str", bytes(10) + b"\xff\xff" + LOCAL, "::ffff:127.0.0.1", True),
        ("str", bytes(15) + b"\1", "::1", True),
        ("beg", "abc", "b ab", True),
        ("end", "abc", "ab bc", True),
        ("sub", "abc", "x b", True),
        ("sub", "abc", "ac", False),
        ("dir", "/images/png/logo/32x32.png", "images/png", True),
        ("dir", "/images/png/logo/32x32.png", "/png/", True),
        ("dir", "/images/png/logo/32x32.png", "32x32", False),
        ("dir", "/a", "", False),
        ("dom", "http://www1.dc-eu.example.com:80/blah", "dc-eu.example", True),
        ("dom", "http://www1.dc-eu.example.com:80/blah", ":www1:", True),
        ("dom", "http://www1.dc-eu.example.com:80/blah", "dc eu", False),
        ("reg", "abc", "^b c$", True),
        ("reg", "abc", "^b", False),
        ("len", "abc", "gt 2", True),
        ("len", LOCAL, "9", True),
    ],
)
def test_matches(name: str, value: Value, patterns: str, expected: bool) -> None:
    assert matches(name, value, *patterns.split()) is expected


@pytest.mark.parametrize("name", ["str", "beg", "end", "sub", "dir", "dom", "reg"])
def test_case_counts_unless_told(name: str) -> None:
    assert not matches(name, "ABC", "abc")
    assert matches(name, "ABC", "aBc", ignore_case=True)


@pytest.mark.parametrize(
    ("name", "patterns", "problem"),
    [
        ("int", "x", "'x' is not a number"),
        ("int", "5:2", "'5:2' is not a valid number range"),
        ("int", "gt 1:2", "'1:2' is not a number to follow 'gt'"),
        ("int", "gt", "'gt' expects a number after it"),
        ("bin", "0", "expects hexadecimal digits as patterns"),
        ("reg", "(", "regex '(' is invalid: missing ), unterminated subpattern at position 0"),
    ],
)
def test_problems(name: str, patterns: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        MATCHES[name].make([Pattern(text) for text in patterns.split()])
    assert str(caught.value) == problem


def test_every_type_has_a_default_that_goes_with_it() -> None:
    for kind, name in DEFAULTS.items():
        wanted = MATCHES[name].wants
        assert wanted is not None
        cast(kind, wanted)


@pytest.mark.parametrize(("value", "expected"), [("ab", True), ("aB", True), ("CD", True), ("cd", False)])
def test_each_pattern_has_a_case_of_its_own(value: str, *, expected: bool) -> None:
    matcher = MATCHES["str"].make([Pattern("Ab", True), Pattern("CD", False)])
    assert matcher(value) is expected
