from __future__ import annotations

from wproxy.policy.redis.whereabouts import MOST, Table, announced, bounded, everywhere


def test_the_weights_in_force_are_added_once() -> None:
    tables = announced([], {"a": 1, "b": 0})
    assert tables == [{"a": 1, "b": 0}]
    assert announced(tables, {"b": 0, "a": 1}) is tables
    assert announced(announced(tables, {"a": 2}), {"a": 1, "b": 0}) == [*tables, {"a": 2}, *tables]
    assert tables == [{"a": 1, "b": 0}]


def test_weights_by_which_nobody_has_a_key_are_not_told() -> None:
    tables: list[Table] = [{"a": 1}]
    assert announced(tables, {"a": 0, "b": 0}) is tables
    assert announced(tables, {}) is tables


def test_too_many_become_one_for_each_server_and_the_last() -> None:
    tables: list[Table] = [{"a": number, "b": 1, "never": 0} for number in range(MOST)]
    assert bounded(tables) is tables
    assert announced(tables, {"c": 7, "a": 0}) == [{"b": 1}, {"a": 1}, {"c": 7, "a": 0}]


def test_a_server_that_has_had_a_weight_may_have_any_key() -> None:
    assert everywhere([{"a": 0, "b": 3}, {"a": 2, "b": 0}]) == [{"b": 1}, {"a": 1}]
    assert everywhere([]) == []
