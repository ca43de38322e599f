from __future__ import annotations

import pytest

from wproxy.policy.redis.commands import Command, Flag, parse_rows

TABLE = parse_rows(
    "\nget 2 1 1 1 r\nmset -3 1 -1 2 w\nbzmpop -5 0 0 0 bmw\nblpop -3 1 -2 1 bnw\nobject|freq 3 2 2 1 r\n"
)


def test_rows_become_commands_by_upper_case_name() -> None:
    assert TABLE[b"GET"] == Command("get", 2, 1, 1, 1, Flag.READONLY)
    assert TABLE[b"BZMPOP"].flags == Flag.BLOCKING | Flag.MOVABLE_KEYS | Flag.WRITE
    assert list(TABLE) == [b"GET", b"MSET", b"BZMPOP", b"BLPOP", b"OBJECT|FREQ"]
    assert parse_rows("") == {}


@pytest.mark.parametrize(
    ("name", "count", "fits"),
    [
        (b"GET", 1, False),
        (b"GET", 2, True),
        (b"GET", 3, False),
        (b"MSET", 2, False),
        (b"MSET", 3, True),
        (b"MSET", 9, True),
    ],
)
def test_arity(name: bytes, count: int, fits: bool) -> None:
    assert TABLE[name].fits(count) == fits


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        (b"get k", [b"k"]),
        (b"mset a 1 b 2", [b"a", b"b"]),
        (b"blpop a b c 0", [b"a", b"b", b"c"]),
        (b"bzmpop 0 1 k MIN", []),
    ],
)
def test_keys(line: bytes, keys: list[bytes]) -> None:
    arguments = line.split()
    assert list(TABLE[arguments[0].upper()].keys(arguments)) == keys
