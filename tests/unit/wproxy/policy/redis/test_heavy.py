from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.redis.heavy import HeavyHitters, Hitter, together

# A few keys come often, many seldom, so that places are fought for.
KEYS = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 60)).map(lambda number: b"k%d" % number), max_size=400)
CAPACITIES = st.integers(1, 12)


def sketch(keys: list[bytes], capacity: int) -> HeavyHitters:
    made = HeavyHitters(capacity)
    for key in keys:
        made.add(key)
    return made


@given(KEYS, CAPACITIES)
def test_counts_are_never_too_low_and_never_too_high_by_more_than_they_say(keys: list[bytes], capacity: int) -> None:
    true, made = Counter(keys), sketch(keys, capacity)
    _, found = made.parts()
    assert made.total == len(keys)
    assert len(found) == min(len(true), capacity)
    for key, count, error in found:
        assert true[key] <= count <= true[key] + error
        assert error * capacity <= len(keys)


@given(KEYS, CAPACITIES)
def test_every_key_is_known_that_came_more_often_than_the_bound(keys: list[bytes], capacity: int) -> None:
    floor, found = sketch(keys, capacity).parts()
    known = {each.key for each in found}
    for key, times in Counter(keys).items():
        assert key in known or (times * capacity <= len(keys) and times <= floor)


@given(st.lists(KEYS, max_size=4), CAPACITIES)
def test_several_sketches_make_one_with_the_same_bounds(parts: list[list[bytes]], capacity: int) -> None:
    every = [key for keys in parts for key in keys]
    true = Counter(every)
    sketches = [sketch(keys, capacity).parts() for keys in parts]
    found = together(sketches)
    for key, count, error in found:
        assert true[key] <= count <= true[key] + error
        assert error * capacity <= len(every)
    known = {each.key for each in found}
    assert all(key in known or times * capacity <= len(every) for key, times in true.items())
    assert found == sorted(found, key=lambda each: (-each.times, each.key))


def test_what_fits_is_exact() -> None:
    made = sketch([b"a", b"b", b"a"], 3)
    assert made.parts() == (0, [Hitter(b"a", 2, 0), Hitter(b"b", 1, 0)])
    assert together([made.parts(), made.parts()]) == [Hitter(b"a", 4, 0), Hitter(b"b", 2, 0)]
    assert together([]) == []
