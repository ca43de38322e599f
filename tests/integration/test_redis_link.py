"""The connection to a Redis server on the event loop that the proxy runs on."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest
import uvloop

from tests.support.tcp_server import listening_socket, port_of
from wproxy.config.model import Address, Location, ServerLine
from wproxy.dataplane.redis import link as link_module
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.slot import One
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.services import Services
from wproxy.state.admission import Admission
from wproxy.state.captures import Captures
from wproxy.state.server import Server
from wproxy.state.session import Sessions


class Heard(One):
    """Keeps the answer to one command."""

    def __init__(self) -> None:
        self.heard = b""

    def answer(self, reply: bytes) -> None:
        self.heard = reply

    def refused(self, raw: bytes, error: bytes) -> None:
        self.heard = error


async def connect(port: int, waiting: Heard) -> tuple[bool, bool]:
    """Make a link connect while a command waits for it; return whether that went well, and whether it is connected."""
    loop = asyncio.get_running_loop()
    server = Server("b", 1, ServerLine("s", Address("127.0.0.1", port), Location("test", 1)), 0.0)
    services = Services(loop, Sessions(Admission(9)), Captures())
    link = Link(server, services, Turn(loop), protocol=2, connect_s=0.1, server_s=None, report=lambda *_: None)
    link.send(b"a", waiting)
    try:
        return await asyncio.wait_for(link._connect(), 10.0), link.connected
    finally:
        link.close()


@pytest.mark.parametrize("is_greeted", [False, True])
def test_the_time_may_be_over_in_the_turn_in_which_there_is_a_connection(
    monkeypatch: pytest.MonkeyPatch, is_greeted: bool
) -> None:
    """As on a machine that has much else to do. uvloop closes such a connection without a word to its protocol."""

    def slow_greetings(*_: object) -> list[object]:
        Event().wait(0.3)
        return [] if is_greeted else [(b"PING\r\n", lambda reply: "")]

    monkeypatch.setattr(link_module, "greetings_of", slow_greetings)
    waiting = Heard()
    with listening_socket() as listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(connect(port_of(listening), waiting)) == (False, False)
    # Lost, or not reached: that is so when the machine itself was too slow for a connection within that time.
    assert waiting.heard.startswith(b"-SERVERDOWN ")
