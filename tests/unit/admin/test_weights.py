"""admin.weights: what is to be set, and what one of two proxies has alone."""

from __future__ import annotations

from dataclasses import replace

from admin.servers import Server
from admin.weights import differences

A = Server("redis", "a", "UP", 30, False, "127.0.0.1:1", 0, 0, 5)
B = replace(A, name="b", weight=70)


def test_the_same_weights_need_nothing() -> None:
    found = differences([A, B], [B, A])
    assert (found.to_set, found.missing, found.extra) == ((), (), ())
    assert found.changes() == []


def test_other_weights_are_set_whatever_the_state() -> None:
    found = differences([A, replace(B, weight=0)], [replace(A, status="DRAIN", weight=50), B])
    assert found.changes() == ["redis/a 50 → 30", "redis/b 70 → 0"]


def test_servers_of_the_same_name_in_other_backends_are_others() -> None:
    found = differences([A], [replace(A, backend="other"), B])
    assert (found.to_set, found.missing, found.extra) == ((), ("redis/a",), ("other/a", "redis/b"))


def test_states_are_taken_over_where_both_tell_them() -> None:
    here = {"redis/a": "ready", "redis/b": "drain"}
    found = differences([replace(A, weight=31), B], [A, B], here, {"redis/a": "maint", "redis/b": "ready"})
    assert found.changes() == ["redis/a 30 → 31", "redis/a maint → ready", "redis/b ready → drain"]
    assert found.steps() == {"redis": 3}
    assert differences([A, B], [A, B], here, {"redis/b": "drain"}).states == ()
