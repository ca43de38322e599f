from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.dataplane.redis.wave import Share, Stretch, Wave
from wproxy.protocols.resp import Run


def run(raws: list[bytes]) -> Run:
    return Run((), raws, tuple(raws), b"".join(raws))


def texts(first: int, count: int) -> list[bytes]:
    return [b"<%d>" % place for place in range(first, first + count)]


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=10), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_replies_come_to_each_client_in_the_order_of_its_commands(
    orders: list[list[int]], draw: random.Random, step: int
) -> None:
    wave, order = Wave(), [number for mine in orders for number in mine]
    clients: list[tuple[Owner, Stretch, bytes]] = []
    for mine in orders:
        raws, owner = texts(len(wave.raws), len(mine)), Owner()
        clients.append((owner, wave.add(run(raws), ["get"] * len(mine), owner), b"".join(raws)))
        assert clients[-1][1].commands == len(mine)
    shares = wave.split(order)
    assert sorted(number for number, _, _ in shares) == sorted(set(order))
    open_ = {number: (share, [b"<%b" % piece for piece in raw.split(b"<")[1:]]) for number, raw, share in shares}
    for number, (share, replies) in open_.items():
        assert len(replies) == order.count(number) == share.wanted
    while open_:
        number = draw.choice(sorted(open_))
        share, replies = open_[number]
        # As many as a read of the server brings, with somebody else's behind the last one.
        some, replies = replies[:step], replies[step:]
        assert share.take([b"before", *some, *[b"other"] * (not replies)], 1) == 1 + len(some)
        open_[number] = share, replies
        if not share.wanted:
            assert not open_.pop(number)[1]
    for owner, stretch, expected in clients:
        assert (stretch.reply, owner.told) == (expected, 1)


def test_a_client_waits_for_its_own_servers_and_commands_only() -> None:
    wave, owners = Wave(), [Owner(), Owner(), Owner()]
    stretches = [wave.add(run(texts(place, 1)), ["get"], owner) for place, owner in enumerate(owners)]
    (_, _, share), _ = sorted(wave.split([0, 1, 0]), key=lambda each: each[0])
    share.take([b"first"], 0)
    assert [stretch.reply for stretch in stretches] == [b"first", None, None]
    share.take([b"third"], 0)
    assert [stretch.reply for stretch in stretches] == [b"first", None, b"third"]


def split(names: list[str], order: list[int]) -> tuple[Owner, Stretch, dict[int, tuple[bytes, Share]]]:
    wave, owner = Wave(), Owner()
    stretch = wave.add(run([b"%d" % place for place in range(len(names))]), names, owner)
    return owner, stretch, {number: (raw, share) for number, raw, share in wave.split(order)}


@pytest.mark.parametrize("refused", [False, True])
def test_a_share_without_a_server_is_answered_with_the_error_for_each_of_its_commands(refused: bool) -> None:
    _, stretch, shares = split(["get", "set", "del"], [0, 1, 0])
    (asked, broken), (_, well) = shares[0], shares[1]
    assert broken.take([b"+1\r\n"], 0) == 1
    if refused:
        broken.refused(asked, b"-no\r\n")
    else:
        broken.answer(b"-no\r\n")
    well.answer(b"+2\r\n")
    assert stretch.reply == b"+1\r\n+2\r\n-no\r\n"


def test_each_share_knows_what_its_commands_are_called() -> None:
    _, _, shares = split(["get", "set", "del", "get"], [0, 1, 0, 2])
    assert {number: (share.name, share.names) for number, (_, share) in shares.items()} == {
        0: (None, ["get", "del"]),
        1: ("set", None),
        2: ("get", None),
    }
    _, _, shares = split(["get", "get"], [0, 1])
    assert [share.name for _, share in shares.values()] == ["get", "get"]


def test_pieces_of_a_share_may_be_answered_in_any_order() -> None:
    wave, owners = Wave(), [Owner(), Owner()]
    stretches = [wave.add(run(texts(2 * place, 2)), ["get", "get"], owner) for place, owner in enumerate(owners)]
    shares = {number: share for number, _, share in wave.split([0, 1, 1, 1])}
    pieces = list(shares[1].pieces())
    pieces[2].answer(b"c")
    pieces[0].refused(b"", b"a")
    assert [stretch.reply for stretch in stretches] == [None, None]
    pieces[1].answer(b"b")
    assert [stretch.reply for stretch in stretches] == [None, b"bc"]
    shares[0].take([b"0"], 0)
    assert [stretch.reply for stretch in stretches] == [b"0a", b"bc"]
    assert [owner.told for owner in owners] == [1, 1]
