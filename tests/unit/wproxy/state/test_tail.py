from __future__ import annotations

from wproxy.state.tail import Tail, TailWish, merged


def test_lines_are_fetched_once() -> None:
    tail = Tail(TailWish(10.0), 0.0, 1)
    tail.take(1.0, "one")
    tail.take(2.0, "two")
    assert tail.fetch() == [[[1.0, "one"], [2.0, "two"]], 0, 0]
    assert tail.fetch() == [[], 0, 0]


def test_a_slow_reader_loses_the_oldest_and_is_told() -> None:
    tail = Tail(TailWish(10.0), 0.0, 1)
    for number in range(2500):
        tail.take(float(number), "")
    lines, lost, _ = tail.fetch()
    assert (len(lines), lines[0][0], lost) == (2000, 500.0, 500)
    assert tail.fetch() == [[], 0, 0]


def test_it_filters_by_command_and_by_prefix_of_any_key() -> None:
    tail = Tail(TailWish(10.0, names=frozenset({b"GET"}), prefix=b"user:"), 0.0, 1)
    assert tail.wants(b"GET", [b"a", b"user:1"], 0.0)
    assert not tail.wants(b"SET", [b"user:1"], 0.0)
    assert not tail.wants(b"GET", [b"a"], 0.0)
    assert not tail.wants(b"GET", [], 0.0)
    assert Tail(TailWish(10.0), 0.0, 1).wants(b"DBSIZE", [], 0.0)


def test_what_is_more_than_the_rate_is_left_out_and_counted() -> None:
    tail = Tail(TailWish(10.0, rate=5), 0.0, 1)
    assert [tail.wants(b"GET", [], 0.0) for _ in range(8)] == [True] * 5 + [False] * 3
    assert tail.fetch() == [[], 0, 3]
    assert tail.fetch() == [[], 0, 0]
    assert tail.wants(b"GET", [], 1.0)
    tail.sampler.places(6000, 1.0)
    assert tail.fetch()[2] == 5500


def test_what_several_processes_tell_comes_in_order() -> None:
    assert merged([[[[1.0, "a"], [3.0, "c"]], 1, 2], [[[2.0, "b"]], 0, 5]]) == [
        [[1.0, "a"], [2.0, "b"], [3.0, "c"]],
        1,
        7,
    ]
    assert merged([]) == [[], 0, 0]
