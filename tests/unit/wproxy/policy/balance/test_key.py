from __future__ import annotations

from binascii import crc_hqx
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from math import sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wproxy.policy.balance import SlotTable, slot_of
from wproxy.policy.balance.key import SLOTS, by_hash

NAMES = [f"redis{letter}" for letter in "ABCDEFGH"]
TWO = SlotTable(NAMES[:2], [30, 70])


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        # Redis Cluster specification, and `CLUSTER KEYSLOT` (tests/conformance/test_slots.py asks a server).
        (b"123456789", 0x31C3),
        (b"", 0),
        (b"foo", 12182),
        (b"{foo}bar", 12182),
        (b"bar{foo}{zap}", 12182),
        (b"x{foo", slot_of(b"x{foo")),
    ],
)
def test_slot_of_known_keys(key: bytes, slot: int) -> None:
    assert slot_of(key) == slot


@pytest.mark.parametrize("key", [b"{}foo", b"foo{}{bar}", b"}foo{", b"foo}{bar", b"{"])
def test_an_empty_or_open_tag_is_none(key: bytes) -> None:
    assert slot_of(key) == slot_of(b"{" + key + b"}" if b"}" not in key else key)
    assert slot_of(b"{a}" + key) == slot_of(b"a")


def owned(table: SlotTable) -> Counter[int]:
    return Counter(table.owners)


def moved(before: SlotTable, after: SlotTable) -> int:
    return sum(old != new for old, new in zip(before.owners, after.owners, strict=True))


weights = st.lists(st.integers(0, 256), min_size=1, max_size=8)


@settings(max_examples=30)
@given(weights.filter(any))
def test_each_server_owns_its_exact_quota_give_or_take_a_slot(weights: list[int]) -> None:
    counts = owned(SlotTable(NAMES[: len(weights)], weights))
    for index, weight in enumerate(weights):
        assert abs(counts[index] - SLOTS * weight / sum(weights)) < 1
        assert weight or not counts[index]
    assert counts.total() == SLOTS


@given(st.lists(st.just(0), max_size=3))
def test_without_weight_nobody_owns_a_slot(weights: list[int]) -> None:
    assert owned(SlotTable(NAMES[: len(weights)], weights)) == {-1: SLOTS}


@settings(max_examples=20)
@given(weights, st.integers(0, 7), st.integers(0, 256))
def test_a_change_of_one_weight_moves_the_minimum_within_half_a_point(old: list[int], at: int, weight: int) -> None:
    new = list(old)
    new[at % len(old)] = weight
    if not any(old) or not any(new):
        return
    names = NAMES[: len(old)]
    before, after = SlotTable(names, old), SlotTable(names, new)
    minimum = sum((owned(after) - owned(before)).values())
    assert minimum <= moved(before, after) <= minimum + 0.005 * SLOTS


def test_30_to_70_changed_to_50_to_50_moves_20_percent() -> None:
    names = ["redisA", "redisB"]
    before, after = SlotTable(names, [30, 70]), SlotTable(names, [50, 50])
    assert abs(100 * moved(before, after) / SLOTS - 20) < 0.1
    to_other = sum(old == 0 and new == 1 for old, new in zip(before.owners, after.owners, strict=True))
    assert to_other == 0


def test_step_by_step_moves_no_more_than_at_once() -> None:
    names = ["redisA", "redisB"]
    tables = [SlotTable(names, [share, 100 - share]) for share in (30, 35, 40, 45, 50)]
    assert sum(moved(old, new) for old, new in pairwise(tables)) < 0.205 * SLOTS


def test_a_server_drained_and_back_gets_its_slots_back() -> None:
    before, drained = (SlotTable(NAMES[:3], weights) for weights in ([10, 20, 30], [10, 0, 30]))
    of_others = sum(old not in (1, new) for old, new in zip(before.owners, drained.owners, strict=True))
    assert of_others < 0.005 * SLOTS
    assert SlotTable(NAMES[:3], [10, 20, 30]).owners == before.owners


def test_only_names_and_the_ratio_of_weights_count() -> None:
    table = SlotTable(["a", "b"], [3, 7])
    assert SlotTable(["a", "b"], [30, 70]).owners == table.owners
    assert [1 - owner for owner in SlotTable(["b", "a"], [7, 3]).owners] == list(table.owners)
    assert SlotTable(["a", "c"], [3, 7]).owners != table.owners


def test_the_table_is_the_same_in_every_process_and_every_release() -> None:
    """Whoever changes this digest moves every user's keys."""
    digest = sha256(bytes(SlotTable(["redisA", "redisB"], [30, 70]).owners.tolist())).hexdigest()
    assert digest == "94047f42de4a2b835c76ab768d7a9b439a492507126bf91364ae69fb55cbe5ce"


def test_100_000_random_keys_within_three_sigma() -> None:
    random, count = Random(7), 100_000
    table = SlotTable(["redisA", "redisB"], [30, 70])
    owners = Counter(table.owners[slot_of(random.randbytes(12))] for _ in range(count))
    assert abs(owners[0] - 0.3 * count) < 3 * sqrt(count * 0.3 * 0.7)


@given(st.binary(max_size=20).filter(lambda key: b"{" not in key))
def test_the_owner_of_a_hash_is_the_owner_of_its_slot(key: bytes) -> None:
    assert by_hash(TWO)[crc_hqx(key, 0)] == TWO.owners[slot_of(key)]


@pytest.mark.parametrize("weights", [[5, 9], [1, 1, 3], [0, 7]])
def test_a_table_is_the_same_whatever_was_before_it(weights: list[int]) -> None:
    names = NAMES[1 : 1 + len(weights)]
    alone = SlotTable(names, weights)
    for before in (TWO, SlotTable(NAMES, [1] * 8), SlotTable(names, [3] * len(names)), SlotTable((), ())):
        assert SlotTable(names, weights, before).owners == alone.owners
