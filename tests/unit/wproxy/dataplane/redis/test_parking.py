from __future__ import annotations

import asyncio
from typing import Any, cast

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.config.model import Address, Location, ServerLine
from wproxy.dataplane.redis.parking import Parking
from wproxy.dataplane.redis.slot import Slot
from wproxy.dataplane.services import Services
from wproxy.state.admission import Admission
from wproxy.state.captures import Captures
from wproxy.state.server import Server
from wproxy.state.session import Sessions


class Loop:
    """A clock that the test moves; nothing is called by itself."""

    def __init__(self) -> None:
        self.now = 1.0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: object) -> Any:
        return asyncio.Handle(lambda: None, (), cast("asyncio.AbstractEventLoop", self))

    def get_debug(self) -> bool:
        return False


def parking(loop: Loop, *, maxqueue: int | None = None, queue_s: float | None = None) -> Parking:
    line = ServerLine("s", Address("127.0.0.1", 1), Location("test", 1), maxqueue=maxqueue)
    services = Services(cast("asyncio.AbstractEventLoop", loop), Sessions(Admission(9)), Captures())
    return Parking(Server("b", 1, line, 0.0), services, queue_s)


def park(where: Parking, raw: bytes) -> Slot:
    slot = Slot(Owner())
    where.park(7, raw, slot)
    return slot


def test_they_are_handed_out_in_order() -> None:
    where = parking(Loop())
    slots = [park(where, b"a"), park(where, b"b")]
    assert where.clear() == [(7, b"a", slots[0]), (7, b"b", slots[1])]
    assert (len(where), where.clear()) == (0, [])


def test_no_more_than_maxqueue_are_taken_in() -> None:
    where = parking(Loop(), maxqueue=2)
    assert [park(where, b"a").reply for _ in range(2)] == [None, None]
    assert park(where, b"a").reply == b"-SERVERDOWN b/s is not connected yet, and too many commands wait for it\r\n"
    assert len(where.clear()) == 2
    assert park(where, b"a").reply is None


def test_one_big_command_is_taken_in_and_nothing_after_it() -> None:
    where = parking(Loop())
    assert park(where, b"a" * (17 << 20)).reply is None
    refused = park(where, b"b").reply
    assert refused is not None
    assert refused.startswith(b"-SERVERDOWN")


def test_the_queue_has_a_timeout() -> None:
    loop = Loop()
    where = parking(loop, queue_s=2.0)
    first = park(where, b"a")
    loop.now = 2.0
    second = park(where, b"b")
    loop.now = 3.0
    where.expired()
    assert first.reply == b"-SERVERDOWN b/s was not connected within 'timeout queue'\r\n"
    assert second.reply is None
    assert where.expires_at() == 4.0
    assert len(where) == 1
