from __future__ import annotations

import pytest

from wproxy.policy.balance import slot_of
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.routing import CROSSSLOT, resolve, rules
from wproxy.policy.redis.transaction import MOST_BYTES, QUEUED, Transaction
from wproxy.protocols.resp import pack

RULES = rules(parse_rows(ROWS), frozenset({b"PING", b"ECHO", b"CLIENT"}), by_key=True)


def queue(transaction: Transaction, line: bytes) -> bytes:
    arguments = line.split()
    rule = resolve(RULES, arguments)
    assert rule is not None
    return transaction.queue(rule, arguments, pack(arguments))


def test_commands_of_one_slot_are_sent_whole() -> None:
    transaction = Transaction()
    lines = [b"ping", b"set {a}b 1", b"mget a {a}c", b"blpop {a}l 0", b"eval x 1 a", b"time", b"unwatch", b"echo x"]
    assert [queue(transaction, line) for line in lines] == [QUEUED] * len(lines)
    assert list(transaction.keys) == [b"{a}b", b"a", b"{a}c", b"{a}l"]
    assert len(transaction) == len(lines)
    assert transaction.whole() == b"".join(pack(line.split()) for line in [b"MULTI", *lines, b"EXEC"])


@pytest.mark.parametrize("line", [b"set b 1", b"mset a 1 b 2", b"rename a b", b"eval x 1 b"])
def test_a_second_slot_is_refused(line: bytes) -> None:
    transaction = Transaction()
    queue(transaction, b"set a 1")
    assert queue(transaction, line) == CROSSSLOT
    assert transaction.faulty
    assert queue(transaction, b"set a 2") == QUEUED  # as Redis goes on to say
    assert not len(transaction)


def test_watched_keys_decide_the_slot() -> None:
    transaction = Transaction(slot_of(b"a"))
    assert queue(transaction, b"get b") == CROSSSLOT
    assert queue(transaction, b"get {a}b") == QUEUED


@pytest.mark.parametrize("line", [b"dbsize", b"select 1", b"scan 0", b"publish c x", b"client id", b"subscribe c"])
def test_what_is_not_for_one_server_is_refused(line: bytes) -> None:
    transaction = Transaction()
    assert b"inside MULTI is not supported" in queue(transaction, line)
    assert transaction.faulty


def test_there_is_a_bound() -> None:
    transaction = Transaction()
    rule = RULES[b"SET"]
    raw = b"x" * (MOST_BYTES // 3)
    arguments = [b"set", b"a", b"1"]
    assert [transaction.queue(rule, arguments, raw)[:1] for _ in range(4)] == [b"+", b"+", b"+", b"-"]
    assert transaction.faulty
    assert not len(transaction)


def test_a_script_without_keys_leaves_the_slot_as_it_is() -> None:
    transaction = Transaction()
    assert [queue(transaction, line) for line in (b"eval x 0", b"set a 1", b"eval x 0")] == [QUEUED] * 3
    assert queue(transaction, b"set b 1") == CROSSSLOT
