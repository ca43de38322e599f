"""The stream between two processes of the proxy, on the loop that the proxy runs on."""

from __future__ import annotations

import asyncio
import socket

import uvloop

from wproxy.crew.channel import Channel
from wproxy.protocols.bus import Kind, Message, encode


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
        await asyncio.wait_for(lost.wait(), 5.0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    assert came == [Message(Kind.DONE, 1)]
