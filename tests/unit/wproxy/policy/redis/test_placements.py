from __future__ import annotations

from wproxy.policy.redis.placements import Placements, Tenures

X, Y = (0, b"x"), (1, b"x")


def test_a_key_is_where_it_was_placed_last() -> None:
    tenures = Tenures(Placements(), "a", known=True)
    assert tenures.place(X) == "a"
    tenures.begin("b")
    assert tenures.place(X) == "a"
    tenures.placed(X)
    assert (tenures.place(X), tenures.place(Y)) == ("b", "a")
    for owner in "ca":
        tenures.begin(owner)
        assert (tenures.place(X), tenures.place(Y)) == ("b", "a")
    tenures.placed(X)
    tenures.begin("b")
    assert tenures.place(X) == "a"


def test_what_an_earlier_process_has_begun_says_nothing() -> None:
    tenures = Tenures(Placements(), "a", known=False)
    tenures.begin("b")
    assert tenures.place(X) is None
    tenures.used("a", X)
    assert (tenures.place(X), tenures.place(Y)) == ("a", None)
    tenures.used("gone", Y)
    assert tenures.place(Y) is None
    for owner in "ac":
        tenures.begin(owner)
    tenures.used("a", Y)
    tenures.used("b", X)
    assert (tenures.place(X), tenures.place(Y)) == ("b", "a")
    tenures.forget("b")
    assert (tenures.place(X), tenures.place(Y)) == ("a", "a")


def test_a_server_without_keys_is_no_place() -> None:
    tenures = Tenures(Placements(), "a", known=True)
    for owner in "bcd":
        tenures.begin(owner)
        tenures.placed((0, owner.encode()))
    tenures.forget("b")
    assert [tenures.place((0, name)) for name in (b"b", b"c", b"d", b"x")] == ["a", "c", "d", "a"]
    tenures.forget("a")
    assert [tenures.place((0, name)) for name in (b"b", b"c", b"d", b"x")] == [None, "c", "d", None]


def test_owners_long_ago_are_forgotten() -> None:
    tenures = Tenures(Placements(), "a", known=True)
    for _ in range(15):
        tenures.begin("b")
    assert tenures.place(X) == "a"
    tenures.begin("b")
    assert tenures.place(X) is None
    tenures.placed(X)
    assert tenures.place(X) == "b"


def test_pairs_are_told_apart_and_their_memory_given_back() -> None:
    placements = Placements()
    first, second = placements.tenure(), placements.tenure()
    keys = [(number % 16, b"key:%d" % number) for number in range(20_000)]
    for key in keys[:10_000]:
        placements.add(first, key)
    assert all(placements.has(first, key) for key in keys[:10_000])
    assert sum(placements.has(first, key) for key in keys[10_000:]) < 10
    assert sum(placements.has(second, key) for key in keys) < 10
    placements.clear()
    assert not any(placements.has(first, key) for key in keys)
