from __future__ import annotations

from collections import deque

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.config.model import Address, Location, ServerLine
from wproxy.dataplane.redis.ledger import Ledger
from wproxy.dataplane.redis.slot import Last, Slot, Waiting
from wproxy.dataplane.redis.wave import Share
from wproxy.protocols.resp import pack
from wproxy.state.server import Server

OK = b"+OK\r\n"
ERROR = b"-ERR no\r\n"


class Setting:
    """A ledger, and what it has counted: calls, errors, the longest time in µs, by name."""

    def __init__(self) -> None:
        self.server = Server("b", 1, ServerLine("s", Address("127.0.0.1", 1), Location("test", 1)), 0.0)
        self.ledger = Ledger(self.server)
        self.waiting: deque[Waiting] = deque()

    def send(self, now: float, *sent: tuple[bytes, Waiting]) -> None:
        self.waiting += [who for _, who in sent]
        self.ledger.sent([raw for raw, _ in sent], self.waiting, sum(who.wanted for _, who in sent), now)

    def counted(self) -> dict[str, tuple[int, int, int | None]]:
        commands = self.server.counters.commands
        return {name: (one.calls, one.errors, one.latencies.quantile(1.0)) for name, one in commands.items()}


def slot(name: str | None) -> Slot:
    return Slot(Owner(), name)


def share(*names: str) -> Share:
    return Share(0, [], list(names))


def unnamed(slots: int) -> Last:
    """Return who waits for so many replies, and does not know to what."""
    return Last(Slot(Owner()), slots - 1)


def test_commands_take_as_long_as_the_last_reply_to_what_was_written_with_them() -> None:
    setting = Setting()
    setting.send(1.0, (b"", slot("get")), (b"", slot("get")), (b"", slot("set")))
    setting.send(1.000_010, (b"", slot("get")))
    assert setting.counted() == {"get": (3, 0, None), "set": (1, 0, None)}
    setting.ledger.answered(OK, [OK], 1.000_002)
    assert setting.counted()["get"] == (3, 0, None)
    setting.ledger.answered(OK * 2, [OK] * 2, 1.000_004_5)
    assert setting.counted() == {"get": (3, 0, 4), "set": (1, 0, 4)}
    setting.ledger.answered(OK, [OK], 1.000_018_5)
    assert setting.counted() == {"get": (3, 0, 8), "set": (1, 0, 4)}


def test_names_come_from_shares_or_from_the_bytes() -> None:
    setting = Setting()
    mixed, alike, several = share("get", "set", "get"), share("del", "del"), unnamed(2)
    two = pack([b"INCR", b"k"]) + pack([b"lpush", b"k", b"v"])
    setting.send(
        1.0, (b"", mixed), (b"", alike), (pack([b"TTL", b"k"]), slot(None)), (two, several), (b"", slot("get"))
    )
    calls = {name: calls for name, (calls, _, _) in setting.counted().items()}
    assert calls == {"get": 3, "set": 1, "del": 2, "ttl": 1, "incr": 1, "lpush": 1}
    setting.send(1.0, (b"no command", slot(None)))
    assert setting.counted()["?"] == (1, 0, None)


def test_errors_are_found_at_any_split_and_belong_to_their_command() -> None:
    replies = [OK, ERROR, b"$6\r\n\r\n-ERR\r\n", b"$200\r\n%b\r\n" % (b"\n-" * 100), ERROR, OK, ERROR]
    data = b"".join(replies)
    for cut in range(1, len(data)):
        setting = Setting()
        setting.send(1.0, *[(b"", slot(f"c{place}")) for place in range(3)])
        setting.send(1.0, *[(b"", slot(f"c{place}")) for place in range(3, 7)])
        ends = [sum(map(len, replies[: place + 1])) for place in range(7)]
        first = sum(end <= cut for end in ends)
        for piece, whole in ((data[:cut], replies[:first]), (data[cut:], replies[first:])):
            setting.ledger.answered(piece, whole, 1.0)
        assert [errors for _, (_, errors, _) in sorted(setting.counted().items())] == [0, 1, 0, 0, 1, 0, 1], cut


def test_what_is_never_answered_is_an_error() -> None:
    setting = Setting()
    setting.send(1.0, (b"", slot("get")), (b"", slot("set")))
    setting.send(1.0, (b"", slot("set")))
    setting.ledger.answered(OK, [OK], 1.0)
    setting.ledger.lost()
    assert setting.counted() == {"get": (1, 0, None), "set": (2, 2, None)}
    setting.send(2.0, (b"", slot("get")))
    setting.ledger.answered(OK, [OK], 2.000_003_5)
    assert setting.counted()["get"] == (2, 0, 3)
