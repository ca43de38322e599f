from __future__ import annotations

from collections.abc import Sequence

import pytest

from wproxy.dataplane.redis.batch import Fate, Told
from wproxy.dataplane.redis.carry import Carry
from wproxy.policy.redis.actions import Move, Outcome
from wproxy.protocols.resp import RequestParser

DUMP = b"$3\r\nabc\r\n"


class Journey:
    """Keys that are carried from a to b; the replies are given by hand."""

    def __init__(self, database: int = 0, *, names: Sequence[bytes] = (b"k",), replace: bool = False) -> None:
        self.sent: list[tuple[str, list[list[bytes]], int]] = []
        self.ended: list[object] = []
        self._told: Told = lambda fate, replies: None
        moves = [Move(1, "a", "b", (database, name), replace) for name in names]
        self.over = 0
        Carry(moves, self._send, lambda move, outcome: self.ended.append(outcome), self._away, self._end).start()

    def _send(self, server: str, raw: bytes, names: Sequence[str], told: Told, database: int = 0) -> None:
        parser = RequestParser()
        parser.feed(raw)
        commands = [arguments for arguments, _ in parser.take(100)]
        assert [command[0].decode().lower() for command in commands] == list(names)
        self.sent.append((server, commands, database))
        self._told = told

    def _end(self) -> None:
        self.over += 1

    def _away(self, move: Move, server: str) -> None:
        self.ended.append(server)

    def answer(self, *replies: bytes) -> Journey:
        self._told(Fate.ANSWERED, replies)
        return self

    def fail(self, fate: Fate) -> Journey:
        self._told(fate, ())
        return self


@pytest.mark.parametrize(
    ("left", "until", "rest"),
    [
        (b":-1\r\n", b":-1\r\n", [b"0", b"abc"]),
        (b":500\r\n", b":4102444800123\r\n", [b"4102444800123", b"abc", b"ABSTTL"]),
        (b":500\r\n", b"-ERR unknown command 'PEXPIRETIME'\r\n", [b"500", b"abc"]),
        (b":1\r\n", b":0\r\n", [b"0", b"abc", b"ABSTTL"]),
        (b":0\r\n", b"-ERR unknown command 'PEXPIRETIME'\r\n", [b"1", b"abc"]),
    ],
)
def test_the_value_goes_with_its_life(left: bytes, until: bytes, rest: list[bytes]) -> None:
    journey = Journey().answer(DUMP, left, until)
    assert journey.sent[-1] == ("b", [[b"RESTORE", b"k", *rest]], 0)
    journey.answer(b"+OK\r\n")
    assert journey.sent[-1] == ("a", [[b"UNLINK", b"k"]], 0)
    journey.answer(b":1\r\n")
    assert journey.ended == [Outcome.MOVED]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (b"-BUSYKEY Target key name already exists.\r\n", Outcome.BUSY),
        (b"-OOM command not allowed\r\n", Outcome.DENIED),
    ],
)
def test_what_the_target_says(reply: bytes, outcome: Outcome) -> None:
    assert Journey().answer(DUMP, b":-1\r\n", b":-1\r\n").answer(reply).ended == [outcome]


def test_a_key_that_is_gone() -> None:
    assert Journey().answer(b"$-1\r\n", b":-2\r\n", b":-2\r\n").ended == [Outcome.ABSENT]


def test_a_key_that_expires_between_two_questions_is_gone() -> None:
    assert Journey().answer(DUMP, b":-2\r\n", b":-2\r\n").ended == [Outcome.ABSENT]
    assert Journey().answer(DUMP, b":1\r\n", b":-2\r\n").ended == [Outcome.ABSENT]


def test_what_breaks_before_anything_was_done_and_after() -> None:
    assert Journey().fail(Fate.LOST).ended == ["a"]
    assert Journey().answer(DUMP, b":-1\r\n", b":-1\r\n").fail(Fate.REFUSED).ended == ["b"]
    assert Journey().answer(DUMP, b":-1\r\n", b":-1\r\n").fail(Fate.LOST).ended == [Outcome.DOUBT]
    assert Journey().answer(DUMP, b":-1\r\n", b":-1\r\n").answer(b"+OK\r\n").fail(Fate.LOST).ended == [Outcome.DOUBT]


def test_a_database_that_the_target_has_not() -> None:
    journey = Journey(9, replace=True).answer(DUMP, b":-1\r\n", b":-1\r\n")
    assert journey.sent[-1] == ("b", [[b"SELECT", b"9"], [b"SELECT", b"0"]], 0)
    assert journey.answer(b"-ERR DB index is out of range\r\n", b"+OK\r\n").ended == [Outcome.DENIED]
    journey = Journey(9, replace=True).answer(DUMP, b":-1\r\n", b":-1\r\n").answer(b"+OK\r\n", b"+OK\r\n")
    assert journey.sent[-1] == ("b", [[b"RESTORE", b"k", b"0", b"abc", b"REPLACE"]], 9)


def test_each_of_several_ends_in_its_own_way_and_what_is_stored_is_removed_at_once() -> None:
    for_ever = (b":-1\r\n", b":-1\r\n")
    journey = Journey(names=(b"gone", b"k1", b"busy", b"full", b"k2"))
    journey.answer(b"$-1\r\n", b":-2\r\n", b":-2\r\n", *(DUMP, *for_ever) * 4)
    assert journey.ended == [Outcome.ABSENT]
    assert journey.sent[-1] == ("b", [[b"RESTORE", name, b"0", b"abc"] for name in (b"k1", b"busy", b"full", b"k2")], 0)
    journey.answer(b"+OK\r\n", b"-BUSYKEY x\r\n", b"-OOM x\r\n", b"+OK\r\n")
    assert journey.ended[1:] == [Outcome.BUSY, Outcome.DENIED]
    assert journey.over == 0
    assert journey.sent[-1] == ("a", [[b"UNLINK", b"k1", b"k2"]], 0)
    journey.answer(b":1\r\n")  # one has expired meanwhile
    assert journey.ended[3:] == [Outcome.MOVED, Outcome.MOVED]
    assert journey.over == 1


def test_what_breaks_breaks_for_all_that_were_in_it() -> None:
    names, replies = (b"k1", b"k2"), (DUMP, b":-1\r\n", b":-1\r\n") * 2
    assert Journey(names=names).fail(Fate.LOST).ended == ["a", "a"]
    assert Journey(names=names).answer(*replies).fail(Fate.REFUSED).ended == ["b", "b"]
    assert Journey(names=names).answer(*replies).fail(Fate.LOST).ended == [Outcome.DOUBT] * 2
    assert Journey(names=names).answer(*replies).answer(b"+OK\r\n", b"+OK\r\n").fail(Fate.REFUSED).ended == [
        Outcome.DOUBT, Outcome.DOUBT,
    ]  # fmt: skip


def test_a_value_that_the_server_will_not_give_stays_there() -> None:
    denied = b"-NOPERM this user has no permissions to run the 'dump' command\r\n"
    assert Journey().answer(denied, b":-1\r\n", b":-1\r\n").ended == [Outcome.DENIED]
