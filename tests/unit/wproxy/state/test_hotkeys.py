from __future__ import annotations

import pytest

from wproxy.state.hotkeys import HotKey, HotKeys, Wish

WISH = Wish(100.0, 110.0, 1)


def counted(*keys: bytes, wish: Wish = WISH) -> HotKeys:
    made = HotKeys(wish, 1)
    made.sampler.places(len(keys), 100.0)
    for key in keys:
        made.take([key], [len(key)])
    return made


def test_shares_and_rates() -> None:
    made = counted(b"a", b"a", b"b", b"a")
    looked, keys = made.hottest(102.0)
    assert (looked, keys) == (4, [HotKey(b"a", 3, 0, 0.75, 1.5), HotKey(b"b", 1, 0, 0.25, 0.5)])
    assert made.hottest(200.0)[1][0].per_s == pytest.approx(0.3)  # it counted for ten seconds


def test_a_sample_stands_for_all() -> None:
    made = HotKeys(Wish(0.0, 10.0, 100), 1)
    looked = made.sampler.places(100_000, 0.0)
    for _ in looked:
        made.take([b"k"], [1])
    _, (key,) = made.hottest(10.0)
    assert key.per_s == pytest.approx(10_000)
    assert key.times == len(looked)


def test_long_keys_are_told_apart_by_their_beginning_and_length() -> None:
    made = HotKeys(WISH, 1)
    made.take([b"kk", b"kk", b"kk"], [2, 5, 6])
    assert {key.key for key in made.hottest(101.0)[1]} == {b"kk", b"kk... (3 more bytes)", b"kk... (4 more bytes)"}


def test_several_processes_make_one() -> None:
    whole = HotKeys(WISH, 1)
    whole.learn(1, counted(b"a").parts())
    whole.learn(1, counted(b"a", b"a\xff").parts())  # the whole of what it knows
    whole.learn(2, counted(b"a\xff").parts())
    whole.learn(3, counted(b"c", wish=Wish(90.0, 91.0, 1)).parts())  # asked before
    looked, keys = whole.hottest(101.0)
    assert (looked, [(each.key, each.times) for each in keys]) == (3, [(b"a\xff", 2), (b"a", 1)])
