from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.config.model import Address, Location, ServerLine
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.scatter import Scatter
from wproxy.dataplane.redis.slot import Slot
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.services import Services
from wproxy.state.admission import Admission
from wproxy.state.captures import Captures, Excerpt
from wproxy.state.server import Server
from wproxy.state.session import Sessions

LOST = b"-SERVERDOWN connection to b/s lost: the command may have been executed\r\n"
AWAY = b"-SERVERDOWN b/s does not answer: its keys are out of reach until it does\r\n"


class Loop:
    """Keeps what is due at the end of the turn."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def time(self) -> float:
        return 1.0

    def end_turn(self) -> None:
        while self.due:
            self.due.pop(0)()

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        coroutine.close()


class Transport:
    """Keeps what is written, and whether it was given up."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writelines(self, data: list[bytes]) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


class Setting:
    """A link that is about to connect."""

    def __init__(self) -> None:
        self.loop, self.transport, self.owner = Loop(), Transport(), Owner()
        loop = cast("asyncio.AbstractEventLoop", self.loop)
        line = ServerLine("s", Address("127.0.0.1", 1), Location("test", 1))
        services = Services(loop, Sessions(Admission(9)), Captures())
        self.server = Server("b", 1, line, 0.0)
        self.reported: list[str] = []
        self.link = Link(
            self.server, services, Turn(loop), protocol=2, connect_s=None, server_s=None, report=self._report
        )

    def _report(self, server: Server, excerpt: Excerpt, reason: str) -> None:
        self.reported.append(reason)

    def connect(self) -> None:
        self.link.connection_made(cast("asyncio.Transport", self.transport))

    def send(self, *raws: bytes) -> Scatter:
        scatter = Scatter(self.owner, [0] * len(raws))
        for _, raw, share in scatter.split(raws, ["get"] * len(raws)):
            self.link.send(raw, share)
        return scatter

    def send_one(self, raw: bytes) -> Slot:
        slot = Slot(self.owner)
        self.link.send(raw, slot)
        return slot


def test_one_write_a_turn_and_answers_in_order_at_any_split() -> None:
    replies = b":1\r\n$2\r\na\n\r\n+OK\r\n:4\r\n-ERR\r\n"
    for cut in range(len(replies)):
        setting = Setting()
        setting.connect()
        first, one, last = setting.send(b"a", b"b"), setting.send_one(b"c"), setting.send(b"d", b"e")
        assert setting.transport.written == []
        setting.loop.end_turn()
        assert setting.transport.written == [b"abcde"]
        assert setting.server.counters.sessions == 5
        setting.link.data_received(replies[:cut])
        setting.link.data_received(replies[cut:])
        assert (first.reply, one.reply, last.reply) == (b":1\r\n$2\r\na\n\r\n", b"+OK\r\n", b":4\r\n-ERR\r\n")
        assert not setting.transport.aborted


def test_a_reply_nobody_asked_for_breaks_the_connection_before_anybody_gets_another_ones() -> None:
    setting = Setting()
    setting.connect()
    asked = setting.send(b"a", b"b")
    setting.loop.end_turn()
    setting.link.data_received(b"+OK\r\n" * 3)
    assert setting.transport.aborted
    assert setting.reported == ["an answer that nobody asked for"]
    assert asked.reply is None
    setting.link.connection_lost(None)
    assert asked.reply == LOST * 2


def test_when_it_breaks_what_was_sent_is_lost_and_what_was_not_is_handed_back() -> None:
    setting = Setting()
    setting.connect()
    sent = setting.send(b"a", b"b", b"c")
    setting.loop.end_turn()
    setting.link.data_received(b":1\r\n")
    unsent, one = setting.send(b"d", b"e"), setting.send_one(b"f")
    setting.link.connection_lost(None)
    assert sent.reply == b":1\r\n" + LOST * 2
    assert unsent.reply == AWAY * 2
    assert one.reply == AWAY
    assert setting.server.counters.response_errors == 2
    setting.loop.end_turn()
    assert setting.transport.written == [b"abc"]


def test_what_came_too_early_is_sent_once_connected() -> None:
    setting = Setting()
    parked, one = setting.send(b"a", b"b"), setting.send_one(b"c")
    setting.connect()
    setting.loop.end_turn()
    assert setting.transport.written == [b"abc"]
    setting.link.data_received(b":1\r\n:2\r\n:3\r\n")
    assert (parked.reply, one.reply) == (b":1\r\n:2\r\n", b":3\r\n")


def test_long_commands_are_written_as_they_are() -> None:
    setting = Setting()
    setting.connect()
    long = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9999\r\n%b\r\n" % (b"x" * 9999)
    for raw in (long, b"PING\r\n", long):
        setting.link.send(raw, Slot(setting.owner))
    setting.loop.end_turn()
    assert setting.transport.written == [long, b"PING\r\n", long]
    assert setting.transport.written[0] is long
    assert setting.server.counters.bytes_in == 2 * len(long) + 6
