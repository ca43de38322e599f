from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.lexer import LexError, split

VARIABLES = {"NAME": "web", "EMPTY": "", "SEVERAL": "a b \t c", "TRAIL": "a ", ".LINE": "7"}


def words(text: str) -> tuple[str, ...]:
    return split(text, VARIABLES.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  \t ", ()),
        ("# all comment", ()),
        ("  a  b\tc ", ("a", "b", "c")),
        ("a\vb\fc", ("a", "b", "c")),
        ("a #b", ("a",)),
        ("a#b", ("a",)),
        ("a\\#b", ("a#b",)),
        ('a"#"b', ("a#b",)),
        ("a'#'b", ("a#b",)),
        ("a\rb", ("a",)),
        ("a \rb", ("a", "b")),  # HAProxy's run of spaces has CR in it
        ("\r a", ("a",)),
        ("a\nb", ("a",)),
        ("a\\ b", ("a b",)),
        ('"a b"c', ("a bc",)),
        ("'a b'c", ("a bc",)),
        ("'a\"b'", ('a"b',)),
        ('"a\'b"', ("a'b",)),
        ("\\'\\\"", ("'\"",)),
        ("\\t\\n\\r\\\\", ("\t\n\r\\",)),
        ("'\\t\\x41'", ("\\t\\x41",)),
        ("\\x41b", ("Ab",)),
        ("\\xc3\\xa9", ("é",)),
        ("\\xff", ("\udcff",)),
        ("\\q", ("\\q",)),
        ("a\\", ("a\\",)),
        ("a\\\tb", ("a\\", "b")),
        ('""x', ("x",)),
        ('a "" b', ("a", "", "b")),
        ('a ""', ("a",)),
        ("$NAME", ("$NAME",)),
        ("\\$NAME", ("\\$NAME",)),
        ("'$NAME'", ("$NAME",)),
        ('"$NAME"', ("web",)),
        ('"\\$NAME"', ("$NAME",)),
        ('"$NAME-x"', ("web-x",)),
        ('"a${NAME}b"', ("awebb",)),
        ('"a${UNSET}b"', ("ab",)),
        ('"a$UNSET"', ("a",)),
        ('"${UNSET-x y}"', ("x y",)),
        ('"${UNSET-}" a', ("", "a")),
        ('"${EMPTY-x}b"', ("b",)),
        ('"${UNSET-${NAME}}"', ("${NAME}",)),
        ('"${.LINE}"', ("7",)),
        ('"x${SEVERAL[*]}y"', ("xa", "b", "cy")),
        ('"${TRAIL[*]}" b', ("a", "", "b")),
        ('"${UNSET[*]-d e}"', ("d", "e")),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('ab "c', "unmatched quote at position 4"),
        ("ab 'c", "unmatched quote at position 4"),
        ('"a\rb"', "unmatched quote at position 1"),
        ("a\\x4", "truncated or invalid hexadecimal sequence at position 2"),
        ("a\\x4g", "truncated or invalid hexadecimal sequence at position 2"),
        ("a\\x00", "NUL character at position 2"),
        ('"$1"', "forbidden first character in a variable's name at position 3"),
        ('"a$"', "forbidden first character in a variable's name at position 4"),
        ('"${NAME"', "unmatched brace in a variable's name at position 3"),
        ('"${NAME-x"', "unmatched brace in a variable's name at position 3"),
        ('"${NAME+x}"', "unmatched brace in a variable's name at position 3"),
        ('"${NAME[*}"', "truncated or invalid word expansion sequence at position 8"),
        ("w " * 65, "too many words: 65, at most 64 are allowed on a line"),
    ],
)
def test_errors_name_the_position(text: str, message: str) -> None:
    with pytest.raises(LexError) as caught:
        words(text)
    assert str(caught.value) == message


PLAIN = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def escaped(text: str) -> str:
    """Write `text` without quotes, each character in the way the manual's matrix gives for it."""
    named = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\v": "\\x0b", "\f": "\\x0c"}
    return "".join(named.get(char) or (f"\\{char}" if char in " #\"'\\" else char) for char in text)


def weakly_quoted(text: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", '"': '\\"', "$": "\\$", "\\": "\\\\"}
    return '"' + "".join(named.get(char, char) for char in text) + '"'


def strongly_quoted(text: str) -> str:
    if set(text) & set("'\n\r"):  # what has no representation in single quotes
        return weakly_quoted(text)
    return f"'{text}'"


WRITERS = st.sampled_from([escaped, weakly_quoted, strongly_quoted])


@given(st.lists(st.lists(st.tuples(WRITERS, PLAIN), min_size=1, max_size=4), max_size=8))
def test_any_mix_of_quoting_round_trips(line: list[list[tuple[Callable[[str], str], str]]]) -> None:
    written = " ".join("".join(write(part) for write, part in word) for word in line)
    assert words(written) == tuple("".join(part for _, part in word) for word in line)


@given(st.text())
def test_any_text_is_words_or_a_lex_error(text: str) -> None:
    with suppress(LexError):
        assert all(isinstance(word, str) for word in words(text))
