from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

import pytest

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.config.model import Address, Location, ServerLine
from wproxy.dataplane.redis.batch import Batch
from wproxy.dataplane.redis.ledger import Ledger
from wproxy.dataplane.redis.slot import Last, Slot, Waiting
from wproxy.dataplane.redis.watcher import Timed, Watcher
from wproxy.dataplane.redis.wave import Share, Stretch
from wproxy.protocols.resp import pack
from wproxy.state.hotkeys import Wish
from wproxy.state.redis_view import RedisView
from wproxy.state.server import Server
from wproxy.state.tail import TailWish

OK = b"+OK\r\n"
FOR_EVER = 1e18


def command(*words: str) -> bytes:
    return pack([word.encode() for word in words])


def keys(arguments: list[bytes]) -> Sequence[bytes]:
    return arguments[1:2]


class Setting:
    """A ledger that shows its commands, and what has been seen."""

    def __init__(self, slower_us: int | None = None) -> None:
        self.view = RedisView(slower_us, 128)
        self.server = Server("b", 1, ServerLine("s", Address("127.0.0.1", 1), Location("test", 1)), 0.0)
        self.ledger = Ledger(self.server)
        self.waiting: deque[Waiting] = deque()
        self.look()

    def look(self) -> None:
        watcher = Watcher(self.view, keys, "b")
        self.ledger.watcher = watcher if watcher.needed else None

    def send(self, now: float, *sent: tuple[bytes, Waiting]) -> None:
        self.waiting += [who for _, who in sent]
        self.ledger.sent([raw for raw, _ in sent], self.waiting, sum(who.wanted for _, who in sent), now)

    def answer(self, now: float, count: int) -> None:
        """Answer so many commands in one read."""
        self.ledger.answered(OK * count, [OK] * count, now)
        while count:
            first = self.waiting[0]
            if first.wanted == 1:
                self.waiting.popleft()
                first.answer(OK)
                count -= 1
            else:
                count -= first.take([OK] * count, 0)
                if not first.wanted:
                    self.waiting.popleft()

    def slow(self) -> list[tuple[str, int, int]]:
        """Return the slow commands: what, how many, after how many ms."""
        newest = self.view.slowlog.newest()
        assert all((each.client, each.server) == ("192.0.2.1:5000", "s") for each in newest)
        return [(each.words, each.commands, each.microseconds // 1000) for each in newest[::-1]]


def slot() -> Slot:
    return Slot(Owner(), "get")


def share(*counts: int) -> Share:
    """Return who waits for so many commands of each of several clients."""
    parts = [(Stretch(Owner(), count), count) for count in counts]
    for stretch, count in parts:
        stretch.expect([0] * count, 1)
    return Share(0, parts, ["get"] * sum(counts))


def test_there_is_none_while_nobody_wants_to_see_anything() -> None:
    setting = Setting()
    assert setting.ledger.watcher is None
    setting.send(1.0, (command("get", "k"), slot()))
    setting.answer(9.0, 1)
    assert setting.slow() == []


def test_only_what_is_slow_is_kept() -> None:
    setting = Setting(10_000)
    setting.send(1.0, (command("get", "a"), slot()), (command("get", "b"), slot()), (command("set", "c", "x"), slot()))
    setting.answer(1.005, 1)
    setting.answer(1.020, 2)
    assert setting.slow() == [('"get" "b"', 1, 20), ('"set" "c" "x"', 1, 20)]
    setting.send(2.0, (command("get", "d"), slot()))
    setting.answer(2.009, 1)
    assert len(setting.slow()) == 2


def test_of_commands_of_one_client_in_a_row_the_first_one_is_shown() -> None:
    setting = Setting(10_000)
    raw = b"".join(command("get", f"k{number}") for number in range(6))
    setting.send(1.0, (raw, share(2, 3, 1)))
    setting.answer(1.001, 3)
    setting.answer(1.050, 3)
    assert setting.slow() == [('"get" "k3"', 2, 50), ('"get" "k5"', 1, 50)]


def test_a_transaction_is_one() -> None:
    setting = Setting(10_000)
    setting.send(1.0, (command("multi") + command("incr", "a") + command("exec"), Last(slot(), 2)))
    setting.answer(1.001, 1)
    setting.answer(1.030, 2)
    assert setting.slow() == [('"incr" "a"', 2, 30)]


def test_what_the_proxy_sends_itself_is_not_shown() -> None:
    setting = Setting(10_000)
    setting.view.tail("x", TailWish(FOR_EVER), 0.0)
    setting.look()
    setting.send(1.0, (command("dump", "k"), Batch(b"", ["dump"], lambda fate, replies: None)))
    setting.answer(2.0, 1)
    assert setting.slow() == []
    assert setting.view.tails["x"].fetch()[0] == []


def test_one_slow_answer_does_not_fill_the_log_with_those_behind_it() -> None:
    setting = Setting(10_000)
    setting.send(1.0, *[(command("get", f"k{number}"), slot()) for number in range(100)])
    setting.answer(2.0, 100)
    assert len(setting.slow()) == 16


def test_commands_of_a_connection_that_breaks_were_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(10_000)
    monkeypatch.setattr("wproxy.dataplane.redis.ledger.monotonic", lambda: 6.0)
    setting.send(1.0, (command("get", "a"), slot()))
    setting.ledger.lost()
    assert setting.slow() == [('"get" "a"', 1, 5000)]


def test_how_much_is_kept_in_the_hope_that_it_is_quick_is_bounded() -> None:
    setting = Setting(10_000)
    large = command("set", "k", "x" * (9 << 20))
    for _ in range(3):
        setting.send(1.0, (large, slot()))
    setting.answer(2.0, 3)
    assert len(setting.slow()) == 1
    setting.send(3.0, (large, slot()))
    setting.answer(4.0, 1)
    assert len(setting.slow()) == 2


def test_a_held_command_is_timed_from_when_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1.0
    monkeypatch.setattr("wproxy.dataplane.redis.watcher.time.monotonic", lambda: now)
    setting = Setting(10_000)
    watcher = setting.ledger.watcher
    assert watcher is not None
    raw = command("get", "k")
    who = watcher.timed(raw, slot(), "s")
    assert isinstance(who, Timed)
    assert watcher.timed(raw, who, "s") is who
    now = 1.050
    setting.send(now, (raw, who))
    now = 1.080
    setting.answer(now, 1)
    assert setting.slow() == [('"get" "k"', 1, 80)]
    last = watcher.timed(command("multi") + command("exec"), Last(slot(), 1), "s")
    assert last.wanted == 2
    now = 1.100
    last.take([OK, OK], 0)
    now = 1.200
    watcher.timed(raw, slot(), "s").refused(raw, b"-ERR\r\n")  # at once
    assert [entry[0] for entry in setting.slow()] == ['"get" "k"', '"multi"']


def test_a_held_command_is_not_timed_where_nobody_wants_to_know() -> None:
    watcher, who = Watcher(RedisView(None, 1), keys, "b"), slot()
    assert watcher.timed(b"", who, "s") is who


def test_keys_are_counted_by_sampling() -> None:
    setting = Setting()
    setting.view.count_keys(Wish(0.0, FOR_EVER, 1))
    setting.look()
    setting.send(1.0, (command("get", "a"), slot()), (command("get", "b") + command("get", "a"), share(1, 1)))
    setting.send(1.0, (command("dbsize"), slot()))
    assert setting.view.hotkeys is not None
    looked, hot = setting.view.hotkeys.hottest(2.0)
    assert (looked, [(each.key, each.times) for each in hot]) == (4, [(b"a", 2), (b"b", 1)])


def test_when_the_time_is_over_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wproxy.dataplane.redis.watcher.time.monotonic", lambda: 2.0)
    setting = Setting()
    setting.view.on_change = setting.look
    setting.view.count_keys(Wish(0.0, 5.0, 1))
    setting.view.tail("x", TailWish(5.0), 0.0)
    assert setting.ledger.watcher is not None
    monkeypatch.setattr("wproxy.dataplane.redis.watcher.time.monotonic", lambda: 6.0)
    setting.send(6.0, (command("get", "a"), slot()))
    assert setting.ledger.watcher is None
    assert setting.view.tails == {}


def test_a_tail_shows_keys_and_no_values() -> None:
    setting = Setting()
    discreet = setting.view.tail("x", TailWish(FOR_EVER), 0.0)
    frank = setting.view.tail("y", TailWish(FOR_EVER, values=True), 0.0)
    setting.look()
    setting.send(1.0, (command("SET", "k", "secret"), slot()))
    setting.send(1.0, (command("CONFIG", "SET", "requirepass", "secret"), slot()))
    line = re.compile(r"\d+\.\d{6} \[0 192\.0\.2\.1:5000 b/s\] (.*)")
    found = [[match[1] for _, text in tail.fetch()[0] if (match := line.fullmatch(text))] for tail in (discreet, frank)]
    assert found == [['"SET" "k" (+1)', '"CONFIG"'], ['"SET" "k" "secret"', '"CONFIG"']]
