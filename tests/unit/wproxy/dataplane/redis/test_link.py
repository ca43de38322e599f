from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.config.login import Login
from wproxy.config.model import Address, Location, ServerLine
from wproxy.dataplane.redis import link as link_module
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.login import Identity, Learn
from wproxy.dataplane.redis.slot import Slot
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.redis.wave import Stretch, Wave
from wproxy.dataplane.services import Services
from wproxy.protocols.resp import Run
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

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.Handle:
        return asyncio.Handle(callback, (), cast("asyncio.AbstractEventLoop", self))

    def get_debug(self) -> bool:
        return False

    def end_turn(self) -> None:
        while self.due:
            self.due.pop(0)()

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        coroutine.close()


class Transport:
    """Keeps what is written, and whether it was given up: nothing may be written then."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        assert not self.aborted
        self.written.append(data)

    def writelines(self, data: list[bytes]) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        assert high > low > 0

    def abort(self) -> None:
        self.aborted = True


class Setting:
    """A link that is about to connect."""

    def __init__(
        self,
        login: Login | None = None,
        learn: Learn | None = None,
        protocol: int = 2,
        identity: Identity | None = None,
    ) -> None:
        self.loop, self.transport, self.owner = Loop(), Transport(), Owner()
        loop = cast("asyncio.AbstractEventLoop", self.loop)
        line = ServerLine("s", Address("127.0.0.1", 1), Location("test", 1), login=login)
        services = Services(loop, Sessions(Admission(9)), Captures())
        self.server = Server("b", 1, line, 0.0)
        self.reported: list[str] = []
        self.link = Link(
            self.server,
            services,
            Turn(loop),
            protocol=protocol,
            connect_s=None,
            server_s=None,
            report=self._report,
            learn=learn,
            identity=identity,
        )

    def _report(self, server: Server, excerpt: Excerpt, reason: str) -> None:
        self.reported.append(reason)

    def connect(self) -> None:
        self.link.connection_made(cast("asyncio.Transport", self.transport))

    def send(self, *raws: bytes) -> Stretch:
        wave = Wave()
        stretch = wave.add(Run((), [*raws], raws, b"".join(raws)), ["get"] * len(raws), self.owner)
        for _, raw, share in wave.split([0] * len(raws)):
            self.link.send(raw, share)
        return stretch

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


def test_nothing_is_written_to_a_connection_that_was_dropped_and_what_was_not_written_is_handed_back() -> None:
    setting = Setting()
    setting.connect()
    sent = setting.send_one(b"a")
    setting.loop.end_turn()
    before = setting.send_one(b"b")
    setting.link.break_off()
    behind = setting.send_one(b"c")
    setting.loop.end_turn()
    assert (setting.transport.aborted, setting.transport.written) == (True, [b"a"])
    setting.link.connection_lost(None)
    assert (sent.reply, before.reply, behind.reply) == (LOST, AWAY, AWAY)
    setting.transport = Transport()
    setting.connect()
    setting.send_one(b"d")
    setting.loop.end_turn()
    assert setting.transport.written == [b"d"]


@pytest.mark.parametrize("answered", [True, False])
def test_a_greeting_that_is_answered_when_the_time_is_over_is_answered(
    monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """As on a machine that has much else to do: the timer and the answer are found in the same turn."""
    setting = Setting(Login("app", "secret"))
    one = setting.send_one(b"a")

    def data_received() -> None:
        setting.link.data_received(b"+OK\r\n")

    def abort() -> None:
        setting.transport.aborted = True
        setting.link.connection_lost(None)

    async def open_connection(loop: asyncio.AbstractEventLoop, *_: object) -> None:
        setting.connect()
        if answered:
            loop.call_soon(data_received)  # behind the call of the timer

    async def connect() -> bool:
        setting.link._services.loop = asyncio.get_running_loop()
        setting.link._connect_s = 0.0
        return await setting.link._connect()

    monkeypatch.setattr(setting.transport, "abort", abort)
    monkeypatch.setattr(link_module, "open_connection", open_connection)
    assert asyncio.run(connect()) is answered
    assert setting.transport.aborted is not answered
    setting.loop.end_turn()
    assert setting.transport.written == ([AUTH, b"a"] if answered else [AUTH])
    assert one.reply == (None if answered else b"-SERVERDOWN b/s does not answer the greeting\r\n")


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


AUTH = b"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$6\r\nsecret\r\n"
HELLO = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"
COMMAND = b"*1\r\n$7\r\nCOMMAND\r\n"


def test_nothing_is_sent_before_every_greeting_is_answered() -> None:
    told: list[bytes] = []
    setting = Setting(Login("app", "secret"), lambda server, reply: told.append(reply), protocol=3)
    one = setting.send_one(b"a")
    setting.connect()
    assert setting.transport.written == [AUTH, HELLO, COMMAND]
    two = setting.send_one(b"b")
    setting.link.data_received(b"+OK\r\n%1\r\n+proto\r\n:3\r\n*1\r\n")
    setting.loop.end_turn()
    assert len(setting.transport.written) == 3
    setting.link.data_received(b"*0\r\n")
    setting.loop.end_turn()
    assert setting.transport.written[3:] == [b"ab"]
    assert told == [b"*1\r\n*0\r\n"]
    setting.link.data_received(b":1\r\n:2\r\n")
    assert (one.reply, two.reply) == (b":1\r\n", b":2\r\n")
    assert (setting.server.counters.sessions, setting.server.counters.bytes_out) == (2, 8)


def test_a_login_that_is_refused_is_told_without_the_servers_words() -> None:
    setting = Setting(Login("app", "secret"))
    one = setting.send_one(b"a")
    setting.connect()
    setting.link.data_received(b"-WRONGPASS no secret for you\r\n")
    assert setting.transport.aborted
    setting.link.connection_lost(None)
    assert one.reply == b"-SERVERDOWN b/s refuses the login of its server line: WRONGPASS\r\n"
    assert setting.reported == ["it refuses the login of its server line: WRONGPASS"]
    setting.transport = Transport()
    setting.connect()
    setting.link.data_received(b"+OK\r\n")
    two = setting.send_one(b"b")
    setting.loop.end_turn()
    assert setting.transport.written == [AUTH, b"b"]
    assert two.reply is None


def test_a_server_that_wants_a_password_nobody_has_written() -> None:
    setting = Setting(learn=lambda server, reply: None)
    one = setting.send_one(b"a")
    setting.connect()
    setting.link.data_received(b"-NOAUTH Authentication required.\r\n")
    setting.link.connection_lost(None)
    assert one.reply == b"-SERVERDOWN b/s wants a password: write 'redis-password' on its server line\r\n"


def test_a_connection_lost_during_the_greeting_hands_everything_back() -> None:
    setting = Setting(Login("app", "secret"))
    one = setting.send_one(b"a")
    setting.connect()
    setting.link.connection_lost(None)
    assert one.reply == AWAY


def test_a_server_that_does_not_read_gets_no_more_until_it_does() -> None:
    setting = Setting()
    setting.connect()
    first = setting.send_one(b"a")
    setting.loop.end_turn()
    setting.link.pause_writing()
    assert not setting.link.sendable
    refused = setting.send_one(b"b")
    assert refused.reply == b"-SERVERDOWN b/s does not read: 128 MB wait to be sent to it\r\n"
    setting.link.data_received(b":1\r\n")
    assert first.reply == b":1\r\n"
    setting.link.resume_writing()
    setting.send_one(b"c")
    setting.loop.end_turn()
    assert setting.transport.written == [b"a", b"c"]


@pytest.mark.parametrize("reads", [True, False])
def test_a_fence_is_behind_all_that_is_under_way_also_when_the_server_does_not_read(reads: bool) -> None:
    setting = Setting()
    setting.connect()
    first, mark = setting.send_one(b"a"), Slot(setting.owner)
    setting.loop.end_turn()
    if not reads:
        setting.link.pause_writing()
    setting.link.fence(mark)
    setting.loop.end_turn()
    assert (mark.reply, setting.transport.written) == (None, [b"a", b"*1\r\n$4\r\nPING\r\n"])
    setting.link.data_received(b":1\r\n+PONG\r\n")
    assert (first.reply, mark.reply) == (b":1\r\n", b"+PONG\r\n")


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


def test_a_link_that_breaks_and_owes_replies_leaves_what_was_sent_in_doubt_until_the_next_is_greeted() -> None:
    identity = Identity()
    setting = Setting(identity=identity)
    setting.connect()
    info = setting.transport.written.pop()
    assert b"INFO" in info
    setting.link.data_received(b"+id=7 addr=127.0.0.1:9 fd=8\r\n")
    setting.link.connection_lost(None)
    assert not identity.in_doubt  # nothing was under way
    setting.connect()
    assert setting.transport.written == [info]
    setting.link.data_received(b"+id=8 addr=127.0.0.1:9 fd=8\r\n")
    setting.send_one(b"RESTORE")
    setting.loop.end_turn()
    setting.link.connection_lost(None)
    assert identity.in_doubt
    setting.transport.written.clear()
    setting.connect()
    setting.link.connection_lost(None)
    setting.connect()
    assert [b"KILL" in each for each in setting.transport.written] == [True, False, True, False]
    waits = setting.send_one(b"GET")
    setting.link.data_received(b":1\r\n")
    assert (identity.in_doubt, b"GET" in setting.transport.written) == (True, False)
    setting.link.data_received(b"+id=9 addr=127.0.0.1:9 fd=8\r\n")
    setting.loop.end_turn()
    assert (identity.in_doubt, setting.transport.written[-1], waits.reply) == (False, b"GET", None)
