from __future__ import annotations

from collections.abc import Sequence

from wproxy.dataplane.redis.batch import Batch, Fate

Told = list[tuple[Fate, list[bytes]]]


def batch(count: int, database: int = 0) -> tuple[Batch, Told]:
    told: Told = []

    def note(fate: Fate, replies: Sequence[bytes]) -> None:
        told.append((fate, list(replies)))

    return Batch(b"*1\r\n$4\r\nPING\r\n" * count, ["ping"] * count, note, database), told


def test_replies_come_in_any_pieces() -> None:
    made, told = batch(3)
    assert (made.wanted, made.names) == (3, ["ping"] * 3)
    assert made.take([b"a", b"+1\r\n", b"+2\r\n"], 1) == 3
    assert told == []
    assert made.take([b"+3\r\n", b"b"], 0) == 1
    assert told == [(Fate.ANSWERED, [b"+1\r\n", b"+2\r\n", b"+3\r\n"])]


def test_another_database_is_selected_and_left_again() -> None:
    made, told = batch(1, database=5)
    assert made.names == ["select", "ping", "select"]
    select = b"*2\r\n$6\r\nSELECT\r\n$1\r\n%d\r\n"
    assert made.raw == select % 5 + b"*1\r\n$4\r\nPING\r\n" + select % 0
    made.take([b"+OK\r\n", b"+PONG\r\n", b"+OK\r\n"], 0)
    assert told == [(Fate.ANSWERED, [b"+PONG\r\n"])]


def test_a_connection_that_breaks_in_the_middle_is_told_from_one_that_was_not_there() -> None:
    made, told = batch(2)
    made.take([b"+1\r\n"], 0)
    made.answer(b"-SERVERDOWN connection to b/s lost\r\n")
    assert told == [(Fate.LOST, [])]
    made, told = batch(2)
    made.refused(made.raw, b"-SERVERDOWN\r\n")
    assert told == [(Fate.REFUSED, [])]
