from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.dataplane.redis.scatter import Scatter


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.randoms(), st.integers(1, 5))
def test_replies_come_in_the_order_of_the_commands(order: list[int], draw: object, step: int) -> None:
    owner = Owner()
    scatter = Scatter(owner, order)
    assert scatter.commands == len(order)
    shares = scatter.split([b"<%d>" % place for place in range(len(order))], ["get"] * len(order))
    assert sorted(number for number, _, _ in shares) == sorted(set(order))
    draw.shuffle(shares)  # type: ignore[attr-defined] # hypothesis' random.Random
    for number, asked, share in shares:
        assert (scatter.reply, owner.told) == (None, 0)
        replies = [b"<%b" % piece for piece in asked.split(b"<")[1:]]
        assert len(replies) == order.count(number) == share.wanted
        at = 0
        while share.wanted:  # as many as a read of the server brings, with somebody else's behind them
            end = min(at + step, len(replies))
            at = share.take([*replies[:end], *[b"other"] * (end == len(replies))], at)
        assert at == len(replies)
    assert scatter.reply == b"".join(b"<%d>" % place for place in range(len(order)))
    assert owner.told == 1


@pytest.mark.parametrize("refused", [False, True])
def test_a_share_without_a_server_is_answered_with_the_error_for_each_of_its_commands(refused: bool) -> None:
    owner = Owner()
    scatter = Scatter(owner, (0, 1, 0))
    (_, asked, broken), (_, _, well) = scatter.split([b"a", b"b", b"c"], ["get", "set", "del"])
    assert ((broken.name, broken.names), (well.name, well.names)) == ((None, ["get", "del"]), (None, ["set"]))
    assert broken.take([b"+1\r\n"], 0) == 1
    if refused:
        broken.refused(asked, b"-no\r\n")
    else:
        broken.answer(b"-no\r\n")
    well.answer(b"+2\r\n")
    assert scatter.reply == b"+1\r\n+2\r\n-no\r\n"
