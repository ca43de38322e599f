from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.redis.glimpse import Glimpse, commands_in, discreet, glimpse, quoted, whole
from wproxy.protocols.resp import pack

ARGUMENTS = st.lists(st.binary(max_size=200), min_size=1, max_size=40)


@given(st.lists(ARGUMENTS, min_size=1, max_size=5), st.booleans())
def test_a_command_among_others_is_found(commands: list[list[bytes]], is_view: bool) -> None:
    raw = b"".join(map(pack, commands))
    data: bytes = memoryview(raw) if is_view else raw  # type: ignore[assignment]
    assert commands_in(data) == len(commands)
    for place, arguments in enumerate(commands):
        seen = glimpse(data, place)
        assert seen.arguments == [argument[:128] for argument in arguments[:32]]
        assert seen.lengths == [*map(len, arguments[:32])]
        assert seen.total == len(arguments)


@given(st.binary(max_size=60))
def test_quoted_is_printable_ascii_and_means_the_same(text: bytes) -> None:
    shown = quoted(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert ast.literal_eval("b" + shown) == text


def test_quoted_as_redis_cli_does() -> None:
    assert quoted(b'a"b\\\n\r\t\a\b\x00\xff ') == r'"a\"b\\\n\r\t\a\b\x00\xff "'


def shown(*arguments: bytes) -> str:
    return whole(glimpse(pack([*arguments])))


def test_a_command_is_cut_as_slowlog_cuts_it() -> None:
    assert shown(b"set", b"k", b"v") == '"set" "k" "v"'
    assert shown(b"set", b"k", b"x" * 130) == f'"set" "k" "{"x" * 128}... (2 more bytes)"'
    assert shown(*[b"a"] * 32) == " ".join(['"a"'] * 32)
    assert shown(*[b"a"] * 33) == " ".join(['"a"'] * 31) + ' "... (2 more arguments)"'


@pytest.mark.parametrize("name", [b"AUTH", b"hello", b"Config", b"ACL", b"migrate"])
def test_of_what_may_hold_secrets_only_the_name_is_kept(name: bytes) -> None:
    assert shown(name, b"set", b"requirepass", b"secret") == f'"{name.decode()}"'
    assert discreet(glimpse(pack([name, b"secret"])), [b"secret"]) == f'"{name.decode()}"'


def test_discreet_shows_keys_only() -> None:
    seen = glimpse(pack([b"SET", b"k\n", b"secret", b"EX", b"5"]))
    assert discreet(seen, [b"k\n"]) == r'"SET" "k\n" (+3)'
    assert discreet(glimpse(pack([b"GET", b"k"])), [b"k"]) == '"GET" "k"'
    assert discreet(glimpse(pack([b"DBSIZE"])), []) == '"DBSIZE"'
    long = glimpse(pack([b"GET", b"k" * 200]))
    assert discreet(long, long.arguments[1:]) == f'"GET" "{"k" * 128}... (72 more bytes)"'
    assert discreet(Glimpse([b"GET"], [3], 2), [b"k"]) == '"GET" "k"'
