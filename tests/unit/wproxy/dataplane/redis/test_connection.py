"""What becomes of a client's reads, over transports that only keep what is written."""

from __future__ import annotations

import pytest

from tests.bench.commands import Bench
from wproxy.protocols.resp import pack

OTHERS = {
    "a long value": [b"SET", b"k", b"x" * 2000],
    "a long key": [b"SET", b"k" * 300, b"v"],
    "many arguments": [b"RPUSH", b"k", *[b"v"] * 9],
    "keys in the middle": [b"EVAL", b"return 1", b"1", b"k"],
}


def run_of(*names: bytes) -> bytes:
    return b"".join(pack([b"SET", b"k", name]) for name in names)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_nothing_overtakes_what_was_gathered_before(other: list[bytes], apart: bool) -> None:
    bench = Bench("key", weights=(1,))
    client, _ = bench.clients[0]
    reads = [run_of(b"1", b"2"), pack(other), run_of(b"3", b"4")]
    for read in reads if apart else [b"".join(reads)]:
        client.data_received(read)
    bench.loop.end_turn()
    ((link, transport),) = bench.links
    assert transport.take() == b"".join(reads)
    link.data_received(b"+1\r\n+2\r\n+other\r\n+3\r\n+4\r\n")
    bench.loop.end_turn()
    assert bench.clients[0][1].take() == b"+1\r\n+2\r\n+other\r\n+3\r\n+4\r\n"


def test_clients_that_send_in_one_turn_share_a_write_and_get_their_own_replies() -> None:
    bench = Bench("key", weights=(1,))
    ((link, server),) = bench.links
    replies = [b":%d\r\n" % number for number in range(6)]
    for half in (6, 3):  # first all replies at once; from then on a read of two commands is one run
        for number, (client, _) in enumerate(bench.clients[:3]):
            client.data_received(run_of(b"%d" % number, b"x"))
        bench.loop.end_turn()
        assert server.written == [run_of(b"0", b"x", b"1", b"x", b"2", b"x")]
        server.take()
        link.data_received(b"".join(replies[:half]))
        bench.loop.end_turn()
        taken = [transport.take() for _, transport in bench.clients[:3]]
    assert taken == [b":0\r\n:1\r\n", b"", b""]
    link.data_received(b"".join(replies[3:]))
    bench.loop.end_turn()
    assert [transport.take() for _, transport in bench.clients[:3]] == [b"", b":2\r\n:3\r\n", b":4\r\n:5\r\n"]


def test_what_is_answered_while_it_is_dealt_is_written_too() -> None:
    bench = Bench("key", weights=(0,))
    client, transport = bench.clients[0]
    client.data_received(run_of(b"1", b"2"))
    bench.loop.end_turn()
    assert transport.take() == b"-SERVERDOWN no server of this backend has a weight\r\n" * 2
