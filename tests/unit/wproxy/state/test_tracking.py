from __future__ import annotations

from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import DATA, Stored
from wproxy.state.stick import LiveTable
from wproxy.state.tracking import Ledger

A, B, C = b"\x0a\0\0\1", b"\x0a\0\0\2", b"\x0a\0\0\3"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ledger(clock: Clock, *names: str, size: int = 2, nopurge: bool = False) -> tuple[Ledger, LiveTable]:
    stored = tuple(Stored(DATA[name], 10_000 if DATA[name].is_rate else 0) for name in names)
    table = LiveTable(StickTable("t", StickKind.IP, size, 10.0, nopurge=nopurge, stored=stored))
    return Ledger(table, clock), table


def test_events_grow_what_is_stored() -> None:
    made, _ = ledger(Clock(), "conn_cnt", "conn_cur", "http_req_rate", "gpt0")
    entry = made.track(A)
    assert entry is not None
    entry.count("http_req", 3)
    entry.count("http_err")
    entry.set("gpt0", 7)
    entry.set("gpc0", 7)
    data = {
        name: entry.datum(name) for name in ("conn_cnt", "conn_cur", "http_req_rate", "gpt0", "gpc0", "http_err_cnt")
    }
    expected = {"conn_cnt": 1, "conn_cur": 1, "http_req_rate": 3, "gpt0": 7, "gpc0": None, "http_err_cnt": None}
    assert data == expected
    assert entry.trackers == 1
    entry.release()
    assert (entry.trackers, entry.datum("conn_cur"), entry.datum("conn_cnt")) == (0, 0, 1)


def test_what_is_tracked_does_not_expire() -> None:
    clock = Clock()
    made, table = ledger(clock)
    entry = made.track(A)
    assert entry is not None
    clock.now += 25.0
    assert made.find(A) is not None
    entry.release()
    clock.now += 9.0
    assert made.used == 1
    clock.now += 1.0
    assert made.used == 0
    assert table.used(clock.now) == 0


def test_what_is_tracked_makes_no_room() -> None:
    made, _ = ledger(Clock())
    assert made.track(A) is not None
    assert made.reach(B) is not None
    assert made.track(C) is not None
    assert (made.find(A) is None, made.find(B) is None, made.find(C) is None) == (False, True, False)
    assert made.track(B) is None
    assert (made.used, made.size) == (2, 2)


def test_what_is_tracked_is_not_cleared() -> None:
    made, table = ledger(Clock())
    entry = made.track(A)
    assert entry is not None
    assert not table.forget(A)
    table.clear()
    assert made.used == 1
    entry.release()
    assert table.forget(A)
    assert made.used == 0


def test_without_purging_there_is_no_room() -> None:
    made, _ = ledger(Clock(), size=1, nopurge=True)
    assert made.reach(A) is not None
    assert made.reach(B) is None


def test_what_is_no_key() -> None:
    made, _ = ledger(Clock())
    assert not made.takes("word")
    assert made.takes("10.0.0.1")
    assert (made.track("word"), made.reach("word"), made.find("word")) == (None, None, None)
