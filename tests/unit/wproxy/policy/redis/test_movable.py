from __future__ import annotations

import pytest

from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import Flag, parse_rows
from wproxy.policy.redis.movable import foreign_keys, movable_keys


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("eval script 2 a b x", "a b"),
        ("evalsha sha 0 x", ""),
        ("fcall f 1 a", "a"),
        ("zunion 2 a b WITHSCORES", "a b"),
        ("zunionstore d 2 a b", "d a b"),
        ("zinterstore d 1 a WEIGHTS 2", "d a"),
        ("blmpop 0 2 a b LEFT", "a b"),
        ("lmpop 1 a LEFT", "a"),
        ("sintercard 2 a b LIMIT 1", "a b"),
        ("xread COUNT 2 streams a b 0 0", "a b"),
        ("xreadgroup GROUP g c STREAMS a >", "a"),
        ("sort a", "a"),
        ("sort a LIMIT 0 1 STORE d", "a d"),
        ("sort a STORE d STORE e", "a e"),
        ("sort_ro a", "a"),
        ("georadius a 1 2 3 m", "a"),
        ("georadius a 1 2 3 m STORE d", "a d"),
        ("georadiusbymember a m 3 km storedist d", "a d"),
    ],
)
def test_keys(line: str, keys: str) -> None:
    name, *_ = arguments = line.split()
    assert movable_keys(name, [word.encode() for word in arguments]) == [key.encode() for key in keys.split()]


@pytest.mark.parametrize(
    "line",
    [
        "eval script", "eval script x", "eval script -1 a", "eval script 3 a b", "eval script 9999999 a",
        "xread count 2", "xread streams", "xread streams a b 0", "get a",
    ],
)  # fmt: skip
def test_arguments_without_sense(line: str) -> None:
    name, *_ = arguments = line.split()
    assert movable_keys(name, [word.encode() for word in arguments]) is None


def test_every_command_with_movable_keys_has_a_finder() -> None:
    flagged = {command.name for command in parse_rows(ROWS).values() if command.flags & Flag.MOVABLE_KEYS}
    line = [b"x", b"1", b"1", b"1", b"streams", b"a", b"0"]
    known = {name for name in flagged if movable_keys(name, line) is not None}
    assert flagged - known <= {"migrate", "xread", "xreadgroup"}


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("sort a", False),
        ("sort a BY nosort", False),
        ("sort a by w_*", True),
        ("sort a GET # GET o_*", True),
        ("sort_ro a GET #", False),
        ("mget BY w_*", False),
    ],
)
def test_keys_that_stand_nowhere(line: str, foreign: bool) -> None:
    name, *_ = arguments = line.split()
    assert foreign_keys(name, [word.encode() for word in arguments]) == foreign
