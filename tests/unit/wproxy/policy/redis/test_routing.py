from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.balance import slot_of
from wproxy.policy.redis.builtin import NEWER_ROWS, ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.routing import (
    CROSSING,
    KEYLESS,
    SERVER_AWAY,
    Rule,
    Target,
    common_slot,
    fault,
    keyed,
    merge,
    resolve,
    rules,
)
from wproxy.protocols.resp import ReplySplitter

COMMANDS = parse_rows(ROWS + NEWER_ROWS)
OWN = frozenset({b"PING", b"CLIENT"})
BY_KEY = rules(COMMANDS, OWN, by_key=True)
IN_TURN = rules(COMMANDS, OWN, by_key=False)


def verdict(table: dict[bytes, Rule], line: bytes) -> Target | bytes:
    """Return where the command in `line` goes, or the error it is answered with."""
    arguments = line.split()
    rule = resolve(table, arguments)
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
        (b"del k", Target.SPLIT, Target.EVERY),
        (b"expire k 1", Target.SLOT, Target.EVERY),
        (b"del k l", Target.SPLIT, b"-ERR 'del' with several keys needs 'balance key' on this proxy\r\n"),
        (b"exists k k", Target.SPLIT, b"-ERR 'exists' with several keys needs 'balance key' on this proxy\r\n"),
        (b"set k v nx", Target.SLOT, b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"),
        (b"set k v PX 10 Xx", Target.SLOT, b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"),
        (b"set k v GET", Target.SLOT, b"-ERR SET with NX, XX or GET needs 'balance key' on this proxy\r\n"),
        (b"set nx xx", Target.SLOT, Target.TURN),
        (b"dbsize", Target.ALL, Target.ALL),
        (b"script load x", Target.ALL, Target.ALL),
        (b"Config Get x", Target.ANY, Target.ANY),
        (b"config set x y", Target.ALL, Target.ALL),
        (b"time", Target.ANY, Target.ANY),
        (b"randomkey", Target.ALL, Target.ALL),
        (b"scan 0", Target.SCAN, Target.SCAN),
        (b"publish c x", Target.CHANNEL, Target.CHANNEL),
        (b"subscribe c", Target.STATE, Target.STATE),
        (b"select 1", Target.STATE, Target.STATE),
        (b"hello", Target.STATE, Target.STATE),
        (b"client id", Target.OWN, Target.OWN),
        (b"client setinfo lib-name x", Target.OWN, Target.OWN),
        (b"command docs get", Target.ANY, Target.ANY),
    ],
)
def test_where_commands_go(line: bytes, by_key: Target, in_turn: Target | bytes) -> None:
    assert verdict(BY_KEY, line) == by_key
    assert verdict(IN_TURN, line) == in_turn


@pytest.mark.parametrize(
    "line", [b"incr k", b"append k v", b"lpush k v", b"setnx k v", b"getdel k", b"hget k f", b"zunionstore a 1 b"]
)
def test_what_is_not_for_data_written_once_names_the_other_algorithm(line: bytes) -> None:
    assert verdict(BY_KEY, line) is Target.SLOT
    name = line.split()[0]
    assert verdict(IN_TURN, line) == (
        b"-ERR '%b' needs 'balance key' on this proxy: 'balance roundrobin' is for data written once\r\n" % name
    )


@pytest.mark.parametrize(
    "line", [b"multi", b"exec", b"watch k", b"blpop k 0", b"eval x 1 k", b"mget a b", b"xread a b c"]
)
def test_what_needs_an_owner_names_the_other_algorithm(line: bytes) -> None:
    assert verdict(BY_KEY, line) in (Target.STATE, Target.SLOT, Target.SPLIT)
    error = verdict(IN_TURN, line)
    assert isinstance(error, bytes)
    assert b"needs 'balance key'" in error


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"monitor", b"it concerns one server"),
        (b"shutdown", b"it concerns one server"),
        (b"swapdb 0 1", b"several servers cannot swap"),
        (b"wait 1 0", b"acknowledgements"),
        (b"script kill", b"holds up the shared connection"),
        (b"migrate a b c d e", b"where the weights put them"),
        (b"ssubscribe c", b"proxy\r\n"),
        (b"latency doctor", b"it concerns one server"),
    ],
)
def test_what_is_refused_says_why(line: bytes, reason: bytes) -> None:
    for table in (BY_KEY, IN_TURN):
        error = verdict(table, line)
        assert isinstance(error, bytes)
        assert error.startswith(b"-ERR '%b' " % line.split()[0]) or b"|" in error or b"needs" in error
        assert reason in error or (table is IN_TURN and b"needs 'balance key'" in error)


def test_subcommands_have_rules_of_their_own() -> None:
    assert verdict(BY_KEY, b"object encoding k") is Target.SLOT
    assert verdict(BY_KEY, b"OBJECT FOO") == b"-ERR unknown subcommand 'FOO'. Try OBJECT HELP.\r\n"
    assert verdict(BY_KEY, b"object") == b"-ERR wrong number of arguments for 'object' command\r\n"
    assert verdict(BY_KEY, b"object encoding") == b"-ERR wrong number of arguments for 'object|encoding' command\r\n"


def test_what_is_free_to_go_has_nothing_against_it() -> None:
    for table, balance in ((BY_KEY, "key"), (IN_TURN, "roundrobin")):
        for rule in table.values():
            for count in range(1, 7):
                arguments = [rule.command.name.encode(), *[b"NX"] * (count - 1)]
                if rule.free(count):
                    assert fault(rule, arguments, balance) is None
    assert BY_KEY[b"GET"].free(2)
    assert not BY_KEY[b"GET"].free(3)
    assert IN_TURN[b"SET"].free(3)
    assert not IN_TURN[b"SET"].free(4)
    assert not BY_KEY[b"MULTI"].free(1)


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        (b"get a", [b"a"]),
        (b"object encoding a", [b"a"]),
        (b"eval x 1 a b", [b"a"]),
        (b"eval x 0", []),
        (b"eval x y", []),
        (b"rename {a}b {a}c", [b"a"]),
        (b"rename a b", [b"a", b"b"]),
        (b"zunionstore {a} 1 {a}b", [b"a"]),
        (b"blpop a b 0", [b"a", b"b"]),
        (b"xread block 0 streams a 0", [b"a"]),
    ],
)
def test_slots(line: bytes, keys: list[bytes]) -> None:
    arguments = line.split()
    rule = resolve(BY_KEY, arguments)
    assert rule is not None
    slots = {slot_of(key) for key in keys}
    assert rule.slot(arguments) == (CROSSING if len(slots) > 1 else slots.pop() if slots else KEYLESS)


@pytest.mark.parametrize(
    "line",
    [
        b"sort a by w_*",
        b"sort_ro a get v_*",
        b"eval redis.call('get','x') 0",
        b"eval_ro redis.pcall('get','x') 0",
    ],
)
def test_what_touches_keys_it_does_not_name_is_refused(line: bytes) -> None:
    error = verdict(BY_KEY, line)
    assert isinstance(error, bytes)
    assert error.startswith(b"-CROSSSLOT ")


# tests/conformance/test_resp.py asks a real server for the same.
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([b"get"], b"-ERR wrong number of arguments for 'get' command\r\n"),
        ([b"GET", b"a", b"b"], b"-ERR wrong number of arguments for 'get' command\r\n"),
        ([b"MSet", b"a", b"b", b"c"], b"-ERR wrong number of arguments for 'mset' command\r\n"),
        (
            [b"exec", b"x"],
            b"-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n",
        ),
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
            fits = fault(rule, arguments, "key") is None
            assert (count in counts) == (fits and list(rule.command.keys(arguments)) == arguments[1:2])
            assert rule.target in (Target.SLOT, Target.SPLIT)
    assert {b"GET", b"SET", b"set", b"EXPIRE", b"MGET", b"DEL"} < set(table)
    assert not {b"PING", b"BLPOP", b"EVAL", b"PUBLISH", b"FLUSHALL", b"SORT", b"WATCH", b"RENAME"} & set(table)
    assert not keyed(IN_TURN)


def test_a_sort_that_reads_one_key_goes_to_its_owner() -> None:
    assert verdict(BY_KEY, b"sort k desc") is Target.SLOT
    assert verdict(BY_KEY, b"sort k by w_*") == (
        b"-CROSSSLOT SORT with a pattern in BY or GET reads keys that may be on other servers\r\n"
    )
