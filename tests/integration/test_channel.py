"""The streams between two processes of the proxy: messages on the loop that it runs on, and sockets handed over."""

from __future__ import annotations

import asyncio
import os
import socket

import uvloop

from wproxy.crew.channel import Channel, wait
from wproxy.protocols.bus import Kind, Message, encode
from wproxy.runtime.handover import give, receive_part


def test_an_end_that_comes_with_a_reset_behind_the_last_message_is_noticed() -> None:
    """A process that ends with something unread resets the stream; what it said before counts, and so does its end."""
    came: list[Message] = []

    async def run() -> None:
        ours, theirs = socket.socketpair()
        lost = asyncio.Event()
        loop = asyncio.get_running_loop()
        channel = Channel(loop, ours, lambda _, message: came.append(message), lambda _: lost.set())
        channel.send(Kind.ACT, "never read")
        theirs.sendall(encode(Kind.DONE, 1))
        theirs.close()
        await asyncio.wait_for(lost.wait(), 10.0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    assert came == [Message(Kind.DONE, 1)]


def test_who_was_held_up_until_the_time_was_over_takes_what_has_come_meanwhile() -> None:
    """On a machine that has much else to do a worker that has answered is not taken for one that does not."""
    came: list[Message] = []

    async def run() -> None:
        ours, theirs = socket.socketpair()
        channel = Channel(asyncio.get_running_loop(), ours, lambda _, message: came.append(message), lambda _: None)
        assert not wait([channel], lambda: bool(came), 0.0)
        theirs.sendall(encode(Kind.DONE, 1))
        assert wait([channel], lambda: bool(came), 0.0)
        channel.close()
        theirs.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_a_socket_that_is_handed_over_never_blocks_whoever_has_it_still() -> None:
    """The old process would wait in accept for the next client, and serve nobody meanwhile."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        ours, theirs = socket.socketpair()
        with theirs:
            give(ours.detach(), [("there", listening)])
            ((name, received),) = receive_part(theirs)
        with received, received.dup():
            assert name == "there"
            assert not os.get_blocking(listening.fileno())
