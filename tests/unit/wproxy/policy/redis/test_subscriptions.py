from __future__ import annotations

import pytest

from wproxy.policy.redis.subscriptions import Change, Subscriptions


@pytest.fixture
def subscriptions() -> Subscriptions:
    """Of three servers; a channel is at home where its last digit says."""
    return Subscriptions(lambda channel: channel[-1] - ord("0"), 3)


def test_channels_are_at_home_and_patterns_everywhere(subscriptions: Subscriptions) -> None:
    change = subscriptions.change(b"subscribe", [b"a0", b"b1", b"c0", b"a0"])
    assert subscriptions.errands(change) == {0: [b"a0", b"c0"], 1: [b"b1"]}
    assert subscriptions.apply(change, 2).count(b"subscribe") == 4
    assert subscriptions.needed() == {0, 1}
    pattern = subscriptions.change(b"psubscribe", [b"*"])
    assert subscriptions.errands(pattern) == {0: [b"*"], 1: [b"*"], 2: [b"*"]}
    subscriptions.apply(pattern, 2)
    assert subscriptions.needed() == {0, 1, 2}
    assert len(subscriptions) == 4


def test_events_of_keys_come_from_every_server(subscriptions: Subscriptions) -> None:
    change = subscriptions.change(b"subscribe", [b"__keyspace@0__:k0"])
    assert set(subscriptions.errands(change)) == {0, 1, 2}
    subscriptions.apply(change, 2)
    assert subscriptions.needed() == {0, 1, 2}


def test_what_is_so_already_is_not_sent(subscriptions: Subscriptions) -> None:
    subscriptions.apply(subscriptions.change(b"subscribe", [b"a0"]), 2)
    assert subscriptions.errands(subscriptions.change(b"subscribe", [b"a0"])) == {}
    assert subscriptions.errands(subscriptions.change(b"unsubscribe", [b"b0"])) == {}
    assert subscriptions.errands(subscriptions.change(b"unsubscribe", [b"a0"])) == {0: [b"a0"]}


def test_confirmations_count_channels_and_patterns(subscriptions: Subscriptions) -> None:
    assert subscriptions.apply(Change(b"subscribe", (b"a0", b"b0")), 2) == (
        b"*3\r\n$9\r\nsubscribe\r\n$2\r\na0\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$2\r\nb0\r\n:2\r\n"
    )
    assert subscriptions.apply(Change(b"psubscribe", (b"*",)), 3) == b">3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:3\r\n"
    assert subscriptions.apply(subscriptions.change(b"unsubscribe", []), 3) == (
        b">3\r\n$11\r\nunsubscribe\r\n$2\r\na0\r\n:2\r\n>3\r\n$11\r\nunsubscribe\r\n$2\r\nb0\r\n:1\r\n"
    )
    assert subscriptions.apply(subscriptions.change(b"unsubscribe", []), 3) == (
        b">3\r\n$11\r\nunsubscribe\r\n_\r\n:1\r\n"
    )
    assert subscriptions.apply(Change(b"punsubscribe", (b"*",)), 2).endswith(b":0\r\n")
    assert subscriptions.apply(subscriptions.change(b"punsubscribe", []), 2).endswith(b"$-1\r\n:0\r\n")
    assert subscriptions.needed() == set()
