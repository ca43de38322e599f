from __future__ import annotations

from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import Flag, parse_rows

TABLE = parse_rows(ROWS)


def test_rows_are_sorted_and_told_once() -> None:
    names = [row.split()[0] for row in ROWS.strip().split("\n")]
    assert names == sorted(names)
    assert len(TABLE) == len(names) > 350


def test_rows_agree_with_themselves() -> None:
    for name, command in TABLE.items():
        assert command.arity != 0
        assert not {Flag.WRITE, Flag.READONLY} <= set(command.flags), name
        assert bool(command.first_key) == bool(command.step), name
        assert bool(command.first_key) == bool(command.last_key), name


def test_keys_lie_within_the_least_number_of_arguments() -> None:
    for name, command in TABLE.items():
        least = [b"x"] * abs(command.arity)
        if command.first_key and command.first_key < len(least):
            assert command.keys(least), name


def test_subcommands_have_their_container() -> None:
    for name in TABLE:
        assert name.partition(b"|")[0] in TABLE
