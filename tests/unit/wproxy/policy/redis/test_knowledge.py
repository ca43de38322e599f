from __future__ import annotations

from typing import Any

import pytest

from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import Command, Flag, parse_rows
from wproxy.policy.redis.knowledge import learn, merged
from wproxy.policy.redis.routing import Target, rules

JSON_SET = [b"JSON.SET", -4, [b"write", b"denyoom", b"module"], 1, 1, 1, [b"@write"]]
OLD = [b"get", 2, [b"readonly", b"fast"], 1, 1, 1]


def test_a_modules_command_becomes_routable() -> None:
    table = merged(parse_rows(ROWS), [learn([JSON_SET, OLD])])
    assert table[b"JSON.SET"] == Command("json.set", -4, 1, 1, 1, Flag.WRITE)
    assert table[b"MSET"] == parse_rows(ROWS)[b"MSET"]
    assert rules(table, frozenset(), by_key=True)[b"JSON.SET"].target is Target.SLOT
    movable = [b"FT.X", -2, [b"readonly", b"movablekeys"], 0, 0, 0]
    assert rules(learn([movable]), frozenset(), by_key=True)[b"FT.X"].target is Target.REFUSED


def test_subcommands_of_redis_7() -> None:
    row: list[Any] = [
        b"object",
        -2,
        [],
        0,
        0,
        0,
        [],
        [],
        [],
        [[b"object|freq", 3, [b"readonly"], 2, 2, 1, [], [], [], []]],
    ]
    assert set(learn([row])) == {b"OBJECT", b"OBJECT|FREQ"}


@pytest.mark.parametrize(
    "row",
    [
        None,
        b"get",
        [b"get", 2],
        [None, 2, [], 1, 1, 1],
        [b"get", b"2", [], 1, 1, 1],
        [b"get", 0, [], 1, 1, 1],
        [b"get", 2, [], -1, 1, 1],
        [b"get", 2, [], 1, 1, 0],
        [b"g t", 2, [], 1, 1, 1],
        [b"g\r\n", 2, [], 1, 1, 1],
        [b"\xff", 2, [], 1, 1, 1],
        [b"", 2, [], 1, 1, 1],
        [b"g" * 129, 2, [], 1, 1, 1],
        [b"get", True, [], 1, 1, 1],
    ],
)
def test_what_is_no_row_is_left_out(row: object) -> None:
    assert set(learn([row, JSON_SET])) == {b"JSON.SET"}


def test_it_is_bounded_and_takes_any_answer() -> None:
    assert len(learn([[b"c%d" % number, 1, [], 0, 0, 0] for number in range(20_000)])) == 8192
    assert learn(b"OK") == learn(None) == learn([]) == {}


def test_the_first_server_counts() -> None:
    other = [b"get", 3, [], 2, 2, 1]
    assert merged({}, [learn([OLD]), learn([other, JSON_SET])])[b"GET"].arity == 2
    assert merged({}, [{}, learn([other])])[b"GET"].arity == 3
