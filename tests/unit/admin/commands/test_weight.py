"""admin.commands.weight: what is a weight, and the sentence that a change makes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.commands.weight import WeightChange, check_weight
from admin.errors import MisusedError
from admin.servers import Server

BEFORE = Server("redis", "redisA", "UP", 70, False, "127.0.0.1:1", 0, 0, 5)


@given(st.integers(0, 256))
def test_absolute_weights(weight: int) -> None:
    check_weight(str(weight))


@given(st.integers(0, 999_999_999))
def test_any_percentage_is_for_the_proxy_to_cap(weight: int) -> None:
    check_weight(f"{weight}%")


@pytest.mark.parametrize("text", ["257", "-1", "", "%", "3.5", "30x", "30 ", "٣", "30%%", "30\nshutdown", "1e2", "+3"])
def test_anything_else_is_a_usage_error(text: str) -> None:
    with pytest.raises(MisusedError, match="is no weight: 0 to 256, or a percentage"):
        check_weight(text)


def test_a_change_says_weight_and_share_before_and_after() -> None:
    change = WeightChange(BEFORE, replace(BEFORE, weight=30), 0.5, 0.3)
    assert str(change) == "redisA 70 → 30, share 50.0 % → 30.0 %"
    assert change.document() == {
        "backend": "redis",
        "server": "redisA",
        "status": "UP",
        "weight": {"before": 70, "after": 30},
        "share": {"before": 0.5, "after": 0.3},
    }


def test_a_change_on_a_server_that_gets_nothing_says_so() -> None:
    change = WeightChange(BEFORE, replace(BEFORE, weight=30, status="MAINT"), 0.0, 0.0)
    assert str(change).endswith("share 0.0 % → 0.0 % (gets nothing now: MAINT)")
