from __future__ import annotations

import pytest

from wproxy.config.acl.regex import compile_regex, replacement
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("regex", "text", "found"),
    [
        ("^a+$", "aa", "aa"),
        ("[[:digit:]]+", "ab12c", "12"),
        ("[^[:alpha:][]", "ab[1", "1"),
        ("[]a]+", "x]a", "]a"),
        (r"[\]x]", "]", "]"),
        (r"[\h]", "a b", " "),
        (r"\h", "a\tb", "\t"),
        (r"\Qa.b\E.", "axb a.bc", "a.bc"),
        (r"\Qa.b", "a.b", "a.b"),
        (r"a\z", "a", "a"),
        (r"a\Z", "a\n", "a"),
        (r"\w", "é", None),
        ("[[:nothing:]]", "n:]", ":]"),
        (r"\.", "a.b", "."),
    ],
)
def test_search(regex: str, text: str, found: str | None) -> None:
    match = compile_regex(regex).search(text)
    assert (None if match is None else match[0]) == found


def test_case() -> None:
    assert compile_regex("A", ignore_case=True).search("a")
    assert not compile_regex("É", ignore_case=True).search("é")


@pytest.mark.parametrize("regex", ["(", "[", "*", "a{99999999999}"])
def test_problems(regex: str) -> None:
    with pytest.raises(ArgumentError, match=r"regex '.*' is invalid: "):
        compile_regex(regex)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("x", "x"),
        ("", ""),
        (r"<\0>", "<ab>"),
        (r"\2\1", "ba"),
        (r"\9", ""),
        (r"\3", ""),
        (r"\x41\\", "A\\"),
        (r"\q", "q"),
        ("end\\", "end"),
    ],
)
def test_replacement(template: str, expected: str) -> None:
    match = compile_regex("(a)(b)(c)?").search("ab")
    assert match is not None
    assert replacement(template)(match) == expected
