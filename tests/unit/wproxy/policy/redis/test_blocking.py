from __future__ import annotations

from math import inf

import pytest

from wproxy.policy.redis.blocking import TIMEOUTS, came_to_nothing, patience_s, with_patience
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import Flag, parse_rows
from wproxy.protocols.resp import pack


def test_every_command_that_blocks_has_a_row() -> None:
    blocking = {command.name for command in parse_rows(ROWS).values() if command.flags & Flag.BLOCKING}
    assert TIMEOUTS.keys() == blocking


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"blpop a b 1.5", 1.5),
        (b"BLPOP a 0", inf),
        (b"blmove a b left right 3", 3),
        (b"blmpop 2 1 a left", 2),
        (b"bzmpop 0 1 a min", inf),
        (b"xread block 1500 streams a 0", 1.5),
        (b"xread count 1 BLOCK 0 streams a 0", inf),
        (b"xread streams block 0", None),
        (b"xread streams a 0", None),
        (b"xreadgroup group block block count 1 block 10 streams a >", 0.01),
        (b"xreadgroup group block me streams a >", None),
        (b"blpop a 0x10", inf),
        (b"blpop a -1", inf),
        (b"blpop a nan", inf),
        (b"xread block x streams a 0", inf),
    ],
)
def test_patience(line: bytes, seconds: float | None) -> None:
    arguments = line.split()
    assert patience_s(arguments[0].lower().decode(), arguments) == seconds


@pytest.mark.parametrize(
    ("line", "left_s", "again"),
    [
        (b"blpop a 5", 1.25, b"blpop a 1.250"),
        (b"blpop a 5", 0.0001, b"blpop a 0.001"),
        (b"blpop a 0", inf, b"blpop a 0"),
        (b"blmpop 5 1 a left", 2, b"blmpop 2.000 1 a left"),
        (b"xread block 5000 streams a 0", 1.5, b"xread block 1500 streams a 0"),
        (b"xread block 5000 streams a 0", 0.0001, b"xread block 1 streams a 0"),
        (b"xread block 0 streams a 0", inf, b"xread block 0 streams a 0"),
    ],
)
def test_the_time_that_remains(line: bytes, left_s: float, again: bytes) -> None:
    arguments = line.split()
    assert with_patience(arguments[0].decode(), arguments, left_s) == pack(again.split())


def test_nothing_in_time_has_three_spellings() -> None:
    assert all(map(came_to_nothing, (b"*-1\r\n", b"$-1\r\n", b"_\r\n")))
    assert not came_to_nothing(b"*0\r\n")


def test_a_read_that_is_not_finished_has_no_patience() -> None:
    assert patience_s("xread", [b"xread", b"count", b"1"]) is None
