"""The shares that the servers of `mode tcp` get: the same on HAProxy and on wproxy, and exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import ask_name, named_server

pytestmark = pytest.mark.once


@pytest.fixture(params=["haproxy", "wproxy"])
def balanced(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    """A proxy in front of servers that say their names, weights 30 and 70."""
    with (
        named_server("a") as a,
        named_server("b") as b,
        proxy(
            request.param,
            tmp_path,
            "balance roundrobin",
            f"server a 127.0.0.1:{a} weight 30",
            f"server b 127.0.0.1:{b} weight 70",
        ) as made,
    ):
        yield made


def names(proxy_: Proxy, count: int) -> Counter[str]:
    return Counter(ask_name(proxy_.port) for _ in range(count))


def test_every_period_of_connections_is_shared_exactly(balanced: Proxy) -> None:
    for _ in range(3):
        assert names(balanced, 100) == {"a": 30, "b": 70}


def test_a_thousand_connections_are_shared_exactly(balanced: Proxy) -> None:
    assert names(balanced, 1000) == {"a": 300, "b": 700}


def test_a_new_weight_is_followed_at_once(balanced: Proxy) -> None:
    names(balanced, 37)
    balanced.stats.ask("set weight main/a 70")
    assert names(balanced, 140) == {"a": 70, "b": 70}


def test_weight_0_gets_nothing_and_comes_back(balanced: Proxy) -> None:
    balanced.stats.ask("set weight main/a 0")
    assert names(balanced, 20) == {"b": 20}
    balanced.stats.ask("set weight main/b 0")
    assert names(balanced, 3) == {"": 3}
    balanced.stats.ask("set server main/a weight 50%")
    assert names(balanced, 20) == {"a": 20}
