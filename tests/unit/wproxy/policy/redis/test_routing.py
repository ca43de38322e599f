from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.balance import slot_of
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.routing import SERVER_AWAY, Rule, Target, common_slot, fault, keyed, merge, rules
from wproxy.protocols.resp import ReplySplitter

COMMANDS = parse_rows(ROWS)
OWN = frozenset({b"PING", b"HELLO"})
BY_KEY = rules(COMMANDS, OWN, by_key=True)
IN_TURN = rules(COMMANDS, OWN, by_key=False)


def verdict(table: dict[bytes, Rule], line: bytes) -> Target | bytes:
    """Return where the command in `line` goes, or the error it is answered with."""
    arguments = line.split()
    rule = table.get(arguments[0].upper())
    error = fault(rule, arguments, "key" if table is BY_KEY else "roundrobin")
    if error is not None:
        return error
    assert rule is not None
    return rule.target


@pytest.mark.parametrize(
    ("line", "by_key", "in_turn"),
    [
        (b"ping", Target.OWN, Target.OWN),
        (b"get k", Target.SLOT, Target.EVERY),
        (b"set k v", Target.SLOT, Target.TURN),
        (b"set k v PX 10", Target.SLOT, Target.TURN),
        (b"setex k 1 v", Target.SLOT, Target.TURN),
        (b"psetex k 1 v", Target.SLOT, Target.TURN),
        (b"ttl k", Target.SLOT, Target.EVERY),
        (b"del k", Target.SLOT, Target.EVERY),
        (b"expire k 1", Target.SLOT, Target.EVERY),
        (b"del k l", Target.SLOT, b"-ERR 'del' with several keys needs 'balance key' on this proxy\r\n"),
        (b"exists k k", Target.SLOT, b"-ERR 'exists' with several keys needs 'balance key' on this proxy\r\n"),
        (b"set k v nx", Target.SLOT, b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"),
        (b"set k v PX 10 Xx", Target.SLOT, b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"),
        (b"set k v GET", Target.SLOT, b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"),
        (b"set nx xx", Target.SLOT, Target.TURN),
    ],
)
def test_where_commands_go(line: bytes, by_key: Target, in_turn: Target | bytes) -> None:
    assert verdict(BY_KEY, line) == by_key
    assert verdict(IN_TURN, line) == in_turn


@pytest.mark.parametrize(
    "line", [b"incr k", b"append k v", b"lpush k v", b"setnx k v", b"getdel k", b"hget k f", b"mset k v"]
)
def test_what_is_not_for_data_written_once_names_the_other_algorithm(line: bytes) -> None:
    assert verdict(BY_KEY, line) is Target.SLOT
    name = line.split()[0]
    assert verdict(IN_TURN, line) == (
        b"-ERR '%b' needs 'balance key' on this proxy: 'balance roundrobin' is for data written once\r\n" % name
    )


@pytest.mark.parametrize(
    "line", [b"keys *", b"flushall", b"config get x", b"multi", b"subscribe c", b"eval x 0", b"xread a b c"]
)
def test_what_nobody_can_route_yet_is_refused(line: bytes) -> None:
    refusal = b"-ERR '%b' is not supported by this proxy\r\n" % line.split()[0]
    assert verdict(BY_KEY, line) == verdict(IN_TURN, line) == refusal


def test_blocking_commands_never_share_a_link() -> None:
    for line in (b"blpop k 0", b"brpoplpush a b 0", b"ssubscribe c"):
        assert verdict(BY_KEY, line) == b"-ERR '%b' is not supported by this proxy\r\n" % line.split()[0]


def test_subcommands_have_no_rule_of_their_own() -> None:
    assert not [name for name in BY_KEY if b"|" in name]


# tests/conformance/test_resp.py asks a real server for the same.
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([b"get"], b"-ERR wrong number of arguments for 'get' command\r\n"),
        ([b"GET", b"a", b"b"], b"-ERR wrong number of arguments for 'get' command\r\n"),
        ([b"MSet"], b"-ERR wrong number of arguments for 'mset' command\r\n"),
        ([b"foo"], b"-ERR unknown command 'foo', with args beginning with: \r\n"),
        ([b"foo", b"a", b"b c"], b"-ERR unknown command 'foo', with args beginning with: 'a' 'b c' \r\n"),
        ([b"a\r\nb", b"c\nd"], b"-ERR unknown command 'a  b', with args beginning with: 'c d' \r\n"),
        (
            [b"foo", b"a" * 100, b"b" * 100, b"c"],
            b"-ERR unknown command 'foo', with args beginning with: '%b' '%b' \r\n" % (b"a" * 100, b"b" * 25),
        ),
        ([b"x" * 200], b"-ERR unknown command '" + b"x" * 128 + b"', with args beginning with: \r\n"),
    ],
)
def test_faults_are_in_redis_words(arguments: list[bytes], error: bytes) -> None:
    assert fault(BY_KEY.get(arguments[0].upper()), arguments, "key") == error


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=9))
def test_an_unknown_command_is_answered_with_one_short_line(arguments: list[bytes]) -> None:
    error = fault(None, arguments, "key")
    assert error is not None
    assert ReplySplitter().split(error) == [error]
    assert len(error) < 500


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=4))
def test_keys_share_a_slot_or_do_not(keys: list[bytes]) -> None:
    slots = {slot_of(key) for key in keys}
    assert common_slot(keys) == (slots.pop() if len(slots) == 1 else -1)


NIL, VALUE, OTHER, ERROR = b"$-1\r\n", b"$1\r\nx\r\n", b"$1\r\ny\r\n", b"-LOADING\r\n"
ABSENT = frozenset({NIL})


@pytest.mark.parametrize(
    ("replies", "merged"),
    [
        ([NIL, NIL], NIL),
        ([VALUE, NIL], VALUE),
        ([NIL, VALUE], VALUE),
        ([VALUE, OTHER], VALUE),
        ([VALUE, None], VALUE),
        ([None, VALUE], VALUE),
        ([ERROR, VALUE], VALUE),
        ([VALUE, ERROR], VALUE),
        ([NIL, None], SERVER_AWAY),
        ([None, NIL], SERVER_AWAY),
        ([None, None], SERVER_AWAY),
        ([NIL, ERROR], ERROR),
        ([ERROR, NIL], ERROR),
        ([ERROR, None], ERROR),
        ([None, ERROR], SERVER_AWAY),
        ([ERROR, b"-OTHER\r\n"], ERROR),
        ([VALUE], VALUE),
        ([NIL], NIL),
        ([None], SERVER_AWAY),
    ],
)
def test_merge(replies: list[bytes | None], merged: bytes) -> None:
    assert merge(replies, ABSENT) == merged


@given(st.permutations([NIL, NIL, VALUE, None, ERROR]))
def test_who_has_the_key_answers_whatever_the_others_say(replies: list[bytes | None]) -> None:
    assert merge(replies, ABSENT) == VALUE


def test_absent_replies_are_those_redis_gives() -> None:
    assert IN_TURN[b"GET"].absent >= {b"$-1\r\n", b"_\r\n"}
    assert IN_TURN[b"TTL"].absent == {b":-2\r\n"}
    assert IN_TURN[b"TYPE"].absent == {b"+none\r\n"}
    assert IN_TURN[b"DEL"].absent == {b":0\r\n"}
    assert IN_TURN[b"GETRANGE"].absent == {b"$0\r\n\r\n"}


def test_keyed_commands_are_those_that_a_look_up_decides() -> None:
    table = keyed(BY_KEY)
    assert set(table) == {spelling for name in table for spelling in (name.upper(), name.lower())}
    for name, counts in table.items():
        rule = BY_KEY[name.upper()]
        for count in range(1, 9):
            arguments = [name, *[b"%d" % number for number in range(count - 1)]]
            assert (count in counts) == (fault(rule, arguments, "key") is None)
            if count in counts:
                assert (rule.target, rule.command.keys(arguments)) == (Target.SLOT, arguments[1:2])
    assert {b"GET", b"SET", b"set", b"EXPIRE"} < set(table)
    assert not {b"MGET", b"DEL", b"PING", b"BLPOP", b"EVAL", b"PUBLISH", b"FLUSHALL"} & set(table)
    assert not keyed(IN_TURN)
