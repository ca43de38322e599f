"""admin.servers: finding the server a user means, and sharing out a backend by its weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.errors import MisusedError, RefusedError
from admin.servers import Server, find, servers_of, shares
from admin.statistics import Row

A = Server("redis", "redisA", "UP", 30, False, "127.0.0.1:1", 0, 0, 5)
B = replace(A, name="redisB", weight=70)
OTHER_B = replace(B, backend="other")


def test_only_server_rows_are_servers() -> None:
    rows: list[Row] = [
        {"pxname": "redis", "svname": "FRONTEND", "type": 0},
        {"pxname": "redis", "svname": "redisA", "type": 2, "status": "no check", "weight": 3, "uweight": 30, "bck": 1},
        {"pxname": "redis", "svname": "BACKEND", "type": 1},
    ]
    (server,) = servers_of(rows)
    assert (server.path, server.weight, server.backup, server.usable) == ("redis/redisA", 30, True, True)
    assert server.last_change_s is None


def test_the_weight_column_serves_where_there_is_no_user_weight() -> None:
    (server,) = servers_of([{"pxname": "a", "svname": "b", "type": 2, "weight": 9, "lastchg": 4}])
    assert (server.weight, server.last_change_s) == (9, 4)


def test_a_unique_name_is_enough() -> None:
    assert find([A, B], "redisA") is A
    assert find([A, B, OTHER_B], "other/redisB") is OTHER_B


def test_an_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(MisusedError, match="backend/server: redis/redisB, other/redisB"):
        find([A, B, OTHER_B], "redisB")


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(RefusedError, match=r"no such server: redisAA; did you mean redis/redisA\?"):
        find([A, B], "redisAA")


def test_a_name_like_no_other_lists_what_there_is() -> None:
    with pytest.raises(RefusedError, match=r"the proxy has redis/redisA, redis/redisB$"):
        find([A, B], "zzz")
    with pytest.raises(RefusedError, match="and 1 more"):
        find([replace(A, name=f"n{i}") for i in range(9)], "zzz")
    with pytest.raises(RefusedError, match="no servers"):
        find([], "zzz")


def test_shares_follow_the_weights_within_each_backend() -> None:
    assert shares([A, B, OTHER_B]) == {"redis/redisA": 0.3, "redis/redisB": 0.7, "other/redisB": 1.0}


@pytest.mark.parametrize("status", ["DOWN", "DOWN 1/2", "MAINT", "MAINT (via a/b)", "DRAIN", "NOLB"])
def test_a_server_that_gets_nothing_has_no_share(status: str) -> None:
    assert shares([replace(A, status=status), B]) == {"redis/redisA": 0.0, "redis/redisB": 1.0}


def test_backups_wait_for_the_others_to_be_gone_and_then_the_first_takes_all() -> None:
    first, second = replace(A, name="b1", backup=True), replace(A, name="b2", backup=True)
    assert shares([A, first, second]) == {"redis/redisA": 1.0, "redis/b1": 0.0, "redis/b2": 0.0}
    gone = replace(A, status="DOWN")
    assert shares([gone, first, second]) == {"redis/redisA": 0.0, "redis/b1": 1.0, "redis/b2": 0.0}


def test_weights_of_zero_share_out_nothing() -> None:
    assert shares([replace(A, weight=0)]) == {"redis/redisA": 0.0}


@given(st.lists(st.tuples(st.integers(0, 256), st.booleans(), st.sampled_from(["UP", "DOWN", "no check"]))))
def test_shares_are_parts_of_one(rows: list[tuple[int, bool, str]]) -> None:
    servers = [
        replace(A, name=f"s{i}", weight=weight, backup=backup, status=status)
        for i, (weight, backup, status) in enumerate(rows)
    ]
    parts = shares(servers)
    assert set(parts) == {server.path for server in servers}
    assert sum(parts.values()) == pytest.approx(1.0) or not any(parts.values())
    assert all(parts[server.path] == 0 for server in servers if not server.usable)
